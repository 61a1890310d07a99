"""A made-up installation for pictures and browser tests: people, consents, segments, campaigns in every state."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import NamedTuple

from sqlmodel import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from guards import CHAIN
from guards.base import Purpose
from sender import accounts
from sender.audience.ledger import Act, record
from sender.audience.links import opt_out_token
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.campaigns.library import save_template
from sender.clock import Clock
from sender.crypto import make_keys, seal, text_hash
from sender.db import Database, insert_new
from sender.models import (
    Campaign,
    Contact,
    FromNumber,
    Installation,
    Message,
    Number,
    Program,
    Segment,
    Spend,
    Variant,
    Wording,
)
from sender.runtime import Runtime
from sender.settings import Settings
from tests.browser.signed_up import open_doors
from tests.browser.uploaded import bring_files
from tests.installation import TUESDAY
from tests.tables import give_tables
from tests.web.conftest import NoProvider
from web.app import create_app

EMAIL = "ana@lumen.example"
PASSWORD = "violet tractor under snow"
NOW = TUESDAY + timedelta(hours=2)
"""An hour at which people may be texted from one coast to the other, whenever the pages are looked at."""
PEOPLE = 180
FIRST = ("Mara", "Jon", "Priya", "Luis", "Wen", "Sofia", "Omar", "Ida", "Theo", "Amina", "Noah", "Yuki")
LAST = ("Keller", "Ortiz", "Shah", "Blum", "Chen", "Rossi", "Haddad", "Larsen")
PLACES = ((212, "NY", "10011"), (415, "CA", "94103"), (305, "FL", "33130"), (512, "TX", "78701"), (206, "WA", "98101"))
SEGMENTS = (
    ("Gold members", {"field": "attributes.tier", "is": "gold"}),
    ("Spanish speakers", {"field": "language", "is": "es"}),
    ("California", {"field": "region", "is": "CA"}),
    ("Bought this month", {"field": "attributes.last_order", "within_days": 30}),
)

Counts = dict[tuple[str, str], int]

RUNNING: Counts = {
    ("delivered", ""): 1240,
    ("sent", ""): 162,
    ("sending", ""): 8,
    ("queued", ""): 80,
    ("pending", ""): 341,
    ("pending", "quiet_hours"): 138,
    ("pending", "frequency_cap"): 14,
    ("undelivered", "twilio_30003"): 13,
    ("undelivered", "twilio_30005"): 8,
    ("failed", "twilio_21211"): 4,
    ("unconfirmed", "answer_lost"): 1,
    ("blocked", "opted_out"): 43,
    ("blocked", "no_consent"): 21,
    ("blocked", "landline"): 3,
}
FINISHED: Counts = {
    ("delivered", ""): 1410,
    ("sent", ""): 18,
    ("undelivered", "twilio_30005"): 21,
    ("failed", "twilio_21211"): 5,
    ("blocked", "opted_out"): 48,
    ("expired", "campaign_over"): 12,
}
PAUSED: Counts = {("delivered", ""): 310, ("pending", ""): 890, ("blocked", "opted_out"): 20}
CANCELLED: Counts = {("delivered", ""): 40, ("cancelled", "campaign_cancelled"): 580}
DAY = 24 * 60
# Name, status, why it stands still, what became of its texts, and when it began, in minutes from now.
WAVES = (
    ("Winter clearance", "finished", "", FINISHED, -9 * DAY),
    ("Loyalty survey", "cancelled", "", CANCELLED, -4 * DAY),
    ("Store opening Bridge Street", "paused", "paused by bo@lumen.example", PAUSED, -DAY),
    ("Spring sale", "running", "", RUNNING, -160),
    ("Summer preview", "scheduled", "", {}, 6 * DAY),
    ("Autumn lookbook", "draft", "", {}, 0),
)
TEXTS = (
    (
        "Gold members",
        SEGMENTS[0][1],
        "Lumen & Co: Hi {{ first_name }}, as a gold member you shop the spring sale a day early: lumen.example/gold",
    ),
    (
        "Spanish speakers",
        SEGMENTS[1][1],
        "Lumen & Co: Hola {{ first_name }}, 20% de descuento hasta el domingo. lumen.example/es",
    ),
    (
        "Everybody else",
        {},
        "Lumen & Co: Hi {{ first_name }}, the spring sale is on – 20% off until Sunday. lumen.example/spring",
    ),
)
WORDINGS = {
    "opt_in": "Yes, text me Lumen & Co offers. Up to 4 a month. Msg & data rates may apply. Reply STOP to opt out.",
    "stop": "Lumen & Co: You are opted out and will get no more texts. Reply START to come back.",
    "start": "Lumen & Co: Welcome back. Up to 4 texts a month. Reply HELP for help, STOP to opt out.",
    "help": "Lumen & Co: Offers and news. Help: help@lumen.example. Reply STOP to opt out.",
}


def fill(session: Session, runtime: Runtime) -> None:
    """A program with its people, segments and campaigns."""
    session.add(Installation(epoch="pictures", created_at=NOW))
    program = Program(slug="lumen", brand="Lumen & Co", help_contact="help@lumen.example", created_at=NOW)
    program.purposes, program.countries = ["marketing", "informational"], ["US", "CA"]
    program.caps = [{"limit": 4, "hours": 24 * 7, "scope": "program"}]
    program.domains = ["lumen.example"]
    session.add(program)
    session.flush()
    program_id = program.id or 0
    session.add(FromNumber(program_id=program_id, country="*", address="+12125550100", kind="toll_free", rate=3.0))
    for kind, text in WORDINGS.items():
        row = {"program_id": program_id, "kind": kind, "version": 1, "text": text, "created_at": NOW}
        session.add(Wording(**row, hash=text_hash(text)))
    for name, definition in SEGMENTS:
        session.add(Segment(name=name, definition=definition, created_at=NOW))
    numbers = people(session, runtime, program_id)
    session.flush()
    for name, status, why, counts, minutes in WAVES:
        start = NOW + timedelta(minutes=minutes)
        campaign = Campaign(program_id=program_id, name=name, status=status, paused_why=why, created_at=NOW)
        campaign.created_by = EMAIL
        campaign.budget = 400_000 if status == "running" else None
        if minutes:
            campaign.start_at, campaign.end_at = start, start + timedelta(days=3)
        session.add(campaign)
        session.flush()
        if campaign.budget:
            session.add(Spend(campaign_id=campaign.id or 0, reserved=141_300, cap=campaign.budget))
        rows = messages(runtime, session, campaign, counts, variants(session, campaign), numbers)
        insert_new(session, Message, rows)


def people(session: Session, runtime: Runtime, program_id: int) -> list[int]:
    """Invented contacts, most of whom said yes, some of whom said stop; returns the ids of their numbers."""
    acts: list[Act] = []
    phones = [parse(f"+1{PLACES[n % 5][0]}55501{n // 5:02d}", None) for n in range(PEOPLE)]
    found = find_or_make(session, runtime.keys, phones, NOW)
    for n, phone in enumerate(phones):
        _, region, postal = PLACES[n % 5]
        row = Contact(number_id=found[phone.e164], region=region, postal_code=postal, created_at=NOW, changed_at=NOW)
        row.language = "es" if n % 7 == 0 else "en"
        row.attributes = {
            "first_name": FIRST[n % len(FIRST)],
            "last_name": LAST[n % len(LAST)],
            "tier": ("gold", "silver", "basic")[n % 3],
            "last_order": (NOW - timedelta(days=n)).date().isoformat(),
            "orders": n % 9,
        }
        session.add(row)
        who = (found[phone.e164], program_id)
        if n % 11:
            at = NOW - timedelta(days=40 + n % 50)
            said = ("form", None, "express_written", WORDINGS["opt_in"])
            acts.append(Act(*who, "opt_in", Purpose.MARKETING, at, *said))
        if n % 17 == 0:
            acts.append(Act(*who, "opt_out", Purpose.MARKETING, NOW - timedelta(days=n % 13, hours=n % 7), "keyword"))
    record(session, [act for act in acts if act.kind == "opt_in"], NOW - timedelta(days=30))
    for act in acts:
        if act.kind == "opt_out":
            record(session, [act], act.at)
    return list(found.values())


def variants(session: Session, campaign: Campaign) -> list[int]:
    """The variants of a campaign; returns their ids."""
    rows = []
    for place, (name, segment, template) in enumerate(TEXTS):
        row = Variant(campaign_id=campaign.id or 0, position=place, name=name, template=template)
        row.segment, row.defaults = segment, {"first_name": "there"}
        rows.append(row)
    session.add_all(rows)
    session.flush()
    return [row.id or 0 for row in rows]


def messages(
    runtime: Runtime, session: Session, campaign: Campaign, counts: Counts, variant_ids: list[int], numbers: list[int]
) -> list[dict[str, object]]:
    """One row for each message of these counts; beyond the people there are, numbers without a contact."""
    states = [state for state, count in counts.items() for _ in range(count)]
    begin = campaign.start_at or NOW
    return [
        {
            "campaign_id": campaign.id,
            "variant_id": variant_ids[place % 3],
            "program_id": campaign.program_id,
            "number_id": number_id,
            "from_number_id": 1,
            "kind": "campaign",
            "purpose": "marketing",
            "status": status,
            "reason": reason,
            "parts": 1,
            "cost": 83,
            "deferrals": int(status == "pending" and bool(reason)),
            "tries": 0,
            "send_after": begin + timedelta(seconds=place * 4),
            "created_at": begin,
            "changed_at": begin,
            "touched_at": begin,
            "sent_at": begin + timedelta(seconds=place * 4) if status in ("sent", "delivered", "undelivered") else None,
            "final_at": begin + timedelta(seconds=place * 4 + 3) if status in ("delivered", "undelivered") else None,
        }
        for place, ((status, reason), number_id) in enumerate(
            zip(states, strangers(runtime, session, numbers, len(states)), strict=True)
        )
    ]


def strangers(runtime: Runtime, session: Session, numbers: list[int], wanted: int) -> list[int]:
    """So many ids of numbers; missing ones are made once and kept in ``numbers``."""
    missing = wanted - len(numbers)
    if missing > 0:
        data_key = runtime.keys.new_data_key()
        cipher = seal(runtime.keys.unwrap(data_key), b"+12125550199")
        common = {"cipher": cipher, "data_key": data_key, "country": "US", "created_at": NOW}
        rows = [Number(key=f"s{len(numbers) + n}".encode(), **common) for n in range(missing)]
        session.add_all(rows)
        session.flush()
        numbers += [row.id or 0 for row in rows]
    return numbers[:wanted]


def keep_texts(runtime: Runtime) -> None:
    """A template of two versions in the library."""
    for text, note in ((TEXTS[2][2], ""), (TEXTS[2][2].replace("20%", "25%"), "A better offer")):
        save_template(runtime, "Spring sale", text, EMAIL, defaults={"first_name": "there"}, program="lumen", note=note)


class Quiet(WSGIRequestHandler):
    """The pages log for themselves."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class House(NamedTuple):
    """The made-up installation on loopback: its address, the paths of its owner's link and of an opt-out link."""

    address: str
    welcome: str
    opt_out: str
    runtime: Runtime


@contextmanager
def served(home: Path, port: int = 0) -> Iterator[House]:
    """Serve it; on a port that is named, as localhost: browsers make passkeys for names only."""
    named = f"http://localhost:{port}" if port else None
    settings = Settings(_env_file=None, home=home, twilio_base_url="http://127.0.0.1:9", public_url=named)
    db = Database(settings.database)
    give_tables(db)
    runtime = Runtime(settings, db, make_keys(home), Clock(time.time(), NOW), CHAIN, NoProvider())
    with db.write() as session:
        fill(session, runtime)
    keep_texts(runtime)
    with db.write() as session:
        link = accounts.make_owner_link(session, runtime.keys, runtime.clock.real())
    bring_files(runtime, 1)
    open_doors(runtime, EMAIL)
    server = make_server("127.0.0.1", port, create_app(runtime), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = named or f"http://127.0.0.1:{server.server_port}"
        yield House(address, link, f"/o/{opt_out_token(runtime.keys, 1, 1)}", runtime)
    finally:
        server.shutdown()
        thread.join()
        db.close()


def chromium() -> str | None:
    """The machine's own Chromium; None: Playwright's own download."""
    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
