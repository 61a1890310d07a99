"""People over the API: records merge, a yes needs its proof and lifts no stop, a no counts at once, all flows out."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from sender.api.reads import sum_up
from sender.audience.erasing import finish_erasures
from sender.audience.holds import place, release
from sender.audience.private import data_key_of, opened
from sender.audience.sealer import seal_some
from sender.delivery.replies import InboundText, receive
from sender.models import Audit, ConsentEvent, Number, Program
from tests.api.conftest import allow_every_purpose, caller
from tests.installation import Installation, install
from web.api.operations import ApiDoor
from web.app import create_app

NUMBER = "+12125550123"


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def yes(installation: Installation, **changes: object) -> dict[str, object]:
    """A written yes to marketing, five minutes ago, but for these fields."""
    at = (installation.clock.now() - timedelta(minutes=5)).isoformat()
    return {
        "number": NUMBER, "program": "acme", "kind": "opt_in", "purpose": "marketing", "level": "express_written",
        "at": at, "wording": "Yes, text me offers.", "where": "https://shop.example.com/checkout", **changes,
    }  # fmt: skip


def test_records_merge_and_keep_no_number_in_plain_sight(installation: Installation) -> None:
    """What is left out stays, null removes, types are kept; a phone number in an attribute is refused."""
    shop = caller(installation)
    body = {"number": NUMBER, "language": "EN_us", "attributes": {"first_name": "Ana", "orders": 3, "vip": True}}
    assert shop.post("/contacts", body).json["language"] == "en-US"
    told = shop.post("/contacts", {"number": NUMBER, "attributes": {"orders": 4, "vip": None}}).json
    assert (told["language"], told["attributes"]) == ("en-US", {"first_name": "Ana", "orders": 4})
    assert shop.get(f"/contacts/{NUMBER}").json == told
    assert shop.get("/contacts").json["data"] == [told]
    for wrong in ({"attributes": {"other": "(212) 555-0199"}}, {"zone": "Mars/One"}, {"language": "english!"}):
        answer = shop.post("/contacts", {"number": NUMBER, **wrong})
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_contact")
    assert shop.get("/contacts/+12125550199").status_code == 404


def test_reading_people_is_on_record_by_key_and_day(installation: Installation) -> None:
    """The first look of a day is an act at once, the sum one when the day is over; what shows nobody is none."""
    caller(installation).post("/contacts", {"number": NUMBER})
    crm, shop = (caller(installation, "contacts:read", "messages:read", name=name) for name in ("crm", "shop"))
    assert crm.get("/messages").json["data"] == []
    for _ in range(3):
        assert len(crm.get("/contacts").json["data"]) == 1
    assert crm.get(f"/contacts/{NUMBER}").status_code == shop.get(f"/contacts/{NUMBER}").status_code == 200
    assert shop.get("/contacts/+12125550199").status_code == 404
    assert sum_up(installation.runtime) == 0
    installation.clock.move(timedelta(days=1))
    assert (sum_up(installation.runtime), sum_up(installation.runtime)) == (2, 0)
    assert crm.get("/contacts").status_code == 200
    with installation.runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action) == "people.read").order_by(col(Audit.id)))
        told = [(act.actor.partition("(")[2], act.subject, act.detail) for act in acts.scalars()]
    assert told[:2] == [
        ("crm)", "contacts", {"day": "2026-03-10", "so_far": 1}),
        ("shop)", "contacts", {"day": "2026-03-10", "so_far": 1}),
    ]
    assert sorted(told[2:4]) == [
        ("crm)", "contacts", {"day": "2026-03-10", "people": 4}),
        ("shop)", "contacts", {"day": "2026-03-10", "people": 1}),
    ]
    assert told[4:] == [("crm)", "contacts", {"day": "2026-03-11", "so_far": 1})]


def test_every_answer_with_numbers_of_people_is_counted(installation: Installation) -> None:
    """Whoever makes an operation that hands out numbers says so; one text's fate tells only what the key told us."""
    doors = [one for one in create_app(installation.runtime).blueprints.values() if isinstance(one, ApiDoor)]
    reading = [one for door in doors for one in door.operations.values() if one.method == "GET"]
    shows = {one.path for one in reading if {"number", "from", "to"} & fields_of(one.answer.model_json_schema())}
    assert shows == {one.path for one in reading if one.reads} | {"/messages/<message_id>"}


def fields_of(schema: Any) -> set[str]:
    """The names of every field in a schema."""
    if isinstance(schema, list):
        return set[str]().union(*map(fields_of, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(fields_of, schema.values()))


def test_a_yes_opens_the_gate_with_its_proof(installation: Installation) -> None:
    """The ledger holds words, place, time and key; told again under its reference it is the same act."""
    shop = caller(installation)
    told = shop.post("/consents", yes(installation, reference="A-1")).json
    assert told["changed"] is True
    assert [(one["program"], one["state"]) for one in told["standings"]] == [("acme", "in")]
    assert shop.post("/consents", yes(installation, reference="A-1")).json["changed"] is False
    with installation.runtime.db.read() as session:
        (event,) = session.execute(select(ConsentEvent)).scalars()
        number = session.get_one(Number, event.number_id)
    assert (event.source, event.wording, event.level) == ("api", "Yes, text me offers.", "express_written")
    assert event.attested_by.startswith("key ")
    proof = opened(data_key_of(installation.runtime.keys, number), event.evidence)
    assert proof["where"] == "https://shop.example.com/checkout"
    check = shop.post("/checks", {"to": [NUMBER], "program": "acme"}).json["data"][0]
    assert check["verdict"] == "allow"
    assert shop.get(f"/consents/{NUMBER}").json["standings"] == told["standings"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wording": ""}, "invalid_consent"),
        ({"where": " "}, "invalid_consent"),
        ({"at": "2026-03-11T15:00:00Z"}, "invalid_consent"),
        ({"program": None}, "invalid_consent"),
        ({"program": "acne"}, "unknown_program"),
        ({"number": "hello"}, "invalid_number"),
    ],
)
def test_a_yes_without_proof_is_none(installation: Installation, changes: dict[str, object], code: str) -> None:
    """Nothing is written for it."""
    answer = caller(installation).post("/consents", yes(installation, **changes))
    assert (answer.status_code, answer.json["code"]) == (422, code)
    with installation.runtime.db.read() as session:
        assert session.execute(select(ConsentEvent)).all() == []


