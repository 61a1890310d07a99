"""The documents as a site: every page has its place, the guide is as the rules are, the tutorial does what it says."""

import re
import shlex
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sender.cli import app
from sender.rules_paper import paper
from tests.project.trees import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
# The tutorial's day must not come to pass, and nobody stands in Twilio's place.
BEFORE = {"TWILIO_BASE_URL": "http://127.0.0.1:1", "CLOCK_VIRTUAL": "2027-03-08T15:00:00+00:00"}
# What each command of the tutorial must say, in order; the texts beside it say the same.
SAYS = (
    "The database", "Program club is there", "with consent 2", "Yes: a marketing text may go",
    "No consent is on record", "the first allowed moment is", "is a draft", "3 numbers, 2 parts",
    "Scheduled for 2027-03-09", "scheduled",
)  # fmt: skip


def pages(entries: object) -> set[str]:
    """Every page of the navigation."""
    if isinstance(entries, str):
        return {entries}
    inner = entries.values() if isinstance(entries, dict) else entries
    return {page for one in inner for page in pages(one)}  # type: ignore[attr-defined]


def test_every_page_has_its_place() -> None:
    """The navigation names each document once written, and the one that is made from the commands; nothing else."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert pages(nav) == {one.name for one in (ROOT / "docs").glob("*.md")} | {"commands.md"}


def test_the_compliance_guide_is_fresh() -> None:
    """What lies in docs is what guards and rule files say now; `make docs` writes it anew."""
    assert (ROOT / "docs" / "compliance.md").read_text() == paper()


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files and its commands, in their order, on an empty installation without a provider."""
    for name, text in re.findall(r'^```\w+ title="([\w.]+)"\n(.*?)^```', TUTORIAL, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    commands = "".join(re.findall(r"^```sh\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)).splitlines()
    monkeypatch.chdir(tmp_path)
    for name, value in {**BEFORE, "HOME": str(tmp_path / "home"), "CLOCK_REAL": str(time.time())}.items():
        monkeypatch.setenv(f"TACTFUL_{name}", value)
    said = [" ".join(CliRunner().invoke(app, shlex.split(one)[1:]).output.split()) for one in commands]
    tidy = [re.sub(r"[│┃]\s*", "", one) for one in said]
    assert [(expected, one) for expected, one in zip(SAYS, tidy, strict=True) if expected not in one] == []
