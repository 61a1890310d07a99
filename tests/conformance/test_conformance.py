"""The cases a lawyer can read, which lie in guards/conformance, are answered as they are written."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from guards import conformance, rules
from guards.conformance import Case, CaseFault, answer, judge, shipped
from guards.conformance.reading import read_cases
from sender.cli import app

CASES = shipped()
FILES = sorted({case.file for case in CASES})


@pytest.mark.parametrize("file", FILES)
def test_every_case_is_answered_as_written(file: str) -> None:
    """Place, local time, history and consent give the verdict, reason, time and rule that stand in the file."""
    wrong = [result for result in judge(case for case in CASES if case.file == file) if result.differences]
    assert wrong == []


def test_there_are_enough_cases_and_none_twice() -> None:
    """At least 300 cases, each with a sentence of its own, so that a lawyer can name one."""
    assert len(CASES) >= 300
    sentences = [(case.file, case.says, case.facts.now) for case in CASES]
    assert len(set(sentences)) == len(sentences)


def test_every_rule_file_decides_a_case() -> None:
    """No jurisdiction is without a case that names its rule."""
    named = {rule for case in CASES for rule in case.rules}
    assert {found.code for found in rules.book().jurisdictions.values()} <= named


def test_every_reason_is_reached() -> None:
    """Each way in which the guards of permission can refuse has a case."""
    assert {case.reason for case in CASES} >= {
        "unknown_country", "country_not_allowed", "suppressed", "invalid_number", "landline", "not_mobile", "opted_out",
        "held", "no_consent", "answers_nothing", "answer_too_late", "consent_lapsed", "consent_too_weak", "emergency",
        "own_pause", "own_topics", "do_not_call",
        "hard_limit", "frequency_cap", "unknown_place", "quiet_hours", "too_late", "no_common_hour",
        "no_country", "premium_number",
    }  # fmt: skip


def test_cases_travel_with_the_package() -> None:
    """The files lie beside the guards, so that an installed Tactful can be asked without its tests."""
    assert {entry.name for entry in files(conformance).iterdir() if entry.name.endswith(".toml")} == set(FILES)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"verdict": "block", "reason": "no_consent"}, "expected block (no_consent), the chain says allow"),
        (
            {"until": datetime(2026, 11, 23, 12, tzinfo=UTC), "clock": "Europe/Paris"},
            "expected until Mon 2026-11-23 13:00:00 in Europe/Paris, the chain says {end}",
        ),
        ({"rules": ("US-ZZ", "US-ZA")}, "the rule US-ZA, US-ZZ had no part in it"),
    ],
)
def test_a_difference_is_told(change: dict[str, object], difference: str) -> None:
    """A wrong verdict, a wrong time and a rule that had no part are each told in a sentence."""
    good = next(case for case in CASES if case.verdict == "allow" and case.until and case.rules)
    assert judge([good])[0].differences == ()
    changed: Case = replace(good, **change)  # type: ignore[arg-type]
    end = good.until.astimezone(ZoneInfo("Europe/Paris")) if good.until else None
    assert judge([changed])[0].differences == (difference.format(end=f"{end:%a %Y-%m-%d %H:%M:%S} in Europe/Paris"),)


def test_a_permission_without_an_end_is_told() -> None:
    """Where a case expects an end and the chain names none, the difference says so."""
    code = next(case for case in CASES if case.verdict == "allow" and answer(case).until is None)  # type: ignore[union-attr]
    changed = replace(code, until=datetime(2026, 11, 23, 12, tzinfo=UTC), clock="UTC", rules=())
    said = "expected until Mon 2026-11-23 12:00:00 in UTC, the chain says no end"
    assert judge([changed])[0].differences == (said,)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (
            '[[case]]\nsays = "the twins"\nnumber = 1',
            "mine.toml: case 1 (the twins): number is missing; give it as text in quotes.",
        ),
        ("[[case]]\nnumber = 1", "mine.toml: case 1 (no sentence): number is missing; give it as text in quotes."),
    ],
)
def test_a_fault_names_the_case(text: str, whole: str) -> None:
    """A fault says the case's number and sentence, and that it has none where it has none."""
    with pytest.raises(CaseFault) as raised:
        read_cases("mine.toml", text)
    assert str(raised.value) == whole


