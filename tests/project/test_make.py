import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.trees import ROOT

# Stands in for python, pip and npm: writes down how it was called and makes what the real ones would.
RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$*" in
  {refuses}) exit 1 ;;
  --version) echo "{version}" ;;
  *"venv --clear .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/npm ;;
esac
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run make in an empty house that has only what set-up reads, with a recorder for python3 and npm."""
    for name in ("Makefile", "pyproject.toml", "hatch_build.py", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("requirements", "web"):
        (tmp_path / folder).mkdir()
    for name in ("requirements/build.txt", "requirements/run.txt", "requirements/node.txt", "web/assets.py"):
        shutil.copy(ROOT / name, tmp_path / name)

    def run(*words: str, refuses: str = "never", npm: str = "10.0.0") -> subprocess.CompletedProcess[str]:
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        for tool, version in (("python3", "Python 3.9.1"), ("npm", npm)):
            script = RECORDER.format(log=tmp_path / "log", refuses=refuses, version=version)
            (tools / tool).write_text(script)
            (tools / tool).chmod(0o755)
        path = f"{tools}:{os.environ['PATH']}"
        return subprocess.run(
            ["make", *words], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
        )

    return run


def calls(tmp_path: Path) -> list[str]:
    """What the recorders were asked since the last look."""
    log = tmp_path / "log"
    said = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return said


def test_make_alone_lists_every_target() -> None:
    """Each target that people call has a line of its own with what it does."""
    text = (ROOT / "Makefile").read_text()
    listed = subprocess.run(
        ["make"], cwd=ROOT, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    named = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert named
    assert re.findall(r"^  make (\S+) +\S", listed.stdout, re.MULTILINE) == named[1].split()


def test_setup_installs_once(make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """The first set-up makes everything, a second one only looks whether the front-end files are there."""
    first = make("setup")
    assert first.returncode == 0, first.stderr
    assert len([call for call in calls(tmp_path) if "pip install" in call]) == 2
    make("setup")
    assert [call for call in calls(tmp_path) if "require_assets()" not in call] == []


def test_a_new_lock_is_installed(make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """When the lock changes, set-up installs it; the front end stays as it is."""
    make("setup")
    calls(tmp_path)
    os.utime(tmp_path / "requirements" / "run.txt")
    make("setup")
    later = calls(tmp_path)
    assert any("-r requirements/run.txt" in call for call in later)
    assert not any(call.startswith("npm ci") for call in later)


def test_lost_front_end_files_are_fetched_again(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """When the look finds a front-end file missing, set-up runs npm and copies again."""
    make("setup")
    calls(tmp_path)
    shutil.copy(tmp_path / "tools" / "python3", tmp_path / ".venv" / "bin" / "python")
    refusing = (tmp_path / "tools" / "python3").read_text().replace("never)", '*"require_assets()"*)')
    (tmp_path / ".venv" / "bin" / "python").write_text(refusing)
    make("setup")
    assert any(call.startswith("npm ci --ignore-scripts") for call in calls(tmp_path))


@pytest.mark.parametrize("npm", ["8.19.4", ""])
def test_a_machine_without_npm_gets_one(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, npm: str
) -> None:
    """Where npm is missing or too old, the pinned wheel brings it into .venv and is used."""
    made = make("setup", npm=npm)
    assert "no npm 9 or later" in made.stdout
    assert any(
        "--require-hashes --no-deps --only-binary :all: -r requirements/node.txt" in call for call in calls(tmp_path)
    )


@pytest.mark.parametrize(
    ("refuses", "python", "sentence"),
    [
        ('*"import venv, ensurepip"*', "python3", "install the package python3-venv"),
        ("*version_info*", "python3", "Tactful needs Python 3.11 or later, and python3 is Python 3.9.1"),
        ("never", "/nowhere/python", "Tactful needs Python 3.11 or later: install the package python3"),
    ],
)
def test_an_unfit_python_gets_one_sentence(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, refuses: str, python: str, sentence: str
) -> None:
    """A Python that is missing, too old or cannot make environments is named with the way out, and nothing is made."""
    failed = make("setup", f"PYTHON={python}", refuses=refuses)
    said = [line for line in failed.stderr.splitlines() if not line.startswith("make")]
    assert failed.returncode == 2
    assert len(said) == 1
    assert sentence in said[0]
    assert not (tmp_path / ".venv").exists()
