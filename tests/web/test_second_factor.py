"""Codes that count once, sessions that people see and end, proof of who is there before what cannot be undone."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from sender import accounts
from sender.accounts import AccountError, Person, second_factor, users
from sender.accounts.rights import EARLIER, OFFERED, RIGHTS, ROLES
from sender.models import Campaign, Program
from sender.runtime import Runtime
from sender.watching import notices
from tests.web.conftest import EMAIL, PASSWORD, START, TestClock, browser, log_in, submit

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(clock: TestClock) -> str:
    """What the app shows now."""
    return pyotp.TOTP(SECRET).at(clock.real())


@pytest.fixture
def recovery(runtime: Runtime, add_user: Callable[..., int], clock: TestClock) -> list[str]:
    """A user with a second factor; the recovery codes."""
    user_id = add_user()
    with runtime.db.write() as session:
        codes = second_factor.switch_on(session, runtime.keys, user_id, SECRET, code(clock), START)
    assert codes is not None
    clock.move(timedelta(minutes=1))
    return codes


def enter(client: FlaskClient, given_code: str) -> int:
    """Sign in with the password, then with this code; the last status."""
    assert log_in(client).headers["Location"] == "/login/code"
    return int(submit(client, "/login/code", "/login/code", code=given_code).status_code)


def test_a_code_counts_once(app: Flask, recovery: list[str], clock: TestClock) -> None:
    """A code that was used signs nobody in a second time, nor does one of before it; the next one does."""
    first = code(clock)
    assert enter(browser(app), first) == 303
    assert enter(browser(app), first) == 401
    assert enter(browser(app), pyotp.TOTP(SECRET).at(clock.real() - timedelta(seconds=30))) == 401
    clock.move(timedelta(seconds=30))
    assert enter(browser(app), code(clock)) == 303


def test_the_password_alone_opens_nothing(client: FlaskClient, recovery: list[str], clock: TestClock) -> None:
    """Between password and code no page opens, and five minutes later the password counts no more."""
    log_in(client)
    assert client.get("/campaigns").headers["Location"] == "/login"
    log_in(client)
    clock.move(timedelta(minutes=5))
    late = submit(client, "/login/code", "/login/code", code=code(clock))
    assert late.status_code == 401
    assert "five minutes" in late.text


def test_a_recovery_code_counts_once(app: Flask, recovery: list[str]) -> None:
    """Each of the ten stands in for the app once, however it is typed."""
    assert len(set(recovery)) == second_factor.RECOVERY_CODES
    assert enter(browser(app), f" {recovery[0].lower()} ") == 303
    assert enter(browser(app), recovery[0]) == 401
    assert enter(browser(app), recovery[1]) == 303


def test_codes_are_not_guessed(app: Flask, recovery: list[str]) -> None:
    """Whoever knows the password has few guesses at the code: passwords and codes count together."""
    client = browser(app)
    assert log_in(client).status_code == 303
    answers = [submit(client, "/login/code", "/login/code", code=f"{guess:06}").status_code for guess in range(12)]
    assert answers.count(401) == accounts.TRIES_PER_ACCOUNT - 1
    assert answers[-1] == 429


def test_a_reset_link_replaces_the_password_only(app: Flask, runtime: Runtime, recovery: list[str]) -> None:
    """It ends every session, asks for the second factor all the same, and works once."""
    with runtime.db.write() as session:
        path = users.reset(session, runtime.keys, START + timedelta(minutes=1), "command line", EMAIL)
    client = browser(app)
    assert EMAIL in client.get(path).text
    assert submit(client, path, path, password="green lamp over water").headers["Location"] == "/login/code"
    assert submit(client, "/login/code", "/login/code", code=recovery[0]).status_code == 303
    assert browser(app).get(path).status_code == 404
    assert log_in(browser(app)).status_code == 401


def test_setting_up_on_the_page(signed_in: FlaskClient, clock: TestClock) -> None:
    """The page shows a key, takes its code, and shows ten recovery codes once."""
    page = submit(signed_in, "/account", "/account/second-factor").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret
    wrong = submit(signed_in, "/account", "/account/second-factor", code="000000")
    assert wrong.status_code == 400
    right = pyotp.TOTP(secret[1]).at(clock.real())
    done = submit(signed_in, "/account", "/account/second-factor", code=right).text
    assert len(re.findall(r"<code>[A-Z2-9]{5}-[A-Z2-9]{5}</code>", done)) == 10
    assert "10 recovery codes are left" in signed_in.get("/account").text


def test_a_session_is_ended_from_another(app: Flask, signed_in: FlaskClient) -> None:
    """A person sees where they are signed in and ends one of these; nobody ends another person's."""
    other = browser(app)
    other.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    log_in(other)
    assert "Firefox on Linux" in signed_in.get("/account").text
    submit(signed_in, "/account", "/account/sessions/2/end")
    assert other.get("/account").status_code == 303
    submit(signed_in, "/account", "/account/sessions/1/end")
    assert signed_in.get("/account").status_code == 303


