import re
import tomllib

import pytest

from sender.settings import Settings
from tests.project.trees import ROOT


def targets() -> set[str]:
    """The names of the Makefile's targets that people call."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_changelog_is_about_this_version() -> None:
    """The newest heading of the changelog is the version that is built."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_papers_name_only_what_there_is(name: str) -> None:
    """Every link and every make target in README and CONTRIBUTING exists."""
    text = (ROOT / name).read_text()
    assert [link for link in re.findall(r"\]\(([^):#]+)\)", text) if not (ROOT / link).exists()] == []
    assert set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) <= targets()


def test_the_readme_is_short() -> None:
    """A newcomer reads it in two minutes."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def test_the_sample_environment_names_real_settings() -> None:
    """Every name in .env.example is a setting."""
    named = re.findall(r"^#?TACTFUL_([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)
