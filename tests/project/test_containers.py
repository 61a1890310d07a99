"""Containers and Procfile start commands that exist, as nobody in particular, on a system that cannot be written to."""

import re
import shlex
from typing import Any

import pytest
import yaml
from typer.main import get_command

from sender.cli import app
from sender.settings import Settings
from tests.project.trees import ROOT
from web.api.operations import LARGEST
from web.pages import number_files
from web.pages.imports import UPLOAD_MOST
from web.receiver import LARGEST_BODY

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "tactful"}


def exists(words: list[str]) -> bool:
    """Whether the command line has this command."""
    found: Any = get_command(app)
    for word in words:
        found = getattr(found, "commands", {}).get(word)
    return found is not None


def test_every_process_of_the_procfile_exists() -> None:
    """One a line, each a command of ours, and the same ones as in the compose file."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    commands = {name: shlex.split(command) for name, command in lines.items()}
    assert all(words[0] == "tactful" and exists(words[1:]) for words in commands.values())
    assert set(commands) - {"release"} == set(OURS) - {"upgrade"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_have_no_rights(name: str) -> None:
    """Read-only, without capabilities, a command that exists, and only settings that exist, secrets as files."""
    one = OURS[name]
    assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert exists(one["command"])
    names = {key.removeprefix("TACTFUL_").removesuffix("_FILE").lower() for key in one["environment"]}
    assert names <= set(Settings.model_fields)
    assert all(value.startswith("/run/secrets/") for key, value in one["environment"].items() if key.endswith("_FILE"))


def test_what_is_mounted_is_declared() -> None:
    """Every volume and secret of a service is in the lists at the end; ports are open to this machine alone."""
    for one in COMPOSE["services"].values():
        assert {volume.partition(":")[0] for volume in one.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(one.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


def test_the_image_is_built_of_what_there_is() -> None:
    """Every file that the recipe names exists, and the process is nobody's by number."""
    recipe = (ROOT / "Containerfile").read_text()
    named = re.findall(r"requirements/\w+\.txt|hatch_build\.py", recipe)
    assert all((ROOT / one).is_file() for one in named)
    assert re.search(r"^USER 10001$", recipe, re.M)
    kept_out = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", ".venv", "deploy/secrets"} <= set(kept_out), "Docker and Podman both read this list"


def test_the_proxy_leads_to_our_ports() -> None:
    """Hooks and pages go to the ports of the settings, as long as our own limits allow, and no path is rewritten."""
    proxy = (ROOT / "deploy" / "nginx.conf").read_text()
    defaults = {name: Settings.model_fields[name].default for name in ("port", "hooks_port")}
    places = dict(re.findall(r"location (/\S*) \{[^}]*proxy_pass (\S+);", proxy))
    assert places["/hooks/"] == f"http://127.0.0.1:{defaults['hooks_port']}"
    assert places["/imports"] == places["/numbers/"] == places["/"] == f"http://127.0.0.1:{defaults['port']}"
    sizes = dict(re.findall(r"location (/\S*) \{[^}]*client_max_body_size (\d+\w);", proxy))
    assert sizes == {
        "/hooks/": f"{LARGEST_BODY // 1024}k",
        "/imports": "201m",
        "/numbers/": "9m",
        "/": f"{LARGEST // 2**20}m",
    }
    assert UPLOAD_MOST <= 201 * 2**20
    assert number_files.UPLOAD_MOST < 9 * 2**20
