"""Handing over: only what is due, of running campaigns, answers first, within each from_number's rate."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlmodel import Session, col

from sender.delivery.dispatcher import BATCH, DEPTH, URGENT_DEPTH, Dispatcher
from sender.halt import halt
from sender.models import Campaign, Message, Number
from sender.states import Status, advance, wait_again
from tests.installation import TUESDAY, Installation, line


@pytest.fixture
def rung() -> list[list[int]]:
    """What the bell was rung for, batch by batch."""
    return []


@pytest.fixture
def dispatcher(installation: Installation, rung: list[list[int]]) -> Dispatcher:
    """A dispatcher whose first second has passed, so that its from_numbers may send."""
    made = Dispatcher(installation.runtime, rung.append)
    installation.clock.move(timedelta(seconds=1))
    return made


def campaign(installation: Installation, status: str) -> int:
    """A campaign in this state."""
    with installation.runtime.db.write() as session:
        row = Campaign(program_id=installation.program_id, name=status, status=status, created_at=TUESDAY)
        session.add(row)
        session.flush()
        return row.id or 0


def waiting(installation: Installation, count: int, **columns: object) -> list[int]:
    """So many pending messages."""
    number = installation.contact("+12125550123", consent=False)
    return [installation.message(number, status="pending", **columns) for _ in range(count)]


def test_what_is_due_is_handed_over_once(
    installation: Installation, dispatcher: Dispatcher, rung: list[list[int]]
) -> None:
    """Due messages are queued and rung for in batches; asked again, there is nothing left."""
    messages = waiting(installation, BATCH + 5)
    assert dispatcher.hand_over() == BATCH + 5
    assert sorted(message for batch in rung for message in batch) == messages
    assert [len(batch) for batch in rung] == [BATCH, 5]
    assert dispatcher.hand_over() == 0
    assert {installation.status(message) for message in messages} == {"queued"}


def test_what_waits_for_its_hour_stays(installation: Installation, dispatcher: Dispatcher) -> None:
    """A message whose send_after lies ahead is left alone until then."""
    waiting(installation, 1, send_after=installation.clock.now() + timedelta(hours=1))
    assert dispatcher.hand_over() == 0
    installation.clock.move(timedelta(hours=1))
    assert dispatcher.hand_over() == 1


def test_only_running_campaigns_are_handed_over(installation: Installation, dispatcher: Dispatcher) -> None:
    """Messages of a paused campaign wait."""
    number = installation.contact("+12125550123", consent=False)
    for status in ("paused", "running"):
        installation.message(number, status="pending", campaign_id=campaign(installation, status), send_after=TUESDAY)
        number = installation.contact("+12125550124", consent=False) if status == "paused" else number
    assert dispatcher.hand_over() == 1


def test_a_from_number_sends_no_faster_than_its_rate(installation: Installation, dispatcher: Dispatcher) -> None:
    """A long code of one part a second gets one text a second, whatever waits; two parts take two."""
    with installation.runtime.db.write() as session:
        slow = line(session, installation.program_id, country="CA", address="+14165550100", rate=1.0)
    waiting(installation, 4, from_number_id=slow, parts=2)
    handed = []
    for _ in range(8):
        handed.append(dispatcher.hand_over())
        installation.clock.move(timedelta(seconds=1))
    assert sum(handed) == 4
    assert max(handed) == 1


def test_a_slow_from_number_at_the_head_holds_up_no_other(installation: Installation) -> None:
    """Older texts wait for a long code of one part a second: the faster one's go at once, in a campaign or not."""
    with installation.runtime.db.write() as session:
        slow = line(session, installation.program_id, country="CA", address="+14165550100", rate=1.0)
    running, early = campaign(installation, "running"), TUESDAY - timedelta(hours=1)
    number = installation.contact("+12125550123", consent=False)
    first = installation.message(number, status="pending", from_number_id=slow, send_after=early)
    with installation.runtime.db.write() as session:
        fill(session, first, DEPTH + 5, campaign_id=None)
        fill(session, first, DEPTH + 5, campaign_id=running)
    others = [installation.message(number, status="pending")]
    others.append(installation.message(number, status="pending", campaign_id=running))
    assert Dispatcher(installation.runtime, lambda ids: None).hand_over() == 3
    assert {installation.status(message) for message in others} == {"queued"}


def fill(session: Session, like: int, count: int, campaign_id: int | None) -> None:
    """So many more pending messages like this one, each to a number of its own."""
    row, number = session.get_one(Message, like).model_dump(), session.get_one(Message, like).number_id
    known = session.get_one(Number, number).model_dump()
    numbers = [{**known, "id": None, "key": f"{campaign_id} {place}".encode()} for place in range(count)]
    made = insert(Number).returning(col(Number.id))
    ids = session.execute(made, [{k: v for k, v in one.items() if k != "id"} for one in numbers]).scalars()
    rows = [{**row, "number_id": one, "campaign_id": campaign_id} for one in ids]
    session.execute(insert(Message), [{k: v for k, v in one.items() if k != "id"} for one in rows])


def test_a_bell_that_cannot_be_rung_loses_nothing(installation: Installation) -> None:
    """When Redis is away the rows stay queued, for the sweep to find."""

    def broken(_: list[int]) -> None:
        raise ConnectionError("no Redis")

    dispatcher = Dispatcher(installation.runtime, broken)
    installation.clock.move(timedelta(seconds=1))
    (message,) = waiting(installation, 1)
    with pytest.raises(ConnectionError):
        dispatcher.hand_over()
    assert installation.status(message) == "queued"


