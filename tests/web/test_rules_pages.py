"""The rules browser: every place with its law, and what it said on another day."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from guards.rules import showing
from sender.audience.emergencies import declared_places
from sender.models import Audit, Campaign, Program
from sender.runtime import Runtime
from tests.web.conftest import START, browser, log_in, submit


@pytest.fixture
def lumen(runtime: Runtime) -> int:
    """A program with one running and one finished campaign; returns its id."""
    with runtime.db.write() as session:
        program = Program(slug="lumen", brand="Lumen", help_contact="h@lumen.example", created_at=START)
        session.add(program)
        session.flush()
        for name, status in (("One", "running"), ("Two", "finished")):
            session.add(Campaign(program_id=program.id or 0, name=name, status=status, created_at=START))
        return program.id or 0


def trail(runtime: Runtime) -> list[tuple[str, str, str]]:
    """Who did what about rules and places, and why, oldest first."""
    with runtime.db.read() as session:
        rows = session.execute(select(Audit).order_by(Audit.id)).scalars()  # type: ignore[arg-type]
        return [(row.actor, row.action, row.detail["why"]) for row in rows if "why" in row.detail]


def test_every_place_is_found_with_its_hours_and_law(signed_in: FlaskClient) -> None:
    """By name, by basis, page by page; the place itself shows every version with its citation."""
    page = signed_in.get("/rules?place=florida").text
    assert "Florida" in page
    assert "California" not in page
    assert "08:00-20:00" in page
    place = signed_in.get("/rules/US-FL").text
    assert "501.616(6)" in place
    assert "Since 01 July 2021" in place
    assert signed_in.get("/rules/XX").status_code == 404
    seen = "".join(signed_in.get(f"/rules?page={number}").text for number in (1, 2))
    assert all(f'href="/rules/{line["code"]}"' in seen for line in showing.listed(START.date()))


def test_the_address_holds_day_basis_and_order(signed_in: FlaskClient) -> None:
    """A bookmark opens the same list again, and nonsense in it opens today's."""
    law = signed_in.get("/rules?basis=law-text&sort=-name").text
    assert "Singapore" not in law
    assert law.index("/rules/US-WA") < law.index("/rules/US-FL") if "/rules/US-WA" in law else "/rules/US-FL" in law
    assert 'value="2026-03-02"' in signed_in.get("/rules?on=yesterday").text
    assert 'value="2020-01-01"' in signed_in.get("/rules?on=2020-01-01").text


def test_an_owner_loosens_courtesy_for_a_reason_and_keeps_it_again(
    signed_in: FlaskClient, runtime: Runtime, lumen: int
) -> None:
    """The page asks in numbers, both changes stand in the audit, and lists show what is loosened and why."""
    place, why = "/rules/GB", "Our customers asked for evenings."
    assert "loosen?program=lumen" in signed_in.get(place).text
    page = signed_in.get(f"{place}/loosen?program=lumen").text
    assert "1 approved or running campaign of Lumen waits until it is approved again" in page
    ask = f"{place}/loosen?program=lumen"
    assert submit(signed_in, ask, f"{place}/loosen", program="lumen", why=" ").status_code == 409
    assert submit(signed_in, ask, f"{place}/loosen", program="lumen", why=why).status_code == 303
    assert all(why in signed_in.get(path).text for path in (place, "/rules"))
    ask = f"{place}/keep?program=lumen"
    assert submit(signed_in, ask, f"{place}/keep", program="lumen", why="They complained.").status_code == 303
    assert why not in signed_in.get("/rules").text
    assert trail(runtime) == [
        ("ana@example.org", "rule.loosen", why),
        ("ana@example.org", "rule.keep", "They complained."),
    ]
    with runtime.db.read() as session:
        assert session.get_one(Program, lumen).loosened == {}


def test_law_on_texts_is_loosened_by_nobody(signed_in: FlaskClient, runtime: Runtime, lumen: int) -> None:
    """Florida's page has no such button, and a form made by hand is refused with the law."""
    del lumen
    assert "loosen?program" not in signed_in.get("/rules/US-FL").text
    answer = submit(signed_in, "/rules/GB/loosen?program=lumen", "/rules/US-FL/loosen", program="lumen", why="So.")
    assert (answer.status_code, "nobody can loosen it" in answer.text) == (409, True)
    assert trail(runtime) == []


def test_a_place_is_closed_in_an_emergency_and_opened_by_an_owner(
    app: Flask, signed_in: FlaskClient, runtime: Runtime, add_user: Callable[..., int], lumen: int
) -> None:
    """A manager of all programs closes it for every gate at once; only an owner opens it, and none without a reason."""
    place = "/rules/US-LA"
    add_user(email="max@example.org", role="manager")
    manager = browser(app)
    log_in(manager, "max@example.org")
    assert submit(manager, f"{place}/close", f"{place}/close", why="").status_code == 409
    assert submit(manager, f"{place}/close", f"{place}/close", why="Order 12").status_code == 303
    assert all("Order 12" in manager.get(path).text for path in (place, "/rules"))
    with runtime.db.read() as session:
        assert declared_places(session, START) == {"US-LA"}
    assert manager.get(f"{place}/open").status_code == 403
    assert submit(signed_in, f"{place}/open", f"{place}/open", why="It passed").status_code == 303
    with runtime.db.read() as session:
        assert declared_places(session, START) == set()
    assert trail(runtime) == [
        ("max@example.org", "emergency.declare", "Order 12"),
        ("ana@example.org", "emergency.end", "It passed"),
    ]
    add_user(email="vic@example.org", role="viewer", program_id=lumen)
    viewer = browser(app)
    log_in(viewer, "vic@example.org")
    assert viewer.get(f"{place}/close").status_code == 403
    assert viewer.get("/rules/GB/loosen?program=lumen").status_code == 403
    assert viewer.get("/rules/GB/loosen?program=other").status_code == 404


def test_countries_are_named_in_the_reader_s_language(signed_in: FlaskClient) -> None:
    """A German reader finds and orders them by their German names; states keep theirs."""
    german = {"Accept-Language": "de"}
    page = signed_in.get("/rules?place=österreich", headers=german).text
    assert ("Österreich" in page, "Australien" in page) == (True, False)
    assert "Florida" in signed_in.get("/rules?place=florida", headers=german).text
