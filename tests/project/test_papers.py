import re
import tomllib
from pathlib import Path

import pytest

from sender.settings import Settings
from tests.project.trees import ROOT

# Papers that a target writes from the code.
MADE = {"docs/commands.md"}


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


def anchors(text: str) -> set[str]:
    """What the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lost(page: Path) -> list[str]:
    """The links of a page that lead to no file, or to no heading of it."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        is_lost = not target.exists() or (heading and heading not in anchors(target.read_text()))
        found += [f"{page.name}: {link}"] if "://" not in link and is_lost else []
    return found


def test_links_of_every_paper_lead_somewhere() -> None:
    """Each link in docs and at the top to a file or a heading finds it; so does each file that docs name in code."""
    papers = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "client").glob("*.md")]
    assert [one for page in papers for one in lost(page)] == []
    named = {
        (page.name, path)
        for page in papers
        for path in re.findall(r"`((?:docs|sender|web|guards|deploy|tests)/[\w/.-]+\.\w+)`", page.read_text())
    }
    assert sorted((page, path) for page, path in named if path not in MADE and not (ROOT / path).exists()) == []


def test_the_readme_is_short() -> None:
    """A newcomer reads it in two minutes."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def test_the_sample_environment_names_real_settings() -> None:
    """Every name in .env.example is a setting."""
    named = re.findall(r"^#?TACTFUL_([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)
