"""What people do about their own account: a new password, and the second factor that everybody may have to have."""

from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from sender.accounts import TRIES_PER_ACCOUNT, users
from sender.models import Audit
from sender.runtime import Runtime
from tests.web.authenticator import SoftKey
from tests.web.conftest import EMAIL, PASSWORD, START, TestClock, browser, log_in, submit
from tests.web.test_passkeys import enter, make
from web.app import create_app

NEW = "green lamp over water"


def change(client: FlaskClient, old: str = PASSWORD, new: str = NEW) -> int:
    """Ask for a new password on the page; the status."""
    return int(submit(client, "/account", "/account/password", old_password=old, new_password=new).status_code)


@pytest.fixture
def strict(runtime: Runtime) -> Flask:
    """The pages of the same installation where everybody needs two factors, and subdomains https."""
    demanding = runtime.settings.model_copy(update={"two_factors": True, "hsts_subdomains": True})
    return create_app(replace(runtime, settings=demanding))


def test_a_new_password_ends_the_other_sessions(app: Flask, runtime: Runtime, add_user: Callable[..., int]) -> None:
    """The one who changed it stays; every other session and an unused link are over, and the audit knows."""
    add_user()
    mine, other = browser(app), browser(app)
    log_in(mine)
    log_in(other)
    with runtime.db.write() as session:
        link = users.reset(session, runtime.keys, START, "command line", EMAIL)
    assert change(mine) == 303
    assert (mine.get("/").status_code, other.get("/").headers["Location"]) == (200, "/login")
    assert (log_in(browser(app)).status_code, browser(app).get(link).status_code) == (401, 404)
    assert log_in(browser(app), password=NEW).headers["Location"] == "/"
    with runtime.db.read() as session:
        noted = session.execute(select(Audit).where(Audit.action == "user.password")).scalar_one()
        assert (noted.actor, noted.detail) == (EMAIL, {"sessions_ended": 1})


@pytest.mark.parametrize(
    ("old", "new"),
    [("wrong", NEW), (PASSWORD, PASSWORD), (PASSWORD, "password1234"), (PASSWORD, "short"), (PASSWORD, "x" * 257)],
)
def test_what_is_no_better_is_refused(signed_in: FlaskClient, app: Flask, old: str, new: str) -> None:
    """A wrong old password, the same one again, a common, a short and an endless one change nothing."""
    assert change(signed_in, old, new) == 400
    assert log_in(browser(app)).headers["Location"] == "/"


def test_a_long_password_counts_whole(signed_in: FlaskClient, app: Flask) -> None:
    """256 characters with blanks and other scripts are taken as they are; one more or less is another password."""
    longest = ("violet tractor ünder snow 雪 " * 10)[:255] + "."
    assert change(signed_in, new=longest) == 303
    assert [log_in(browser(app), password=one).status_code for one in (longest + "x", longest[:-1])] == [401, 401]
    assert log_in(browser(app), password=longest).headers["Location"] == "/"


def test_an_open_session_is_no_place_to_guess(signed_in: FlaskClient) -> None:
    """Tries at the old password count with those of signing in; the right one then comes too late."""
    tries = [change(signed_in, f"guess {number}") for number in range(TRIES_PER_ACCOUNT)]
    assert (tries.count(400), change(signed_in)) == (TRIES_PER_ACCOUNT, 429)


def test_where_two_are_demanded_a_password_opens_the_account_alone(
    strict: Flask, add_user: Callable[..., int], clock: TestClock
) -> None:
    """Pages, polls and API keys lead to the account until an app is set up; then they open."""
    add_user()
    client = browser(strict)
    log_in(client)
    assert client.get("/campaigns").headers["Location"] == "/account"
    polled = client.get("/inbox/live", headers={"HX-Request": "true"})
    assert (polled.status_code, polled.headers["HX-Redirect"]) == (401, "/account")
    assert client.get("/users").headers["Location"] == "/account"
    assert "Everybody here signs in with two factors" in client.get("/account").text
    submit(client, "/account", "/account/second-factor")
    with client.session_transaction() as cookie:
        secret = cookie["secret"]
    code = pyotp.TOTP(secret).at(clock.real())
    assert "recovery codes" in submit(client, "/account", "/account/second-factor", code=code).text
    assert client.get("/campaigns").status_code == 200
    submit(client, "/account", "/account/second-factor/off")
    assert client.get("/campaigns").headers["Location"] == "/account"


def test_where_two_are_demanded_a_passkey_is_not_gone_round(
    strict: Flask, runtime: Runtime, add_user: Callable[..., int]
) -> None:
    """Whoever has a passkey signs in with it: neither the password alone nor a link for a new one opens a session."""
    add_user()
    client, key = browser(strict), SoftKey()
    log_in(client)
    assert make(client, key).status_code == 303
    assert client.get("/campaigns").status_code == 200
    refused = log_in(browser(strict))
    assert (refused.status_code, "sign in with your passkey" in refused.text) == (401, True)
    with runtime.db.write() as session:
        link = users.reset(session, runtime.keys, START, "command line", EMAIL)
    linked = browser(strict)
    assert "sign in with your passkey" in submit(linked, link, link, password=NEW).text
    assert linked.get("/account").headers["Location"] == "/login"
    assert enter(browser(strict), key).headers["Location"] == "/"


def test_leaving_clears_the_browser(strict: Flask, app: Flask, signed_in: FlaskClient) -> None:
    """Signing out tells the browser to forget pages and storage; HSTS names subdomains only where it is set."""
    left = submit(signed_in, "/account", "/logout")
    assert left.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert browser(app).get("/login").headers["Strict-Transport-Security"] == "max-age=31536000"
    assert browser(strict).get("/login").headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
