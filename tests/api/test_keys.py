"""Keys: shown once, kept as a hash, known by their checksum, two at a time, ended at once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

from sender.api.keys import ApiKeyError, KeyIn, KeyRefusedError, create_key, is_stale, key_of, list_keys, note_use
from sender.api.keys import _checksum as checksum
from sender.api.keys import revoke_key as revoke
from sender.cli import app
from sender.models import ApiKey, Audit
from tests.api.conftest import make_key
from tests.installation import Installation, install


def opened_by(installation: Installation, key: str) -> ApiKey:
    """The key's row, or the refusal."""
    with installation.runtime.db.read() as session:
        return key_of(session, installation.runtime.keys, key, installation.clock.real())


def refusal(installation: Installation, key: str) -> str:
    """The code with which a key is refused."""
    with pytest.raises(KeyRefusedError) as refused:
        opened_by(installation, key)
    return refused.value.code


def test_a_key_opens_what_it_was_made_for(installation: Installation) -> None:
    """Its scopes and no others, writing with reading, and nothing of its secret lies in the database."""
    key = make_key(installation, "messages:write", programs=["acme"])
    row = opened_by(installation, key)
    assert row.holds("messages:write")
    assert row.holds("messages:read")
    assert not row.holds("contacts:read")
    assert row.programs == [installation.program_id]
    secret = key.split("_")[3][:32]
    assert secret not in row.model_dump_json()
    with installation.runtime.db.read() as session:
        audit = session.execute(select(Audit)).scalar_one()
    assert (audit.action, secret in json.dumps(audit.detail)) == ("apikey.create", False)


@given(place=st.integers(0, 62), letter=st.sampled_from("azAZ09_"))
def test_a_mistyped_key_is_known_without_the_database(place: int, letter: str) -> None:
    """Any one wrong letter spoils the checksum or the shape: nothing is asked of a session that is not there."""
    key = "tactful_live_0123456789_0123456789abcdefghijklmnopqrstuv" + "000000"
    wrong = key[: place % len(key)] + letter + key[place % len(key) + 1 :]
    with pytest.raises(KeyRefusedError, match="copied whole"):
        key_of(None, None, wrong, None)  # type: ignore[arg-type]


def test_only_the_right_secret_opens(installation: Installation) -> None:
    """A well-formed key of another installation, and a live key renamed to a test key, open nothing."""
    key, other = make_key(installation), make_key(installation)
    mixed = key[:24] + other[24:-6]
    assert refusal(installation, mixed + checksum(mixed)) == "invalid_key"
    renamed = key.replace("_live_", "_test_")[:-6]
    assert refusal(installation, renamed + checksum(renamed)) == "invalid_key"


def test_a_key_ends(installation: Installation) -> None:
    """By its date, and at once when it is revoked; both are told apart from a wrong one."""
    short, revoked = make_key(installation, lasts=timedelta(hours=1)), make_key(installation)
    with installation.runtime.db.write() as session:
        revoke(session, opened_by(installation, revoked).public_id, "ann", installation.clock.real())
    assert refusal(installation, revoked) == "revoked_key"
    installation.clock.move(timedelta(hours=1))
    assert refusal(installation, short) == "expired_key"


def test_two_keys_of_a_name_live_while_software_changes_over(installation: Installation) -> None:
    """A third waits until one is revoked or over."""
    first = make_key(installation)
    make_key(installation)
    with pytest.raises(ApiKeyError, match="two live keys"):
        make_key(installation)
    with installation.runtime.db.write() as session:
        revoke(session, opened_by(installation, first).public_id, "ann", installation.clock.real())
    make_key(installation)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (KeyIn("shop", ["messages:delete"]), "messages:delete"),
        (KeyIn("shop", []), "needs scopes"),
        (KeyIn(" ", ["checks:read"]), "needs a name"),
        (KeyIn("shop", ["checks:read"], ["nowhere"]), "no program 'nowhere'"),
        (KeyIn("shop", ["contacts:read"], ["acme"]), "every program"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(installation: Installation, wanted: KeyIn, said: str) -> None:
    """One sentence says why, and nothing is made."""
    with pytest.raises(ApiKeyError, match=said), installation.runtime.db.write() as session:
        create_key(session, installation.runtime.keys, wanted, "ann", installation.clock.real())
    with installation.runtime.db.read() as session:
        assert list_keys(session) == []


def test_the_last_use_is_written_once_a_minute(installation: Installation) -> None:
    """A busy key costs no transaction for each request."""
    key = make_key(installation)
    row = opened_by(installation, key)
    assert is_stale(row, installation.clock.real())
    with installation.runtime.db.write() as session:
        note_use(session, row.id or 0, installation.clock.real())
    assert not is_stale(opened_by(installation, key), installation.clock.real())
    installation.clock.move(timedelta(minutes=1))
    assert is_stale(opened_by(installation, key), installation.clock.real())


def test_the_commands(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made, listed without its secret and revoked from the command line, on both databases."""
    made = install(tmp_path / "home", database_url)
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", database_url)
    run = CliRunner().invoke
    created = run(app, ["apikey", "create", "shop", "--scope", "messages:write", "--test", "--days", "30"])
    key = created.stdout.strip()
    assert key.startswith("tactful_test_"), created.output
    listed = json.loads(run(app, ["apikey", "list", "--json"]).stdout)
    assert (listed["name"], listed["is_test"], "secret_hash" in listed) == ("shop", True, False)
    assert listed["public_id"] in run(app, ["apikey", "list"]).output
    assert run(app, ["apikey", "revoke", listed["public_id"]]).exit_code == 0
    again = run(app, ["apikey", "revoke", listed["public_id"]])
    assert (again.exit_code, "apikey list" in again.output) == (1, True)
    made.runtime.db.close()
