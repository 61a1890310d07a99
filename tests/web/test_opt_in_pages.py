"""Sign-up forms from both sides: marketers write, publish and print them; strangers fill them in."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import func, select

from sender.models import ConsentEvent, FromNumber, Number, OptInForm, OptInRequest, Program
from sender.runtime import Runtime
from tests.web.conftest import START, browser, log_in, submit

MARK = re.compile(r'name="mark" value="([^"]+)"')
FIELDS = {
    "slug": "club",
    "headline": "Join the club",
    "about": "offers",
    "countries": "US",
    "age_limit": "0",
    "hourly_limit": "60",
    "double_opt_in": "yes",
    "keyword": "club",
    "sites": "https://shop.example.com/landing",
}
SAID = {
    "frequency": "up to 4 texts a month",
    "terms_url": "https://lumen.example/terms",
    "privacy_url": "https://lumen.example/privacy",
}


@pytest.fixture
def program(runtime: Runtime) -> int:
    """Lumen & Co, which texts the United States from a short code; returns its id."""
    with runtime.db.write() as session:
        row = Program(slug="lumen", brand="Lumen & Co", help_contact="help@lumen.example", created_at=START)
        row.purposes, row.countries = ["marketing"], ["US"]
        session.add(row)
        session.flush()
        session.add(FromNumber(program_id=row.id or 0, country="*", address="25555", kind="short_code"))
        return row.id or 0


@pytest.fixture
def form(signed_in: FlaskClient, program: int) -> int:
    """A published form with a keyword and one site."""
    assert submit(signed_in, f"/opt-in/programs/{program}", f"/opt-in/programs/{program}", **SAID).status_code == 303
    made = submit(signed_in, "/opt-in/new", "/opt-in/new", program_id=str(program), **FIELDS)
    assert made.status_code == 303
    assert submit(signed_in, made.location, f"{made.location}/publish").status_code == 303
    return int(made.location.rpartition("/")[2])


def count(runtime: Runtime, table: Any) -> int:
    """Rows of a table."""
    with runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


def fill_in(client: FlaskClient, **fields: str) -> Any:
    """Open the page as a stranger and send it."""
    found = MARK.search(client.get("/join/club").text)
    assert found
    typed = {"mark": found[1], "number": "(212) 555-0123", "region": "US", "agree": "yes", **fields}
    return client.post("/join/club", data=typed)


def test_a_form_that_lacks_a_part_says_so_and_is_not_public(
    signed_in: FlaskClient, app: Flask, program: int, runtime: Runtime
) -> None:
    """Saved without a word about terms; publishing names what is missing, and nobody can open it."""
    made = submit(signed_in, "/opt-in/new", "/opt-in/new", program_id=str(program), **FIELDS)
    refused = submit(signed_in, made.location, f"{made.location}/publish")
    assert refused.status_code == 422
    assert "it lacks how often they come, the link to the terms and the link to the privacy policy" in refused.text
    assert browser(app).get("/join/club").status_code == 404
    for link in (
        "x",
        "http://lumen.example/terms",
        "javascript:alert(1)//lumen.example",
        "data:text/html,lumen.example",
    ):
        said = {**SAID, "terms_url": link}
        wrong = submit(signed_in, f"/opt-in/programs/{program}", f"/opt-in/programs/{program}", **said)
        assert (wrong.status_code, "beginning with https://" in wrong.text) == (422, True)
    bare = submit(signed_in, f"/opt-in/programs/{program}", f"/opt-in/programs/{program}")
    assert (bare.status_code, "Please mend this first" in bare.text) == (422, True)
    assert count(runtime, OptInForm) == 1


def test_the_public_page_says_everything_and_ticks_nothing(app: Flask, form: int) -> None:
    """The whole disclosure with links, an empty box, no cookie, and frames on the named site alone."""
    page = browser(app).get("/join/club")
    for words in (
        "Lumen &amp; Co",
        "up to 4 texts a month",
        "not a condition",
        "rates may apply",
        "Reply STOP",
        "HELP",
    ):
        assert words in page.text
    assert 'href="https://lumen.example/terms"' in page.text
    box = re.search(r'<input type="checkbox"[^>]*>', page.text)
    assert box
    assert "checked" not in box[0]
    assert 'name="agree"' in box[0]
    assert '<form method="post" novalidate>' in page.text
    assert "Set-Cookie" not in page.headers
    assert "X-Frame-Options" not in page.headers
    assert "frame-ancestors https://shop.example.com" in page.headers["Content-Security-Policy"]
    assert 'href="sms:25555?&amp;body=CLUB"' in page.text


def test_everybody_gets_the_same_answer(app: Flask, form: int, runtime: Runtime) -> None:
    """New, asked already, or caught by the trap: one page, and a robot leaves no row at all."""
    client = browser(app)
    robot = fill_in(client, website="https://spam.example")
    assert (count(runtime, Number), count(runtime, OptInRequest)) == (0, 0)
    first, second = fill_in(client), fill_in(client)
    assert robot.text == first.text == second.text
    assert (first.status_code, count(runtime, ConsentEvent)) == (200, 0)
    assert "Reply <b>YES</b>" in first.text


@pytest.mark.parametrize(
    ("fields", "sentence", "status"),
    [
        ({"agree": ""}, "Tick the box", 422),
        ({"number": "12"}, "too few digits", 422),
        ({"number": "+442079460123"}, "Only numbers of US", 422),
        ({"mark": "1.2.3.4"}, "open for long", 409),
    ],
)
def test_what_cannot_be_taken_is_shown_again(
    app: Flask, form: int, runtime: Runtime, fields: dict[str, str], sentence: str, status: int
) -> None:
    """One sentence, what was typed still there, nothing kept."""
    answer = fill_in(browser(app), **fields)
    assert (answer.status_code, sentence in answer.text) == (status, True)
    assert 'value="(212) 555-0123"' in answer.text or "number" in fields
    assert count(runtime, OptInRequest) == 0


def test_other_sites_cannot_send_the_form(app: Flask, form: int) -> None:
    """A page elsewhere that posts for its visitors is told so by their browsers."""
    answer = browser(app).post("/join/club", data={"number": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_an_old_page_is_not_taken(app: Flask, form: int, clock: Any) -> None:
    """After four hours it is shown anew."""
    client = browser(app)
    found = MARK.search(client.get("/join/club").text)
    assert found
    clock.move(timedelta(hours=4))
    assert client.post("/join/club", data={"mark": found[1], "agree": "yes"}).status_code == 409


def test_the_poster_and_its_code_lead_to_the_keyword(signed_in: FlaskClient, form: int) -> None:
    """Every word of the call stands on the sheet; the code is a small drawing without script or style."""
    for paper in ("a4", "letter"):
        sheet = signed_in.get(f"/opt-in/{form}/poster?paper={paper}")
        assert f"sheet-{paper}" in sheet.text
        assert (
            "Text CLUB to 25555 to get recurring automated marketing texts (offers) from Lumen &amp; Co" in sheet.text
        )
    code = signed_in.get(f"/opt-in/{form}/qr.svg")
    assert (code.mimetype, "<script" in code.text, "style=" in code.text) == ("image/svg+xml", False, False)


def test_closing_takes_the_form_off_the_net(signed_in: FlaskClient, app: Flask, form: int) -> None:
    """Asked first, then gone; publishing again brings it back."""
    assert "Whoever signed up stays signed up" in signed_in.get(f"/opt-in/{form}/close").text
    assert submit(signed_in, f"/opt-in/{form}/close", f"/opt-in/{form}/close").status_code == 303
    assert browser(app).get("/join/club").status_code == 404
    assert submit(signed_in, f"/opt-in/{form}", f"/opt-in/{form}/publish").status_code == 303
    assert browser(app).get("/join/club").status_code == 200


def test_the_preview_follows_the_editor(signed_in: FlaskClient, program: int) -> None:
    """What is typed stands in the small print at once, before anything is kept."""
    page = signed_in.get("/opt-in/new").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    typed = {**FIELDS, "about": "fresh beans", "program_id": str(program), "csrf_token": token[1]}
    shown = signed_in.post("/opt-in/preview", data=typed).text
    assert "recurring automated marketing texts (fresh beans)" in shown
    assert "To publish it, add how often they come" in shown


def test_an_agent_signs_people_up_but_writes_no_form(
    app: Flask, form: int, runtime: Runtime, add_user: Callable[..., int]
) -> None:
    """The question is asked once for one press; a viewer may do neither."""
    add_user("bo@example.org", "agent")
    agent = browser(app)
    log_in(agent, "bo@example.org")
    page = agent.get("/opt-in/in-person").text
    assert "recurring automated marketing texts" in page
    press = re.search(r'name="press" value="([^"]+)"', page)
    assert press
    typed = {"form": str(form), "number": "212 555 0124", "how": "spoken", "note": "Till 3", "press": press[1]}
    assert submit(agent, "/opt-in/in-person", "/opt-in/in-person", **typed).status_code == 200
    assert submit(agent, "/opt-in/in-person", "/opt-in/in-person", **{**typed, "how": ""}).status_code == 422
    assert count(runtime, OptInRequest) == 1
    assert agent.get("/opt-in/new").status_code == 403
    assert submit(agent, "/opt-in/in-person", f"/opt-in/{form}/publish").status_code == 403
    add_user("vi@example.org", "viewer")
    viewer = browser(app)
    log_in(viewer, "vi@example.org")
    assert viewer.get(f"/opt-in/{form}").status_code == 200
    assert viewer.get("/opt-in/in-person").status_code == 403
