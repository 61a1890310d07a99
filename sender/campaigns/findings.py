"""What there is to say about a campaign's words before anybody gets them: at save, and in a rehearsal.

The judgement of words is the guards' (guards/content.py); here it is asked about templates, from_numbers and countries.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date

from guards import content, labels
from guards.base import Policy, Purpose
from guards.finding import Finding, Severity
from sender.audience.pools import pool_of
from sender.audience.registers import Kept
from sender.models import FromNumber, Program

_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
NOWHERE = (0, 0)
# These depend on what the fields hold, so a template alone cannot be refused for them.
_OF_THE_FINISHED_TEXT = frozenset({"too_long"})


class FindingError(ValueError):
    """Words that may not be saved like this; one sentence with what to mend."""


def of_template(source: str, purpose: Purpose, policy: Policy) -> tuple[Finding, ...]:
    """What the fixed words of a template would be told, all branches together, whatever the fields hold."""
    return content.findings(_TAGS.sub(lambda tag: " " * len(tag.group()), source), purpose, policy)


def check_template(name: str, source: str, purpose: Purpose, policy: Policy) -> tuple[Finding, ...]:
    """Refuse words that could never leave; returns the findings that remain. FindingError says what to mend."""
    found = of_template(source, purpose, policy)
    for one in found:
        if one.severity == "stop" and one.code not in _OF_THE_FINISHED_TEXT:
            raise FindingError(f"Template {name!r}: {one.sentence} {one.mend}")
    return found


def of_countries(countries: Iterable[str], lines: Sequence[FromNumber], policy: Policy) -> list[Finding]:
    """What marketing to these countries needs that no text can give: sender names, refusal lines, registrations."""
    found: list[Finding] = []
    for country in sorted(set(countries) & set(labels.book())):
        label = labels.book()[country]
        found += _sender(label, lines)
        if label.refusal is not None and not label.refuses(policy.refusals.get(country, "")):
            severity: Severity = "stop" if label.blocks else "warning"
            sentence = f"{country} wants a refusal line that the program does not have: {label.citation}."
            mend = f"Give the program a refusal line for {country}."
            found.append(Finding("refusal_missing", severity, NOWHERE, sentence, mend))
        if label.needs:
            mend = f"Make sure of it before you text {country} ({label.citation})."
            found.append(Finding("country_needs", "info", NOWHERE, f"{country}: {label.needs}", mend))
    return found


def of_registers(countries: Iterable[str], kept: Iterable[Kept], day: date) -> list[Finding]:
    """Copies of do-not-call registers of these countries that will be too old on a day, each by itself."""
    reached, found = set(countries), []
    for one in kept:
        if one.country in reached and one.outdated:
            part = "" if one.covers == "all" else f", {one.covers}"
            age = f"{(day - one.drawn).days} days old then, and may be {one.days} at most"
            sentence = f"The copy of the {one.name} ({one.country}{part}) is of {one.drawn}: {age}."
            mend = (
                f"Take in a newer one: “Number files”, or `tactful numbers do-not-call FILE --country {one.country}`."
            )
            found.append(Finding("register_outdated", "warning", NOWHERE, sentence, mend))
    return found


def of_list(gone: int) -> list[Finding]:
    """People of a fixed audience who are no contacts any more."""
    if not gone:
        return []
    sentence = (
        f"{gone:,} of the people who were handed in are gone since: erased, taken back, or one with another there."
    )
    return [Finding("listed_gone", "info", NOWHERE, sentence, "They get nothing; whoever was merged gets it once.")]


def _sender(label: labels.Label, lines: Sequence[FromNumber]) -> list[Finding]:
    begins, ends = label.sender
    serving = pool_of(lines, label.country)
    wrong = [
        line
        for line in serving
        if not (line.address.upper().startswith(begins) and line.address.upper().endswith(ends))
    ]
    if not (begins or ends) or not wrong:
        return []
    shape = f"begins with {begins}" if begins else f"ends with {ends}"
    sentence = f"{label.country} wants a sender name that {shape}; {wrong[0].address} does not: {label.citation}."
    mend = f"Add an alphanumeric from_number for {label.country} that {shape}."
    return [Finding("sender_label", "warning", NOWHERE, sentence, mend)]


def policy_for(program: Program) -> Policy:
    """The program's settings that content depends on."""
    return Policy(
        program_id=program.id or 0,
        brand=program.brand,
        footer=program.footer,
        countries=frozenset(program.countries),
        refusals=program.refusals,
        max_parts=program.max_parts,
        domains=tuple(program.domains),
        age_gate=program.age_gate,
    )
