"""Six pieces of work that a process may die in, and what must be true of each afterwards.

``prepare`` makes fresh data in the house, ``act`` runs in the child that dies (what it has acknowledged goes through
``ack``), ``judge`` looks when the installation has recovered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import col

from guards.base import Purpose
from sender.audience.importer import import_file
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.planner import plan_slice
from sender.delivery.gate import open_gate, signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.reconciler import reconcile
from sender.delivery.replies import InboundText, receive
from sender.delivery.sweeper import sweep
from sender.delivery.wire import Wire
from sender.models import Attempt, Audit, Campaign, ConsentEvent, Contact, ImportRun, Message, Receipt, Reply
from sender.runtime import Runtime
from tests.chaos.house import LINE, House
from tests.chaos.settle import recover
from tests.installation import WORDING

Ack = Callable[[Any], None]
TEXTS = 4


@dataclass(frozen=True, slots=True)
class Case:
    """The data of one try, in words a child understands; ``kept`` is for the judge."""

    ids: tuple[int, ...] = ()
    campaign_id: int = 0
    given: Any = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One piece of work; ``again`` is what the world outside does after a death (a webhook repeated, a person)."""

    prepare: Callable[[House], Case]
    act: Callable[[Runtime, Case, Ack], None]
    judge: Callable[[House, Case, list[Any]], list[str]]
    again: Callable[[House, Case, list[Any]], None] = lambda house, case, acks: None


def _send_prepare(house: House) -> Case:
    campaign = house.campaign()
    return Case(tuple(house.messages(house.people(TEXTS), campaign)), campaign)


def _send(runtime: Runtime, case: Case, ack: Ack) -> None:
    wire = Wire()
    Pipeline(runtime, wire).deliver(case.ids)
    wire.ask(runtime.provider.close())
    wire.close()


def _send_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    found, taken = house.statuses(case.ids), house.taken(case.ids)
    reached = found["sent"] + found["delivered"]
    if reached != taken or reached + found["unproven"] != len(case.ids):
        return [f"the database says {dict(found)}, the provider took {taken} of {len(case.ids)}"]
    return []


def _receipts_prepare(house: House) -> Case:
    case = _send_prepare(house)
    with house.runtime() as runtime:
        _send(runtime, case, lambda _: None)
    # On a machine that stalls, permissions age in our hands: what was not posted is posted now.
    recover(house)
    with house.runtime() as runtime:
        mine = (col(Attempt.message_id).in_(case.ids), col(Attempt.outcome) == "accepted")
        with runtime.db.read() as session:
            rows = session.execute(select(col(Attempt.token), col(Attempt.sid)).where(*mine)).all()
        given = [
            ReceiptIn(signed_token(runtime.keys, token), sid, status)
            for token, sid in rows
            for status in ("delivered", "sent")
        ]
    return Case(case.ids, case.campaign_id, given)


def _receipts(runtime: Runtime, case: Case, ack: Ack) -> None:
    for start in (0, TEXTS):
        some = case.given[start : start + TEXTS]
        store(runtime, some)
        ack([(one.sid, one.status) for one in some])
        apply(runtime)


def _receipts_again(house: House, case: Case, acks: list[Any]) -> None:
    """The provider repeats what was not acknowledged."""
    with house.runtime() as runtime:
        store(runtime, [one for one in case.given if (one.sid, one.status) not in _flat(acks)])


def _receipts_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    found = house.statuses(case.ids)
    return [] if found["delivered"] == len(case.ids) else [f"after all receipts the messages are {dict(found)}"]


def kept(house: House, acks: Sequence[Any]) -> list[str]:
    """Receipts and texts that were acknowledged but are not in the database."""
    with house.runtime() as runtime, runtime.db.read() as session:
        rows = {tuple(row) for row in session.execute(select(col(Receipt.sid), col(Receipt.status)))}
        rows |= {(sid, "inbound") for sid in session.execute(select(col(Reply.sid))).scalars()}
    return [f"{one} was acknowledged and is not there" for one in _flat(acks) if one not in rows]


def _flat(acks: Sequence[Any]) -> list[tuple[str, str]]:
    return [one for some in acks for one in some]


