"""Segments without code: what the rows mean, how many that is, and who may change them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select
from werkzeug.datastructures import MultiDict

from guards.base import Purpose
from sender.audience import crowds, segments
from sender.audience.ledger import Act, record
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.models import Audit, Contact, Program, Segment
from sender.runtime import Runtime
from tests.web.conftest import FIELD, START, browser, log_in
from web.pages import segment_form

KNOWN: dict[str, list[Any]] = {"tier": ["gold", "basic"], "orders": [1, 4], "vip": [True]}


@pytest.fixture
def people(runtime: Runtime) -> int:
    """Six contacts: four said yes, one of these said stop later; returns the program."""
    with runtime.db.write() as session:
        program = Program(slug="lumen", brand="Lumen & Co", help_contact="h", created_at=START)
        program.purposes = ["marketing"]
        session.add(program)
        session.flush()
        phones = [parse(f"+1212555010{n}", None) for n in range(6)]
        found = find_or_make(session, runtime.keys, phones, START)
        acts = []
        for n, phone in enumerate(phones):
            row = Contact(number_id=found[phone.e164], region="NY", created_at=START, changed_at=START)
            row.attributes = {"first_name": f"Person{n}", "tier": "gold" if n < 3 else "basic", "orders": n}
            session.add(row)
            who = (found[phone.e164], program.id)
            if n < 4:
                acts.append(Act(*who, "opt_in", Purpose.MARKETING, START, "form", None, "express_written", "Yes."))
            if n == 0:
                acts.append(Act(*who, "opt_out", Purpose.MARKETING, START, "keyword"))
        record(session, acts, START)
        return program.id or 0


def rows(*questions: tuple[str, str, str], match: str = "all", **more: str) -> MultiDict[str, str]:
    """A form as a browser sends it."""
    form: MultiDict[str, str] = MultiDict({"match": match, **more})
    for question in questions:
        for name, value in zip(("field", "operator", "value"), question, strict=True):
            form.add(name, value)
    return form


def send(client: FlaskClient, path: str, form: MultiDict[str, str]) -> Any:
    """Send it with the page's token."""
    found = FIELD.search(client.get("/segments/new").text)
    assert found
    form["csrf_token"] = found[1]
    return client.post(path, data=form)


@pytest.mark.parametrize(
    ("question", "means"),
    [
        (("attributes.tier", "is", "gold"), {"is": "gold"}),
        (("attributes.tier", "in", "gold, basic"), {"in": ["gold", "basic"]}),
        (("attributes.orders", "ge", "3"), {"ge": 3}),
        (("attributes.vip", "is", "yes"), {"is": True}),
        (("attributes.last", "within_days", "30"), {"within_days": 30}),
        (("region", "is", "12"), {"is": "12"}),
        (("region", "missing", "ignored"), {"exists": False}),
    ],
)
def test_a_row_says_what_it_means_and_comes_back(question: tuple[str, str, str], means: dict[str, Any]) -> None:
    """Values take the kind their field holds, and the definition shows the same row again."""
    made = segment_form.definition(segment_form.read(rows(question)), KNOWN)
    assert made == {"field": question[0], **means}
    segments.parse(made)
    assert segment_form.definition(segment_form.form_of(made), KNOWN) == made


def test_what_rows_cannot_say_is_left_as_it_is() -> None:
    """A nested definition is shown, not taken apart."""
    nested = {"any": [{"not": {"field": "region", "is": "CA"}}]}
    assert not segment_form.form_of(nested).simple


def test_the_count_follows_consent(runtime: Runtime, people: int) -> None:
    """Of three gold members one said stop; two of the others never said yes."""
    with runtime.db.read() as session:
        gold = {"field": "attributes.tier", "is": "gold"}
        crowd = crowds.count_by_standing(session, gold, people, Purpose.MARKETING, START)
        everyone = crowds.count_by_standing(session, {}, people, Purpose.MARKETING, START)
        sample = crowds.faces(session, runtime.keys, crowds.sample(session, gold, START))
    assert (crowd.total, crowd.may, crowd.out, crowd.none) == (3, 2, 1, 0)
    assert (everyone.total, everyone.may, everyone.none) == (6, 3, 2)
    assert [face.name for face in sample] == ["Person2", "Person1", "Person0"]
    assert all("555" not in face.number for face in sample)


def test_a_segment_is_built_counted_saved_and_deleted(signed_in: FlaskClient, runtime: Runtime, people: int) -> None:
    """From rows to the list, with a live count before; each act leaves its line in the audit."""
    del people
    question = ("attributes.tier", "is", "gold")
    counted = send(signed_in, "/segments/count", rows(question)).text
    assert ">3 <" in counted
    assert "Person2" in counted
    assert send(signed_in, "/segments/new", rows(question, name="Gold")).status_code == 303
    assert "Tier is “gold”" in signed_in.get("/segments").text
    again = send(signed_in, "/segments/new", rows(question, name="Gold"))
    assert (again.status_code, "another name" in again.text) == (422, True)
    wrong = send(signed_in, "/segments/1", rows(("created_at", "is", "x"), name="Gold"))
    assert (wrong.status_code, "does not fit created_at" in wrong.text) == (422, True)
    assert "keep their own copy" in signed_in.get("/segments/1/delete").text
    assert send(signed_in, "/segments/1/delete", rows()).status_code == 303
    with runtime.db.read() as session:
        assert session.execute(select(Segment)).first() is None
        assert [row.action for row in session.execute(select(Audit)).scalars()][-2:] == [
            "segment.create",
            "segment.delete",
        ]


def test_without_javascript_a_button_gives_another_row(signed_in: FlaskClient, people: int) -> None:
    """What was typed stays, and nothing is saved."""
    del people
    page = send(signed_in, "/segments/new", rows(("region", "is", "NY"), name="N", add="yes")).text
    assert page.count('name="field"') == 2
    assert 'value="NY"' in page
    assert "No segments yet" in signed_in.get("/segments").text


def test_a_viewer_looks_but_does_not_change(app: Flask, add_user: Callable[..., int], people: int) -> None:
    """No button, and no way around it."""
    del people
    add_user(role="viewer")
    viewer = browser(app)
    log_in(viewer)
    assert "Save segment" not in viewer.get("/segments/new").text
    assert send(viewer, "/segments/new", rows(name="x")).status_code == 403


def test_a_row_may_ask_about_another_segment(signed_in: FlaskClient, people: int) -> None:
    """By its name, in or out; it comes back by name, is told in full in the list, and cannot be deleted meanwhile."""
    del people
    send(signed_in, "/segments/new", rows(("attributes.tier", "is", "gold"), name="Gold"))
    out = rows(("segment", "is_not", "Gold"), ("region", "is", "NY"), name="Others")
    assert ">3 <" in send(signed_in, "/segments/count", out).text
    assert send(signed_in, "/segments/new", out).status_code == 303
    page = signed_in.get("/segments/2").text
    assert page.count('value="Gold"') == 2
    assert "not tier is “gold”" in signed_in.get("/segments").text.lower()
    used = send(signed_in, "/segments/1/delete", rows())
    assert (used.status_code, "is part of “Others”" in used.text) == (409, True)
    nobody = send(signed_in, "/segments/new", rows(("segment", "is", "Silver"), name="S"))
    assert (nobody.status_code, "no saved segment" in nobody.text) == (422, True)
