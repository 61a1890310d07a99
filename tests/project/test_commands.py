import re

import pytest
import typer

from sender.cli import app
from tests.project.trees import ROOT

COMMANDS = typer.main.get_command(app)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "Procfile", "Makefile"])
def test_every_command_that_is_named_exists(name: str) -> None:
    """Whatever these files call as `tactful ...` is a command of it."""
    named = set(re.findall(r"tactful ([a-z]+)", command_lines(name)))
    assert named <= set(COMMANDS.commands)


def command_lines(name: str) -> str:
    """The lines of a file that are commands, without comments: in a paper, what stands in its fenced blocks."""
    text = (ROOT / name).read_text()
    if name.endswith(".md"):
        text = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return re.sub("#.*", "", text)


def test_every_command_says_what_it_does() -> None:
    """Each command and group of commands has a help text."""
    assert [name for name, command in COMMANDS.commands.items() if not command.help] == []
