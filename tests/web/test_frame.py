"""What stands around every page."""

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from sender.halt import is_halted
from sender.models import Audit, Campaign, Installation
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, START, browser, log_in, submit
from web.frame import ENTRIES
from web.pages.listing import read_listing


def halted(runtime: Runtime) -> bool:
    """Whether the brake is on."""
    with runtime.db.read() as session:
        return is_halted(session)


def test_every_page_has_the_navigation_and_says_where_one_is(signed_in: FlaskClient, campaign: int) -> None:
    """Each entry leads to a page with the way to sign out, and the page of a campaign belongs to Campaigns."""
    page = signed_in.get(f"/campaigns/{campaign}").text
    for entry in ENTRIES:
        assert (f'href="{entry.address}"' in page) is not entry.simulated
        answer = signed_in.get(entry.address)
        assert answer.status_code == (404 if entry.simulated else 200)
        assert 'action="/logout"' in answer.text or entry.simulated
    assert 'href="/campaigns" aria-current="page"' in page
    assert 'href="#main"' in page


def test_halting_asks_in_numbers_and_then_holds(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """The question counts what would stop; the answer stops it, tells everybody why, and can be taken back."""
    del campaign
    asked = signed_in.get("/halt").text
    assert "1 running campaign stops." in asked
    assert "1 message waits" in asked
    assert not halted(runtime)
    assert submit(signed_in, "/halt", "/halt", why="wrong price").status_code == 303
    assert halted(runtime)
    page = signed_in.get("/campaigns").text
    assert "wrong price" in page
    assert "/release" in page
    submit(signed_in, "/release", "/release")
    assert not halted(runtime)
    with runtime.db.read() as session:
        rows = session.execute(select(Audit)).scalars().all()
    assert [(row.action, row.actor) for row in rows][-2:] == [("halt", EMAIL), ("release", EMAIL)]


def test_who_may_not_halt_sees_no_brake(
    app: Flask, runtime: Runtime, add_user: Callable[..., int], campaign: int
) -> None:
    """A marketer of one program neither finds the button nor gets past it."""
    with runtime.db.read() as session:
        program_id = session.get_one(Campaign, campaign).program_id
    add_user(role="marketer", program_id=program_id)
    marketer = browser(app)
    log_in(marketer)
    assert "/halt" not in marketer.get("/").text
    assert marketer.get("/halt").status_code == 403
    assert submit(marketer, "/", "/halt", why="x").status_code == 403
    assert not halted(runtime)


def test_the_theme_is_kept_and_leads_back(signed_in: FlaskClient, runtime: Runtime) -> None:
    """The server writes the chosen colours into the page, and a way back to elsewhere is not followed."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
    assert 'data-bs-theme="dark"' not in signed_in.get("/").text
    answer = submit(signed_in, "/", "/theme", theme="dark", back="/campaigns?sort=name")
    assert answer.headers["Location"] == "/campaigns?sort=name"
    kept = [part.strip() for part in answer.headers["Set-Cookie"].split(";")]
    assert kept[0] == "__Host-theme=dark"
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(kept)
    assert 'data-bs-theme="dark"' in signed_in.get("/").text
    for spell in ("//evil.example", "https://evil.example", "/\\evil.example", ""):
        assert submit(signed_in, "/", "/theme", theme="light", back=spell).headers["Location"] == "/"
    assert submit(signed_in, "/", "/theme", theme="pink", back="/").status_code == 400


def test_a_list_keeps_its_state_in_the_address(app: Flask) -> None:
    """Page, order and filters are read from the address and written into its links; nonsense is the default."""
    with app.test_request_context("/things?sort=-name&page=3&status=new&other=x"):
        listing = read_listing(("-made", "name"), ("status",))
    assert (listing.sort, listing.descending, listing.offset, listing.filters) == ("name", True, 50, {"status": "new"})
    assert listing.at(4) == "/things?status=new&sort=-name&page=4"
    assert listing.sorted_by("name") == "/things?status=new&sort=name"
    assert listing.sorted_by("made") == "/things?status=new&sort=made"
    assert (listing.more([0] * 26), len(listing.shown([0] * 26)), listing.more([0] * 25)) == (True, 25, False)
    with app.test_request_context("/things?sort=evil&page=-9"):
        listing = read_listing(("-made", "name"))
    assert (listing.sort, listing.descending, listing.page) == ("made", True, 1)
