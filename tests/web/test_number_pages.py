"""Number files and retention in the browser: the same acts as by command, for a right, a reason and a fresh sign-in."""

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, update
from sqlmodel import col, select

from sender.archive import packing
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.audience.retention import KINDS
from sender.models import ArchivePage, Audit, LegalHold, Message, Number, RetentionRule
from sender.runtime import Runtime
from tests.web.conftest import FIELD, submit
from web.pages.retention import WORDS

ANN = "+12125550100"


@pytest.fixture
def ann(runtime: Runtime) -> int:
    """Somebody whose number is known; its row."""
    with runtime.db.write() as session:
        return find_or_make(session, runtime.keys, [parse(ANN, None)], runtime.clock.now())[ANN]


def send_file(client: FlaskClient, kind: str, text: str, **fields: str) -> Any:
    """Send a file as the browser does."""
    found = FIELD.search(client.get("/numbers").text)
    token = {"csrf_token": found[1]} if found else {}
    return client.post(f"/numbers/{kind}", data={"file": (io.BytesIO(text.encode()), "list.csv"), **token, **fields})


def acts(runtime: Runtime) -> list[str]:
    """What stands in the audit, in order."""
    with runtime.db.read() as session:
        return list(session.execute(select(Audit.action).order_by(col(Audit.id))).scalars())


