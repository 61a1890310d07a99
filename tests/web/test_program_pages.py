"""Programs on pages: made, changed, judged as a whole, and every automatic answer shown as it goes out."""

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from sender.crypto import unseal
from sender.delivery import prepared
from sender.delivery.replies import InboundText, receive
from sender.models import Audit, Campaign, FromNumber, Message, Number, Program, Wording
from sender.runtime import Runtime
from tests.web.conftest import START, browser, log_in, submit

PHONE, LINE = "+12125550123", "+12025550100"
NEW = {
    "slug": "club", "brand": "Lumen & Co", "help_contact": "help@lumen.example", "purposes": "marketing",
    "countries": "US", "address": LINE, "kind": "long_code", "footer": "Reply STOP to opt out",
    "link_footer": "Stop: {link}", "footer_every_days": "0", "max_parts": "0", "opt_out_scope": "program",
}  # fmt: skip
BUBBLE = re.compile(r'class="phone-bubble">([^<]*)<')


@pytest.fixture
def club(signed_in: FlaskClient, runtime: Runtime) -> int:
    """A program that was made on its page, whose line answers keywords by us; returns its id."""
    made = submit(signed_in, "/programs/new", "/programs/new", **NEW)
    assert made.status_code == 303, made.text
    with runtime.db.write() as session:
        session.execute(select(FromNumber)).scalars().one().answers_keywords = False
    return int(made.location.rpartition("/")[2])


def changed(client: FlaskClient, program_id: int, **fields: str) -> tuple[int, str]:
    """Save the form with these fields; the status and the page it gives."""
    answer = submit(client, f"/programs/{program_id}/edit", f"/programs/{program_id}/edit", **{**NEW, **fields})
    return answer.status_code, answer.text


def acts(runtime: Runtime) -> list[tuple[str, dict[str, object]]]:
    """What the audit says of programs."""
    with runtime.db.read() as session:
        return [(row.action, row.detail) for row in session.execute(select(Audit)).scalars() if "program" in row.action]


def test_a_program_is_made_and_changed_with_one_audit_line_each(
    signed_in: FlaskClient, runtime: Runtime, club: int
) -> None:
    """Caps, hours, refusals and words come back as they were typed; the audit names what is different."""
    fields = {
        "cap-limit": "4", "cap-hours": "168", "cap-scope": "program", "cap-purpose": "marketing", "cap-subject": "*",
        "hours-mon": "09:00-12:00, 14:00-18:00", "refusals": "fr: STOP 36123", "domains": "lumen.example",
        "words-stop": "Lumen & Co: that was our last text.",
    }  # fmt: skip
    assert changed(signed_in, club, **fields)[0] == 303
    with runtime.db.read() as session:
        row = session.get_one(Program, club)
        assert row.caps == [{"limit": 4, "hours": 168, "scope": "program", "purpose": "marketing", "subject": "*"}]
        assert row.hours == [[0, 540, 720], [0, 840, 1080]]
        assert (row.refusals, row.domains) == ({"FR": "STOP 36123"}, ["lumen.example"])
    form = html.unescape(signed_in.get(f"/programs/{club}/edit").text)
    assert all(text in form for text in ("09:00-12:00, 14:00-18:00", "FR: STOP 36123", "that was our last text."))
    assert [(action, detail.get("changed")) for action, detail in acts(runtime)] == [
        ("program.create", None),
        ("program.change", ["caps", "hours", "refusals", "domains"]),
    ]
    assert changed(signed_in, club, **fields)[0] == 303
    assert len(acts(runtime)) == 2


WRONG = (
    ("brand", " ", "The program's brand is empty"),
    ("countries", "Utopia", "'UTOPIA' is not a country"),
    ("footer_every_days", "often", "The footer_every_days is 'often'"),
    ("hours-mon", "nine to five", "The hours cannot be read"),
    ("cap-limit", "0", "The limit of a cap is '0'"),
    ("refusals", "STOP 36123", "names no country"),
    ("link_footer", "Stop", "must hold {link} once"),
    ("words-welcome", "Hello!", "The welcome wording lacks"),
    ("terms_url", "lumen.example", "terms_url is no whole address"),
    ("terms_url", "javascript:alert(1)//lumen.example", "terms_url is no whole address"),
)


def test_what_is_wrong_is_one_sentence_and_nothing_changes(signed_in: FlaskClient, runtime: Runtime, club: int) -> None:
    """Every mistake is answered 422 with the form as it was typed, and the program stays as it was."""
    cap = {"cap-limit": "2", "cap-hours": "24", "cap-scope": "", "cap-purpose": "", "cap-subject": ""}
    for field, text, sentence in WRONG:
        status, page = changed(signed_in, club, **{**cap, "max_parts": "3", field: text})
        assert (status, sentence in html.unescape(page)) == (422, True), field
        assert 'name="max_parts" type="text" value="3"' in page
    with runtime.db.read() as session:
        assert session.get_one(Program, club).max_parts == 0
    assert len(acts(runtime)) == 1


