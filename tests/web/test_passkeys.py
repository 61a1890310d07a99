"""Passkeys: one opens a session alone, and nothing that another site, another person or a copy has does."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import col, select

from sender.accounts import users
from sender.accounts.passkeys import Site
from sender.models import Audit
from sender.models.accounts import Passkey
from sender.runtime import Runtime
from tests.web.authenticator import PRESENT, SoftKey
from tests.web.conftest import EMAIL, FIELD, START, TestClock, browser


def ask(client: FlaskClient, page: str, address: str, **fields: str) -> Any:
    """Send a form with the token of a page."""
    found = FIELD.search(client.get(page).text)
    assert found
    return client.post(address, data={"csrf_token": found[1], **fields})


def make(client: FlaskClient, key: SoftKey, name: str = "my phone") -> Any:
    """Add a passkey on the account's page."""
    options = json.loads(ask(client, "/account", "/account/passkeys/options").text)
    return ask(client, "/account", "/account/passkeys", credential=key.make(options), name=name)


def enter(client: FlaskClient, key: SoftKey) -> Any:
    """Sign in with a passkey."""
    options = json.loads(ask(client, "/login", "/login/passkey/options").text)
    return ask(client, "/login", "/login/passkey", credential=key.prove(options))


@pytest.fixture
def key(signed_in: FlaskClient) -> SoftKey:
    """A passkey of the owner."""
    made = SoftKey()
    assert make(signed_in, made).status_code == 303
    return made


def test_a_passkey_signs_in_alone(app: Flask, signed_in: FlaskClient, key: SoftKey, runtime: Runtime) -> None:
    """It is listed by its name, and opens the pages without password or code; the audit tells the ways apart."""
    assert "my phone" in signed_in.get("/account").text
    client = browser(app)
    assert enter(client, key).headers["Location"] == "/"
    assert client.get("/campaigns").status_code == 200
    assert EMAIL in client.get("/account").text
    with runtime.db.read() as session:
        opened = select(col(Audit.detail)).where(col(Audit.action) == "session.open").order_by(col(Audit.id))
        assert [one["by"] for one in session.execute(opened).scalars()] == ["password", "passkey"]


@pytest.mark.parametrize(
    "changes",
    [{"origin": "https://evil.example.org"}, {"host": "evil.example.org"}, {"flags": PRESENT}, {"flags": 0}],
    ids=["another origin", "another site", "not verified", "not touched"],
)
def test_what_another_site_or_a_finder_has_is_refused(app: Flask, key: SoftKey, changes: dict[str, Any]) -> None:
    """A signature made for another site, or without the holder's PIN or finger, opens nothing."""
    for name, value in changes.items():
        setattr(key, name, value)
    answer = enter(browser(app), key)
    assert answer.status_code == 401
    assert "was not accepted" in answer.text


def test_a_stranger_key_and_nonsense_are_refused(app: Flask, key: SoftKey) -> None:
    """A key nobody registered, one that borrows a known id, and words that are no answer at all."""
    assert enter(browser(app), SoftKey()).status_code == 401
    assert enter(browser(app), SoftKey(id=key.id)).status_code == 401
    for nonsense in ("", "{}", "[]", '{"id": 1}', "\x00" * 30_000):
        client = browser(app)
        ask(client, "/login", "/login/passkey/options")
        assert ask(client, "/login", "/login/passkey", credential=nonsense).status_code == 401


def test_an_answer_counts_once(app: Flask, key: SoftKey) -> None:
    """The same answer with the same cookie again is refused, and so is one whose counter stands still."""
    client = browser(app)
    options = json.loads(ask(client, "/login", "/login/passkey/options").text)
    with client.session_transaction() as cookie:
        kept = dict(cookie)
    answer = key.prove(options)
    assert ask(client, "/login", "/login/passkey", credential=answer).status_code == 303
    other = browser(app)
    with other.session_transaction() as cookie:
        cookie.update(kept)
    assert ask(other, "/login", "/login/passkey", credential=answer).status_code == 401
    key.count -= 1
    assert enter(browser(app), key).status_code == 401


def test_a_challenge_ends_after_five_minutes(app: Flask, key: SoftKey, clock: TestClock) -> None:
    """Who takes longer starts anew; an answer to no challenge opens nothing."""
    client = browser(app)
    options = json.loads(ask(client, "/login", "/login/passkey/options").text)
    clock.move(timedelta(minutes=5))
    assert "five minutes" in ask(client, "/login", "/login/passkey", credential=key.prove(options)).text
    assert ask(client, "/login", "/login/passkey", credential=key.prove(options)).status_code == 401


def test_a_passkey_shows_that_it_is_still_you(
    app: Flask, signed_in: FlaskClient, key: SoftKey, clock: TestClock, add_user: Callable[..., int]
) -> None:
    """It opens ten more minutes for its own holder, and for nobody else."""
    clock.move(timedelta(minutes=11))
    assert "/again" in ask(signed_in, "/account", "/account/second-factor").headers["Location"]
    options = json.loads(ask(signed_in, "/again", "/login/passkey/options").text)
    copied = signed_in.get_cookie("__Host-tactful")
    assert copied is not None
    proved = ask(signed_in, "/again", "/again/passkey", credential=key.prove(options), back="/account")
    assert proved.headers["Location"] == "/account"
    thief = browser(app)
    thief.set_cookie("__Host-tactful", copied.value, secure=True)
    assert thief.get("/account").status_code == 303, "the session's token is a new one"
    assert ask(signed_in, "/account", "/account/second-factor").status_code == 200


def test_passkeys_end(app: Flask, signed_in: FlaskClient, key: SoftKey, runtime: Runtime) -> None:
    """By their holder one by one, and all of them when an owner takes the second factor of a lost phone away."""
    assert ask(signed_in, "/account", "/account/passkeys/1/end").status_code == 303
    assert enter(browser(app), key).status_code == 401
    again = SoftKey()
    assert make(signed_in, again).status_code == 303
    with runtime.db.write() as session:
        users.drop_second_factor(session, START, "owner", EMAIL)
    with runtime.db.read() as session:
        assert session.execute(select(Passkey)).all() == []


def test_a_passkey_is_kept_once_and_only_verified(signed_in: FlaskClient, key: SoftKey) -> None:
    """The same one again, and one whose holder gave no PIN, are refused with a sentence."""
    assert "known already" in make(signed_in, key).text
    assert "no passkey that we can accept" in make(signed_in, SoftKey(flags=PRESENT)).text


@pytest.mark.parametrize(
    ("address", "takes"),
    [("https://sms.example.org", True), ("http://localhost:8025", True), ("http://127.0.0.1:8025", False),
     ("http://sms.example.org", False), ("https://[2001:db8::1]", False)],
)  # fmt: skip
def test_browsers_make_passkeys_for_names_only(address: str, takes: bool) -> None:
    """Where they would refuse, the pages do not offer it."""
    assert Site.of(address).takes_passkeys is takes
