"""The pages of replies: review and inbox, without script, and only for those who may."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sender.delivery.replies import InboundText, receive
from sender.models import Contact, FromNumber, Installation, Message, Program, Reply
from sender.runtime import Runtime
from tests.web.conftest import START, browser, log_in, submit

NEW_YORK, LINE = "+12125550123", "+12125550100"


@pytest.fixture
def said(runtime: Runtime) -> int:
    """A question and an unsure reply of one person each to one program; returns the first person's number id."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
        program = Program(slug="acme", brand="Acme & Co", help_contact="x", created_at=START)
        program.countries, program.purposes = ["US"], ["marketing"]
        session.add(program)
        session.flush()
        session.add(FromNumber(program_id=program.id or 0, country="*", address=LINE, kind="long_code"))
    receive(runtime, InboundText("SM" + "1" * 32, NEW_YORK, LINE, "When do you <open>?"))
    receive(runtime, InboundText("SM" + "2" * 32, "+12125550124", LINE, "hm, not interested <b>"))
    return 1


def test_the_review_shows_what_decided_and_takes_a_decision(
    signed_in: FlaskClient, runtime: Runtime, said: int
) -> None:
    """The words that matched are marked, the rule and the clock are named, and one press settles it."""
    page = signed_in.get("/inbox/review").text
    assert "hm, <mark>not interested</mark> &lt;b&gt;" in page
    assert "becomes an opt-out at" in page
    assert "hx-get" in signed_in.get("/inbox/review/live").text
    assert submit(signed_in, "/inbox/review", "/inbox/review/2/opt_out").status_code == 303
    assert "Nothing waits" in signed_in.get("/inbox/review").text
    with runtime.db.read() as session:
        assert session.get_one(Reply, 2).decided_by == "ana@example.org"


def test_a_second_press_is_told_who_was_first(signed_in: FlaskClient, said: int) -> None:
    """Nothing is changed, and the page says so."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', signed_in.get("/inbox/review").text)
    assert token
    for status in (303, 409):
        answer = signed_in.post("/inbox/review/2/harmless", data={"csrf_token": token[1]})
        assert answer.status_code == status


def test_a_conversation_is_read_and_answered(signed_in: FlaskClient, runtime: Runtime, said: int) -> None:
    """From the list to the thread to an answer that is planned; what may not go comes back with its reason."""
    assert "2 new" not in signed_in.get("/inbox").text
    assert "When do you &lt;open&gt;?" in signed_in.get("/inbox?view=unread").text
    page = f"/inbox/{said}"
    assert submit(signed_in, page, f"{page}/answer", text="At nine.", press="x").status_code == 303
    assert "At nine." in signed_in.get(f"{page}/live").text
    refused = submit(signed_in, page, f"{page}/answer", text="", press="y")
    assert refused.status_code == 422
    assert "The answer is empty" in refused.text
    with runtime.db.read() as session:
        assert session.get_one(Message, 1).kind == "answer"


def test_people_are_called_by_their_names(signed_in: FlaskClient, runtime: Runtime, said: int) -> None:
    """Who is a contact stands in the inbox with the name, above the masked number, and the way to the profile."""
    with runtime.db.write() as session:
        times = {"created_at": START, "changed_at": START}
        session.add(Contact(number_id=said, attributes={"first_name": "Ann"}, **times))
    assert f'<a href="/inbox/{said}">Ann</a>' in signed_in.get("/inbox").text
    page = signed_in.get(f"/inbox/{said}").text
    assert ("<h1>Ann</h1>" in page, f'href="/contacts/{said}"' in page) == (True, True)


def test_conversations_are_taken_and_marked(signed_in: FlaskClient, said: int) -> None:
    """Take it, and mark it as read."""
    page = f"/inbox/{said}"
    assert submit(signed_in, page, f"{page}/assign", to="me").status_code == 303
    assert "Give back" in signed_in.get(page).text
    assert submit(signed_in, page, f"{page}/read").status_code == 303
    assert "1 new" in signed_in.get("/inbox").text
    assert "(1)" in signed_in.get("/inbox").text


def test_prepared_answers_are_kept_and_retired(signed_in: FlaskClient, said: int) -> None:
    """A canned answer can be picked in a conversation until it is retired; a keyword like STOP is refused."""
    page = "/inbox/answers"
    kept = submit(signed_in, page, page, program="1", kind="canned", keyword="Hours", text="From nine to five.")
    assert kept.status_code == 303
    assert "From nine to five." in signed_in.get(f"/inbox/{said}").text
    refused = submit(signed_in, page, page, program="1", kind="auto", keyword="STOP", text="No.")
    assert refused.status_code == 422
    assert submit(signed_in, page, f"{page}/1/retire").status_code == 303
    assert "From nine to five." not in signed_in.get(f"/inbox/{said}").text
    assert submit(signed_in, page, f"{page}/9/retire").status_code == 404


def test_who_may_only_look_decides_nothing(app: Flask, add_user: Callable[..., int], said: int) -> None:
    """A viewer sees the reply without buttons; whoever has no role here sees nothing of it."""
    add_user("viewer@example.org", "viewer", 1)
    add_user("other@example.org", "owner", 7)
    viewer, other = browser(app), browser(app)
    log_in(viewer, "viewer@example.org")
    log_in(other, "other@example.org")
    assert "not interested" in viewer.get("/inbox/review").text
    assert "Opt out</button>" not in viewer.get("/inbox/review").text
    assert submit(viewer, "/inbox", "/inbox/review/2/opt_out").status_code == 403
    assert submit(viewer, "/inbox", f"/inbox/{said}/answer", text="Hi").status_code == 403
    assert "Nothing waits" in other.get("/inbox/review").text
    assert other.get(f"/inbox/{said}").status_code == 404
    assert submit(other, "/inbox", "/inbox/review/2/opt_out").status_code == 404
