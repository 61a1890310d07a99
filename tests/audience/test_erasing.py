"""Forgetting a person: no table tells who it was any more, their stop stays, and nothing on the wire is lost."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import func
from sqlmodel import SQLModel, col, select

from guards.base import Purpose
from sender.audience import forgetting, holds, upkeep
from sender.audience.doors import OptOutIn, opt_out
from sender.audience.erasing import EraseError, erase, finish_erasures, outlook
from sender.audience.importing import uploads
from sender.audience.importing.options import ImportOptions
from sender.audience.numbers import find
from sender.crypto import KeyFileError, Keyring, seal, unseal
from sender.delivery.replies import InboundText, receive
from sender.models import (
    Automation,
    Contact,
    Enrolment,
    Event,
    ImportRefusal,
    Number,
    OwnPhone,
    WebhookEvent,
)
from sender.states import Status, advance
from tests.api.conftest import allow_every_purpose, caller
from tests.installation import Installation, install

ANN, BOB = "+14155550101", "+14155550102"
MARK = "Zebediah"
ACTOR = "ana@example.org"
HEAD = "phone,first_name,consent,wording,consent_at\n"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


@pytest.fixture
def light(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation where one kind of database is enough."""
    made = install(tmp_path / "home", sqlite_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def number_of(house: Installation, e164: str) -> int:
    """The id of a number's row."""
    with house.runtime.db.read() as session:
        return find(session, house.runtime.keys, e164) or 0


def bring_in(house: Installation, text: str) -> int:
    """Import a file through the pages' own way, to its end."""
    import_id = uploads.take_in(house.runtime, "people.csv", io.BytesIO(text.encode()), ACTOR)
    options = ImportOptions(program_id=house.program_id, purpose=Purpose.MARKETING, region="US")
    uploads.check(house.runtime, import_id, options, ACTOR)
    uploads.tend(house.runtime)
    uploads.commit(house.runtime, import_id, ACTOR)
    uploads.tend(house.runtime)
    return import_id


def says(house: Installation, body: str, number: int, e164: str = ANN) -> None:
    """A text from somebody to the program."""
    receive(house.runtime, InboundText(sid=f"SM{number:032x}", body=body, from_=e164, to="+12125550100"))


def live(house: Installation) -> int:
    """A person with something in every table that names a number, each with their name in it; the number's id."""
    program = house.program_id
    yes = "yes,Yes to texts.,2026-01-02"
    bring_in(house, f"{HEAD}{ANN},{MARK},{yes}\n{ANN},{MARK},maybe,,\n{BOB},Bob,{yes}\n")
    bring_in(house, f"{HEAD}{ANN},{MARK} II,{yes}\n")
    number = number_of(house, ANN)
    house.message(number, f"Acme: Hi {MARK}. Reply STOP to opt out", status="pending")
    house.message(number, f"Acme: Hello {MARK}. Reply STOP to opt out", status="delivered", kind="api")
    says(house, f"this is {MARK}, hello", 1)
    says(house, f"please {MARK} does not want these, stop it maybe", 2)
    opt_out(house.runtime, OptOutIn(ANN, "email", "acme", words=f"{MARK} wrote from {ANN}"), ACTOR)
    with house.runtime.db.read() as session:
        contact = session.execute(select(Contact).where(col(Contact.number_id) == number)).scalar_one().id or 0
    upkeep.stop(house.runtime, contact, program, "letter", f"{MARK} wrote a letter", ACTOR)
    shop = caller(house)
    body = {"number": ANN, "program": "acme", "kind": "opt_out", "at": house.clock.now().isoformat(), "where": "shop"}
    shop.post("/consents", {**body, "evidence": {"ip": "192.0.2.1", "who": MARK}}, once="first")
    shop.post("/messages", {"to": ANN, "program": "acme", "purpose": "transactional", "body": f"For {MARK}"}, once="b")
    with house.runtime.db.write() as session:
        key = house.runtime.keys.unwrap(session.get_one(Number, number).data_key)
        now = house.clock.now()
        session.add(WebhookEvent(uid="e", type="t", number_id=number, body_cipher=seal(key, MARK.encode()), at=now))
        phone = OwnPhone(owner=ACTOR, number_id=number, program_id=program, label=MARK, created_at=now)
        session.add(phone)
        session.add(Automation(id=1, program_id=program, name="Shipped", trigger="bought", created_at=now))
        session.flush()
        told = {"program_id": program, "type": "bought", "number_id": number, "at": now, "received_at": now}
        event = Event(uid=f"{MARK} {ANN}", data_cipher=seal(key, MARK.encode()), state="aside", **told)
        session.add(event)
        session.flush()
        who = {"automation_id": 1, "number_id": number, "event_id": event.id, "due_at": now, "entered_at": now}
        session.add(Enrolment(**who, state="aside"))
    return number


def told(house: Installation) -> Iterator[tuple[str, str]]:
    """Every value of every row with its table, opened by every key that is still there."""
    keys = house.runtime.keys
    with house.runtime.db.read() as session:
        rows = [
            (table.name, value)
            for table in SQLModel.metadata.sorted_tables
            for row in session.execute(select(*table.columns))
            for value in row
        ]
    data_keys = [plain for _, value in rows if isinstance(value, bytes) and (plain := unwrapped(keys, value))]
    for name, value in rows:
        for inner in [value, *_within(value)]:
            yield name, inner.decode("latin-1") if isinstance(inner, bytes) else str(inner)
            if isinstance(inner, bytes):
                yield from ((name, plain.decode("latin-1")) for plain in opened(keys, data_keys, inner))


def _within(value: Any) -> list[bytes]:
    """What may be ciphertext inside of JSON."""
    words = re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", str(value)) if isinstance(value, dict) else []
    return [base64.b64decode(word) for word in words if len(word) % 4 == 0]


def unwrapped(keys: Keyring, value: bytes) -> bytes | None:
    """What the installation's own keys make of it."""
    try:
        return keys.unwrap(value)
    except (KeyFileError, ValueError):
        return None


def opened(keys: Keyring, data_keys: list[bytes], value: bytes) -> Iterator[bytes]:
    """What any key makes of it."""
    if plain := unwrapped(keys, value):
        yield plain
    for key in data_keys:
        try:
            yield unseal(key, value)
        except (InvalidTag, ValueError):
            continue


def traces(house: Installation) -> set[str]:
    """The tables in which the number or the name still stands."""
    return {
        name
        for name, words in told(house)
        if MARK in words or ANN[2:] in re.sub(r"\D", "", words.replace("+1", "")) or ANN[1:] in words
    }


def test_every_table_is_walked_and_none_tells_who_it_was(house: Installation) -> None:
    """Before, eleven tables know the person; after, neither number nor name is in any row, sealed or plain."""
    number = live(house)
    known = {"api_answer", "consent_event", "contact", "import_entry", "import_refusal", "message", "number"}
    known |= {"own_phone", "reply", "webhook_event", "import_run"}
    assert known <= traces(house)
    done = erase(house.runtime, number, ACTOR, "asked by letter")
    assert done.done
    assert traces(house) == set()
    with house.runtime.db.read() as session:
        assert session.execute(select(func.count()).select_from(ImportRefusal)).scalar_one() == 0
        bob = session.get_one(Number, number_of(house, BOB))
        assert bob.data_key


def test_a_table_that_names_a_number_has_a_rule() -> None:
    """Whoever adds a table with people in it says what an erasure does to it."""
    named = {
        table.name
        for table in SQLModel.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table.name in ("number", "contact")
    }
    assert named - set(forgetting.FORGET) - forgetting.KEPT == set()


def test_the_stop_stays_and_no_file_key_or_colleague_brings_them_back(light: Installation) -> None:
    """An import, the API, a renumbering: each is refused, and nothing of it is kept."""
    number = live(light)
    other = light.contact("+14155550103")
    erase(light.runtime, number, ACTOR, "asked")
    bring_in(light, f"{HEAD}{ANN},{MARK},yes,Yes to texts.,2026-03-02\n")
    shop = caller(light)
    assert shop.post("/contacts", {"number": ANN}).json["code"] == "invalid_number"
    yes = {"number": ANN, "program": "acme", "kind": "opt_in", "wording": "Yes.", "where": "till"}
    told = shop.post("/consents", {**yes, "level": "express_written", "at": light.clock.now().isoformat()})
    assert told.json["code"] == "opted_out"
    text = {"to": ANN, "program": "acme", "purpose": "transactional", "body": "Hello"}
    assert shop.post("/messages", text).json["code"] == "invalid_number"
    with light.runtime.db.read() as session:
        contact = session.execute(select(Contact).where(col(Contact.number_id) == other)).scalar_one().id or 0
    with pytest.raises(upkeep.UpkeepError, match="erased"):
        upkeep.change_number(light.runtime, contact, ANN, None, ACTOR)
    assert traces(light) == set()
    assert light.provider.sent == []


def test_a_text_on_its_way_is_not_lost_track_of(house: Installation) -> None:
    """The number is kept until the outcome is known; what was planned is cancelled, also if it comes back to wait."""
    number = house.contact(ANN)
    on_its_way = house.message(number, status=Status.UNCONFIRMED.value)
    planned = house.message(number, status="pending")
    with house.runtime.db.read() as session:
        assert "1 text on the way" in " ".join(outlook(session, number).sentences())
    assert not erase(house.runtime, number, ACTOR, "asked").done
    assert house.status(planned) == "cancelled"
    assert finish_erasures(house.runtime) == 0
    with house.runtime.db.write() as session:
        assert session.get_one(Number, number).data_key
        now = house.clock.now()
        advance(session, [on_its_way], Status.DELIVERED, now=now, real=now)
    assert finish_erasures(house.runtime) == 1
    assert (house.status(on_its_way), traces(house)) == ("delivered", set())


def test_only_the_person_comes_back(light: Installation) -> None:
    """Their own text lets their row hold a key again; the stop holds until a START, and they can be erased again."""
    number = light.contact(ANN)
    erase(light.runtime, number, ACTOR, "asked")
    says(light, "hello again", 7)
    with light.runtime.db.read() as session:
        assert session.get_one(Number, number).data_key
        assert upkeep.standing_words(session, number)[0]["marketing"] == "out"
    assert erase(light.runtime, number, ACTOR, "asked again").done
    with light.runtime.db.read() as session:
        assert session.get_one(Number, number).data_key == b""


def test_a_legal_hold_and_a_number_in_the_reason_refuse(light: Installation) -> None:
    """A hold on the number or on everything stands before an erasure; the reason may not name the number."""
    number = light.contact(ANN)
    for held in (number, None):
        with light.runtime.db.write() as session:
            holds.place(session, held, "Doe v. Acme", ACTOR, light.clock.now())
        with pytest.raises(EraseError, match="legal hold"):
            erase(light.runtime, number, ACTOR, "asked")
        with light.runtime.db.write() as session:
            assert holds.release(session, held, ACTOR, light.clock.now()) == 1
    for why in ("", f"call {ANN}"):
        with pytest.raises(EraseError):
            erase(light.runtime, number, ACTOR, why)
    assert erase(light.runtime, number, ACTOR, "asked").done
    with pytest.raises(EraseError, match="Nothing personal"):
        erase(light.runtime, number, ACTOR, "asked")
