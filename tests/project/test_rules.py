"""Rules of this project that no linter knows: who may reach outside, and how units of systemd stand."""

import ast
import configparser
from pathlib import Path

import pytest

from tests.project.trees import ROOT, python_files, shown, tree_of

# Whoever may open a connection to somewhere, and why.
REACHES_OUT = {
    "sender/bench": "measures our own servers",
    "sender/demo": "plays against the simulator beside it",
    "sender/simulator": "brings its own callbacks",
    "sender/no_redirects.py": "for own_address.py and telling.py",
    "sender/own_address.py": "our own public address: canary, golive, and who else stands there",
    "sender/providers": "the one way out for texts",
    "sender/webhooks": "endpoints of other software, refused inside",
    "sender/watching/telling.py": "notices to the operator's own server",
    "sender/processes/up.py": "our own health pages",
    "sender/virtual_phones.py": "the simulator's own doors, where it stands in Twilio's place",
}
# Whoever may read who said yes and who said stop: what decides asks the facts, everybody else only shows or records.
STANDINGS = {"ConsentStanding", "load_standings"}
READS_STANDING = {
    "sender/audience": "the ledger, the facts, and what lists or counts people",
    "sender/automations/stepping.py": "whether a step still fits",
    "sender/models": "the table",
    "sender/api/people.py": "tells it to other software",
    "sender/campaigns/compliance.py": "counts it for a report",
    "sender/campaigns/own_phones.py": "whether a phone's own yes has lapsed",
    "sender/delivery/asking.py": "whether a yes is still to be confirmed",
    "sender/delivery/canary.py": "whether our own STOP was heard",
    "sender/delivery/conversing.py": "what a keyword changes",
    "sender/delivery/restoring.py": "what a START brings back",
    "sender/delivery/reviews.py": "what a decision releases",
    "sender/delivery/signing_up.py": "whether a sign-up is new",
}
HARDENED = {
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "~@privileged @resources",
}
# Whoever may start a program, and which; nobody makes a word of a person's part of its command line.
STARTS = {
    "sender/bench": "our own processes and servers, to measure them",
    "sender/cli/processes.py": "becomes our own web process",
    "sender/demo": "asks our own command for its report",
    "sender/processes": "our own processes and the embedded Valkey",
}
PROGRAMS = {"subprocess", "pty", "system", "popen", "execv", "execve", "spawnv", "create_subprocess_exec"}
# What makes code or objects of any kind out of what it reads.
LOADERS = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "yaml"}
CLIENTS = {"urllib.request", "requests", "httpx", "smtplib", "http.client", "twilio.rest"}


def strangers(allowed: dict[str, str], names: set[str], *folders: str) -> list[str]:
    """Files outside the allowed places that import or name one of these."""
    found = []
    for file in python_files(*folders):
        if not any(shown(file).startswith(place) for place in allowed) and names & set(named(file)):
            found.append(shown(file))
    return found


def named(file: Path) -> list[str]:
    """Every module and name a file imports."""
    found: list[str] = []
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module or "", *(alias.name for alias in node.names)]
    return found


def test_only_these_reach_outside() -> None:
    """No other module of the product has an HTTP or mail client: a text leaves by the provider alone."""
    assert strangers(REACHES_OUT, CLIENTS, "guards", "sender", "web") == []


def test_only_these_start_programs() -> None:
    """The web starts none, and no call of the operating system or of Python runs what somebody wrote."""
    assert strangers(STARTS, PROGRAMS, "guards", "sender", "web") == []
    calls = [
        (shown(file), ast.unparse(node.func))
        for file in python_files("guards", "sender", "web")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
    ]
    ran = ("eval", "exec", "compile", "os.system", "os.popen")
    assert [one for one in calls if one[1] in ran or one[1].startswith("os.spawn")] == []
    assert not [
        shown(file)
        for file in python_files("guards", "sender", "web")
        if "shell=True" in file.read_text(encoding="utf-8")
    ]


def test_nothing_that_is_read_becomes_an_object_by_itself() -> None:
    """No module reads a format that names its own classes: JSON, CSV, TOML and tables of our own shapes alone."""
    assert strangers({}, LOADERS, "guards", "sender", "web") == []


def test_standing_is_read_by_the_facts() -> None:
    """Gate, planner, rehearsal and pages do not look up consent: there is one reading, and guards judge it."""
    assert strangers(READS_STANDING, STANDINGS, "guards", "sender", "web") == []


def test_only_the_provider_creates_messages() -> None:
    """`messages.create` stands in one file; the bench's plain ways of sending reach their own endpoint alone."""
    creating = [
        shown(file)
        for file in python_files("guards", "sender", "web")
        if not shown(file).startswith("sender/bench/")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute)
        and node.attr in {"create", "create_async"}
        and ast.unparse(node.value).endswith(".messages")
    ]
    assert creating == ["sender/providers/twilio.py"]


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy").glob("*.service")), ids=lambda unit: unit.name)
def test_units_are_hardened(unit: Path) -> None:
    """Every systemd unit runs as a user of its own, gains no rights, and sees a read-only system."""
    read = configparser.RawConfigParser(strict=False)
    read.optionxform = str  # type: ignore[assignment]
    read.read(unit)
    service = dict(read["Service"])
    assert service["User"] == "tactful"
    assert service.items() >= HARDENED.items()
