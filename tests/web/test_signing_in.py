"""Links that work once, passwords that are not guessed, sessions that can be ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import SQLModel

from sender import accounts
from sender.accounts import AccountError, Person
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, PASSWORD, START, TestClock, browser, log_in, submit


def owner_link(runtime: Runtime) -> str:
    """A fresh owner's link."""
    with runtime.db.write() as session:
        return accounts.make_owner_link(session, runtime.keys, runtime.clock.real())


def accept(client: FlaskClient, link: str, email: str = EMAIL, password: str = PASSWORD) -> Any:
    """Use a link on its page."""
    return submit(client, link, link, email=email, password=password)


def test_the_owner_comes_in_by_a_link(client: FlaskClient, runtime: Runtime) -> None:
    """The first owner chooses a password and is signed in at once."""
    link = owner_link(runtime)
    assert accept(client, link).headers["Location"] == "/"
    page = client.get("/")
    assert page.status_code == 200
    assert EMAIL in page.text


def test_a_link_works_once(app: Flask, runtime: Runtime) -> None:
    """A second person with the same link sees that it is used, on the page and on a form loaded before."""
    link = owner_link(runtime)
    early = browser(app)
    form = early.get(link).text
    assert accept(browser(app), link).status_code == 303
    assert browser(app).get(link).status_code == 404
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    late = early.post(link, data={"csrf_token": token, "email": "eve@example.org", "password": PASSWORD})
    assert late.status_code == 404


def test_a_link_ends_after_a_day(client: FlaskClient, runtime: Runtime, clock: TestClock) -> None:
    """A link that lay about for 24 hours is worth nothing."""
    link = owner_link(runtime)
    clock.move(timedelta(hours=24))
    assert client.get(link).status_code == 404


def test_a_new_owner_link_ends_the_one_before(client: FlaskClient, runtime: Runtime) -> None:
    """Only the last link that was made can make the owner."""
    first, second = owner_link(runtime), owner_link(runtime)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


def test_no_second_owner_by_link(runtime: Runtime, add_user: Callable[..., int]) -> None:
    """Where there is an owner, only their invitation makes another user."""
    add_user()
    with pytest.raises(AccountError, match="has an owner"):
        owner_link(runtime)


def test_an_invitation_gives_its_role(app: Flask, runtime: Runtime, add_user: Callable[..., int]) -> None:
    """Who was invited as a viewer of one program is that and no more."""
    owner = add_user()
    with runtime.db.write() as session:
        link = accounts.make_invitation(session, runtime.keys, START, role="viewer", invited_by=owner, program_id=7)
    guest = browser(app)
    assert accept(guest, link, "bo@example.org").status_code == 303
    with guest.session_transaction() as cookie, runtime.db.read() as session:
        person = accounts.person_of(session, runtime.keys, cookie["token"], START)
    assert person is not None
    assert person.roles == {7: "viewer"}


def test_no_secret_lies_in_the_database(client: FlaskClient, runtime: Runtime) -> None:
    """Neither tokens nor the password can be read from the tables."""
    accept(client, owner_link(runtime))
    with client.session_transaction() as cookie:
        token = cookie["token"]
    with runtime.db.read() as session:
        dump = repr([session.execute(table.select()).all() for table in SQLModel.metadata.sorted_tables])
    assert EMAIL in dump
    assert token not in dump
    assert PASSWORD not in dump
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in dump


@pytest.mark.parametrize(
    "password",
    ["short", "password1234", "qwertyuiop12", "aaaaaaaaaaaaaa", "Ana@Example.org", "TactfulTactful", "x" * 300],
)
def test_weak_passwords_are_refused(password: str) -> None:
    """Short, common, repeated, one's own name or ours, or endless: the sentence says what to choose."""
    with pytest.raises(AccountError, match="password"):
        accounts.new_password_hash(password, EMAIL)


def test_a_weak_password_does_not_use_the_link_up(client: FlaskClient, runtime: Runtime) -> None:
    """The person is told and may choose again."""
    link = owner_link(runtime)
    answer = accept(client, link, password="password1234")
    assert answer.status_code == 400
    assert "easy to guess" in answer.text
    assert accept(client, link).status_code == 303


def test_a_wrong_password_and_an_unknown_account_look_alike(client: FlaskClient, add_user: Callable[..., int]) -> None:
    """Nobody learns here who has an account."""
    add_user()
    wrong = log_in(client, password="something else entirely")
    unknown = log_in(client, email="nobody@example.org")
    assert wrong.status_code == unknown.status_code == 401
    sentence = "E-mail address or password is wrong."
    assert sentence in wrong.text
    assert sentence in unknown.text


