"""Wrong settings as a newcomer makes them: one sentence each that names the setting and how to write it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sender.cli import app
from sender.settings import Settings
from sender.watching.doctor import examine


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "abc", "valid integer"),
        ("PROXIES", "10.0.0.0/8", "is no list; write it in brackets"),
        ("MAIL_TO", "ops@example.org", "is no list; write it in brackets"),
        ("DATABASE_URL", "postgres://ann:pass-word@db/x", "write postgresql+psycopg://"),
        ("DATABASE_URL", "mysql://db/x", "write postgresql+psycopg://"),
        ("DATABASE_URL", "nonsense", "write postgresql+psycopg://"),
        ("REDIS_URL", "localhost:6379", "write redis://host"),
        ("PUBLIC_URL", "sms.example.org", "write https:// before it"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """From the environment and from a file; status 1, and a password in the address is not repeated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text(value)
    for setting, given in ((f"TACTFUL_{name}", value), (f"TACTFUL_{name}_FILE", str(tmp_path / "file"))):
        with monkeypatch.context() as patch:
            patch.setenv(setting, given)
            done = CliRunner().invoke(app, ["doctor"])
        said = " ".join(done.output.split())
        assert (done.exit_code, isinstance(done.exception, SystemExit)) == (1, True)
        assert said.startswith(f"✗ TACTFUL_{name}: ")
        assert says in said
        assert "pass-word" not in said


def test_a_misspelt_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment and in .env, with the name that was meant; what is one is passed over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TACTFUL_TWILO_AUTH_TOKEN", "secret-value")
    (tmp_path / ".env").write_text("#TACTFUL_PRT=1\nTACTFUL_WORKRES=3\nTACTFUL_HOME=x\nTACTFUL_HOME_FILE=y\nOTHER=1\n")
    settings = Settings(_env_file=None, home=tmp_path / "home", twilio_account_sid="hello", twilio_auth_token="x")
    found = examine(settings, first_start=True)
    assert [one.sentence for one in found if one.what == "setting"] == [
        "TACTFUL_TWILO_AUTH_TOKEN is no setting; is it TACTFUL_TWILIO_AUTH_TOKEN?",
        "TACTFUL_WORKRES is no setting; is it TACTFUL_WORKERS?",
    ]
    assert [one.sentence[:41] for one in found if one.what == "twilio"] == ["TACTFUL_TWILIO_ACCOUNT_SID is no account'"]


def test_before_the_first_start_a_command_says_how_to_make_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys there is nothing to open: either they are put back, or this is a first start."""
    monkeypatch.setenv("TACTFUL_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(app, ["campaign", "list"])
    assert done.exit_code == 1
    assert "on a first start run `tactful db upgrade` or `tactful up`" in " ".join(done.output.split())
