"""What Twilio has of each from_number before going live; and what an operator hears of disk, growth and memory."""

from pathlib import Path

import pytest

from sender.processes.embedded import valkey_command
from sender.settings import Settings
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import serve
from sender.watching import watch
from sender.watching.golive import INBOUND, checklist
from sender.watching.notices import standing
from tests.installation import Installation, install, line

ACCOUNT, TOKEN, SERVICE = "AC" + "0" * 32, "f" * 32, "MG" + "0" * 32
HOST = "https://sms.example.org"
OURS = f"{HOST}{INBOUND}"


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    """An installation with one long code, whose keys were not exported."""
    return install(tmp_path / "home", sqlite_url)


def said_of(installation: Installation, number: dict[str, object], service: dict[str, object]) -> dict[str, list[str]]:
    """What the checklist says of the from_numbers where the account has these, with a + before what is well."""
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address=SERVICE, kind="messaging_service")
    config = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [{"number": "+12125550100", **number}],
        "services": [{"sid": SERVICE, "senders": ["+12125550100"], **service}],
        "callbacks": {"enabled": False},
    }
    with serve(SimulatorConfig.model_validate(config)) as running:
        values = installation.runtime.settings.model_dump() | {
            "twilio_auth_token": TOKEN,
            "twilio_base_url": running.url,
            "public_url": HOST,
            "hooks_url": None,
        }
        found = checklist(Settings(_env_file=None, **values))  # type: ignore[arg-type]
        assert not running.seen("accepted")
    said: dict[str, list[str]] = {"inbound": [], "registration": []}
    for one in found:
        said.setdefault(one.what, []).append(f"{'+' if one.ok else '!' if one.fatal else '-'}{one.sentence}")
    return said


def test_where_replies_go_is_asked_of_the_provider(installation: Installation) -> None:
    """Both from_numbers lead here, the service is registered, and no text was sent to find out."""
    right = {"inbound_url": f"{OURS}#rc=5&rp=all"}
    said = said_of(installation, right, right)
    assert sorted(said["inbound"]) == [
        "+Replies to +12125550100 come here.",
        f"+Replies to {SERVICE} come here.",
    ]
    assert said["registration"] == [f"+{SERVICE} is registered for texts to the United States."]


def test_replies_that_go_elsewhere_forbid_the_first_text(installation: Installation) -> None:
    """Another address, none, and a service that is not registered: each is named with its mend."""
    said = said_of(installation, {"inbound_url": "https://other.example.org/sms"}, {"us_registered": False})
    elsewhere, nowhere = sorted(said["inbound"])
    assert elsewhere.startswith("!Replies to +12125550100 go to https://other.example.org/sms, so no STOP arrives here")
    assert nowhere.startswith(f"!Replies to {SERVICE} go nowhere")
    assert all(f"set it to {OURS}#rc=5&rp=all" in one for one in said["inbound"])
    assert said["registration"][0].startswith(f"-{SERVICE} is not registered")


def test_what_is_only_half_right_is_named(installation: Installation) -> None:
    """An address without repetition after faults, and a service that leaves it to each of its numbers."""
    said = said_of(installation, {"inbound_url": OURS}, {"use_inbound_webhook_on_number": True})
    repeated, by_number = sorted(said["inbound"])
    assert "is not posted again" in repeated
    assert "leaves replies to the address of each of its numbers" in by_number
    assert {one[0] for one in said["inbound"]} == {"-"}


@pytest.mark.parametrize(
    ("bound", "key", "words"),
    [("LEAST_FREE_BYTES", "disk", "of disk are free"), ("GROWN_BYTES", "growth", "`tactful db copy`")],
)
def test_disk_and_growth_are_notices(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, bound: str, key: str, words: str
) -> None:
    """Past the bound a notice stands that names the mend, and it is over when there is room again."""
    runtime = installation.runtime
    with monkeypatch.context() as tight:
        tight.setattr(watch, bound, 1 << 62 if key == "disk" else 1)
        watch.watch(runtime)
        with runtime.db.read() as session:
            assert [words in one.sentence for one in standing(session) if one.key == f"watch {key}"] == [True]
    watch.watch(runtime)
    with runtime.db.read() as session:
        assert [one.key for one in standing(session) if one.key == f"watch {key}"] == []


def test_the_embedded_valkey_keeps_its_limit(tmp_path: Path) -> None:
    """TACTFUL_VALKEY_MB is what the server is started with, and nonsense is refused."""
    command = valkey_command(tmp_path, tmp_path / "socket", Settings(_env_file=None, valkey_mb=64).valkey_mb)  # type: ignore[call-arg]
    assert command[command.index("--maxmemory") + 1] == "64mb"
    with pytest.raises(ValueError, match="greater than or equal to 16"):
        Settings(_env_file=None, valkey_mb=1)  # type: ignore[call-arg]