def _stop_prepare(house: House) -> Case:
    number = house.people(1)[0]
    sid = f"SM{number:032x}"
    campaigns = [house.campaign() for _ in range(2)]
    ids = [house.messages([number], campaign)[0] for campaign in campaigns]
    return Case(tuple(ids), given=InboundText(sid, house.numbers[number], LINE, "please stop"))


def _stop(runtime: Runtime, case: Case, ack: Ack) -> None:
    receive(runtime, case.given)
    ack([(case.given.sid, "inbound")])


def _stop_again(house: House, case: Case, acks: list[Any]) -> None:
    if not acks:
        with house.runtime() as runtime:
            receive(runtime, case.given)


def _stop_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    sid = case.given.sid
    with house.runtime() as runtime, runtime.db.read() as session:
        replies = select(col(Reply.id)).where(col(Reply.sid) == sid)
        answers = select(func.count()).select_from(Message).where(col(Message.reply_id).in_(replies))
        outs = select(func.count()).select_from(ConsentEvent).where(col(ConsentEvent.source_ref).like(f"reply:{sid}:%"))
        counted = (session.execute(answers).scalar(), session.execute(outs).scalar())
    found = house.statuses(case.ids)
    wrong = [] if counted == (1, 1) else [f"one STOP left {counted} answers and opt-outs"]
    return wrong + ([] if found["blocked"] == len(case.ids) else [f"after the STOP the messages are {dict(found)}"])


def _control_prepare(house: House) -> Case:
    campaign = house.campaign()
    return Case(tuple(house.messages(house.people(TEXTS), campaign)), campaign)


def _control(runtime: Runtime, case: Case, ack: Ack) -> None:
    for act in (control.pause, control.resume, control.cancel):
        act(runtime, case.campaign_id, "ann")
        ack(act.__name__)
    control.cancel_waiting(runtime)


def _control_again(house: House, case: Case, acks: list[Any]) -> None:
    """A person sees how far it came and goes on from there; the scheduler closes what waits."""
    with house.runtime() as runtime:
        with runtime.db.read() as session:
            status = session.get_one(Campaign, case.campaign_id).status
        if status != "cancelled":
            control.cancel(runtime, case.campaign_id, "ann")
        control.cancel_waiting(runtime)


def _control_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    with house.runtime() as runtime, runtime.db.read() as session:
        said = select(col(Audit.action)).where(col(Audit.subject) == f"campaign {case.campaign_id}")
        acts = [action.removeprefix("campaign.") for action in session.execute(said.order_by(col(Audit.id))).scalars()]
    found = house.statuses(case.ids)
    wrong = [] if acts[: len(acks)] == acks and acts[-1] == "cancel" else [f"acknowledged {acks}, audited {acts}"]
    return wrong + ([] if found["cancelled"] == len(case.ids) else [f"after the cancel the messages are {dict(found)}"])


