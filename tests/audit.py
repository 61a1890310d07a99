"""``make audit``: known faults, our own code, licences and the list of parts. It fails where it could not look.

Runs in an environment of its own (requirements/audit.txt), so that no scanner is installed beside the product. What is
written goes to build/: ``sbom.json`` (CycloneDX) and ``licences.json``.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "run.txt"
OUT = ROOT / "build"
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==\S+( ;)?", re.M)
# Licences under which a part may be used and passed on beside Apache 2.0; the LGPL's are imported, not changed.
ALLOWED = re.compile(
    r"(The )?(MIT(-0|-CMU)?|BSD|Apache|ISC|Mozilla Public|MPL|PSF|Python Software Foundation|CNRI-Python|Unlicense|"
    r"0BSD|(GNU )?(LGPL|Lesser General Public|Library or Lesser)).*",
)


def known_faults(report: dict[str, Any]) -> list[str]:
    """What is wrong with a report of pip-audit; a package that it could not look up is as bad as a fault."""
    said = []
    for one in report["dependencies"]:
        if "skip_reason" in one:
            said.append(f"{one['name']} was not audited: {one['skip_reason']}")
        said += [f"{one['name']} {one['version']} has {fault['id']}" for fault in one.get("vulns", [])]
    return said or ([] if report["dependencies"] else ["nothing was audited"])


def unjudged(report: dict[str, Any]) -> list[str]:
    """Findings of bandit that nobody has judged: those without ruff's ``noqa`` of the same rule in their lines."""
    said = [f"{error['filename']}: {error['reason']}" for error in report["errors"]]
    for one in report["results"]:
        if f"noqa: S{one['test_id'][1:]}" not in one["code"]:
            said.append(f"{one['filename']}:{one['line_number']} {one['test_id']} {one['issue_text']}")
    return said


def strange_licences(parts: list[dict[str, str]], pinned: set[str]) -> list[str]:
    """Parts of the product whose licence is not among those we may pass on, and those that tell none."""
    found = {normal(part["Name"]): part["License"] for part in parts}
    unknown = [f"{name}: its licence was not found" for name in sorted(pinned - set(found))]
    wrong = [f"{name}: {found[name]}" for name in sorted(pinned & set(found)) if not is_allowed(found[name])]
    return unknown + wrong


def is_allowed(licence: str) -> bool:
    """Whether every part of "A AND B; C" is allowed, or one of "A OR B"."""
    return all(
        any(ALLOWED.fullmatch(way.strip(" ()")) for way in part.split(" OR "))
        for part in re.split(r"; | AND ", licence)
    )


def missing(sbom: dict[str, Any], pinned: set[str]) -> list[str]:
    """Pinned parts that the bill of materials does not list."""
    listed = {normal(one["name"]) for one in sbom["components"]}
    return [f"{name} is not in the bill of materials" for name in sorted(pinned - listed)]


def normal(name: str) -> str:
    """A package as locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Run all four, print what is wrong, and answer 1 if anything is."""
    OUT.mkdir(exist_ok=True)
    pinned = {normal(name) for name, _ in PIN.findall(LOCK.read_text())}
    # Those with a condition are for other systems and need not be installed on this one.
    everywhere = {normal(name) for name, condition in PIN.findall(LOCK.read_text()) if not condition}
    here = Path(sys.executable).parent
    ask = ("pip-audit", "-r", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off")
    python = str(ROOT / ".venv" / "bin" / "python")
    reports = {
        "known faults": lambda: known_faults(read(here, *ask, "--format", "json")),
        "our code": lambda: unjudged(read(here, "bandit", "-q", "-r", "guards", "sender", "web", "-ll", "-f", "json")),
        "licences": lambda: strange_licences(
            kept("licences.json", read(here, "pip-licenses", "--python", python, "--format", "json")), everywhere
        ),
        "parts": lambda: missing(kept("sbom.json", read(here, "cyclonedx-py", "requirements", str(LOCK))), pinned),
    }
    wrong = 0
    for name, look in reports.items():
        said = look()
        wrong += len(said)
        sys.stdout.write("".join(f"{name}: {line}\n" for line in said[:20]) or f"{name}: nothing\n")
        sys.stdout.write(f"{name}: and {len(said) - 20} more\n" if len(said) > 20 else "")
    return 1 if wrong else 0


def read(here: Path, program: str, *arguments: str) -> Any:
    """What one of the tools says, as JSON; it ends the audit where it says nothing."""
    command = [str(here / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"{program} could not look: {done.stderr.strip()[-400:]}")


def kept(name: str, report: Any) -> Any:
    """The report, written to build/ on the way."""
    (OUT / name).write_text(json.dumps(report, indent=1) + "\n")
    return report


if __name__ == "__main__":
    sys.exit(main())