def test_what_cannot_be_undone_asks_again(signed_in: FlaskClient, clock: TestClock) -> None:
    """After ten minutes an owner's act leads to the question who it is, and after the answer it works."""
    clock.move(timedelta(minutes=11))
    asked = submit(signed_in, "/users", "/users/act", act="invite", new_role="author", new_program="0")
    assert asked.headers["Location"] == "/again?back=%2Fusers"
    assert submit(signed_in, "/again", "/again", password="wrong", back="/users").status_code == 401
    assert submit(signed_in, "/again", "/again", password=PASSWORD, back="//evil.example").headers["Location"] == "/"
    made = submit(signed_in, "/users", "/users/act", act="invite", new_role="author", new_program="0")
    assert "https://sms.example.org/welcome/" in made.text


def test_an_owner_changes_roles_and_closes_accounts(
    app: Flask, signed_in: FlaskClient, add_user: Callable[..., int], runtime: Runtime
) -> None:
    """A changed role counts on the next request, a closed account is out at once, and the last owner stays."""
    add_user("bo@example.org", "auditor")
    bo = browser(app)
    log_in(bo, "bo@example.org")
    assert bo.get("/audit").status_code == 200
    assert bo.get("/users").status_code == 403
    submit(signed_in, "/users", "/users/act", act="role", email="bo@example.org", role="agent", program="0")
    assert bo.get("/audit").status_code == 403
    with runtime.db.write() as session:
        session.add(Program(slug="acme", brand="Acme", help_contact="", created_at=runtime.clock.now()))
        session.flush()
        for name in ("Spring", "Summer"):
            row = Campaign(program_id=1, name=name, status="submitted", created_at=runtime.clock.now())
            session.add(row)
    submit(signed_in, "/users", "/users/act", act="role", email="bo@example.org", role="approver", program="0")
    said = signed_in.get("/users/2/close").text
    for sentence in ("1 session ends", "2 campaigns wait", "0 of these nobody else", "0 conversations", "0 API keys"):
        assert sentence in said
    submit(signed_in, "/users/2/close", "/users/act", act="disable", email="bo@example.org")
    assert signed_in.get("/users/2/close").status_code == 404
    assert bo.get("/account").status_code == 303
    assert log_in(bo, "bo@example.org").status_code == 401
    for last in ({"act": "disable"}, {"act": "role", "role": "author", "program": "0"}):
        refused = submit(signed_in, "/users", "/users/act", email=EMAIL, **last)
        assert "last owner" in refused.text
    assert "user.disable" in signed_in.get("/audit?action=user.").text


def test_every_role_is_written_down() -> None:
    """What each role may do, as a table: a changed right has to be changed here, too."""
    every = {"look", "write", "approve", "steer", "answer", "export", "erase", "shape", "audit", "own"}
    assert every == RIGHTS
    manager = every - {"audit", "own"}
    assert {name: set(rights) for name, rights in ROLES.items()} == {
        "owner": every,
        "manager": manager,
        "marketer": manager,
        "author": {"look", "write"},
        "approver": {"look", "approve", "steer"},
        "agent": {"look", "answer"},
        "auditor": {"look", "audit"},
        "viewer": {"look"},
    }


@given(st.sampled_from([*OFFERED, "marketer"]), st.sampled_from([*sorted(RIGHTS), *EARLIER]), st.booleans())
def test_a_right_holds_where_it_was_given(role: str, asked: str, everywhere: bool) -> None:
    """In its own program, or in each where it is held for all; never in another."""
    person = Person(1, EMAIL, 1, {0 if everywhere else 5: role})
    needed = EARLIER.get(asked, frozenset({asked}))
    assert person.may(asked, 5) == (needed <= ROLES[role])
    assert person.may(asked, 6) == (everywhere and person.may(asked, 5))


def test_a_right_nobody_has_is_a_fault() -> None:
    """A door that asks for a misspelt right fails closed and loudly."""
    with pytest.raises(KeyError):
        Person(1, EMAIL, 1, {0: "owner"}).may("aprove", 0)


def test_an_unknown_role_cannot_be_given(runtime: Runtime, add_user: Callable[..., int]) -> None:
    """The sentence names the roles there are."""
    add_user()
    with pytest.raises(AccountError, match="owner, manager, author"), runtime.db.write() as session:
        users.set_role(session, START, "command line", EMAIL, "king")


def test_a_notice_stands_above_every_page(
    app: Flask, signed_in: FlaskClient, add_user: Callable[..., int], runtime: Runtime
) -> None:
    """Whoever works on every program reads an alarm wherever they are; a person of one program does not."""
    with runtime.db.write() as session:
        notices.begin(session, "watch disk", "alarm", "The disk is nearly full & slow.", START)
    assert "The disk is nearly full &amp; slow." in signed_in.get("/account").text
    add_user("bo@example.org", "manager", 7)
    bo = browser(app)
    log_in(bo, "bo@example.org")
    assert "nearly full" not in bo.get("/account").text
