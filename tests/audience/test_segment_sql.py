"""Segments in the database: the same meaning as in Python, on both databases, and nothing to inject into."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import delete

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.audience.segments import Recipient, SegmentError, count_contacts, matches, parse, select_contacts, where
from sender.db import Database, insert_new
from sender.models import Click, Contact, Message, Number, Program, Reply, ShortLink
from tests.tables import give_tables

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXTS = st.sampled_from(["US", "us", "Austin", "é", "z", "Z", "", "%", "_", "1", "true", "2026-02-28", "2026-02-28T09"])
SCALARS = (
    TEXTS | st.text(LETTERS, max_size=5) | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.integers(-3, 3)
    | st.floats(-1e6, 1e6) | st.sampled_from([0.1, -0.0, 1e-9])
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "city"])
DAYS = st.sampled_from(["2026-02-27", "2026-02-28", "2026-03-01", "1999-12-31"])
AGE = st.integers(0, 3)


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, Any]:
    """One contact as ``matches`` takes it, with every kind of attribute."""
    values = SCALARS | DAYS | st.none() | st.lists(st.integers(), max_size=1) | st.just({"a": 1})
    text = st.none() | TEXTS
    ages = st.sampled_from([timedelta(0), timedelta(days=1), timedelta(days=2, microseconds=1), timedelta(days=-1)])
    return {
        "country": draw(text),
        "area_code": draw(text),
        "line_type": draw(TEXTS),
        "language": draw(text),
        "postal_code": draw(text),
        "region": draw(text),
        "zone": None,
        "import_id": None,
        "created_at": NOW - draw(ages),
        "changed_at": NOW,
        "attributes": draw(st.dictionaries(NAMES, values)),
    }


def attribute_tests() -> st.SearchStrategy[dict[str, Any]]:
    """Tests on an attribute, each operator with what it takes."""
    filled = TEXTS.filter(bool)
    order = SCALARS.filter(lambda value: not isinstance(value, bool))
    operand = st.one_of(
        st.tuples(st.sampled_from(["is", "is_not"]), SCALARS),
        st.tuples(st.sampled_from(["in", "not_in"]), st.lists(SCALARS, min_size=1, max_size=4)),
        st.tuples(st.sampled_from(["lt", "le", "gt", "ge"]), order),
        st.tuples(st.sampled_from(["contains", "starts_with"]), filled),
        st.tuples(st.sampled_from(["before", "after"]), DAYS),
        st.tuples(st.sampled_from(["within_days", "older_than_days"]), AGE),
        st.tuples(st.just("exists"), st.booleans()),
    )
    return st.builds(lambda name, test: {"field": f"attributes.{name}", test[0]: test[1]}, NAMES, operand)


def field_tests() -> st.SearchStrategy[dict[str, Any]]:
    """Tests on the contact's and the number's own columns."""
    text = st.one_of(
        st.tuples(st.sampled_from(["is", "is_not", "lt", "le", "gt", "ge"]), TEXTS),
        st.tuples(st.sampled_from(["in", "not_in"]), st.lists(TEXTS, min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["contains", "starts_with"]), TEXTS.filter(bool)),
        st.tuples(st.just("exists"), st.booleans()),
    )
    moment = st.one_of(
        st.tuples(st.sampled_from(["before", "after"]), DAYS | st.just("2026-03-01T12:00:00+00:00")),
        st.tuples(st.sampled_from(["within_days", "older_than_days"]), AGE),
    )
    columns = st.sampled_from(["country", "area_code", "line_type", "language", "postal_code", "region"])
    return st.builds(lambda name, test: {"field": name, test[0]: test[1]}, columns, text) | st.builds(
        lambda test: {"field": "created_at", test[0]: test[1]}, moment
    )


def definitions() -> st.SearchStrategy[dict[str, Any]]:
    """Whole definitions, nested a few levels."""

    def groups(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        some = st.lists(inner, max_size=3)
        return st.one_of(
            some.map(lambda parts: {"all": parts}),
            some.filter(bool).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        )

    return st.recursive(attribute_tests() | field_tests() | st.just({}), groups, max_leaves=6)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A database with our tables, on each engine in turn."""
    database = Database(database_url)
    give_tables(database)
    yield database
    database.close()