def test_a_new_brand_and_the_words_that_name_it_change_together(
    signed_in: FlaskClient, runtime: Runtime, club: int
) -> None:
    """The welcome must name the brand, so both go in one form; words once said cannot be unsaid."""
    said = "{}: welcome. Msg & data rates may apply. Help: help@lumen.example. Reply STOP to stop."
    assert changed(signed_in, club, **{"words-welcome": said.format("Lumen & Co")})[0] == 303
    assert changed(signed_in, club, brand="Umbra", **{"words-welcome": said.format("Lumen & Co")})[0] == 422
    assert changed(signed_in, club, brand="Umbra", **{"words-welcome": said.format("Umbra")})[0] == 303
    assert changed(signed_in, club, brand="Umbra", **{"words-welcome": ""})[0] == 422
    with runtime.db.read() as session:
        assert [row.version for row in session.execute(select(Wording)).scalars()] == [1, 2]


def test_answers_are_shown_as_they_go_out(signed_in: FlaskClient, runtime: Runtime, club: int) -> None:
    """STOP, HELP, a keyword and its answers: each planned text stands on the page word for word, with its parts."""
    assert changed(signed_in, club, **{"words-help": "Lumen & Co – help is near. {preferences}"})[0] == 303
    prepared.keep(runtime, club, "auto", "HOURS", "Lumen & Co: nine to five.", "ana")
    for place, body in enumerate(("hours", "HELP", "STOP")):
        receive(runtime, InboundText(sid=f"SM{place:032x}", body=body, from_=PHONE, to=LINE))
    page = signed_in.get(f"/programs/{club}").text
    shown = [re.sub(r"/p/\S+", "/p/", html.unescape(one)) for one in BUBBLE.findall(page)]
    with runtime.db.read() as session:
        number = session.execute(select(Number)).scalars().one()
        sent = [unseal(runtime.keys.unwrap(number.data_key), row.text_cipher or b"").decode()
                for row in session.execute(select(Message)).scalars()]  # fmt: skip
    assert len(sent) == 3
    assert {re.sub(r"/p/\S+", "/p/", one) for one in sent} <= set(shown)
    assert "characters, special: –" in page


def test_the_provider_s_own_answers_are_named(signed_in: FlaskClient, runtime: Runtime, club: int) -> None:
    """Where a from_number answers single keywords by itself, the page says that we stay silent."""
    page = f"/programs/{club}"
    assert "answered by the provider" not in signed_in.get(page).text
    added = submit(
        signed_in, page, f"{page}/from-numbers", address="+12025550101", kind="long_code", answers_keywords="yes"
    )
    assert added.status_code == 303
    assert "answered by the provider itself on +12025550101" in signed_in.get(page).text
    assert submit(signed_in, page, f"{page}/from-numbers", address="+12025550101", kind="fax").status_code == 422
    slow = submit(signed_in, page, f"{page}/from-numbers", address="+12025550102", kind="long_code", rate="fast")
    assert (slow.status_code, "Give parts a second as a number, such as 0.5." in slow.text) == (422, True)
    assert "0 texts that wait" in signed_in.get(f"{page}/retire?address=%2B12025550101").text
    assert submit(signed_in, page, f"{page}/retire", address="+12025550101").status_code == 303
    assert submit(signed_in, page, f"{page}/retire", address="+12025550101").status_code == 422
    assert "answered by the provider" not in signed_in.get(page).text


def test_a_change_says_how_many_campaigns_it_stops(signed_in: FlaskClient, runtime: Runtime, club: int) -> None:
    """The form names them, and typing shows the answers before anything is kept."""
    with runtime.db.write() as session:
        session.add(Campaign(program_id=club, name="One", status="running", created_at=START))
    assert "1 approved or running campaign waits" in signed_in.get(f"/programs/{club}/edit").text
    look = f"/programs/{club}/edit", f"/programs/{club}/preview"
    assert "Call us" in submit(signed_in, *look, **{**NEW, "words-help": "Call us"}).text
    assert "Call us" not in signed_in.get(f"/programs/{club}").text
    assert "whole number" in submit(signed_in, *look, **{**NEW, "max_parts": "x"}).text


def test_an_author_reads_but_does_not_change(
    app: Flask, add_user: Callable[..., int], runtime: Runtime, club: int
) -> None:
    """The button is not there, and a form made by hand is refused."""
    add_user(email="vic@example.org", role="author", program_id=club)
    author = browser(app)
    log_in(author, "vic@example.org")
    assert "/edit" not in author.get(f"/programs/{club}").text
    assert author.get(f"/programs/{club}/edit").status_code == 403
    assert submit(author, "/account", f"/programs/{club}/edit", **NEW).status_code == 403
    assert author.get("/programs/new").status_code == 403
    assert len(acts(runtime)) == 1
