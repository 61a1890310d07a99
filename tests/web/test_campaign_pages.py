"""What a marketer sees and may press."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import SQLModel, col, select

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.audit import note
from sender.campaigns import course
from sender.models import Audit, Campaign, FromNumber, Installation, Message, Program, Variant
from sender.runtime import Runtime
from sender.settings import Settings
from tests.web.conftest import EMAIL, START, browser, log_in, make_campaign, submit
from web.app import create_app


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, but for the test that asks for both."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


POLLS = 'hx-trigger="every 2s"'


def status_of(runtime: Runtime, campaign_id: int) -> str:
    """A campaign's status."""
    with runtime.db.read() as session:
        return session.get_one(Campaign, campaign_id).status


def test_the_list_shows_every_campaign(signed_in: FlaskClient, campaign: int) -> None:
    """Name, brand, state and how far it is."""
    page = signed_in.get("/campaigns").text
    assert "Spring sale" in page
    assert "Lumen &amp; Co" in page
    assert "Running" in page
    assert "6 of 7 done" in page
    assert f"/campaigns/{campaign}" in page


def test_an_empty_list_says_what_to_do(signed_in: FlaskClient) -> None:
    """A fresh installation does not show an empty table."""
    assert "No campaigns yet" in signed_in.get("/campaigns").text


def test_a_campaign_shows_every_state_and_reason(signed_in: FlaskClient, campaign: int) -> None:
    """Each message in one state, in words, with the code beside it."""
    page = signed_in.get(f"/campaigns/{campaign}").text
    for words in ("Quiet hours where they are", "They said STOP", "There is no such number", "6 of 7 messages done"):
        assert words in page
    assert "6 parts billed" in page
    assert "1 of those that wait were put off" in page
    assert "Hi {{ first_name }}" in page
    counts = [int(found) for found in re.findall(r'<td[^>]* class="text-end tabular">(\d+)</td>', page)]
    assert sum(counts) == 7


def test_the_live_part_is_the_same_markup(signed_in: FlaskClient, campaign: int) -> None:
    """What htmx fetches stands word for word in the page, without its frame."""
    page = signed_in.get(f"/campaigns/{campaign}").text
    part = signed_in.get(f"/campaigns/{campaign}/live", headers={"HX-Request": "true"}).text
    without_tokens = [re.sub(r'value="[^"]+"', "", text) for text in (part, page)]
    assert POLLS in part
    assert without_tokens[0].strip() in without_tokens[1]
    assert "<html" not in part


@pytest.mark.parametrize("status", ["finished", "cancelled"])
def test_a_campaign_that_is_over_stands_still(
    signed_in: FlaskClient, runtime: Runtime, campaign: int, status: str
) -> None:
    """No polling and no buttons."""
    with runtime.db.write() as session:
        session.get_one(Campaign, campaign).status = status
    page = signed_in.get(f"/campaigns/{campaign}").text
    assert POLLS not in page
    assert f"/campaigns/{campaign}/cancel" not in page


