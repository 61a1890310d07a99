"""People's pages: found by a pasted number, one history of everything, and upkeep that never gives consent."""

import re

import pytest
from flask.testing import FlaskClient
from sqlmodel import col, select

from guards.base import Purpose
from sender.audience import holds
from sender.audience.ledger import Act, record
from sender.audience.numbers import find, find_or_make
from sender.audience.phone import parse
from sender.models import Audit, ConsentEvent, Contact, Decision, Message, Program
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, START, submit

ANN, BOB = "+14155550101", "+14155550102"


def person_with(runtime: Runtime, e164: str, name: str) -> int:
    """A contact who agreed; the id of its number."""
    with runtime.db.write() as session:
        phone = parse(e164, None)
        number_id = find_or_make(session, runtime.keys, [phone], START)[e164]
        times = {"created_at": START, "changed_at": START}
        session.add(Contact(number_id=number_id, attributes={"first_name": name, "tier": "gold"}, **times))
        words = "Yes, text me offers."
        act = Act(number_id, 1, "opt_in", Purpose.MARKETING, START, "form", None, "express_written", words)
        record(session, [act], START)
    return number_id


@pytest.fixture
def ann(runtime: Runtime, campaign: int) -> int:
    """Ann's number, known to the program of the campaign."""
    with runtime.db.write() as session:
        session.get_one(Program, 1).purposes = ["marketing"]
    return person_with(runtime, ANN, "Ann")


