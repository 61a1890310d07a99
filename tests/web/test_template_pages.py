"""The library of texts on pages: versions, what differs, findings while writing, and a second person for marketing."""

import html
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from sender.campaigns.library_words import changes
from sender.models import Audit, Program, TemplateVersion
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, START, browser, log_in, submit

SALE = "Lumen: big sale, 20% off everything until Sunday, {{ first_name }}!"


@pytest.fixture
def lumen(runtime: Runtime) -> int:
    """A program that sells and informs; returns its id."""
    with runtime.db.write() as session:
        program = Program(slug="lumen", brand="Lumen", help_contact="h@lumen.example", created_at=START)
        program.purposes, program.countries = ["marketing", "informational"], ["US"]
        session.add(program)
        session.flush()
        return program.id or 0


def written(client: FlaskClient, page: str, **fields: str) -> tuple[int, str]:
    """Save the editor of a page; the status and the page it gives."""
    answer = submit(client, page, page, **fields)
    return answer.status_code, html.unescape(answer.text)


def test_an_edit_is_a_new_version_and_the_page_shows_what_changed(
    signed_in: FlaskClient, runtime: Runtime, lumen: int
) -> None:
    """Two saves are two versions that stay; the page shows the words gone and new, the list finds it, archived too."""
    first = {"name": "Sale", "program": str(lumen), "text": SALE, "default:first_name": "friend"}
    assert written(signed_in, "/templates/new", **first)[0] == 303
    assert written(signed_in, "/templates/new", **first)[0] == 422
    second = {"program": str(lumen), "text": SALE.replace("20%", "25%"), "default:first_name": "friend"}
    assert written(signed_in, "/templates/1/edit", **second, note="More of it")[0] == 303
    assert written(signed_in, "/templates/1/edit", **second)[0] == 303
    with runtime.db.read() as session:
        assert [row.version for row in session.execute(select(TemplateVersion)).scalars()] == [1, 2]
    page = html.unescape(signed_in.get("/templates/1").text)
    assert all(text in page for text in ("<del>20%</del>", "<ins>25%</ins>", "More of it", "until Sunday, friend!"))
    assert "<del>25%</del>" in signed_in.get("/templates/1?from=2&to=1").text
    assert "20% off" in signed_in.get("/templates/1/edit?version=1").text
    assert "/templates/1" in signed_in.get("/templates?find=everything").text
    assert submit(signed_in, "/templates/1", "/templates/1/archive").status_code == 303
    assert "/templates/1" not in signed_in.get("/templates").text
    assert "/templates/1" in signed_in.get("/templates?archived=yes").text


def test_words_of_marketing_meant_for_something_else_need_a_colleague(
    app: Flask, signed_in: FlaskClient, runtime: Runtime, add_user: Callable[..., int], lumen: int
) -> None:
    """Nobody, oneself and a stranger are refused; a colleague's name is kept in the audit; marketing asks nobody."""
    form = {"name": "News", "program": str(lumen), "text": SALE, "default:first_name": "you"}
    for who in ("", EMAIL, "who@example.org"):
        status, page = written(signed_in, "/templates/new", **form, purpose="informational", second_person=who)
        assert (status, "has words of marketing" in page) == (422, True)
    add_user(email="bo@example.org", role="author", program_id=lumen)
    assert "bo@example.org" in written(signed_in, "/templates/new", **form, purpose="informational")[1]
    vouched = {"purpose": "informational", "second_person": "bo@example.org"}
    assert written(signed_in, "/templates/new", **form, **vouched)[0] == 303
    assert written(signed_in, "/templates/new", **{**form, "name": "Sale"}, purpose="marketing")[0] == 303
    with runtime.db.read() as session:
        kept = [row.detail for row in session.execute(select(Audit)).scalars() if row.action == "template.save"]
    assert [(one["purpose"], one.get("second_person")) for one in kept] == [
        ("informational", "bo@example.org"),
        ("marketing", None),
    ]
    author = browser(app)
    log_in(author, "bo@example.org")
    assert author.get("/templates/new").status_code == 200
    assert submit(author, "/templates/new", "/templates/new", **{**form, "program": "0"}).status_code == 404


def test_while_writing_the_words_are_judged(signed_in: FlaskClient, lumen: int) -> None:
    """Special characters, a field, the way out and what cannot be read are told before anything is kept."""
    look = "/templates/new", "/templates/preview"
    seen = html.unescape(submit(signed_in, *look, program=str(lumen), text="Hi {{ first_name }} – see you").text)
    assert all(text in seen for text in ("Lumen: Hi (first name)", "STOP", "characters, special", "Replace by -"))
    assert "Line 1" in submit(signed_in, *look, program=str(lumen), text="Hi {{ first_name").text
    status, page = written(signed_in, "/templates/new", name="Bad", program=str(lumen), text="Hi {% for x in y %}")
    assert (status, "Hi {% for x in y %}" in page) == (422, True)
    assert written(signed_in, "/templates/new", name="a@b", program=str(lumen), text="Lumen: hi")[0] == 422


def test_changes_read_back_both_texts() -> None:
    """What is the same and gone is the old text, what is the same and new the new one."""
    for old, new in ((SALE, SALE.replace("big", "small")), ("a b", ""), ("", "a  b\nc"), ("x y z", "z y x")):
        pieces = changes(old, new)
        assert "".join(text for kind, text in pieces if kind != "new") == old
        assert "".join(text for kind, text in pieces if kind != "gone") == new
