import re
from pathlib import Path
from typing import Any

import pytest
import typer

from sender.cli import PANELS, app
from tests.project.trees import ROOT

COMMANDS = typer.main.get_command(app)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "Procfile", "Makefile"])
def test_every_command_that_is_named_exists(name: str) -> None:
    """Whatever these files call as `tactful ...` is a command of it."""
    named = set(re.findall(r"tactful ([a-z]+)", command_lines(name)))
    assert named <= set(COMMANDS.commands)


PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "client").glob("*.md")])


@pytest.mark.parametrize("paper", [paper for paper in PAPERS if paper.name != "CHANGELOG.md"], ids=lambda one: one.name)
def test_every_command_of_a_paper_can_be_typed(paper: Path) -> None:
    """Each command in code, within a sentence or in a block of its own, exists, and so does each option it names."""
    assert [line for line in written(paper.read_text(encoding="utf-8")) if wrong(line)] == []


def written(text: str) -> list[str]:
    """Every command of ours that a paper shows as code, without what comes behind a pipe or a comment."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    code = "\n".join([*blocks, *(one.replace("\n", " ") for one in re.findall(r"`([^`]+)`", without_blocks(text)))])
    return re.findall(r"(?:^|(?<!the)[\s/(])tactful +([a-z][^#|\n&>]*)", code.replace("\\\n", " "))


def without_blocks(text: str) -> str:
    """What stands between the blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def wrong(line: str) -> bool:
    """Whether this is no command, or names an option that it does not have."""
    found: Any = COMMANDS
    for word in line.split():
        if word.strip(",.;:") not in getattr(found, "commands", {}):
            break
        found = found.commands[word.strip(",.;:")]
    known = {name for one in found.params for name in one.opts} | {"--help"}
    named = re.findall(r"(?<!\S)--[a-z][a-z-]*", line)
    return found is COMMANDS or bool(set(named) - known) or (bool(named) and hasattr(found, "commands"))


def test_a_command_that_was_renamed_is_found() -> None:
    """A word that is none, and an option of another command, are seen in a sentence and in a block."""
    said = written(
        "Say `tactful demmo` or `tactful doctor --json`.\n\n```sh\n.venv/bin/tactful doctor --jsn  # x\n```\n"
    )
    assert [line.strip() for line in said if wrong(line)] == ["doctor --jsn", "demmo"]


def command_lines(name: str) -> str:
    """The lines of a file that are commands, without comments: in a paper, what stands in its fenced blocks."""
    text = (ROOT / name).read_text()
    if name.endswith(".md"):
        text = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return re.sub("#.*", "", text)


def test_every_command_says_what_it_does() -> None:
    """Each command and group of commands has a help text."""
    assert [name for name, command in COMMANDS.commands.items() if not command.help] == []


def test_every_command_stands_in_one_panel() -> None:
    """What is in no panel would not be shown by `tactful --help`; what stands in two would be shown twice."""
    shown = [name for names in PANELS.values() for name in names]
    assert sorted(shown) == sorted(COMMANDS.commands)
