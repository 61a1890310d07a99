"""Who waits for whom on PostgreSQL: a gate for nobody's STOP, and a STOP that a deadlock undid is done again."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import col, select
from structlog.testing import capture_logs

from sender.audience.merging import merge
from sender.audience.opt_outs import stop_on_page
from sender.delivery.gate import open_gate
from sender.delivery.replies import receive
from sender.locks import lock_numbers
from sender.models import Campaign, Contact, Message
from sender.states import Status, advance
from tests.delivery.test_replies import NEW_YORK, inbound, state
from tests.installation import TUESDAY, Installation, install
from tests.waiting import eventually

NEIGHBOUR = "+12125550124"
STOPS: dict[str, Callable[[Installation, int], object]] = {
    "text": lambda made, _: receive(made.runtime, inbound("STOP")),
    "link": lambda made, number: stop_on_page(made.runtime, number, made.program_id, "/o/", "token"),
}


@pytest.fixture
def installed(tmp_path: Path, pg_url: str) -> Iterator[Installation]:
    """An installation on PostgreSQL, where several write at once."""
    made = install(tmp_path / "home", pg_url)
    yield made
    made.runtime.db.close()


def test_a_gate_leaves_alone_what_somebody_else_holds(installed: Installation) -> None:
    """A STOP that has its number and its text keeps no gate waiting: the batch's other text goes."""
    stopped, free = installed.contact(NEW_YORK), installed.contact(NEIGHBOUR)
    held, other = installed.message(stopped), installed.message(free)
    with ThreadPoolExecutor() as pool, installed.runtime.db.write() as stop:
        lock_numbers(stop, [stopped])
        stop.execute(text("UPDATE message SET parts = parts WHERE id = :id"), {"id": held})
        opened = pool.submit(open_gate, installed.runtime, [held, other])
        assert [one.message_id for one in opened.result(20)] == [other]


@pytest.mark.parametrize("door", STOPS)
def test_a_stop_that_was_undone_for_others_is_done_again(installed: Installation, door: str) -> None:
    """Somebody takes a text before its number, PostgreSQL undoes the STOP for the deadlock; the next time it holds."""
    number = installed.contact(NEW_YORK)
    waiting = installed.message(number, status="pending")
    with capture_logs() as said, ThreadPoolExecutor() as pool:
        with installed.runtime.db.write() as other:
            other.execute(text("SET LOCAL deadlock_timeout = '1min'"))
            other.execute(text("UPDATE message SET parts = parts WHERE id = :id"), {"id": waiting})
            stopped = pool.submit(STOPS[door], installed, number)
            eventually(lambda: _somebody_waits(installed))
            lock_numbers(other, [number])
        stopped.result(20)
    assert [line["event"] for line in said].count("a deadlock undid it; once more") == 1
    assert state(installed, number) == "out"
    with installed.runtime.db.read() as session:
        assert session.exec(select(Message.status)).all() == [Status.BLOCKED]


def _somebody_waits(installed: Installation) -> bool:
    with installed.runtime.db.read() as session:
        return session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one() > 0


def test_a_merge_waits_for_the_gate_that_has_one_of_the_numbers(installed: Installation) -> None:
    """A gate lets one text through while two contacts are merged: the merge sees it on the wire and ends the other."""
    numbers = [installed.contact(number) for number in (NEW_YORK, NEIGHBOUR)]
    with installed.runtime.db.write() as session:
        campaign = Campaign(program_id=installed.program_id, name="Sale", status="running", created_at=TUESDAY)
        session.add(campaign)
        contacts = list(session.exec(select(Contact.id).order_by(col(Contact.id))))
    sale = campaign.id
    texts = [
        installed.message(number, campaign_id=sale, contact_id=contact)
        for number, contact in zip(numbers, contacts, strict=True)
    ]
    with ThreadPoolExecutor() as pool:
        with installed.runtime.db.write() as gate:
            lock_numbers(gate, numbers[1:])
            advance(gate, texts[1:], Status.SENDING, now=TUESDAY, real=TUESDAY)
            merged = pool.submit(merge, installed.runtime, contacts[0] or 0, contacts[1] or 0, "ana")
            eventually(lambda: _somebody_waits(installed))
        merged.result(20)
    assert [installed.status(text) for text in texts] == [Status.BLOCKED, Status.SENDING]
