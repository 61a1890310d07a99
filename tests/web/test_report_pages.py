"""The pages of reports: figures by every cut, a file for spreadsheets, and only what one may see."""

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from sender.campaigns.figures import DIMENSIONS
from tests.web.conftest import browser, log_in


def test_figures_stand_on_the_page_and_in_the_file(signed_in: FlaskClient, campaign: int) -> None:
    """Each cut has its line with two delivered texts, the CSV says the same, and the other pages open."""
    for by in DIMENSIONS:
        page = signed_in.get(f"/reports?by={by}&days=7")
        assert page.status_code == 200, by
        assert "uplot" in page.text
    answer = signed_in.get("/reports.csv?by=campaign")
    assert answer.mimetype == "text/csv"
    assert answer.text.splitlines()[1].startswith("Spring sale,7,1,4,2,0,1,1,1,")
    assert "The campaign has one text" in signed_in.get(f"/reports/comparison/{campaign}").text
    assert "None, as it must be" in signed_in.get("/reports/compliance?days=nonsense").text


def test_other_programs_stay_out_of_sight(app: Flask, campaign: int, add_user: Callable[..., int]) -> None:
    """Somebody of another program sees no line of this one, and its comparison is not there."""
    add_user("eve@example.org", "viewer", program_id=77)
    eve = browser(app)
    log_in(eve, "eve@example.org")
    assert "Spring sale" not in eve.get("/reports").text
    assert eve.get("/reports.csv").text.count("\n") == 1
    assert eve.get(f"/reports/comparison/{campaign}").status_code == 404
