import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.project.trees import PACKAGES, ROOT, imports_of, python_files

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")


def pins(name: str) -> dict[str, str]:
    """Package and version of every line of a lock."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return {found[1]: found[2] for line in lines if (found := PIN.match(line))}


def normal(requirement: str) -> str:
    """The package a requirement names, spelt as locks spell it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_is_pinned_by_hash_and_no_host_is_named(lock: Path) -> None:
    """A lock says which bytes, never where from."""
    text = lock.read_text()
    requirements = [block for block in re.split(r"\n(?=\S)", text.strip()) if not block.startswith("#")]
    assert requirements
    assert [block for block in requirements if not PIN.match(block) or "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index" not in text


def test_the_running_lock_holds_every_dependency() -> None:
    """What pyproject.toml asks for is in the locks that `make setup` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert {normal(each) for each in project["project"]["dependencies"]} - set(pins("run")) == set()
    assert {normal(each) for each in project["dependency-groups"]["build"]} - set(pins("build")) == set()


def test_what_the_product_imports_is_installed_with_it() -> None:
    """No module of the product leans on a package that only the tests or a developer's machine have."""
    known = packages_distributions()
    imported = {module.split(".")[0] for file in python_files(*PACKAGES) for module in imports_of(file)}
    foreign = imported - set(PACKAGES) - set(sys.stdlib_module_names)
    running = set(pins("run"))
    assert [name for name in sorted(foreign) if not {normal(each) for each in known.get(name, [])} & running] == []


def test_tests_run_on_the_versions_that_run() -> None:
    """A package in both locks has the same version in both."""
    run, test = pins("run"), pins("test")
    assert {name: test[name] for name in run.keys() & test.keys()} == {
        name: run[name] for name in run.keys() & test.keys()
    }


def test_the_front_end_lock_names_no_host() -> None:
    """Every npm package has its integrity hash and no address to fetch it from."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    fetched = {name: each for name, each in packages.items() if name}
    assert fetched
    assert [name for name, each in fetched.items() if "integrity" not in each or "resolved" in each] == []