def test_a_legal_hold_is_said_on_the_person_s_page(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """While one stands, the page says why nothing may be erased; once it is released, no more."""
    said = "Nothing of this person may be erased"
    assert said not in signed_in.get(f"/contacts/{ann}").text
    with runtime.db.write() as session:
        holds.place(session, ann, "Ann v. Lumen", EMAIL, START)
        holds.place(session, None, "Everybody v. Lumen", EMAIL, START)
    page = signed_in.get(f"/contacts/{ann}").text
    assert (said in page, "Ann v. Lumen" in page) == (True, True)
    with runtime.db.write() as session:
        holds.release(session, ann, EMAIL, START)
        holds.release(session, None, EMAIL, START)
    assert said not in signed_in.get(f"/contacts/{ann}").text


@pytest.mark.parametrize("spelling", ["(415) 555-0101", "+1 415.555.0101", "1-415-555-0101", "４１５ 555 0101"])
def test_a_pasted_number_is_found_in_any_spelling(signed_in: FlaskClient, ann: int, spelling: str) -> None:
    """It leads to the person's page, and the number is in no address."""
    answer = submit(signed_in, "/contacts", "/contacts/find", number=spelling, region="US")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/contacts/{ann}")


def test_a_number_nobody_met_is_said_to_be_so(signed_in: FlaskClient, ann: int) -> None:
    """Unknown is 404, no number at all is 422, each with its sentence."""
    unknown = submit(signed_in, "/contacts", "/contacts/find", number=BOB, region="US")
    nonsense = submit(signed_in, "/contacts", "/contacts/find", number="call me", region="US")
    assert (unknown.status_code, "Nobody with this number" in unknown.text) == (404, True)
    assert (nonsense.status_code, "not one phone number" in nonsense.text) == (422, True)


def test_a_page_tells_everything_and_whether_a_text_may_go(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """Consent with its words, a held text with its decision in a sentence, and the gate's own answer."""
    with runtime.db.write() as session:
        times = {"created_at": START, "changed_at": START, "touched_at": START, "send_after": START}
        kinds = {"program_id": 1, "number_id": ann, "kind": "campaign", "purpose": "marketing"}
        message = Message(status="blocked", reason="quiet_hours", **kinds, **times)
        session.add(message)
        session.flush()
        session.add(
            Decision(message_id=message.id or 0, at=START, door="gate", guard="quiet_hours", verdict="defer",
                     reason="quiet_hours", until=START, rules=["US"])
        )  # fmt: skip
    page = signed_in.get(f"/contacts/{ann}").text
    assert "(Mon 7:00\u202fAM there)" in page
    for words in ("+1•••••0101", "Yes, text me offers.", "Quiet hours where they are", "1 decision", "May I text now?"):
        assert words in page
    assert ANN not in page
    assert re.search(r"<strong>(Yes|Not now|No):", page)
    assert "Ann" in signed_in.get("/contacts").text


def test_a_stop_by_phone_is_recorded_with_who_took_it(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """The page shows it at once, and the gate's answer is no."""
    address = f"/contacts/{ann}"
    submit(signed_in, address, f"{address}/stop", came_by="phone_call", words="rang at noon", program="")
    page = signed_in.get(address).text
    for words in ("Said stop to every program", "phone call, taken by " + EMAIL, "rang at noon", "<strong>No:"):
        assert words in page


def test_edits_renumbering_and_merging_stand_on_one_page(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """Each says what it means, what does not fit is said above the form, and a new number has no consent."""
    bob = person_with(runtime, BOB, "Bob")
    address = f"/contacts/{ann}/edit"
    wrong = submit(signed_in, address, address, language="spanish!", act="fields")
    assert (wrong.status_code, "not a code such as en" in wrong.text) == (422, True)
    submit(signed_in, address, address, language="es", name="tier", text="silver", act="fields")
    taken = submit(signed_in, address, address, number=BOB, region_of_number="US", act="number")
    assert "merge the two" in taken.text
    assert (
        submit(signed_in, address, address, other="415 555 0102", region_of_number="US", act="merge").status_code == 303
    )
    assert "Not a contact" in signed_in.get(f"/contacts/{bob}").text
    moved = submit(signed_in, address, address, number="+14155550103", region_of_number="US", act="number")
    with runtime.db.read() as session:
        contact = session.execute(select(Contact)).scalars().one()
        assert moved.headers["Location"] == f"/contacts/{find(session, runtime.keys, '+14155550103')}"
        assert (contact.language, contact.attributes) == ("es", {"tier": "silver", "first_name": "Bob"})
        kinds = session.execute(select(col(ConsentEvent.kind)).where(col(ConsentEvent.number_id) == ann)).scalars()
        assert list(kinds) == ["opt_in", "withdrawal"]


def test_everybody_leaves_for_a_reason_only(signed_in: FlaskClient, runtime: Runtime, ann: int) -> None:
    """The file holds numbers that no spreadsheet takes for a formula; the audit holds who wanted it and why."""
    assert submit(signed_in, "/contacts/export", "/contacts/export", why="").status_code == 422
    answer = submit(signed_in, "/contacts/export", "/contacts/export", why="move to another house")
    assert f"'{ANN}," in answer.text
    with runtime.db.read() as session:
        act = session.execute(select(Audit).where(col(Audit.action) == "people.export")).scalars().one()
    assert (act.actor, act.detail) == (EMAIL, {"why": "move to another house", "rows": 1})


def test_evidence_and_own_data_leave_for_a_reason_and_an_erased_page_says_so(
    signed_in: FlaskClient, runtime: Runtime, ann: int
) -> None:
    """Each asks first, wants a reason, and is in the audit; an erased page shows neither name nor number."""
    address = f"/contacts/{ann}"
    assert submit(signed_in, f"{address}/evidence", f"{address}/evidence", why=" ").status_code == 422
    paper = submit(signed_in, f"{address}/evidence", f"{address}/evidence", why="Doe v. Acme", form="pdf")
    file = submit(signed_in, f"{address}/evidence", f"{address}/evidence", why="Doe v. Acme", form="json")
    own = submit(signed_in, f"{address}/export", f"{address}/export", why="asked")
    assert (paper.mimetype, paper.data[:4]) == ("application/pdf", b"%PDF")
    assert (file.json["consent"][0]["wording"], own.json["contact"]["attributes"]["tier"]) == (
        "Yes, text me offers.",
        "gold",
    )
    asked = signed_in.get(f"{address}/erase").text
    assert "The contact with all its fields" in asked
    assert submit(signed_in, f"{address}/erase", f"{address}/erase", why="asked by letter").status_code == 303
    page = signed_in.get(address).text
    assert ("was erased on 2026-03-02" in page, "Ann" in page, "0101" in page) == (True, False, False)
    with runtime.db.read() as session:
        acts = session.execute(select(col(Audit.action)).order_by(col(Audit.id))).scalars().all()
    assert [one for one in acts if one.partition(".")[0] in ("evidence", "people", "person")] == [
        "evidence.take",
        "evidence.take",
        "people.export",
        "person.erase",
    ]