def test_the_buttons_steer(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Pause, resume and cancel do it, each with the person's name in the audit."""
    address = f"/campaigns/{campaign}"
    for action, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        answer = submit(signed_in, address, f"{address}/{action}")
        assert (answer.status_code, answer.headers["Location"]) == (303, address)
        assert status_of(runtime, campaign) == status
    with runtime.db.read() as session:
        assert {one.actor for one in session.execute(select(Audit)).scalars()} == {EMAIL}


def test_cancelling_asks_in_numbers(signed_in: FlaskClient, campaign: int) -> None:
    """How many wait and would be dropped."""
    assert "1 message that waits is dropped. 6 are done" in signed_in.get(f"/campaigns/{campaign}/cancel").text


def test_a_copy_is_a_draft_of_its_own(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Same texts, another name, and the builder opens on it."""
    with runtime.db.write() as session:
        session.get_one(Program, session.get_one(Campaign, campaign).program_id).purposes = ["marketing"]
        session.execute(select(Variant)).scalar_one().template = "Lumen & Co: news"
    address = f"/campaigns/{campaign}/copy"
    answer = submit(signed_in, address, address, why="Again")
    assert answer.headers["Location"].endswith("/edit/basics")
    assert 'value="Again"' in signed_in.get(answer.headers["Location"]).text


def test_the_list_filters_by_status(signed_in: FlaskClient, campaign: int) -> None:
    """The address holds the filter; none like it is said so."""
    del campaign
    assert "Spring sale" in signed_in.get("/campaigns?status=running").text
    page = signed_in.get("/campaigns?status=paused").text
    assert "Spring sale" not in page
    assert "None like this" in page


@pytest.mark.parametrize("database_url", ["sqlite_url", "pg_url"], indirect=True)
def test_the_course_counts_hours_rates_and_stops(runtime: Runtime, campaign: int) -> None:
    """Hand-overs by hour, parts a minute of each from_number, and who said stop after their text."""
    with runtime.db.write() as session:
        one = session.get_one(Campaign, campaign)
        line = FromNumber(program_id=one.program_id, country="*", address="+12125550100", kind="long_code", rate=2.0)
        session.add(line)
        session.flush()
        for place, message in enumerate(session.execute(select(Message).order_by(col(Message.id))).scalars()):
            if message.status in ("delivered", "sent"):
                message.from_number_id, message.sent_at = line.id, START + timedelta(minutes=40 * place)
                message.final_at = message.sent_at if message.status == "delivered" else None
        number_id = session.execute(select(col(Message.number_id)).order_by(col(Message.id))).scalars().first() or 0
        act = Act(number_id, one.program_id, "opt_out", Purpose.MARKETING, START + timedelta(minutes=5), "keyword")
        record(session, [act], START)
    with runtime.db.read() as session:
        found = course.course(session, runtime.keys, session.get_one(Campaign, campaign), START + timedelta(minutes=81))
    assert [(hour.begins.hour - START.hour, hour.sent, hour.delivered) for hour in found.hours] == [
        (0, 2, 2),
        (1, 1, 0),
    ]
    assert [(rate.allowed, rate.lately) for rate in found.rates] == [(120.0, 0.4)]
    assert (found.opt_outs, [stop.number for stop in found.stops]) == (1, ["erased"])


def test_brakes_that_tripped_are_told(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Which one, the figure and the most, who released it and when, in the reader's words; none, and nothing stands."""
    page, subject = f"/campaigns/{campaign}", f"campaign {campaign}"
    assert "Brakes that tripped" not in signed_in.get(page).text
    told = [
        {"why": "many", "brake": name, "found": 1240, "of": 4000, "limit": 0.25}
        for name in ("filtered", "failed", "opt_outs")
    ]
    told += [{"why": "silent", "brake": "unknown_run", "found": 20}, {"why": "budget"}, {"why": "<missed its start>"}]
    with runtime.db.write() as session:
        for place, detail in enumerate(told):
            note(session, START + timedelta(hours=place), "system", "campaign.pause", subject, detail)
            if place < len(told) - 1:
                note(session, START + timedelta(hours=place, minutes=18), EMAIL, "campaign.resume", subject)
    english = signed_in.get(page).text
    for words in ("filtered by carriers", "not delivered", "answered with an opt-out"):
        assert f"1,240 of 4,000 texts were {words}: 31.0 %, where 25 % is the most." in english
    assert "20 texts in a row got no answer from the provider." in english
    assert "Its budget was used up." in english
    assert "&lt;missed its start&gt;" in english
    assert "after 18 min" in english
    assert english.count("Not yet") == 1
    german = signed_in.get(page, headers={"Accept-Language": "de"}).text
    assert "1.240 von 4.000 SMS wurden nicht zugestellt: 31,0 %, höchstens 25 % dürfen es sein." in german
    assert "Ausgelöste Bremsen" in signed_in.get(f"{page}/live", headers={"Accept-Language": "de"}).text


def test_a_button_pressed_too_late_changes_nothing(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Somebody else was faster: one sentence, and the campaign stays as it is."""
    with runtime.db.write() as session:
        session.get_one(Campaign, campaign).status = "cancelled"
    answer = submit(signed_in, "/", f"/campaigns/{campaign}/resume")
    assert answer.status_code == 409
    assert "cancelled" in answer.text
    assert status_of(runtime, campaign) == "cancelled"


def test_a_viewer_looks_and_presses_nothing(
    app: Flask, runtime: Runtime, add_user: Callable[..., int], campaign: int
) -> None:
    """No buttons, and no way around them."""
    add_user(role="viewer")
    viewer = browser(app)
    log_in(viewer)
    assert "Pause" not in viewer.get(f"/campaigns/{campaign}").text
    answer = submit(viewer, "/", f"/campaigns/{campaign}/pause")
    assert answer.status_code == 403
    assert status_of(runtime, campaign) == "running"


def test_a_marketer_of_one_program_does_not_see_another(
    app: Flask, runtime: Runtime, add_user: Callable[..., int], campaign: int
) -> None:
    """Not in the list, not by address, not by button."""
    with runtime.db.write() as session:
        theirs = make_campaign(session, "Secret launch", "other")
        program = session.get_one(Campaign, campaign).program_id
    add_user(role="marketer", program_id=program)
    marketer = browser(app)
    log_in(marketer)
    assert "Secret launch" not in marketer.get("/").text + marketer.get("/campaigns").text
    assert marketer.get(f"/campaigns/{theirs}").status_code == 404
    assert submit(marketer, "/", f"/campaigns/{theirs}/pause").status_code == 404
    assert submit(marketer, f"/campaigns/{campaign}", f"/campaigns/{campaign}/pause").status_code == 303
    assert status_of(runtime, theirs) == "running"


def test_looking_writes_nothing(signed_in: FlaskClient, app: Flask, runtime: Runtime, campaign: int) -> None:
    """Every page asked for with GET leaves every table as it was."""
    before = dump(runtime)
    for path in (
        "/",
        "/campaigns",
        "/halt",
        "/release",
        f"/campaigns/{campaign}",
        f"/campaigns/{campaign}/live",
        "/login",
        "/metrics",
        "/readyz",
    ):
        assert signed_in.get(path).status_code == 200, path
    assert signed_in.get("/logout").status_code == 405
    assert dump(runtime) == before


def dump(runtime: Runtime) -> str:
    """Everything in the database."""
    with runtime.db.read() as session:
        return repr([session.execute(table.select()).all() for table in SQLModel.metadata.sorted_tables])


def test_what_people_wrote_is_shown_as_text(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Names, texts and reasons with markup in them are not markup."""
    spell = "<script>alert(1)</script>"
    with runtime.db.write() as session:
        one = session.get_one(Campaign, campaign)
        one.name, one.status, one.paused_why = spell, "paused", spell
        variant = session.execute(select(Variant)).scalars().first()
        assert variant is not None
        variant.name, variant.template = spell, spell
        for message in session.execute(select(Message)).scalars():
            message.reason = spell
        session.get_one(Installation, 1).halted = True
        session.get_one(Installation, 1).halted_why = spell
    for path in ("/", "/campaigns", f"/campaigns/{campaign}", f"/campaigns/{campaign}/live"):
        assert "<script>alert" not in signed_in.get(path).text
    assert "&lt;script&gt;alert" in signed_in.get("/").text


def test_the_page_says_what_is_wrong_with_the_installation(
    signed_in: FlaskClient, runtime: Runtime, campaign: int
) -> None:
    """A halt and keys that were never exported; both are gone once they are mended."""
    del campaign
    assert "keys export" in signed_in.get("/").text
    with runtime.db.write() as session:
        session.get_one(Installation, 1).halted = True
        session.get_one(Installation, 1).halted_why = "restored from a backup"
        session.add(Audit(at=START, actor="cli", action="keys.export", subject="installation"))
    page = signed_in.get("/").text
    assert "restored from a backup" in page
    assert "keys export" not in page
    assert "Simulator" not in page


def test_the_page_says_when_no_phone_receives_anything(
    runtime: Runtime, settings: Settings, add_user: Callable[..., int]
) -> None:
    """With the simulator in Twilio's place every page says so."""
    add_user()
    simulated = settings.model_copy(update={"twilio_base_url": "http://127.0.0.1:9"})
    app = create_app(Runtime(simulated, runtime.db, runtime.keys, runtime.clock, runtime.chain, runtime.provider))
    client = browser(app)
    log_in(client)
    assert "No real phone receives a text" in client.get("/").text


def test_a_fault_of_ours_shows_nothing_of_itself(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """A page and no traceback."""
    with runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE message RENAME TO gone")
    answer = signed_in.get(f"/campaigns/{campaign}")
    assert answer.status_code == 500
    assert "went wrong on our side" in answer.text
    assert "message" not in answer.text


def test_logs_hold_patterns_and_no_addresses(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """A token in an address does not reach the access log, and whatever was refused does, a webhook too."""
    caplog.set_level("INFO", logger="tactful.access")
    client.get("/welcome/verysecret?also=secret")
    client.post("/hooks/twilio/inbound", data={"Body": "secret"})
    assert "POST /hooks/twilio/inbound 403" in caplog.text
    client.get("/verysecret/nowhere")
    assert "GET /welcome/<token> 404" in caplog.text
    assert "secret" not in caplog.text
