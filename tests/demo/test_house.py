"""The demo's own installation: sealed off from the user's, and its processes begin their day together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sender.demo import late
from sender.demo.house import House, HouseError, clear, environment, free_ports, on_the_day, settings_of
from sender.demo.scenario import START
from tests.waiting import eventually

ASK = "from sender.settings import Settings; s = Settings(); print(s.database, s.redis_url or '-', s.address)"


def test_nothing_of_the_users_own_settings_gets_in(tmp_path: Path) -> None:
    """With another database and Redis in the environment and in .env, a child of the demo still has the demo's."""
    (tmp_path / ".env").write_text("TACTFUL_REDIS_URL=redis://real\nTACTFUL_PUBLIC_URL=https://real.example\n")
    settings = settings_of(House(tmp_path / "demo"))
    env = {**os.environ, "TACTFUL_DATABASE_URL": "postgresql://real", **environment(settings)}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    asked = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert asked.stdout.split() == [settings.database, "-", f"http://127.0.0.1:{settings.port}"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A folder named demo with other things in it is refused, and nothing in it is touched."""
    folder = tmp_path / "demo"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "mine.log").write_text("mine")
    with pytest.raises(HouseError, match="holds other things"):
        clear(House(folder))
    assert (folder / "logs" / "mine.log").read_text() == "mine"


def test_an_earlier_run_is_cleared_away(tmp_path: Path) -> None:
    """What a run left is gone before the next one, which finds its folders empty."""
    house = House(tmp_path / "demo")
    clear(house)
    house.contacts.write_text("old")
    (house.logs / "processes.log").write_text("old")
    clear(house)
    assert not house.contacts.exists()
    assert list(house.logs.iterdir()) == []


def test_ports_are_free_and_out_of_the_way() -> None:
    """Three different ports below those that outgoing connections take."""
    ports = free_ports(3)
    assert len(set(ports)) == 3
    assert all(1024 < port < 32_768 for port in ports)


def test_the_day_has_one_clock(tmp_path: Path) -> None:
    """On the day virtual time is START at the anchor's second, whatever the clock showed during the preparations."""
    settings = on_the_day(settings_of(House(tmp_path / "demo")), 1_000_000.0, 1440.0)
    assert (settings.clock_real, settings.clock_virtual, settings.clock_speed) == (1_000_000.0, START, 1440.0)


def test_a_process_waits_for_the_anchor(tmp_path: Path) -> None:
    """It says that it is warm, does nothing before the anchor is there, and then runs with the anchor's clock."""
    command = [sys.executable, "-m", late.__name__, str(tmp_path), "one", "sender.simulator", "--clock-speed", "soon"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        warm = eventually(lambda: late.pid_file(tmp_path, "one").exists() and late.pid_file(tmp_path, "one"))
        assert int(eventually(warm.read_text)) == process.pid
        assert process.poll() is None
        late.write_anchor(tmp_path, 1.0, 2.0)
        _, said = process.communicate(timeout=20)
    assert "arguments are required: --port" in said
    assert "soon" not in said