GOOD = 'says = "x"\nnumber = "+12125550100"\nat = "Mon 2026-11-23 12:00"\nverdict = "allow"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[case]]\n" + GOOD + 'colour = "red"', "colour is not a field of cases"),
        ("[[case]]\n" + GOOD.replace("Mon", "Tue"), "at says Tue but 2026-11-23 is a Mon"),
        ("[[case]]\n" + GOOD.replace("Mon 2026-11-23 12:00", "noon"), "at has 'noon'; write a time as"),
        ("[[case]]\n" + GOOD.replace('verdict = "allow"', 'verdict = "yes"'), "verdict is 'yes'; it must be one of"),
        ("[[case]]\n" + GOOD.replace('says = "x"', ""), "says is missing"),
        ("[[case]]\n" + GOOD + 'place = "US-NY"', "place or number is needed, and not both"),
        ("[[case]]\n" + GOOD.replace("212", "850"), "clock must say which of America/Chicago, America/New_York"),
        ("[[case]]\n" + GOOD + 'clock = "Mars/Phobos"', "clock is 'Mars/Phobos', which no zone is called"),
        ("[[case]]\n" + GOOD + 'history = "soon"', "history has 'soon'; write a text as"),
        ("[[case]]\n" + GOOD + 'caps = "many"', "caps has 'many'; write a cap as"),
        ("[[case]]\n" + GOOD + 'hours = "always"', "hours has 'always'; write a window as"),
        ("[[case]]\n" + GOOD + "rule = 1", "rule is neither a text nor a list of texts"),
        ("[[case]]\n" + GOOD + 'margin_minutes = "2"', "margin_minutes is not a whole number of minutes"),
        ("[[case]]\n" + GOOD + 'consent = "yes"', "consent is 'yes'; it must be one of"),
        ("[[case]]\n" + GOOD + 'purpose = "greeting"', "purpose is 'greeting'; it must be one of"),
        ("[case]\n" + GOOD, "holds something else than [[case]] tables"),
        ("", "holds something else than [[case]] tables"),
        ("[[case]", "not readable as TOML"),
    ],
)
def test_a_wrong_case_is_named(text: str, fault: str) -> None:
    """Every kind of mistake in a case stops the reading with one sentence that names file, case and field."""
    with pytest.raises(CaseFault) as raised:
        read_cases("mine.toml", text)
    assert str(raised.value).startswith("mine.toml: ")
    assert fault in str(raised.value)
    assert str(raised.value).endswith(".")


def test_the_command_answers_with_the_shipped_cases() -> None:
    """`tactful conformance` asks every shipped case and ends well when all conform."""
    result = CliRunner().invoke(app, ["conformance", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"cases": len(CASES), "conform": len(CASES), "wrong": []}


def test_the_command_asks_cases_of_ones_own(tmp_path: Path) -> None:
    """A folder of one's own is asked instead; a wrong answer ends with status 1, a wrong file with a sentence."""
    assert "there are no *.toml files" in CliRunner().invoke(app, ["conformance", str(tmp_path)]).stderr.replace(
        "\n", ""
    )
    (tmp_path / "mine.toml").write_text("[[case]]\n" + GOOD)
    assert CliRunner().invoke(app, ["conformance", str(tmp_path)]).exit_code == 0
    (tmp_path / "mine.toml").write_text("[[case]]\n" + GOOD.replace("12:00", "03:00"))
    answer = CliRunner().invoke(app, ["conformance", str(tmp_path)], env={"COLUMNS": "200"})
    assert answer.exit_code == 1
    assert "mine.toml: x: expected allow, the chain says defer (quiet_hours)." in answer.stdout
    assert "0 of 1 cases are answered as written." in answer.stdout
