"""Rates hold across all who hand over, campaigns share what there is, and little waits where no pause reaches it."""

import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.delivery.dispatcher import BATCH, DEPTH, Dispatcher
from sender.delivery.pace import AHEAD_SECONDS
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Campaign, FromNumber, Message, Number
from tests.approving import approve
from tests.chaos.house import House, house, token_of
from tests.installation import TUESDAY, Installation, line

RATE, SLOW = 20, 4
SECONDS = 2.5


def campaign(installation: Installation, name: str) -> int:
    """A running campaign."""
    with installation.runtime.db.write() as session:
        row = Campaign(program_id=installation.program_id, name=name, status="running", created_at=TUESDAY)
        session.add(row)
        session.flush()
        return row.id or 0


def test_two_schedulers_keep_one_rate(tmp_path: Path, database_url: str) -> None:
    """Twenty parts a second for the from_number and four for one campaign, by the simulator's log; others go on."""
    with house(tmp_path, database_url) as made:
        slow, other = made.campaign(), made.campaign()
        people = made.people(80)
        of = dict.fromkeys(made.messages(people, slow, "pending"), "slow")
        of |= dict.fromkeys(made.messages(people, other, "pending"), "other")
        with made.database.write() as session:
            session.execute(update(FromNumber).values(rate=RATE))
            session.execute(update(Campaign).where(col(Campaign.id) == slow).values(rate=SLOW))
            approve(session, slow)
        took = _two_schedulers(made)
        tokens = made.messages_of_tokens()
        sent = Counter(of[tokens[token_of(entry)]] for entry in made.accepted())
    assert RATE < sent.total() <= RATE * (took + 1) + 1
    assert SLOW <= sent["slow"] <= SLOW * (took + 1) + 1
    assert sent["other"] > sent["slow"]


def _two_schedulers(made: House) -> float:
    began = time.monotonic()

    def work() -> None:
        with made.runtime() as runtime:
            wire = Wire()
            dispatcher = Dispatcher(runtime, Pipeline(runtime, wire).deliver)
            while time.monotonic() < began + SECONDS:
                dispatcher.hand_over()
            wire.ask(runtime.provider.close())
            wire.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def test_campaigns_take_turns(installation: Installation) -> None:
    """One that waits longer and is much larger takes no more of the room than one that has just begun."""
    number = installation.contact("+12125550123", consent=False)
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, address="+12125550101", country="CA", rate=100_000.0)
    large, small = campaign(installation, "large"), campaign(installation, "small")
    _fill(installation, number, large, DEPTH, 5)
    _fill(installation, number, small, BATCH // 2, 0)
    rung: list[list[int]] = []
    Dispatcher(installation.runtime, rung.append).hand_over()
    with installation.runtime.db.read() as session:
        of = dict(session.execute(select(col(Message.id), col(Message.campaign_id))).all())
    assert sum(map(len, rung)) == DEPTH
    assert Counter(of[one] for one in rung[0])[small] >= BATCH // 2 - 8
    assert Counter(of[one] for batch in rung for one in batch)[small] == BATCH // 2


def test_single_texts_leave_campaigns_what_room_there_is(installation: Installation) -> None:
    """Where ordinary texts of the API fill all but less than a batch of the queue, a campaign still gets that part."""
    number = installation.contact("+12125550123", consent=False)
    running = campaign(installation, "running")
    _fill(installation, number, None, DEPTH - BATCH // 2, 0)
    _fill(installation, number, running, BATCH, 0)
    rung: list[list[int]] = []
    Dispatcher(installation.runtime, rung.append).hand_over()
    with installation.runtime.db.read() as session:
        of = dict(session.execute(select(col(Message.id), col(Message.campaign_id))).all())
    assert Counter(of[one] for batch in rung for one in batch)[running] == BATCH // 2


def test_what_a_dead_worker_had_fetched_holds_up_no_campaign(installation: Installation) -> None:
    """Four batches that nobody will gate before the sweep finds them leave room to hand over more at once."""
    number = installation.contact("+12125550123", consent=False)
    running = campaign(installation, "running")
    _fill(installation, number, running, 4 * BATCH, 0)
    with installation.runtime.db.write() as session:
        session.execute(update(Message).values(status="queued"))
    _fill(installation, number, running, BATCH, 0)
    assert Dispatcher(installation.runtime, lambda _: None).hand_over() == BATCH


def _fill(installation: Installation, number: int, of: int | None, count: int, minutes: int) -> None:
    """So many due texts of a campaign to numbers of their own, which are never looked at."""
    then = TUESDAY - timedelta(minutes=minutes)
    with installation.runtime.db.write() as session:
        session.execute(update(FromNumber).values(rate=100_000.0))
        columns = {"program_id": installation.program_id, "kind": "campaign", "purpose": "marketing"}
        times = {"send_after": then, "created_at": then, "changed_at": then, "touched_at": then}
        session.add_all(
            Message(campaign_id=of, number_id=one, from_number_id=installation.line_id, status="pending", parts=1,
                    **columns, **times)
            for one in _numbers(session, number, count)
        )  # fmt: skip


def _numbers(session: Session, number: int, count: int) -> list[int]:
    one = session.get_one(Number, number)
    rows = [
        Number(key=f"{count} {place}".encode(), cipher=one.cipher, data_key=one.data_key, created_at=TUESDAY)
        for place in range(count)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id or 0 for row in rows]


def test_little_waits_at_a_slow_from_number(installation: Installation) -> None:
    """While nothing is answered, no more of a from_number's texts are handed over than it sends in ten seconds."""
    with installation.runtime.db.write() as session:
        session.execute(update(FromNumber).values(rate=2.0))
    number = installation.contact("+12125550123", consent=False)
    for _ in range(40):
        installation.message(number, status="pending")
    dispatcher, handed = Dispatcher(installation.runtime, lambda ids: None), 0
    for _ in range(30):
        handed += dispatcher.hand_over()
        installation.clock.move(timedelta(seconds=1))
    assert handed == 2.0 * AHEAD_SECONDS
