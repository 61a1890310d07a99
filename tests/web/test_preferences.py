"""A person's own page: what they choose there is kept by the gate, and nobody else's link opens it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from guards.base import Policy, Purpose, Window
from sender.audience import holds
from sender.audience.facts import Asked, FactsLoader, narrowed
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.links import own_page_token, read_own_page_token
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.models import Audit, Campaign, Contact, ErasureRequest, Number, Program, Wishes
from sender.runtime import Runtime
from tests.web.conftest import START, TestClock

NUMBER = "+12125550123"


@pytest.fixture
def person(runtime: Runtime) -> int:
    """Somebody who said yes to two programs, one of which has campaigns about sales and events; the number's id."""
    with runtime.db.write() as session:
        phone = parse(NUMBER, None)
        number_id = find_or_make(session, runtime.keys, [phone], START)[NUMBER]
        contact = Contact(number_id=number_id, language="es", created_at=START, changed_at=START)
        contact.attributes = {"first_name": "Mara"}
        session.add(contact)
        for slug, brand in (("lumen", "Lumen & Co"), ("beans", "Beans")):
            program = Program(slug=slug, brand=brand, help_contact="h", created_at=START)
            program.purposes, program.countries = ["marketing"], ["US"]
            session.add(program)
            session.flush()
            said = Act(
                number_id, program.id, "opt_in", Purpose.MARKETING, START, "form", None, "express_written", "Yes."
            )
            record(session, [said], START)
        for name, subject in (("One", "sale"), ("Two", "events"), ("Three", None)):
            session.add(Campaign(program_id=1, name=name, subject=subject, created_at=START))
        return number_id


def path(runtime: Runtime, number_id: int) -> str:
    """The link as it stands in a text."""
    return f"/p/{own_page_token(runtime.keys, number_id, START)}"


def press(client: FlaskClient, runtime: Runtime, number_id: int, **fields: Any) -> Any:
    """Press a button there."""
    return client.post(path(runtime, number_id), data=fields)


def states(runtime: Runtime, number_id: int) -> list[str]:
    """The standing to each program."""
    with runtime.db.read() as session:
        rows = load_standings(session, [number_id]).get(number_id, [])
    return [standing(rows, program_id, Purpose.MARKETING).state for program_id in (1, 2)]


def test_looking_changes_nothing_and_tells_only_what_is_needed(
    client: FlaskClient, runtime: Runtime, person: int
) -> None:
    """Both programs and the subjects stand there, the number is masked, no cookie is set."""
    page = client.get(path(runtime, person))
    for words in ("Lumen &amp; Co", "Beans", "+1•••••0123", 'value="sale" checked', "Stop all texts"):
        assert words in page.text
    assert "555" not in page.text.replace("•••••", "")
    assert "Set-Cookie" not in page.headers
    with runtime.db.read() as session:
        assert session.get(Wishes, person) is None
    assert states(runtime, person) == ["in", "in"]


def test_one_press_stops_one_or_all(client: FlaskClient, runtime: Runtime, person: int) -> None:
    """One program first, then the rest; pressing again is the same."""
    assert press(client, runtime, person, act="stop", value="2").status_code == 303
    assert states(runtime, person) == ["in", "out"]
    for _ in range(2):
        assert press(client, runtime, person, act="stop", value="all").status_code == 303
    assert states(runtime, person) == ["out", "out"]
    assert "signed up to nothing here" in client.get(path(runtime, person)).text


def test_wishes_reach_the_guards(client: FlaskClient, runtime: Runtime, person: int) -> None:
    """Pause, subjects and hours are facts of the very next gate; the audit says that something changed, not what."""
    press(client, runtime, person, act="pause", value="30")
    press(client, runtime, person, act="choose", first="10", last="17", offered=["sale", "events"], wanted="events")
    with runtime.db.read() as session:
        loader = FactsLoader(runtime.keys, "https://sms.example.org")
        known = loader.load(session, [Asked(1, person, 1, Purpose.MARKETING)], START, timedelta())[1]
        noted = list(session.execute(select(Audit.action, Audit.actor)).all())
    assert known.facts.paused_until == START + timedelta(days=30)
    assert known.facts.unwanted == {"sale"}
    assert known.facts.policy.hours == tuple(Window(day, 600, 1020) for day in range(7))
    assert noted == [("wishes.change", "the person")] * 2
    page = client.get(path(runtime, person)).text
    assert "Paused until 01 April 2026" in page
    assert 'value="sale">' in page
    press(client, runtime, person, act="pause", value="0")
    press(client, runtime, person, act="choose", first="8", last="21", offered=["sale"], wanted="sale")
    with runtime.db.read() as session:
        kept = session.get_one(Wishes, person)
        assert (kept.paused_until, kept.hours, kept.unwanted) == (None, None, [])