def test_a_refused_sign_in_is_a_line_in_the_log(
    client: FlaskClient, add_user: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    """It tells by which way, from where and why; the account is the same keyed hash each time, never the address."""
    add_user(EMAIL)
    for typed in (EMAIL, f" {EMAIL.upper()}", "eve@example.org"):
        log_in(client, typed, "a wrong password that nobody has")
    said = [one.getMessage() for one in caplog.records if "was refused" in one.getMessage()]
    assert [one.startswith("A sign-in by password from 127.0.0.1 was refused") for one in said] == [True] * 3
    accounts_told = [one.rpartition(" ")[2] for one in said]
    assert accounts_told[0] == accounts_told[1] != accounts_told[2]
    assert EMAIL not in caplog.text


def test_guessing_is_stopped_per_account(client: FlaskClient, add_user: Callable[..., int], clock: TestClock) -> None:
    """After ten tries the right password is not looked at either, until ten minutes have passed."""
    add_user()
    assert [log_in(client, password=f"wrong {guess}").status_code for guess in range(10)] == [401] * 10
    assert log_in(client).status_code == 429
    clock.move(timedelta(minutes=10))
    assert log_in(client).status_code == 303


def test_guessing_is_stopped_per_address(client: FlaskClient, add_user: Callable[..., int]) -> None:
    """One password for many accounts is guessing too; a proxy on this machine says whose address it is."""
    add_user()
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "203.0.113.1, 192.0.2.9"
    codes = [log_in(client, email=f"user{guess}@example.org").status_code for guess in range(31)]
    assert codes == [401] * 30 + [429]
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.9, 203.0.113.1"
    assert log_in(client).status_code == 303


def test_the_session_is_new_after_signing_in(client: FlaskClient, add_user: Callable[..., int]) -> None:
    """A cookie that somebody planted before is worth nothing afterwards, and neither is its form token."""
    add_user()
    client.get("/login")
    with client.session_transaction() as cookie:
        before = dict(cookie)
    log_in(client)
    with client.session_transaction() as cookie:
        assert "token" not in before
        assert cookie.get("csrf_token") != before["csrf_token"]


def test_a_copied_cookie_ends_with_signing_out(app: Flask, signed_in: FlaskClient) -> None:
    """The thief of a cookie is out as soon as its owner signs out."""
    stolen = signed_in.get_cookie("__Host-tactful")
    assert stolen is not None
    thief = browser(app)
    thief.set_cookie("__Host-tactful", stolen.value, secure=True)
    assert thief.get("/").status_code == 200
    assert submit(signed_in, "/", "/logout").headers["Location"] == "/login"
    thief.set_cookie("__Host-tactful", stolen.value, secure=True)
    assert thief.get("/").status_code == 303


def test_a_copied_cookie_ends_with_proving_again(app: Flask, signed_in: FlaskClient) -> None:
    """Whoever says again who they are goes on with a session's new token; the thief's is worth nothing."""
    stolen = signed_in.get_cookie("__Host-tactful")
    assert stolen is not None
    assert submit(signed_in, "/again", "/again", password=PASSWORD, back="/account").status_code == 303
    thief = browser(app)
    thief.set_cookie("__Host-tactful", stolen.value, secure=True)
    assert thief.get("/account").status_code == 303
    assert signed_in.get("/account").status_code == 200


def test_signing_out_everywhere(app: Flask, signed_in: FlaskClient) -> None:
    """One press ends the sessions of every device of this person."""
    other = browser(app)
    log_in(other)
    submit(signed_in, "/", "/logout", everywhere="yes")
    assert other.get("/").status_code == 303


def test_an_idle_session_ends(signed_in: FlaskClient, clock: TestClock) -> None:
    """After half an hour without an act of the person; a page that polls is no act."""
    clock.move(timedelta(minutes=20))
    assert signed_in.get("/").status_code == 200
    clock.move(timedelta(minutes=20))
    assert signed_in.get("/", headers={"HX-Request": "true"}).status_code == 200
    clock.move(timedelta(minutes=11))
    assert signed_in.get("/").status_code == 303


def test_a_busy_session_ends_after_twelve_hours(signed_in: FlaskClient, clock: TestClock) -> None:
    """However often the person does something."""
    for _ in range(12 * 3 - 1):
        clock.move(timedelta(minutes=20))
        assert signed_in.get("/").status_code == 200
    clock.move(timedelta(minutes=20))
    assert signed_in.get("/").status_code == 303


def test_a_poll_without_session_leads_to_the_sign_in_page(client: FlaskClient) -> None:
    """The page that polls is sent there as a whole, not only the part that it fetches."""
    answer = client.get("/campaigns/1/live", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


def test_a_role_that_was_taken_is_gone_at_once(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """The next request of a session that was open before does not have it any more."""
    assert signed_in.get(f"/campaigns/{campaign}").status_code == 200
    with runtime.db.write() as session:
        session.delete(session.get_one(accounts.Role, (1, 0)))
    assert signed_in.get(f"/campaigns/{campaign}").status_code == 404


@given(st.text(max_size=40))
def test_an_email_address_is_tidied_or_refused(text: str) -> None:
    """Whatever is typed in: one spelling without blanks, or an AccountError and nothing else."""
    try:
        tidy = accounts.tidy_email(text)
    except AccountError:
        return
    assert tidy == accounts.tidy_email(tidy) == tidy.lower()
    assert not set(tidy) & set(" \t\r\n")


@given(
    st.sampled_from(["viewer", "marketer", "owner"]), st.sampled_from(["viewer", "marketer", "owner"]), st.booleans()
)
def test_a_higher_role_may_do_what_a_lower_may(held: str, asked: str, everywhere: bool) -> None:
    """In its own program or, held for all programs, in each; never in another program."""
    person = Person(1, EMAIL, 1, {0 if everywhere else 5: held})
    order = ["viewer", "marketer", "owner"]
    assert person.may(asked, 5) == (order.index(held) >= order.index(asked))
    assert person.may(asked, 6) == (everywhere and person.may(asked, 5))
