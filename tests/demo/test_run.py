"""The demo as people start it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sender.processes.embedded import answers, socket_path
from tests.waiting import eventually

PEOPLE = "1000"


def command(folder: Path) -> tuple[list[str], dict[str, str]]:
    """How to start a small demo in a folder, with its environment."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DEMO_EXIT": "1"}
    return [sys.executable, "-m", "sender.cli", "demo", "--contacts", PEOPLE], env


def test_ctrl_c_ends_it_and_leaves_nothing_running(short_folder: Path) -> None:
    """Interrupted while it prepares, it says so, ends with 130, and its Valkey is gone."""
    words, env = command(short_folder)
    with subprocess.Popen(words, env=env, cwd=short_folder, stdout=subprocess.PIPE, text=True) as demo:
        socket = socket_path(short_folder / "demo" / "run")
        eventually(lambda: answers(socket), 60)
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "ended before its report" in said
    assert not answers(socket)


def test_so_few_people_are_refused(short_folder: Path) -> None:
    """With too few people one sentence says how many are needed, and the status is 1."""
    words, env = command(short_folder)
    asked = [*words[:-1], "300"]
    done = subprocess.run(asked, env=env, cwd=short_folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Ask for 1,000 to 11,000 people" in " ".join(done.stdout.split())
    assert done.stderr == ""


@pytest.mark.nightly
def test_a_small_demo_holds(short_folder: Path) -> None:
    """From the file to the checks: a thousand people, and every check passes."""
    words, env = command(short_folder)
    done = subprocess.run(words, env=env, cwd=short_folder, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything holds." in done.stdout
