"""Texts of other software: the verdict at once, the gate's own, kept with its reasons, and sent like all others."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Decision, Message, Program
from sender.states import Status
from tests.api.conftest import Caller, allow_every_purpose, caller
from tests.installation import FOOTER, Installation, install

NUMBER = "+12125550123"


def asked(**changes: object) -> dict[str, object]:
    """A transactional text, but for these fields."""
    return {"to": NUMBER, "program": "acme", "purpose": "transactional", "body": "Your parcel left.", **changes}


@pytest.fixture
def shop(installation: Installation) -> Caller:
    """Software with a key for everything."""
    return caller(installation)


def count(installation: Installation) -> int:
    """How many messages there are."""
    with installation.runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(Message)).scalar_one())


def deliver(installation: Installation, message_id: str) -> None:
    """Take a text through the pipeline, as the scheduler and a worker would."""
    number = int(message_id.removeprefix("msg_"))
    with installation.runtime.db.write() as session:
        session.get_one(Message, number).status = Status.QUEUED.value
    wire = Wire()
    Pipeline(installation.runtime, wire).deliver([number])
    wire.close()


def test_a_text_is_accepted_and_leaves_through_the_pipeline(installation: Installation, shop: Caller) -> None:
    """A stranger may get a transactional text at once; what leaves is what was answered."""
    answer = shop.post("/messages", asked())
    assert answer.status_code == 201, answer.json
    told = answer.json
    assert (told["verdict"]["verdict"], told["status"], told["purpose"]) == ("accepted", "pending", "transactional")
    deliver(installation, told["id"])
    (sent,) = installation.provider.sent
    assert (sent.to, sent.cleared.draft.text) == (NUMBER, told["text"])
    assert shop.get(f"/messages/{told['id']}").json["status"] == "sent"


def test_a_text_says_what_it_is_about(installation: Installation, shop: Caller) -> None:
    """The subject is kept for caps that name one; a second text on it waits where the program allows one an hour."""
    with installation.runtime.db.write() as session:
        program = session.get_one(Program, installation.program_id)
        program.caps = [{"limit": 1, "hours": 1, "purpose": "transactional", "subject": "parcel"}]
    answers = []
    for subject, words in (("parcel", "One."), ("parcel", "Two."), ("table", "Three.")):
        told = shop.post("/messages", asked(body=words, subject=subject)).json
        deliver(installation, told["id"])
        answers.append(shop.get(f"/messages/{told['id']}").json["status"])
    assert answers == ["sent", "pending", "sent"]


def test_marketing_says_brand_and_way_out(installation: Installation, shop: Caller) -> None:
    """Words are frozen as they leave, with the footer in them, so parts and text are the true ones."""
    installation.contact(NUMBER)
    told = shop.post("/messages", asked(purpose="marketing", body="Beans are cheap today.")).json
    assert told["text"] == f"Acme: Beans are cheap today.\n{FOOTER}"


def test_a_refusal_is_told_in_words_and_kept(installation: Installation, shop: Caller) -> None:
    """Marketing to a stranger is blocked: the answer says by which guard and why, and so does the record."""
    told = shop.post("/messages", asked(purpose="marketing")).json
    assert (told["status"], told["reason"]) == ("blocked", "no_consent")
    assert (told["verdict"]["verdict"], told["verdict"]["guard"]) == ("blocked", "consent_check")
    assert told["verdict"]["sentences"][0].startswith("No: a marketing text may not go.")
    with installation.runtime.db.read() as session:
        kept = session.execute(select(Decision)).scalar_one()
    assert (kept.door, kept.guard, kept.reason) == ("api", "consent_check", "no_consent")


def test_a_text_at_night_waits_for_the_morning(installation: Installation, shop: Caller) -> None:
    """Deferred until, and the row says the same."""
    installation.contact(NUMBER)
    installation.clock.move(timedelta(hours=14))
    told = shop.post("/messages", asked(purpose="marketing")).json
    assert (told["verdict"]["verdict"], told["verdict"]["guard"]) == ("deferred", "quiet_hours")
    assert told["verdict"]["until"] == told["send_after"] == "2026-03-11T12:00:00Z"


def test_a_code_is_short_plain_and_nobodys_business(installation: Installation, shop: Caller) -> None:
    """It goes at night and to somebody who said stop to marketing, ends in ten minutes, and is not shown again."""
    installation.clock.move(timedelta(hours=14))
    far = (installation.clock.now() + timedelta(days=1)).isoformat()
    told = shop.post("/messages", asked(purpose="code", body="Acme: 204117 is your code.", expires_at=far)).json
    assert told["verdict"]["verdict"] == "accepted"
    assert told["expires_at"] == "2026-03-11T05:10:00Z"
    assert told["text"] is None
    deliver(installation, told["id"])
    assert installation.provider.sent[0].cleared.draft.text == "Acme: 204117 is your code."
    assert installation.provider.sent[0].validity <= 600


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"program": "acne"}, "unknown_program"),
        ({"to": "+1 212 55"}, "invalid_number"),
        ({"purpose": "code", "body": "50% off everything today only, shop the sale now!"}, "marketing_words"),
        ({"body": None, "template": "{% for x in y %}{% endfor %}"}, "invalid_template"),
        ({"body": None, "template": "Hi {{ first_name }}"}, "invalid_text"),
        ({"expires_at": "2026-03-10T14:59:00Z"}, "invalid_times"),
        ({"send_at": "2030-03-10T14:59:00Z"}, "invalid_times"),
        ({"template": "Hi"}, "invalid_request"),
        ({"body": "x" * 1601}, "invalid_request"),
        ({"unknown": 1}, "invalid_request"),
        ({"send_at": "0001-01-01T00:00:00+14:00"}, "invalid_request"),
        ({"dedupe": "60"}, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    installation: Installation, shop: Caller, changes: dict[str, object], code: str
) -> None:
    """A stable code and a sentence, and nothing is kept."""
    wanted = {name: value for name, value in asked(**changes).items() if value is not None}
    answer = shop.post("/messages", wanted)
    assert (answer.status_code, answer.json["code"], answer.mimetype) == (422, code, "application/problem+json")
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert count(installation) == 0


def test_the_same_text_is_asked_once_inside_its_window(installation: Installation, shop: Caller) -> None:
    """The second answer is the first text; after the window, or once it came to nothing, a new one is made."""
    first = shop.post("/messages", asked(dedupe=60)).json
    again = shop.post("/messages", asked(dedupe=60)).json
    assert (again["id"], again["repeated"], first["repeated"]) == (first["id"], True, False)
    shop.post(f"/messages/{first['id']}/cancel", {})
    second = shop.post("/messages", asked(dedupe=60)).json
    assert second["id"] != first["id"]
    installation.clock.move(timedelta(seconds=61))
    assert shop.post("/messages", asked(dedupe=60)).json["id"] != second["id"]


def test_a_waiting_text_can_be_taken_back_once(installation: Installation, shop: Caller) -> None:
    """Cancelled while it waits; a second time, or once it has left, is a conflict."""
    waits = shop.post("/messages", asked(send_at="2026-03-10T18:00:00Z")).json
    assert waits["send_after"] == "2026-03-10T18:00:00Z"
    assert shop.post(f"/messages/{waits['id']}/cancel", {}).json["status"] == "cancelled"
    again = shop.post(f"/messages/{waits['id']}/cancel", {})
    assert (again.status_code, again.json["code"]) == (409, "not_waiting")


def test_a_batch_judges_each_by_itself(installation: Installation, shop: Caller) -> None:
    """Good and bad stand in their order; one bad text hinders no other."""
    wanted = [asked(to=f"+1212555{place:04}") for place in range(100, 160)]
    wanted[3], wanted[57] = asked(to="nobody"), asked(purpose="marketing")
    data = shop.post("/messages/batch", {"messages": wanted}, once="nightly").json["data"]
    assert [place for place, item in enumerate(data) if item["problem"]] == [3]
    assert data[3]["problem"]["code"] == "invalid_number"
    assert data[57]["message"]["verdict"]["verdict"] == "blocked"
    assert count(installation) == 59
    assert shop.post("/messages/batch", {"messages": wanted}, once="nightly").json["data"] == data
    assert count(installation) == 59


def test_lists_go_page_by_page(installation: Installation, shop: Caller) -> None:
    """Newest first, each once, by state and number; a cursor that is not ours is refused."""
    made = [shop.post("/messages", asked(body=f"Parcel {place}.")).json["id"] for place in range(5)]
    first = shop.get("/messages", limit=3).json
    rest = shop.get("/messages", limit=3, cursor=first["next_cursor"]).json
    assert [one["id"] for one in (*first["data"], *rest["data"])] == made[::-1]
    assert rest["next_cursor"] is None
    assert shop.get("/messages", status="blocked").json["data"] == []
    assert len(shop.get("/messages", to=NUMBER).json["data"]) == 5
    assert shop.get("/messages", to="+12125550199").json["data"] == []
    assert shop.get("/messages", cursor="x").json["code"] == "invalid_cursor"


def test_a_key_sees_its_own_programs_alone(installation: Installation, shop: Caller) -> None:
    """Another program's text is not there, and it cannot be sent for; test and live texts are apart."""
    told = shop.post("/messages", asked()).json
    with installation.runtime.db.write() as session:
        session.add(Program(slug="other", brand="O", help_contact="o", created_at=installation.clock.now()))
    other = caller(installation, "messages:write", name="other", programs=["other"])
    test = caller(installation, "messages:write", name="test", is_test=True)
    for stranger in (other, test):
        assert stranger.get(f"/messages/{told['id']}").status_code == 404
        assert stranger.get("/messages").json["data"] == []
        assert stranger.post(f"/messages/{told['id']}/cancel", {}).status_code == 404
    assert other.post("/messages", asked()).json["code"] == "unknown_program"
    assert test.post("/messages", asked()).json["test"] is True


def test_test_keys_never_reach_a_real_provider(tmp_path: Path, sqlite_url: str) -> None:
    """Where no simulator on this machine takes texts, that of a test key is blocked when it is asked for."""
    made = install(tmp_path / "home", sqlite_url)
    allow_every_purpose(made)
    told = caller(made, is_test=True).post("/messages", asked()).json
    assert (told["status"], told["reason"], told["verdict"]["verdict"]) == ("blocked", "test_key", "blocked")
    with made.runtime.db.read() as session:
        assert session.execute(select(col(Message.is_test))).scalar_one() is True
    made.runtime.db.close()
