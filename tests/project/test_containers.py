"""Containers and Procfile start commands that exist, as nobody in particular, on a system that cannot be written to."""

import json
import re
import shlex
import tomllib
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


BUILT = ("requirements/build.txt", "requirements/run.txt", "hatch_build.py", "guards", "sender", "web", "templates")


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


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the recipe with its words, lines that go on joined."""
    recipe = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text())
    lines = [line for line in recipe.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_is_built_of_what_there_is() -> None:
    """What is copied exists and is not kept out, both stages have the same Python, and that is one of ours."""
    recipe, text = instructions(), (ROOT / "Containerfile").read_text()
    copied = [words.split()[0] for word, words in recipe if word == "COPY" and not words.startswith("--from=build ")]
    assert all((ROOT / one).exists() for one in copied)
    kept_out = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", ".venv", "deploy", "tests"} <= set(kept_out), "Docker and Podman both read this list"
    needed = {"pyproject.toml", "README.md", "LICENSE", "package.json", "package-lock.json", ".npmrc", *BUILT}
    assert all((ROOT / one).exists() for one in needed)
    assert not {one.split("/")[0] for one in needed} & set(kept_out)
    assert set(re.findall(r"[\w/]+\.(?:txt|py)\b", text)) <= needed
    (base,) = {words.split()[0] for word, words in recipe if word == "FROM"}
    version = re.fullmatch(r"docker\.io/library/python:3\.(\d+)-slim-\w+", base)
    assert version
    assert int(version[1]) >= 11


def test_the_image_runs_as_nobody_in_a_folder_of_its_own() -> None:
    """User and folder are those that were made, what is started and set exists, and the ports are the settings'."""
    recipe, text = dict(instructions()), (ROOT / "Containerfile").read_text()
    user, home = recipe["USER"], recipe["VOLUME"]
    assert f"useradd --system --uid {user} --create-home --home-dir {home} tactful && chmod 0700 {home}" in text
    assert (int(user) > 0, recipe["WORKDIR"]) == (True, home)
    (entry,) = json.loads(recipe["ENTRYPOINT"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"][entry] == "sender.cli:app"
    assert exists(json.loads(recipe["CMD"]))
    given = dict(pair.split("=", 1) for pair in recipe["ENV"].split())
    assert given["PATH"].startswith("/opt/tactful/bin:")
    settings = {name.removeprefix("TACTFUL_").lower(): value for name, value in given.items() if name[:3] == "TAC"}
    assert settings["home"] == home
    assert settings["log_format"] == Settings(_env_file=None, **settings).log_format  # type: ignore[arg-type]
    assert set(settings) <= set(Settings.model_fields)
    assert recipe["EXPOSE"].split() == [str(Settings.model_fields[name].default) for name in ("port", "hooks_port")]


def test_what_listens_is_asked_whether_it_does() -> None:
    """Each of the two asks an address that it has, on its own port, by the Python of the image."""
    for name, port in (("web", "port"), ("hooks", "hooks_port")):
        program, option, line = OURS[name]["healthcheck"]["test"][1:]
        assert (program, option) == ("python", "-c")
        compile(line, name, "exec")
        (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", line)
        assert int(asked[0]) == Settings.model_fields[port].default
        file = ROOT / "web" / ("health.py" if name == "web" else "receiver.py")
        assert f'("{asked[1]}"' in file.read_text()


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
