"""The rules browser: every place with its law, and what it said on another day."""

from flask.testing import FlaskClient

from guards.rules import showing
from tests.web.conftest import START


def test_every_place_is_found_with_its_hours_and_law(signed_in: FlaskClient) -> None:
    """By name, by basis, page by page; the place itself shows every version with its citation."""
    page = signed_in.get("/rules?place=florida").text
    assert "Florida" in page
    assert "California" not in page
    assert "08:00-20:00" in page
    place = signed_in.get("/rules/US-FL").text
    assert "501.616(6)" in place
    assert "Since 2021-07-01" in place
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
