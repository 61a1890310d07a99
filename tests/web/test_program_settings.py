"""The forms beside a program's words: hours of replies and of the desk, and short links."""

import html

from flask.testing import FlaskClient

from sender.models import Program
from sender.runtime import Runtime
from tests.web.conftest import START, submit

HOURS = {"review_hours": "8", "reply_hours": "48", "confirm_hours": "12"}
DESK = {"staffed": "hours", "zone": "America/New_York", "hours-mon": "09:00-12:00, 14:00-18:00"}


def made(runtime: Runtime, privacy_url: str = "") -> int:
    """A program; returns its id."""
    with runtime.db.write() as session:
        row = Program(slug="club", brand="Lumen", help_contact="help@lumen.example", created_at=START)
        row.purposes, row.countries, row.privacy_url = ["marketing"], ["US"], privacy_url
        session.add(row)
        session.flush()
        return row.id or 0


def kept(runtime: Runtime, program_id: int) -> Program:
    """The program as it is kept."""
    with runtime.db.read() as session:
        return session.get_one(Program, program_id)


def test_hours_of_replies_and_of_the_desk_are_kept_and_taken_back(signed_in: FlaskClient, runtime: Runtime) -> None:
    """What is saved stands in the form and on the program's page; without a desk nobody is told that it is late."""
    program_id = made(runtime)
    page = f"/programs/{program_id}/replies"
    assert submit(signed_in, page, page, **HOURS, **DESK).status_code == 303
    found = kept(runtime, program_id)
    assert (found.review_hours, found.reply_hours, found.confirm_hours) == (8, 48, 12)
    assert found.desk == {"zone": "America/New_York", "hours": [[0, 540, 720], [0, 840, 1080]]}
    assert 'value="09:00-12:00, 14:00-18:00"' in signed_in.get(page).text
    assert "09:00-12:00, 14:00-18:00" in signed_in.get(f"/programs/{program_id}").text
    assert submit(signed_in, page, page, **HOURS).status_code == 303
    assert kept(runtime, program_id).desk is None


def test_the_answer_at_night_is_seen_before_it_is_kept(signed_in: FlaskClient, runtime: Runtime) -> None:
    """With a desk in the form the answer outside of its hours stands in the preview, and nothing is changed."""
    program_id = made(runtime)
    page = f"/programs/{program_id}/replies"
    told = "while nobody is at the desk"
    assert told not in signed_in.get(page).text
    assert told in submit(signed_in, page, f"{page}/preview", **HOURS, **DESK).text
    assert kept(runtime, program_id).desk is None


def test_hours_that_make_no_sense_are_one_sentence(signed_in: FlaskClient, runtime: Runtime) -> None:
    """They are answered 422 with what to mend, and nothing is half kept."""
    program_id = made(runtime)
    page = f"/programs/{program_id}/replies"
    wrong = (
        ({**HOURS, "reply_hours": "73"}, "give 1 to 72 hours"),
        ({**HOURS, **DESK, "hours-mon": ""}, "The desk has no hours"),
        ({**HOURS, **DESK, "hours-mon": "late"}, "'late' is no span"),
        ({**HOURS, **DESK, "zone": "Mars"}, "needs a zone"),
    )
    for typed, sentence in wrong:
        answer = submit(signed_in, page, page, **typed)
        assert (answer.status_code, sentence in html.unescape(answer.text)) == (422, True)
    assert kept(runtime, program_id).reply_hours == 24


def test_links_get_short_only_where_people_can_read_of_it(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Without a link to a privacy policy the page says where to add it; with one they are switched on and off."""
    program_id = made(runtime)
    page = f"/programs/{program_id}/links"
    assert f"/programs/{program_id}/edit#privacy_url" in signed_in.get(page).text
    refused = submit(signed_in, page, page, short="yes", days="30")
    assert refused.status_code == 422
    assert kept(runtime, program_id).links is None
    with runtime.db.write() as session:
        session.get_one(Program, program_id).privacy_url = "https://lumen.example/privacy"
    assert submit(signed_in, page, page, short="yes", days="30", utm="yes").status_code == 303
    assert kept(runtime, program_id).links == {"days": 30, "utm": True}
    assert "clicks are counted" in signed_in.get(f"/programs/{program_id}").text
    assert submit(signed_in, page, page, days="30").status_code == 303
    assert kept(runtime, program_id).links is None