def fill(db: Database, people: list[dict[str, Any]]) -> None:
    """Make these the only contacts, with ids from 1."""
    number_fields = ("country", "area_code", "line_type")
    blank = {"key_version": 1, "cipher": b"c", "data_key": b"d", "state": "ok", "state_reason": "", "gates": 0}
    numbers = [
        {"id": at, "key": bytes([at]), "created_at": NOW, **blank, **{name: person[name] for name in number_fields}}
        for at, person in enumerate(people, 1)
    ]
    rows = [
        {"id": at, "number_id": at, **{name: value for name, value in person.items() if name not in number_fields}}
        for at, person in enumerate(people, 1)
    ]
    with db.write() as session:
        session.execute(delete(Contact))
        session.execute(delete(Number))
        insert_new(session, Number, numbers)
        insert_new(session, Contact, rows)


def found(db: Database, definition: dict[str, Any]) -> list[Recipient]:
    """Everyone whom the database finds for a definition."""
    condition = where(parse(definition), NOW, db.engine.dialect.name)
    with db.read() as session:
        people = select_contacts(session, condition, 0, 1000, 1000)
        assert count_contacts(session, condition) == len(people)
        return people


@settings(max_examples=80)
@given(people=st.lists(contacts(), min_size=1, max_size=8), asked=st.lists(definitions(), min_size=1, max_size=8))
def test_the_database_and_python_agree(db: Database, people: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
    """For any contacts and any segment, SQL finds exactly those whom ``matches`` finds."""
    fill(db, people)
    for definition in asked:
        segment = parse(definition)
        expected = [at for at, person in enumerate(people, 1) if matches(segment, person, NOW)]
        assert [person.contact_id for person in found(db, definition)] == expected


PERSON = {
    "country": "US",
    "area_code": "512",
    "line_type": "mobile",
    "language": None,
    "postal_code": None,
    "region": None,
    "zone": None,
    "import_id": None,
    "created_at": NOW,
    "changed_at": NOW,
    "attributes": {"city": "Austin"},
}
ATTACKS = ["' OR 1=1 --", '" OR ""="', "%", "_", "\\", "'; DROP TABLE contact; --", "$.city", ":x", "%(x)s", "{}"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_values_are_only_values(db: Database, attack: str) -> None:
    """Quotes, wildcards and parameter marks in a value find the person who has exactly them, and nobody else."""
    fill(db, [PERSON, {**PERSON, "attributes": {"city": attack}}])
    for operator, value in (("is", attack), ("in", [attack]), ("contains", attack), ("starts_with", attack)):
        people = found(db, {"field": "attributes.city", operator: value})
        assert [person.contact_id for person in people] == [2]
        assert found(db, {"field": "country", operator: value}) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_field_names_are_refused(attack: str) -> None:
    """What is not a plain attribute name never reaches the database."""
    for name in (attack, f"attributes.{attack}", f"attributes.city {attack}"):
        with pytest.raises(SegmentError):
            parse({"field": name, "is": "x"})


def test_contacts_come_in_slices_by_id(db: Database) -> None:
    """The planner walks an audience by contact id and never past the end it fixed at the start."""
    fill(db, [PERSON] * 5)
    condition = where(parse({}), NOW, db.engine.dialect.name)
    with db.read() as session:
        slices = [select_contacts(session, condition, after, 4, 2) for after in (0, 2, 4)]
    assert [[person.contact_id for person in some] for some in slices] == [[1, 2], [3, 4], []]
    first = slices[0][0]
    assert (first.attributes, first.country, first.cipher, first.data_key) == ({"city": "Austin"}, "US", b"c", b"d")


def test_a_recipient_can_be_asked_again_in_python(db: Database) -> None:
    """What ``select_contacts`` returns is all that ``matches`` needs."""
    fill(db, [PERSON])
    [person] = found(db, {})
    assert matches(parse({"field": "created_at", "within_days": 0}), person._asdict(), NOW)


def test_what_happened_last_is_asked_of_texts_replies_and_consent(db: Database) -> None:
    """Got, replied and agreed within some days, longer ago, and never; a consent that was ended is no agreement."""
    fill(db, [PERSON] * 3)
    then = NOW - timedelta(days=20)
    times = {"created_at": then, "changed_at": then, "touched_at": then, "send_after": then}
    program = Program(id=1, slug="a", brand="A", help_contact="x", created_at=NOW)
    reply = {"sid": "SM1", "body_cipher": b"", "intent": "none", "certain": True, "language": "", "matched_cipher": b""}
    with db.write() as session:
        session.add(program)
        session.flush()
        kinds = {"program_id": 1, "number_id": 1, "kind": "campaign", "purpose": "marketing", "status": "sent"}
        session.add(Message(sent_at=then, **kinds, **times))
        session.add(Reply(number_id=2, received_at=then, **reply))
        acts = [Act(n, 1, "opt_in", Purpose.MARKETING, then, "form") for n in (1, 2)]
        record(session, [*acts, Act(2, 1, "opt_out", Purpose.MARKETING, NOW, "form")], NOW)

    def ids(field: str, **test: object) -> list[int]:
        return [person.contact_id for person in found(db, {"field": field, **test})]

    assert (ids("last_text_at", within_days=30), ids("last_text_at", within_days=7)) == ([1], [])
    assert (ids("last_text_at", exists=False), ids("last_reply_at", older_than_days=7)) == ([2, 3], [2])
    assert (ids("agreed_at", exists=True), ids("agreed_at", before="2026-01-01")) == ([1], [])
    assert [p.contact_id for p in found(db, {"not": {"field": "last_text_at", "within_days": 30}})] == [2, 3]


def test_texts_without_a_reaction_are_counted_since_the_last_one(db: Database) -> None:
    """Offers and news count; codes and answers do not; a reply, a click or a consent begins anew; nobody has none."""
    fill(db, [PERSON] * 5)
    program = Program(id=1, slug="a", brand="A", help_contact="x", created_at=NOW)
    reply = {"sid": "SM1", "body_cipher": b"", "intent": "none", "certain": True, "language": "", "matched_cipher": b""}
    link = {"token": "t", "target_cipher": b"", "created_at": NOW, "expires_at": NOW}
    with db.write() as session:
        session.add(program)
        session.flush()
        texts = [_text(number, n) for number in (1, 2, 3, 4) for n in (30, 20, 10)]
        others = [_text(5, 5, purpose="code"), _text(5, 5, kind="answer"), _text(5, 5, sent=False)]
        session.add_all([*texts, *others])
        session.flush()
        session.add(Reply(number_id=2, received_at=NOW - timedelta(days=15), **reply))
        session.add(ShortLink(id=1, message_id=texts[6].id, number_id=3, **link))
        session.flush()
        at = NOW - timedelta(days=25)
        session.add(Click(link_id=1, message_id=texts[6].id, number_id=3, at=at, not_counted=""))
        session.add(Click(link_id=1, message_id=texts[6].id, number_id=3, at=NOW, not_counted="robot"))
        record(session, [Act(4, 1, "opt_in", Purpose.MARKETING, NOW, "form")], NOW)
    counts = [[p.contact_id for p in found(db, {"field": "unanswered_texts", "is": n})] for n in range(4)]
    assert counts == [[4, 5], [2], [3], [1]]
    assert [p.contact_id for p in found(db, {"field": "unanswered_texts", "ge": 2})] == [1, 3]


def _text(number_id: int, days: int, kind: str = "campaign", purpose: str = "marketing", sent: bool = True) -> Message:
    then = NOW - timedelta(days=days)
    times = {"created_at": then, "changed_at": then, "touched_at": then, "send_after": then}
    row = Message(program_id=1, number_id=number_id, kind=kind, purpose=purpose, status="sent", **times)
    row.sent_at = then if sent else None
    return row