def test_what_somebody_waits_for_passes_every_campaign(installation: Installation) -> None:
    """With all room taken by a campaign, a code is rung for first and on its own bell, then transactional texts."""
    rung: list[list[int]] = []
    taken: list[int] = []
    dispatcher = Dispatcher(installation.runtime, rung.append, taken.extend)
    installation.clock.move(timedelta(seconds=1))
    number = installation.contact("+12125550123", consent=False)
    for _ in range(DEPTH):
        installation.message(number, status="queued")
    installation.message(number, status="pending", purpose="marketing", kind="api")
    parcel = installation.message(number, status="pending", purpose="transactional", kind="api")
    code = installation.message(number, status="pending", purpose="code", kind="api")
    answer = installation.message(number, status="pending", purpose="informational", kind="answer", answers="help")
    assert dispatcher.hand_over() == 3
    assert (set(taken), rung) == ({code, parcel, answer}, [])
    assert dispatcher.hand_over() == 0


def test_a_code_goes_before_a_thousand_texts_of_other_software(installation: Installation) -> None:
    """Within what is urgent, codes are first, whatever has waited longer."""
    taken: list[int] = []
    dispatcher = Dispatcher(installation.runtime, lambda _: None, taken.extend)
    installation.clock.move(timedelta(seconds=1))
    waiting(installation, URGENT_DEPTH + 5, purpose="transactional", kind="api", send_after=TUESDAY)
    number = installation.contact("+12125550124", consent=False)
    code = installation.message(number, status="pending", purpose="code", kind="api")
    assert dispatcher.hand_over() == URGENT_DEPTH
    assert code in taken


def test_a_campaign_keeps_its_own_rate_and_leaves_room_for_others(
    installation: Installation, dispatcher: Dispatcher
) -> None:
    """Three parts a second leave three a second, however much of the campaign is due; others are not held up."""
    slow, other = campaign(installation, "running"), 0
    with installation.runtime.db.write() as session:
        session.get_one(Campaign, slow).rate = 3.0
        row = Campaign(program_id=installation.program_id, name="other", status="running", created_at=TUESDAY)
        session.add(row)
        session.flush()
        other = row.id or 0
    early = TUESDAY - timedelta(hours=1)
    numbers = [installation.contact(f"+1212555{n:04}", consent=False) for n in range(100, 120)]
    mine = [installation.message(one, status="pending", campaign_id=slow, send_after=early) for one in numbers]
    theirs = [installation.message(one, status="pending", campaign_id=other) for one in numbers]
    for second in range(1, 4):
        dispatcher.hand_over()
        assert sum(installation.status(message) == "queued" for message in mine) == 3 * second
        installation.clock.move(timedelta(seconds=1))
    assert {installation.status(message) for message in theirs} == {"queued"}


def test_what_is_urgent_is_handed_over_without_the_rest(installation: Installation) -> None:
    """A code is queued and rung for on its own bell, once, while other texts go on waiting; halted, nothing is."""
    person, other = (installation.contact(f"+1212555010{n}") for n in range(2))
    code = installation.message(person, purpose="code", kind="api", status="pending")
    offer = installation.message(other, kind="api", status="pending")
    bells: dict[str, list[int]] = {"urgent": [], "other": []}
    dispatcher = Dispatcher(installation.runtime, bells["other"].extend, bells["urgent"].extend)
    assert (dispatcher.hand_over_urgent(), dispatcher.hand_over_urgent()) == (1, 0)
    assert (bells, installation.status(code), installation.status(offer)) == (
        {"urgent": [code], "other": []}, "queued", "pending",
    )  # fmt: skip
    late = installation.message(other, purpose="code", kind="api", status="pending")
    halt(installation.runtime, "a test", "ann")
    assert (dispatcher.hand_over_urgent(), installation.status(late)) == (0, "pending")


def test_a_move_goes_through_its_messages_once(installation: Installation) -> None:
    """A batch is read, sorted and locked in one pass, not gone through anew for each text (PostgreSQL tells)."""
    if installation.runtime.db.is_sqlite:
        return
    ids = waiting(installation, 40)
    said: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("UPDATE message", "WITH held")):
            plan = connection.connection.dbapi_connection.execute(f"EXPLAIN (ANALYZE) {statement}", parameters)
            said.extend(row[0].strip() for row in plan if "LockRows" in row[0])

    event.listen(installation.runtime.db.engine, "before_cursor_execute", explain)
    with installation.runtime.db.write() as session:
        advance(session, ids, Status.QUEUED, now=TUESDAY, real=TUESDAY)
    assert len(said) == 1
    assert "rows=40.00 loops=1)" in said[0]


def test_a_move_reads_the_messages_it_names_alone(installation: Installation) -> None:
    """Whatever the state, hundreds are found by their ids, never among a million that wait (SQLite tells its plan)."""
    if not installation.runtime.db.is_sqlite:
        return
    said: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        plan = connection.connection.dbapi_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        said.extend(row[3] for row in plan if statement.startswith("UPDATE"))

    event.listen(installation.runtime.db.engine, "before_cursor_execute", explain)
    for count in (1, 8, 384):
        with installation.runtime.db.write() as session:
            for status in Status:
                advance(session, range(count), status, now=TUESDAY, real=TUESDAY)
            wait_again(session, range(count), now=TUESDAY, real=TUESDAY)
    assert len(said) == 3 * (len(Status) + 1)
    assert set(said) == {"SEARCH message USING INTEGER PRIMARY KEY (rowid=?)"}
