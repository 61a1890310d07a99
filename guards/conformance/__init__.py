"""Cases a lawyer can read: who, where, at what local time, after what history, and what the chain must answer.

The files beside this one hold them; ``docs/guards.md`` explains the fields. They go through the guards of the chain
that say whether a text may go, with the shipped rules, and need no database: whoever changes a rule or adds a place
adds a case first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from guards import CHAIN, rules
from guards.base import Defer
from guards.chain import Cleared, Refused, run
from guards.conformance.reading import Case, CaseFault, read_cases

PERMISSION = ("reach", "consent_check", "do_not_call", "emergency", "own_wishes", "frequency_cap", "quiet_hours")
MAY_IT_GO = tuple(guard for guard in CHAIN if guard.name in PERMISSION)
"""The guards that cases are about: whether a text may go. What its words must be is not theirs."""

__all__ = ["Case", "CaseFault", "Result", "answer", "judge", "shipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """One case and what is wrong with the chain's answer: one sentence per difference, none where it conforms."""

    case: Case
    differences: tuple[str, ...]


def shipped() -> tuple[Case, ...]:
    """Return every case that is shipped, in order of file and place in it. Raises CaseFault for one that is wrong."""
    return cases_in(files(__name__))


def cases_in(folder: Traversable) -> tuple[Case, ...]:
    """Return every case of the ``*.toml`` files of a folder. Raises CaseFault, and for a folder without any."""
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    if not found:
        raise CaseFault(f"{folder}: there are no *.toml files with cases here.")
    return tuple(case for entry in found for case in read_cases(entry.name, entry.read_text("utf-8")))


def judge(cases: Iterable[Case]) -> list[Result]:
    """Ask the chain about every case and compare."""
    return [Result(case, tuple(_differences(case, answer(case)))) for case in cases]


def answer(case: Case) -> Cleared | Refused:
    """Return what the chain says of one case."""
    return run(case.draft, case.facts, MAY_IT_GO)


def _differences(case: Case, outcome: Cleared | Refused) -> Iterable[str]:
    verdict, reason, until = _said(outcome)
    if (verdict, reason) != (case.verdict, case.reason):
        yield f"expected {_words(case.verdict, case.reason)}, the chain says {_words(verdict, reason)}"
        return
    if case.until is not None and until != case.until:
        yield f"expected until {_local(case, case.until)}, the chain says {_local(case, until)}"
    missing = set(case.rules) - _kept(case, outcome)
    if missing:
        yield f"the rule {', '.join(sorted(missing))} had no part in it"


def _said(outcome: Cleared | Refused) -> tuple[str, str, datetime | None]:
    if isinstance(outcome, Cleared):
        return "allow", "", outcome.until
    verdict = outcome.verdict
    if isinstance(verdict, Defer):
        return "defer", verdict.reason, verdict.until
    return "block", verdict.reason, None


def _kept(case: Case, outcome: Cleared | Refused) -> set[str]:
    if isinstance(outcome, Refused):
        return set(outcome.verdict.rules)
    return {rule.id for rule in rules.of_places(case.facts.places.codes, case.facts.now.astimezone(UTC).date())}


def _words(verdict: str, reason: str) -> str:
    return f"{verdict} ({reason})" if reason else verdict


def _local(case: Case, instant: datetime | None) -> str:
    return f"{instant.astimezone(ZoneInfo(case.clock)):%a %Y-%m-%d %H:%M:%S} in {case.clock}" if instant else "no end"
