"""docs/api.md: every request on it is answered as it says, and every problem stands on it."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from typer.testing import CliRunner

from sender.cli import app
from tests.api.conftest import Caller, caller
from tests.installation import Installation
from tests.project.trees import ROOT
from web.api.problems import CODES

PAPER = (ROOT / "docs" / "api.md").read_text()
REQUEST = re.compile(r"```http\n(\w+) (\S+) → (\d+)\n((?:[\w-]+: [^\n]*\n)*)\n?(.*?)```", re.DOTALL)


def ask(client: FlaskClient, shop: Caller, found: tuple[str, ...]) -> Any:
    """Send one request of the paper."""
    method, path, _, headers, body = found
    told = dict(line.split(": ", 1) for line in headers.splitlines())
    kind = {"content_type": "application/json"} if body.strip() else {}
    told["Authorization"] = f"Bearer {shop.key}"
    return client.open(f"/api/v1{path}", method=method, headers=told, data=body or None, **kind)  # type: ignore[arg-type]


def test_every_request_on_it_is_answered_as_it_says(installation: Installation) -> None:
    """In the order of the page, with one key, after its file was uploaded as its command does."""
    shop = caller(installation)
    assert shop.send("POST", "/imports?name=spring.csv", b"phone,first_name\n+12125550123,Ana\n").status_code == 201
    found = REQUEST.findall(PAPER)
    assert len(found) == PAPER.count("```http")
    for one in found:
        answer = ask(shop.client, shop, one)
        assert answer.status_code == int(one[2]), (one[:2], answer.json)


def test_every_problem_stands_on_it() -> None:
    """Each code with its status and what to do, none more and none fewer."""
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.*) \|$", PAPER, re.MULTILINE)
    assert {code: (int(status), mend) for code, status, mend in rows} == {
        name: (code.status, code.mend) for name, code in CODES.items()
    }


@pytest.mark.parametrize("line", re.findall(r"^tactful (.*)$", PAPER, re.MULTILINE))
def test_every_command_on_it_is_one(line: str) -> None:
    """It is understood down to its options: asked for help in their place, it explains itself."""
    group, command = line.split()[:2]
    said = CliRunner().invoke(app, [group, command, "--help"])
    assert said.exit_code == 0
    for option in re.findall(r"--[a-z-]+", line):
        assert option in said.output