def test_each_kind_of_file_is_taken_in(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """Registers with their age, given-up and reassigned numbers, whom nobody may text; no file stays behind."""
    page = send_file(signed_in, "do_not_call", f"{ANN}\n", country="us", drawn="2020-01-02", covers="212").text
    for words in (
        "On the register: 1.",
        "National Do Not Call Registry",
        "2020-01-02",
        "older than 31 days",
        "covers=212",
    ):
        assert words in page
    assert "Known here: 1" in send_file(signed_in, "deactivated", f"{ANN}\n", on="2020-01-02").text
    assert "Answered no: 1" in send_file(signed_in, "reassigned", f"{ANN},no\n").text
    before = acts(runtime)
    looked = send_file(signed_in, "suppress", f"{ANN}\n+12125550101\nnobody\n", look="yes").text
    assert "Nothing was changed." in looked
    assert "Lines read: 2, Known here: 1" in looked
    assert acts(runtime) == before
    assert "Never texted from now on: 1" in send_file(signed_in, "suppress", f"{ANN}\n", why="asked").text
    answer = submit(signed_in, "/numbers/suppressed", "/numbers/suppressed", why="for another provider")
    assert (answer.mimetype, f"{ANN},asked,all" in answer.text) == ("text/csv", True)
    assert answer.headers["Content-Disposition"] == "attachment; filename=suppressed.csv"
    assert submit(signed_in, "/numbers/suppressed", "/numbers/suppressed", why=" ").status_code == 422
    assert "Never texted already: 1" in send_file(signed_in, "unsuppress", f"{ANN}\n", look="yes").text
    assert "Lines read" not in send_file(signed_in, "reassigned", f"{ANN},no\n", look="yes").text
    assert submit(signed_in, "/numbers/to_ask", "/numbers/to_ask", why="monthly").text == "number,consent_date\n"
    assert "Taken off the list: 1" in send_file(signed_in, "unsuppress", f"{ANN}\n", why="mistaken").text
    with runtime.db.read() as session:
        assert session.get_one(Number, ann).state == "ok"
    where = "/numbers/registers/US/forget"
    assert "Numbers dropped: 1." in submit(signed_in, f"{where}?covers=212", where, covers="212", why="no offers").text
    assert "National Do Not Call" not in signed_in.get("/numbers").text
    assert [one for one in acts(runtime) if "." in one and not one.startswith(("user", "session"))][-8:] == [
        "register.take_in", "numbers.deactivated", "numbers.reassigned", "numbers.suppress", "people.export",
        "people.export", "numbers.unsuppress", "register.forget",
    ]  # fmt: skip
    assert list(runtime.settings.home.glob(".numbers-*")) == []


def test_what_does_not_fit_is_said_and_changes_nothing(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """No file, no day, a day to come, no reason, no country, no number: one sentence each, without a path of ours."""
    del ann
    before = len(acts(runtime))
    found = FIELD.search(signed_in.get("/numbers").text)
    empty = signed_in.post("/numbers/suppress", data={"csrf_token": found[1] if found else ""})
    assert (empty.status_code, "Choose a file first" in empty.text) == (422, True)
    for kind, text, fields, sentence in (
        ("deactivated", ANN, {}, "Give the day of the file"),
        ("deactivated", ANN, {"on": "2999-01-01"}, "is in the future"),
        ("suppress", ANN, {"why": " "}, "Say why these numbers"),
        ("do_not_call", ANN, {"country": "Utopia", "drawn": "2020-01-02"}, "no country code"),
        ("do_not_call", "none", {"country": "US", "drawn": "2020-01-02"}, "list.csv has no number in it"),
    ):
        answer = send_file(signed_in, kind, f"{text}\n", **fields)
        assert (answer.status_code, sentence in answer.text) == (422, True), sentence
        assert str(runtime.settings.home) not in answer.text
    stale = signed_in.post("/numbers/suppress", data={"file": (io.BytesIO(b"x"), "a.csv"), "csrf_token": "old"})
    assert (stale.status_code, len(acts(runtime))) == (403, before)


def test_a_period_is_changed_after_its_consequence_was_said(signed_in: FlaskClient, runtime: Runtime) -> None:
    """In numbers, before; what a kind does not allow is refused."""
    page = signed_in.get("/retention").text
    assert all(str(WORDS[name]) in page for name, kind in KINDS.items() if not kind.like)
    ask, change = "/retention/ask", "/retention/change"
    asked = submit(signed_in, "/retention", ask, kind="clicks", days="90").text
    assert "0 rows are older and go for good" in asked
    assert submit(signed_in, "/retention", change, kind="clicks", days="90").status_code == 303
    with runtime.db.read() as session:
        assert session.execute(select(RetentionRule)).scalar_one().days == 90
    for kind, days in (("clicks", "soon"), ("api_answers", "forever"), ("nothing", "3")):
        assert submit(signed_in, "/retention", ask, kind=kind, days=days).status_code == 422
    refused = submit(signed_in, "/retention", change, kind="api_answers", days="400")
    assert (refused.status_code, "at most" in refused.text) == (422, True)


def test_the_archive_is_shown_and_switched(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Off at first; days that caps need are refused; the switch is an act, and what is packed is told in figures."""
    page = signed_in.get("/retention").text
    assert "nothing so far" in page
    for days in ("soon", "3", "1234567"):
        assert submit(signed_in, "/retention", "/retention/archive", open_days=days).status_code == 422
    assert submit(signed_in, "/retention", "/retention/archive", open_days="180").status_code == 303
    damage(runtime)
    page = signed_in.get("/retention").text
    assert "after 180 days" in page
    assert "2 texts on 1 pages, 0.1 MB" in page
    assert submit(signed_in, "/retention", "/retention/archive", open_days="off").status_code == 303
    with runtime.db.read() as session:
        assert packing.days(session) is None
    assert acts(runtime)[-2:] == ["archive.set", "archive.set"]


def damage(runtime: Runtime) -> None:
    """A page whose bytes are not those that were written."""
    now = runtime.clock.now()
    broken = {"passages": b"x", "passages_hash": b"other", "decisions": b"x", "decisions_hash": b"other"}
    page = ArchivePage(packed_at=now, looked_to=9, texts=2, **broken)  # type: ignore[arg-type]
    page.decided_from = page.decided_until = now
    with runtime.db.write() as session:
        session.add(page)


def test_a_damaged_page_is_named_where_it_is_met(
    signed_in: FlaskClient, runtime: Runtime, ann: int, campaign: int
) -> None:
    """Which page, of when, and how to mend it, in the reader's language; the rest of the pages goes on."""
    damage(runtime)
    with runtime.db.write() as session:
        changed = {"number_id": ann, "archive_page": 1}
        first = select(func.min(Message.id)).where(col(Message.campaign_id) == campaign).scalar_subquery()
        session.execute(update(Message).where(col(Message.id) == first).values(**changed))
    answer = signed_in.get(f"/contacts/{ann}")
    assert answer.status_code == 500
    told = "Page 1 of the archive is not what was written: 2 texts, packed on 2026-03-02, with decisions of 2026-03-02"
    assert told in answer.text
    assert "take the page from a backup" in answer.text
    german = signed_in.get(f"/contacts/{ann}", headers={"Accept-Language": "de"}).text
    assert "Seite 1 des Archivs ist nicht, was geschrieben wurde: 2 SMS, gepackt am 2026-03-02" in german
    assert signed_in.get("/contacts").status_code == 200


def test_a_hold_is_placed_and_released(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """On one number or on everything, for a reason; who is not known cannot be held."""
    holds = "/retention/holds"
    assert submit(signed_in, "/retention", holds, number=ANN, why="Doe v. Acme", place="yes").status_code == 303
    assert "Doe v. Acme" in signed_in.get("/retention").text
    assert submit(signed_in, "/retention", holds, everything="yes", why="audit", place="yes").status_code == 303
    for fields in ({"number": ANN, "why": ""}, {"number": "12", "why": "x"}, {"number": "+12125550199", "why": "x"}):
        assert submit(signed_in, "/retention", holds, place="yes", **fields).status_code == 422
    asked = signed_in.get(f"{holds}/1/release").text
    assert "1 hold on the same ends" in asked
    assert "0 rows that it kept beyond their period go" in asked
    assert submit(signed_in, "/retention", f"{holds}/1/release").status_code == 303
    assert signed_in.get(f"{holds}/1/release").status_code == 404
    with runtime.db.read() as session:
        found = session.execute(select(LegalHold).order_by(col(LegalHold.id))).scalars().all()
    assert [(one.number_id, one.released_at is None) for one in found] == [(ann, False), (None, True)]
