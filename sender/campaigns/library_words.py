"""What the library asks of words before it keeps them, and what an editor shows: findings, size, what has changed."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from guards.base import Policy, Purpose
from guards.finding import Finding
from guards.opt_out_footer import worst
from guards.purposes import TERMS
from sender.campaigns import findings, library, parts, preview, second_person
from sender.campaigns.moves import ControlError
from sender.campaigns.rendering import compile_template, fields_used
from sender.models import Program
from sender.runtime import Runtime

_PIECES = re.compile(r"\s+|\S+")


class LibraryDoubt(ControlError):
    """The words look like marketing and are meant for something laxer; a second person has to vouch for them."""


@dataclass(frozen=True, slots=True)
class Words:
    """A template as it is written. ``program`` None: for all of them. ``purpose``: what it is meant for."""

    name: str
    text: str
    defaults: Mapping[str, str | None]
    program: Program | None
    purpose: Purpose
    note: str = ""
    second_person: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to say of words: as a phone shows them with the longest way out, their size, findings, fields."""

    text: str
    size: parts.Parts
    findings: Sequence[Finding]
    culprits: Sequence[preview.Culprit]
    fields: Sequence[str]


def look(words: Words) -> Seen:
    """The words with their defaults, a field's name where it has none; TemplateError or RenderError: what to mend."""
    used = fields_used(words.text)
    filled = {name: words.defaults.get(name) or f"({name.replace('_', ' ')})" for name in used}
    text, policy = compile_template(words.text, filled).render({}), _policy(words)
    if TERMS[words.purpose].consent and policy.footer:
        text = worst(text, policy.brand, policy.footer)
    said = findings.of_template(words.text, words.purpose, policy)
    return Seen(text, parts.count(text), said, preview.culprits(words.text), used)


def save(runtime: Runtime, words: Words, actor: str) -> int:
    """Keep them as the next version; ControlError, LibraryDoubt or TemplateError say what to mend."""
    used = fields_used(words.text)
    defaults = {name: words.defaults.get(name) or None for name in used}
    with runtime.db.read() as session:
        vouched = _vouched(session, words, actor)
    slug = words.program.slug if words.program else None
    return library.save_template(
        runtime, words.name, words.text, actor, defaults=defaults, program=slug, note=words.note, told=vouched
    )


def changes(before: str, after: str) -> list[tuple[str, str]]:
    """What became of one text in another, word by word: ("same" | "gone" | "new", words) in reading order."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    return list(_changes(old, new))


def _changes(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "same", "".join(old[i1:i2])
        else:
            yield from (
                (name, text) for name, text in (("gone", "".join(old[i1:i2])), ("new", "".join(new[j1:j2]))) if text
            )


def _vouched(session: Session, words: Words, actor: str) -> dict[str, str]:
    try:
        found = findings.check_template(words.name, words.text, words.purpose, _policy(words))
        if not second_person.doubtful(found, words.purpose):
            return {"purpose": words.purpose.value}
        program_id = (words.program.id if words.program else None) or 0
        second_person.require(session, words.second_person, actor, program_id, words.purpose)
    except findings.FindingError as error:
        raise ControlError(str(error)) from error
    except second_person.NobodyConfirmed as error:
        raise LibraryDoubt(f"Template {words.name!r} has words of marketing. {error}") from error
    return {"purpose": words.purpose.value, "second_person": words.second_person.strip()}


def _policy(words: Words) -> Policy:
    """The program's settings; a template for all programs is judged without a brand, which each of them adds."""
    if words.program is not None:
        return findings.policy_for(words.program)
    return Policy(program_id=0, brand="", footer="")