def test_no_key_lifts_a_stop(installation: Installation) -> None:
    """After the person's own STOP a yes over the API is refused, whenever it says that it happened."""
    shop = caller(installation)
    shop.post("/consents", yes(installation))
    receive(installation.runtime, InboundText("SM1", NUMBER, "+12125550100", "STOP"))
    installation.clock.move(timedelta(hours=1))
    answer = shop.post("/consents", yes(installation))
    assert (answer.status_code, answer.json["code"]) == (409, "opted_out")
    assert shop.post("/checks", {"to": [NUMBER], "program": "acme"}).json["data"][0]["reason"] == "opted_out"


def test_a_no_counts_at_once(installation: Installation) -> None:
    """What waits is blocked in the same transaction; a no to all programs ends each of them."""
    shop = caller(installation)
    shop.post("/consents", yes(installation))
    later = (installation.clock.now() + timedelta(hours=1)).isoformat()
    body = {"to": NUMBER, "program": "acme", "purpose": "marketing", "body": "Beans are cheap.", "send_at": later}
    waits = shop.post("/messages", body).json
    no = {"number": NUMBER, "program": None, "kind": "opt_out", "at": "2026-03-01T12:00:00Z", "where": "CRM"}
    told = shop.post("/consents", no).json
    assert {one["state"] for one in told["standings"] if one["program"] is None} == {"out"}
    blocked = shop.get(f"/messages/{waits['id']}").json
    assert (blocked["status"], blocked["reason"]) == ("blocked", "opted_out")
    assert shop.post("/messages", body).json["reason"] == "opted_out"


def test_changes_and_replies_are_pulled_from_where_one_stopped(installation: Installation) -> None:
    """Every event of the ledger once and in order, over any number of pages; replies with their words."""
    shop = caller(installation)
    start = shop.get("/changes").json["next_cursor"]
    for last in range(3):
        shop.post("/consents", yes(installation, number=f"+1212555012{last}"))
    receive(installation.runtime, InboundText("SM1", "+12125550120", "+12125550100", "Stop please"))
    seal_some(installation.runtime.db, installation.runtime.keys)
    seen, cursor = [], start
    for _ in range(6):
        page = shop.get("/changes", cursor=cursor, limit=1).json
        seen += [(one["number"][-1], one["kind"]) for one in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [("0", "opt_in"), ("1", "opt_in"), ("2", "opt_in"), ("0", "opt_out")]
    (reply,) = shop.get("/replies", program="acme").json["data"]
    assert (reply["from"], reply["text"], reply["intent"]) == ("+12125550120", "Stop please", "opt_out")


def test_a_key_of_another_program_sees_and_does_nothing_here(installation: Installation) -> None:
    """Neither standings, changes nor replies of the program, and no consent for it or for all."""
    shop = caller(installation)
    shop.post("/consents", yes(installation))
    receive(installation.runtime, InboundText("SM1", NUMBER, "+12125550100", "When do you open?"))
    with installation.runtime.db.write() as session:
        session.add(Program(slug="other", brand="O", help_contact="o", created_at=installation.clock.now()))
    seal_some(installation.runtime.db, installation.runtime.keys)
    other = caller(installation, "consents:write", "replies:read", name="other", programs=["other"])
    assert other.get(f"/consents/{NUMBER}").json["standings"] == []
    assert other.get("/changes").json["data"] == other.get("/replies").json["data"] == []
    for program in ("acme", None):
        answer = other.post("/consents", yes(installation, program=program, kind="opt_out"))
        assert answer.json["code"] == "unknown_program"


def test_proof_and_forgetting_want_a_scope_and_a_reason(installation: Installation) -> None:
    """Evidence with its paper, own data, an erasure once, and a hold that forbids it; the audit names the key."""
    shop, other = caller(installation), caller(installation, "contacts:write", name="other")
    number = installation.contact(NUMBER)
    why = {"number": NUMBER, "why": "Doe v. Acme"}
    assert other.post("/erasures", why).json["code"] == "missing_scope"
    assert shop.post(f"/evidence/{NUMBER}", {"why": " "}).json["code"] == "invalid_request"
    told = shop.post(f"/evidence/{NUMBER}", {"why": "Doe v. Acme", "pdf": True}).json
    assert (len(told["sha256"]), told["evidence"]["identity"]["number"], bool(told["pdf"])) == (64, NUMBER, True)
    assert shop.post("/exports", why).json["person"]["standing"][0]["state"] == "in"
    with installation.runtime.db.write() as session:
        place(session, number, "Doe v. Acme", "ann", installation.clock.now())
    assert shop.post("/erasures", why).json["code"] == "on_hold"
    with installation.runtime.db.write() as session:
        release(session, number, "ann", installation.clock.now())
    first = shop.post("/erasures", why, once="forget").json
    assert (first["forgotten"]["contact"], shop.post("/erasures", why, once="forget").json) == (1, first)
    assert finish_erasures(installation.runtime) == 1
    assert shop.get(f"/contacts/{NUMBER}").json["code"] == shop.post("/erasures", why).json["code"] == "not_found"
