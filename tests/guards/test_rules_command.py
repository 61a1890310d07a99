"""`tactful rules`: a person and a program can read every rule, and what it was on a past day."""

import json

import pytest
from typer.testing import CliRunner, Result

from guards import rules
from sender.cli import app


def ask(*words: str) -> Result:
    """Return what `tactful rules` answers, on a terminal wide enough not to break lines."""
    return CliRunner().invoke(app, ["rules", *words], env={"COLUMNS": "300"})


def read(*words: str) -> object:
    """Return the JSON answer."""
    return json.loads(ask(*words, "--json").stdout)


def test_the_list_has_every_file() -> None:
    """Each rule file is one line, for people and for programs."""
    rows = read("list", "--on", "2026-11-23")
    assert isinstance(rows, list)
    assert [row["code"] for row in rows] == sorted(
        c for c, found in rules.book().jurisdictions.items() if found.code == c
    )
    florida = next(row for row in rows if row["code"] == "US-FL")
    assert (florida["hours"], florida["caps"]) == ("mon-sun 08:00-20:00", "3 per 24 h, same subject")
    assert "mon-fri 09:00-18:00, sat 10:00-17:00, sun closed" in ask("list", "--on", "2026-11-23").stdout


@pytest.mark.parametrize("code", ["US-PA", "us-pa"])
def test_a_file_shows_all_its_versions(code: str) -> None:
    """Pennsylvania shows the rule before Act 47 and the rule since, with law, source, and who may loosen each."""
    shown = read("show", code)
    assert isinstance(shown, dict)
    before, since = shown["versions"]
    assert (before["until"], since["from"]) == ("2026-10-18", "2026-10-18")
    assert (before["loosened_by"], since["loosened_by"]) == ("a reason on record", "nobody")
    assert "Act 47 of 2026" in ask("show", code).stdout
    assert "US-FL Florida, under US" in ask("show", "US-FL").stdout


@pytest.mark.parametrize(
    ("code", "day", "ids", "open_", "closed_for", "note"),
    [
        ("US-PA", "2026-10-17", ["US-PA", "US"], "08:00-21:00", "", ""),
        ("US-PA", "2026-10-19", ["US-PA", "US"], "09:00-19:00", "", ""),
        ("US-PA", "2027-03-26", ["US-PA", "US"], "closed", "Good Friday", ""),
        ("US-UT", "2027-07-23", ["US-UT", "US"], "closed", "Pioneer Day", ""),
        ("US-OR", "2025-12-31", ["US"], "08:00-21:00", "", "no version of its own was in force"),
        ("FR", "2027-07-14", ["FR"], "closed", "National Day", ""),
        ("RE", "2026-11-23", ["FR"], "08:00-20:00", "", "ruled by the file of FR"),
        ("PY", "2026-11-23", ["default"], "09:00-20:00", "", "no file of its own"),
        ("IT", "2026-12-24", ["IT"], "10:00-19:00", "", ""),
    ],
)
def test_a_past_day_is_replayed(code: str, day: str, ids: list[str], open_: str, closed_for: str, note: str) -> None:
    """The rules of that day come back in order, the nearest first, with what they left open and why they closed."""
    answer = read("replay", code, "--on", day)
    assert isinstance(answer, dict)
    assert [rule["id"] for rule in answer["rules"]] == ids
    assert (answer["rules"][0]["open"], answer["rules"][0]["closed_for"]) == (open_, closed_for)
    assert note in answer["note"]
    assert answer["book"] == rules.book().version
    assert answer["rules"][0]["citation"][:40] in ask("replay", code, "--on", day).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "XX"], "There is no rule file for XX"),
        (["replay", "XX", "--on", "2026-01-01"], "Nobody knows a place XX"),
        (["replay", "US", "--on", "soon"], "'soon' is not a day; write it as 2026-10-17."),
        (["list", "--on", "2026-13-01"], "'2026-13-01' is not a day"),
    ],
)
def test_a_wrong_question_gets_one_sentence(words: list[str], sentence: str) -> None:
    """An unknown place or an impossible day ends the command with a sentence that says what to write."""
    answer = ask(*words)
    assert answer.exit_code == 1
    assert sentence in answer.stderr
