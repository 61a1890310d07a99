"""What weeks of work leave behind in the made-up installation: replies, automations, keys, webhooks, decisions."""

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.api.keys import KeyIn, create_key
from sender.audience import holds
from sender.audience.sealer import seal_some
from sender.audit import note
from sender.automations import writing
from sender.automations.writing import AutomationIn, StepIn
from sender.delivery import prepared
from sender.delivery.prepared import Replying
from sender.delivery.replies import InboundText, receive
from sender.models import Canary, Decision, Message, WebhookEndpoint
from sender.runtime import Runtime

LINE = "+12125550100"
HELD_NUMBER = 12
REPLIES = (
    ("+12125550101", "Is the gold offer valid in the Bridge Street store, too?"),
    ("+14155550103", "Thanks! Bought the blue one."),
    ("+13055550104", "not sure i want these any more tbh"),
    ("+15125550105", "please, I told you people already"),
)
PREPARED = (
    ("auto", "HOURS", "Lumen & Co: We are open Mon-Sat 9 to 7. Reply STOP to opt out"),
    ("canned", "Stores", "Yes, the offer is valid in all of our stores. See you soon!"),
)
HELD = (
    ("quiet_hours", "defer", "quiet_hours", "pending", 138),
    ("frequency_cap", "defer", "frequency_cap", "pending", 14),
    ("consent_check", "block", "opted_out", "blocked", 43),
    ("consent_check", "block", "no_consent", "blocked", 21),
    ("destination", "block", "landline", "blocked", 3),
)
GREETING = "Lumen & Co: Hi {{ first_name | default('there') }}, "
CHAINS = (
    AutomationIn(
        "Order on its way", "lumen", [StepIn(GREETING + "your order is on its way.")],
        Purpose.INFORMATIONAL, trigger="order_shipped", goal="order_received",
    ),
    AutomationIn(
        "Welcome to gold", "lumen",
        [
            StepIn(GREETING + "welcome to gold. Your first treat: lumen.example/gold"),
            StepIn("Lumen & Co: Did you see your gold treat? It ends on Sunday: lumen.example/gold", 3 * 24 * 60),
        ],
        schedule={"weekdays": [0, 3], "at": "10:00", "zone": ""}, segment={"field": "attributes.tier", "is": "gold"},
    ),
)  # fmt: skip


def live_in(runtime: Runtime, actor: str) -> None:
    """Furnish it: people wrote back, two automations, a key and a webhook, decisions of guards, test STOPs, a desk."""
    for place, (phone, words) in enumerate(REPLIES):
        receive(runtime, InboundText(sid=f"SM{place:032x}", body=words, from_=phone, to=LINE))
    for kind, word, text in PREPARED:
        prepared.keep(runtime, 1, kind, word, text, actor)
    while seal_some(runtime.db, runtime.keys):
        pass
    desk = {"zone": "America/New_York", "hours": [[day, 540, 1020] for day in range(5)]}
    prepared.set_replying(runtime, 1, Replying(8, 24, 24, desk), actor)
    with runtime.db.write() as session:
        for chain in CHAINS:
            row = writing.save(runtime, session, chain, actor)
        writing.start(runtime, session, row.id or 0, actor)
        wanted = KeyIn("Shop", ["messages:write", "events:write"], ["lumen"])
        create_key(session, runtime.keys, wanted, actor, runtime.clock.real())
        holds.place(session, HELD_NUMBER, "Keller v. Lumen", actor, runtime.clock.now())
        _listen(runtime, session, actor)
        _brake(runtime, session, actor)
        _decide(runtime, session)


def _listen(runtime: Runtime, session: Session, actor: str) -> None:
    secret, now = runtime.keys.wrap(b"whsec"), runtime.clock.now()
    address = "https://crm.lumen.example/texts"
    row = WebhookEndpoint(url=address, description="CRM", secret_cipher=secret, created_at=now)
    row.created_by, row.events, row.programs = actor, ["reply.received", "consent.changed"], []
    session.add(row)


def _brake(runtime: Runtime, session: Session, actor: str) -> None:
    """The running campaign stopped by itself once, and somebody let it go on."""
    tripped, subject = runtime.clock.now() - timedelta(minutes=130), "campaign 4"
    found = {"brake": "failed", "found": 62, "of": 214, "limit": 0.25}
    why = "62 of 214 texts were not delivered, more than 25%; look at the reasons, then resume"
    note(session, tripped, "system", "campaign.pause", subject, {"why": why, **found})
    note(session, tripped + timedelta(minutes=18), actor, "campaign.resume", subject)


def _decide(runtime: Runtime, session: Session) -> None:
    at = runtime.clock.now() - timedelta(hours=1)
    session.add_all(Canary(sid=f"SMc{n}", started_at=at - timedelta(days=n), seconds=0.3 + n / 100) for n in range(7))
    for guard, verdict, reason, status, count in HELD:
        which = col(Message.status) == status, col(Message.reason) == reason
        for message_id in session.execute(select(col(Message.id)).where(*which).limit(count)).scalars():
            at -= timedelta(minutes=40)
            session.add(
                Decision(message_id=message_id, at=at, door="gate", guard=guard, verdict=verdict, reason=reason)
            )