NONSENSE: tuple[dict[str, str], ...] = (
    {"act": "pause", "value": "4000"},
    {"act": "choose", "first": "12", "last": "13"},
    {"act": "choose", "first": "17", "last": "10"},
    {"act": "choose", "first": "0", "last": "24"},
    {"act": "stop", "value": "x"},
    {"act": "nothing"},
    {},
)


def test_what_makes_no_sense_changes_nothing(client: FlaskClient, runtime: Runtime, person: int) -> None:
    """One sentence on the page, and no row."""
    for fields in NONSENSE:
        answer = press(client, runtime, person, **fields)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    with runtime.db.read() as session:
        assert session.get(Wishes, person) is None


def test_data_and_erasure_ask_for_the_number(client: FlaskClient, runtime: Runtime, person: int) -> None:
    """A wrong number gives nothing; the right one a file with all that is kept; then all of it goes."""
    wrong = press(client, runtime, person, act="data", number="212 555 0199")
    assert (wrong.status_code, "not the number" in wrong.text) == (422, True)
    file = press(client, runtime, person, act="data", number="(212) 555-0123")
    told = json.loads(file.text)
    assert NUMBER in json.dumps(told["identity"])
    assert told["contact"]["attributes"] == {"first_name": "Mara"}
    assert len(told["consent"]) == 2
    gone = press(client, runtime, person, act="erase", number=NUMBER)
    assert "is being erased" in gone.text
    assert states(runtime, person) == ["out", "out"]
    with runtime.db.read() as session:
        assert session.execute(select(Contact)).first() is None
        assert session.execute(select(ErasureRequest)).scalar_one().done_by == "the person"


def test_the_number_cannot_be_guessed(client: FlaskClient, runtime: Runtime, person: int, clock: TestClock) -> None:
    """After five tries the page waits an hour, for the right number too."""
    for last in range(5):
        press(client, runtime, person, act="data", number=f"+1212555011{last}")
    assert "too often" in press(client, runtime, person, act="data", number=NUMBER).text
    clock.move(timedelta(hours=1))
    assert press(client, runtime, person, act="data", number=NUMBER).mimetype == "application/json"


def test_a_link_ends(client: FlaskClient, runtime: Runtime, person: int, clock: TestClock) -> None:
    """On the thirtieth day it opens, on the day after it does not; other sites cannot press its buttons."""
    address = path(runtime, person)
    assert client.post(address, data={"act": "stop"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    clock.move(timedelta(days=30))
    assert client.get(address).status_code == 200
    clock.move(timedelta(days=1))
    assert client.get(address).status_code == 404
    assert client.get(path(runtime, 0)).status_code == 404


@settings(max_examples=40)
@given(st.integers(0, 23), st.characters(codec="ascii", categories=["L", "N"]), st.text(max_size=30))
def test_an_invented_link_opens_nothing(runtime: Runtime, place: int, char: str, other: str) -> None:
    """Any other character at any place, or any other text, is not ours."""
    token = own_page_token(runtime.keys, 7, START)
    assert read_own_page_token(runtime.keys, token, START) == 7
    assert read_own_page_token(runtime.keys, other, START) is None
    spoilt = f"{token[:place]}{char}{token[place + 1 :]}"
    assert (read_own_page_token(runtime.keys, spoilt, START) == 7) == (spoilt == token)


def test_own_hours_only_narrow_the_programs() -> None:
    """What lies outside of either goes; a day without a common hour has no window at all."""
    hours = (Window(0, 540, 720), Window(1, 1200, 1260))
    assert narrowed(hours, [600, 1020]) == (Window(0, 600, 720),)
    assert len(narrowed(None, [600, 1020])) == 7
    assert Policy(1, "b", "f", hours=narrowed(hours, [600, 1020])).hours == (Window(0, 600, 720),)


def test_an_erased_number_has_no_page(client: FlaskClient, runtime: Runtime, person: int) -> None:
    """Nothing personal is left that could be shown."""
    with runtime.db.write() as session:
        session.get_one(Number, person).data_key = b""
    assert client.get(path(runtime, person)).status_code == 404


def test_what_a_law_keeps_waits_for_a_person(signed_in: FlaskClient, runtime: Runtime, person: int) -> None:
    """Under a legal hold nothing is erased; the wish stands on the page and on the first page of the owner."""
    with runtime.db.write() as session:
        holds.place(session, person, "a suit", "ana@example.org", START)
    answer = press(signed_in, runtime, person, act="erase", number=NUMBER)
    page = signed_in.get(answer.location).text
    assert "A person will look at it" in page
    assert "a person is looking at it" in page
    assert "Somebody asked to be erased" in signed_in.get("/").text
    assert states(runtime, person) == ["in", "in"]
