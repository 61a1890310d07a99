"""The first page: what goes out, what needs a person, how it went, and a new installation's way to a first text."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, update

from sender.campaigns import overview
from sender.models import Campaign, Installation, Message, Reply
from sender.runtime import Runtime
from tests.web.conftest import START, browser, log_in, make_campaign
from tests.web.walking import MOST_QUERIES, counted
from web.remembered import Remembered


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, but for the test that asks for both."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


def test_home_says_what_runs_and_what_needs_a_person(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """The running one with its progress; a paused one with its reason; one that was handed in."""
    assert "6 of 7 done" in signed_in.get("/").text
    with runtime.db.write() as session:
        one = session.get_one(Campaign, campaign)
        one.status, one.paused_why = "paused", "the budget is used up"
        session.add(
            Campaign(
                program_id=one.program_id, name="Next", status="submitted", submitted_by="bo@example.org",
                recipients=1234, created_at=START,
            )
        )  # fmt: skip
    page = signed_in.get("/").text
    assert "“Spring sale” stands still" in page
    assert "the budget is used up" in page
    assert "Handed in by bo@example.org for 1,234 people" in page


def test_home_leads_to_the_replies_that_wait(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """One reply that may have been a STOP: said, with the way to judge it."""
    del campaign
    assert "waits for a judgement" not in signed_in.get("/").text
    with runtime.db.write() as session:
        session.add(
            Reply(
                sid="SM1", number_id=1, body_cipher=b"c", intent="opt_out", certain=False, language="en",
                matched_cipher=b"c", state="review", received_at=START,
            )
        )  # fmt: skip
    page = signed_in.get("/").text
    assert "1 reply waits for a judgement" in page
    assert 'href="/inbox/review"' in page


def test_a_new_installation_is_led_to_its_first_text(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Nothing has left yet: a list of what to do, with what is done marked; gone with the first text."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
    page = signed_in.get("/").text
    assert "Your way to a first text" in page
    assert "Send yourself the first text" in page
    with runtime.db.write() as session:
        make_campaign(session)
    assert "Your way to a first text" not in signed_in.get("/").text


@pytest.mark.parametrize("database_url", ["sqlite_url", "pg_url"], indirect=True)
def test_the_trend_counts_days(runtime: Runtime, campaign: int) -> None:
    """Four of seven texts reached the provider, two were delivered, all on one day, on both databases."""
    del campaign
    with runtime.db.read() as session:
        days = overview.trend(session, None, START + timedelta(days=1))
        nobody = overview.trend(session, {999}, START + timedelta(days=1))
        spent = overview.spent(session, None, START - timedelta(days=1))
    assert len(days) == 14
    assert [(day.day, day.left, day.delivered) for day in days if day.left] == [(START.date(), 4, 2)]
    assert sum(day.left for day in nobody) == 0
    assert spent == 0


@pytest.mark.parametrize("database_url", ["sqlite_url", "pg_url"], indirect=True)
def test_spending_stands_against_the_budget_day_by_day(runtime: Runtime, signed_in: FlaskClient, campaign: int) -> None:
    """What the campaign's texts cost adds up from their day on, below its budget; without a budget nothing is shown."""
    later = START + timedelta(days=2)
    with runtime.db.write() as session:
        assert overview.against_budget(session, None, later) == []
        session.get_one(Campaign, campaign).budget = 400_000
        session.execute(update(Message).where(col(Message.campaign_id) == campaign).values(cost=83))
    with runtime.db.read() as session:
        days = overview.against_budget(session, None, later)
        assert overview.against_budget(session, {999}, later) == []
    assert [(one.spent, one.budget) for one in days[-4:]] == [(0, 400_000), *[(4 * 83, 400_000)] * 3]
    assert "Spent against budget" in signed_in.get("/").text


def test_a_marketer_of_one_program_sees_its_own(
    app: Flask, runtime: Runtime, add_user: Callable[..., int], campaign: int
) -> None:
    """Campaigns and figures of other programs are not counted for them."""
    with runtime.db.write() as session:
        make_campaign(session, "Secret launch", "other")
        program = session.get_one(Campaign, campaign).program_id
    add_user(role="marketer", program_id=program)
    marketer = browser(app)
    log_in(marketer)
    page = marketer.get("/").text
    assert "Secret launch" not in page
    assert '<div class="figure-value">4</div>' in page


@pytest.mark.parametrize("path", ["/", "/campaigns", "/campaigns/{}", "/segments", "/segments/new"])
def test_no_page_asks_more_than_fifteen_questions(
    signed_in: FlaskClient, runtime: Runtime, campaign: int, path: str
) -> None:
    """Whatever is on it, a page costs a fixed few statements."""
    signed_in.get(path.format(campaign))
    with counted(runtime) as asked:
        assert signed_in.get(path.format(campaign)).status_code == 200
    assert 0 < len(asked) <= MOST_QUERIES


def test_what_is_dear_is_counted_once_a_while() -> None:
    """Within the time the first answer is given again; after it, and for another key, it is counted anew."""
    remembered, counts = Remembered(), iter(range(9))
    asked = (("a", 0), ("a", 59), ("b", 59), ("a", 61))
    ask = [remembered.get(key, at, 60.0, lambda: next(counts)) for key, at in asked]
    assert ask == [0, 0, 1, 2]


def test_what_took_long_is_kept_longer_where_the_page_says_how_old_it_is() -> None:
    """With patience the first answer outlives its seconds by as many times as it took, but not by the next hour."""
    remembered, counts = Remembered(), iter(range(9))
    ask = [remembered.get("a", at, 0.0, lambda: next(counts), patience=1e12) for at in (0, 599, 601, 3601)]
    assert ask == [0, 0, 1, 2]
