"""The page on security answers every requirement it should, once, and names tests that exist."""

import re

from tests.project.trees import ROOT

# Requirements of levels 1 and 2 by section, from the CSV of OWASP ASVS 5.0.0: their count in each section's beginning,
# or their numbers where one of level 3 stands between.
SECTIONS = (
    "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 4.4:4 "
    "5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 "
    "8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 "
    "11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 "
    "16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2"
)
ANSWERS = {"met", "met if set", "met by design", "not met", "not applicable", "proxy"}
ROW = re.compile(r"^\| (\d[\d., ]*) \| ([a-z ]+) \| (.+) \|$", re.M)


def asked() -> list[str]:
    """Every requirement's number."""
    parts = (section.split(":") for section in SECTIONS.split())
    return [f"{section}.{number}" for section, count in parts for number in range(1, int(count) + 1)]


def rows() -> list[tuple[str, str, str]]:
    """Numbers, answer and how, of each line of the table."""
    return ROW.findall((ROOT / "docs" / "security.md").read_text())


def test_every_requirement_is_answered_once() -> None:
    """The 253 of both levels, none twice, with one of six answers."""
    answered = [number for numbers, _, _ in rows() for number in numbers.split(", ")]
    assert len(asked()) == 253
    assert sorted(answered) == sorted(asked())
    assert {answer for _, answer, _ in rows()} <= ANSWERS


def test_what_is_met_names_its_tests() -> None:
    """Each line that says met, or met if set, names a test, and each test that is named exists."""
    for numbers, answer, how in rows():
        named = re.findall(r"`(tests/[\w/.]+)`", how)
        assert named or answer not in ("met", "met if set"), numbers
        assert [one for one in named if not (ROOT / one).is_file()] == [], numbers
