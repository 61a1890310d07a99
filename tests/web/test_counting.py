"""What pages show while their figures are counted: in a large installation nobody waits for them."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlmodel import col

from sender.campaigns.reports import LARGE
from sender.models import Message
from sender.runtime import Runtime
from web.context import NAME
from web.remembered import COUNTERS, Counting, Remembered

AGAIN = 200
"""So often a page is asked for until its figures are there; each time it waits for them a little."""


@pytest.fixture
def busy(app: Flask, runtime: Runtime, campaign: int) -> Iterator[Callable[[], None]]:
    """A large installation whose counting threads are held up; calling it lets them go on."""
    del campaign
    gate = threading.Event()
    for place in range(COUNTERS):
        with pytest.raises(Counting):
            app.extensions[NAME].remembered.aside(f"held {place}", 0.0, 1.0, gate.wait)
    with runtime.db.write() as session:
        newest = select(func.max(col(Message.id))).scalar_subquery()
        session.execute(update(Message).where(col(Message.id) == newest).values(id=LARGE + 1))
    yield gate.set
    gate.set()


PAGES = (
    ("/", "the figures appear here by themselves", "6 of 7 done"),
    ("/campaigns", "being counted", "6 of 7 done"),
    ("/campaigns/{}", "Its messages are being counted", "6 of 7 messages done"),
    ("/campaigns/{}/cancel", "still being counted", "1 message that waits is dropped"),
    ("/contacts/export", "All contacts leave", "0 contacts leave"),
    ("/segments/new", "These people are being counted", "Nobody is in this segment now"),
    ("/reports", "They appear here by themselves", "Handed over"),
    ("/reports/comparison/{}", "They appear here by themselves", "The campaign has one text"),
)
"""What each page says while it is counted, and what afterwards."""


def test_pages_do_not_wait_for_what_takes_long_to_count(
    signed_in: FlaskClient, campaign: int, busy: Callable[[], None]
) -> None:
    """They say that their figures are being counted and ask for themselves; afterwards they show them."""
    first = {path: signed_in.get(path.format(campaign)).text for path, _, _ in PAGES}
    assert all(meanwhile in first[path] and then not in first[path] for path, meanwhile, then in PAGES)
    busy()
    for path, meanwhile, then in PAGES:
        pages = (signed_in.get(path.format(campaign)).text for _ in range(AGAIN))
        assert then in next(page for page in pages if meanwhile not in page)


def test_a_running_campaign_can_be_stopped_before_it_is_counted(
    signed_in: FlaskClient, campaign: int, busy: Callable[[], None]
) -> None:
    """The buttons are there, and the page goes on asking for its figures."""
    page = signed_in.get(f"/campaigns/{campaign}").text
    assert f'action="/campaigns/{campaign}/pause"' in page
    assert f'hx-get="/campaigns/{campaign}/live"' in page
    assert f'hx-get="/campaigns/{campaign}/course"' in page
    assert 'hx-select-oob="#total"' in signed_in.get("/contacts").text
    busy()


def test_a_page_of_figures_that_asks_for_itself_hears_when_there_is_nothing_new(
    signed_in: FlaskClient, busy: Callable[[], None]
) -> None:
    """202 for the person, then 204 for the page itself, which changes nothing."""
    assert signed_in.get("/reports?by=program").status_code == 202
    assert 'hx-get="/reports?by=program"' in signed_in.get("/reports?by=program").text
    assert signed_in.get("/reports?by=program", headers={"HX-Request": "true"}).status_code == 204
    busy()


def test_who_asks_while_it_is_counted_again_gets_what_was_counted_last() -> None:
    """One count for all who ask; what is new is given as soon as it is there."""
    remembered, gate, begun = Remembered(), threading.Event(), []

    def slowly() -> str:
        begun.append(1)
        gate.wait()
        return "new"

    assert remembered.aside("a", 0.0, 5.0, lambda: "old") == "old"
    assert [remembered.aside("a", at, 5.0, slowly) for at in (4.0, 6.0, 7.0)] == ["old"] * 3
    gate.set()
    answers = (remembered.aside("a", 8.0, 5.0, slowly) for _ in range(AGAIN))
    assert next(answer for answer in answers if answer != "old") == "new"
    assert len(begun) == 1


def test_what_goes_wrong_aside_is_heard_by_who_asked() -> None:
    """The error, once; the next who asks has it counted again."""
    remembered, counts = Remembered(waits=30.0), iter([1, 0])
    with pytest.raises(ZeroDivisionError):
        remembered.aside("a", 0.0, 5.0, lambda: 1 / (next(counts) - 1))
    assert remembered.aside("a", 0.0, 5.0, lambda: 1 / (1 + next(counts))) == 1