def _settle_prepare(house: House) -> Case:
    """Texts whose worker died: the first half had been posted, all are older than an answer can be."""
    case = _send_prepare(house)
    with house.runtime() as runtime:
        wire = Wire()
        for one in open_gate(runtime, case.ids)[: TEXTS // 2]:
            wire.ask(runtime.provider.send(one.outbound))
        wire.ask(runtime.provider.close())
        wire.close()
        with runtime.db.write() as session:
            old = runtime.clock.real() - timedelta(minutes=2)
            session.execute(update(Message).where(col(Message.id).in_(case.ids)).values(touched_at=old))
            session.execute(update(Attempt).where(col(Attempt.message_id).in_(case.ids)).values(touched_at=old))
    return case


def _settle(runtime: Runtime, case: Case, ack: Ack) -> None:
    wire = Wire()
    sweep(runtime)
    reconcile(runtime, wire)
    wire.ask(runtime.provider.close())
    wire.close()


def _settle_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    found = house.statuses(case.ids)
    right = (found["sent"] + found["delivered"], found["unproven"]) == (TEXTS // 2, TEXTS - TEXTS // 2)
    return [] if right else [f"half of the texts had been posted, the database says {dict(found)}"]


def _plan_prepare(house: House) -> Case:
    """Everybody there is, in one new campaign whose start is due."""
    house.people(TEXTS)
    with house.runtime() as runtime:
        end = runtime.clock.now() + timedelta(hours=1)
        wanted = CampaignIn(f"plan {house.next_number}", "acme", [VariantIn("all", {}, "Hi today")], end_at=end)
        campaign = control.create(runtime, wanted, "ann")
        control.schedule(runtime, campaign, runtime.clock.now(), "ann", end)
    return Case(campaign_id=campaign, given=house.next_number)


def _plan(runtime: Runtime, case: Case, ack: Ack) -> None:
    control.start_due(runtime)
    while plan_slice(runtime, case.campaign_id):
        pass


def _plan_again(house: House, case: Case, acks: list[Any]) -> None:
    with house.runtime() as runtime:
        _plan(runtime, case, lambda _: None)
        control.pause(runtime, case.campaign_id, "ann")


def _plan_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    with house.runtime() as runtime, runtime.db.read() as session:
        mine = select(col(Message.number_id)).where(col(Message.campaign_id) == case.campaign_id)
        planned = list(session.execute(mine).scalars())
        done = session.get_one(Campaign, case.campaign_id).planned_at
    whole = len(planned) == len(set(planned)) == case.given and done is not None
    control_end = [] if whole else [f"{case.given} people, {len(planned)} planned, {len(set(planned))} different"]
    with house.runtime() as runtime:
        control.cancel(runtime, case.campaign_id, "ann")
        control.cancel_waiting(runtime)
    return control_end


def _import_prepare(house: House) -> Case:
    start, house.next_number = house.next_number, house.next_number + 60
    rows = [f'{number},yes,2026-01-05,"{WORDING}"' for number in house.spread(start, 60)]
    file = house.settings.home / f"people-{start}.csv"
    file.write_text("\n".join(["phone,consent,consent_at,consent_wording", *rows]) + "\n")
    with house.runtime() as runtime, runtime.db.read() as session:
        before = session.execute(select(func.count()).select_from(Contact)).scalar_one()
    return Case(campaign_id=house.program_id, given=(file, before))


def _import(runtime: Runtime, case: Case, ack: Ack) -> None:
    options = ImportOptions(program_id=case.campaign_id, purpose=Purpose.MARKETING)
    import_file(runtime.db, runtime.keys, runtime.clock, case.given[0], options)


def _import_again(house: House, case: Case, acks: list[Any]) -> None:
    with house.runtime() as runtime:
        _import(runtime, case, lambda _: None)


def _import_judge(house: House, case: Case, acks: list[Any]) -> list[str]:
    with house.runtime() as runtime, runtime.db.read() as session:
        contacts = session.execute(select(func.count()).select_from(Contact)).scalar_one() - case.given[1]
        yes = session.execute(select(func.count(func.distinct(col(ConsentEvent.source_ref))))).scalar_one()
        events = select(func.count()).select_from(ConsentEvent).where(col(ConsentEvent.source_ref).is_not(None))
        doubled = session.execute(events).scalar_one() - yes
        open_runs = select(func.count()).select_from(ImportRun).where(col(ImportRun.finished_at).is_(None))
        unfinished = session.execute(open_runs).scalar_one()
    right = (contacts, doubled, unfinished) == (60, 0, 0)
    return [] if right else [f"60 rows made {contacts} contacts, {doubled} doubled consents, {unfinished} open runs"]


SCENARIOS = {
    "send": Scenario(_send_prepare, _send, _send_judge),
    "receipts": Scenario(_receipts_prepare, _receipts, _receipts_judge, _receipts_again),
    "stop": Scenario(_stop_prepare, _stop, _stop_judge, _stop_again),
    "control": Scenario(_control_prepare, _control, _control_judge, _control_again),
    "settle": Scenario(_settle_prepare, _settle, _settle_judge),
    "plan": Scenario(_plan_prepare, _plan, _plan_judge, _plan_again),
    "import": Scenario(_import_prepare, _import, _import_judge, _import_again),
}
