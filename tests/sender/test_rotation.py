"""New keys while everything runs: people stay who they are, links go on working, and what was erased stays blocked."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from sender import rotation
from sender.audience.links import opt_out_token, read_opt_out_token
from sender.audience.numbers import SealedNumber, find, find_or_make
from sender.audience.phone import parse
from sender.cli import app
from sender.crypto import KeyFileError, install_keys, key_path, load_keys
from sender.models import Number
from tests.installation import Installation, install

ANN, BOB, CAT = "+12125550101", "+12125550102", "+12125550103"


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    """Two numbers, one of which was erased."""
    made = install(tmp_path / "home", database_url)
    made.contact(ANN)
    erased = made.contact(BOB)
    with made.runtime.db.write() as session:
        row = session.get_one(Number, erased)
        row.data_key, row.cipher = b"", b""
    return made


def test_numbers_are_found_before_and_after(installation: Installation) -> None:
    """A rotation keys and seals anew what can be read, and nobody becomes a second person by it."""
    runtime = installation.runtime
    with runtime.db.read() as session:
        before = {e164: find(session, runtime.keys, e164) for e164 in (ANN, BOB)}
    link, signed = opt_out_token(runtime.keys, 7, 1), runtime.keys.sign("receipt", "abc")
    old = load_keys(runtime.settings.home)
    done = rotation.rotate(runtime, "command line", settle=0)
    assert (done.version, done.numbers, done.left) == (2, 1, 1)
    assert [one.version for one in runtime.keys.living] == [2, 1]
    with runtime.db.write() as session:
        assert {e164: find(session, runtime.keys, e164) for e164 in (ANN, BOB)} == before
        again = find_or_make(session, runtime.keys, [parse(one, None) for one in (ANN, BOB, CAT)], runtime.clock.now())
        assert {e164: again[e164] for e164 in before} == before
        ann, cat = (session.get_one(Number, again[e164]) for e164 in (ANN, CAT))
        assert (ann.key_version, cat.key_version) == (2, 2)
        assert SealedNumber(ann.cipher, ann.data_key).open(runtime.keys) == ANN
        with pytest.raises(KeyFileError):
            # A thief of the first key file alone could open nothing of what is there now.
            type(old)(*(getattr(old.living[1], name) for name in ("master", "number", "token", "session"))).unwrap(
                ann.data_key
            )
    assert read_opt_out_token(runtime.keys, link) == (7, 1)
    assert runtime.keys.verifies("receipt", "abc", signed)
    assert not runtime.keys.verifies("receipt", "abd", signed)


def test_a_process_that_runs_sees_the_new_keys(installation: Installation) -> None:
    """A keyring that was read before the rotation reads the file again by itself, and opens what was sealed since."""
    running = load_keys(installation.runtime.settings.home)
    rotation.rotate(installation.runtime, "command line", settle=0)
    with installation.runtime.db.read() as session:
        wrapped = session.execute(select(col(Number.data_key)).where(col(Number.key_version) == 2)).scalar_one()
        assert len(running.unwrap(wrapped)) == 32
        assert find(session, running, ANN)


def test_a_rotation_that_was_killed_is_taken_up(installation: Installation) -> None:
    """After keys were made but no row was turned, the next run makes no further keys and turns the rows."""
    assert rotation.stage(installation.runtime, "command line") == 2
    assert rotation.stage(installation.runtime, "command line") == 2
    done = rotation.rotate(installation.runtime, "command line", settle=0)
    assert (done.version, done.numbers) == (2, 1)


def test_keys_travel_by_export_and_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported copy, put into a fresh home, is the same keyring; keys that are there are never written over."""
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    made = install(tmp_path / "home", f"sqlite:///{tmp_path / 'home' / 'tactful.db'}")
    copy, run = tmp_path / "copy.json", CliRunner()
    assert run.invoke(app, ["keys", "export", str(copy)]).exit_code == 0
    assert copy.stat().st_mode & 0o077 == 0
    refused = run.invoke(app, ["keys", "import", str(copy)])
    assert refused.exit_code == 1
    assert "already" in refused.stderr
    key_path(tmp_path / "home").unlink()
    assert run.invoke(app, ["keys", "import", str(copy)]).exit_code == 0
    assert load_keys(tmp_path / "home").fingerprint == made.runtime.keys.fingerprint
    (tmp_path / "other").mkdir()
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(KeyFileError, match="damaged"):
        install_keys(tmp_path / "bad.json", tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
