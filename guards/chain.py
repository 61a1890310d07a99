"""The gate's question, asked in order: the only maker of :class:`Cleared` texts, and it fails closed."""

import hashlib
from collections.abc import Container, Iterable
from dataclasses import InitVar, dataclass
from datetime import datetime

from guards import CHAIN, do_not_call, labels, rules, vocabulary, ways_out
from guards.base import ALLOW, Allow, Block, Defer, Draft, Facts, Guard, Verdict
from guards.purposes import held_to
from guards.zones import area_codes_text

_ONLY_HERE = object()

Trace = tuple[tuple[str, Verdict], ...]


def _version() -> str:
    tables = hashlib.sha256(area_codes_text().encode()).hexdigest()[:6]
    texts = labels.toml_text() + do_not_call.toml_text() + ways_out.toml_text() + vocabulary.toml_text()
    words = hashlib.sha256(texts.encode()).hexdigest()[:6]
    order = "-".join(guard.name[:4] for guard in CHAIN)
    return f"{order}/{rules.book().version[:8]}/{tables}/{words}"


VERSION: str = _version()
"""Names what decided, in few letters because every decision keeps it: four of each guard's name, in order, then digests
of the rule files, the area code table, the word lists and the registers."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """A text the chain let through, as it must be sent, and the instant at which the permission ends (None: open).

    Only :func:`run` makes one; anything else raises TypeError. ``trace`` holds the guards that changed the words.
    """

    draft: Draft
    until: datetime | None
    trace: Trace
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        """Refuse every maker but the chain."""
        if made_by is not _ONLY_HERE:
            raise TypeError("Only guards.chain.run makes a Cleared text; pass the draft through the chain.")


@dataclass(frozen=True, slots=True)
class Refused:
    """A text that may not go now (Defer) or at all (Block), and the guard that said so."""

    verdict: Defer | Block
    guard: str
    trace: Trace


def run(draft: Draft, facts: Facts, guards: Iterable[Guard] = CHAIN) -> Cleared | Refused:
    """Ask every guard in order; the first Defer or Block ends it. An exception counts as Block("guard_error").

    Whatever purpose the caller claims, none laxer than the program's least strict one is asked about. A deferral by a
    guard that ``facts.drops`` names becomes a block with the same reason.
    """
    try:
        if draft.purpose is not facts.policy.least:
            draft = held_to(draft, facts.policy.least)
    except Exception as error:
        return Refused(Block("guard_error", note=type(error).__name__), "purposes", ())
    until: datetime | None = None
    trace: Trace = ()
    for guard in guards:
        try:
            verdict: object = guard.check(draft, facts)
        except Exception as error:
            verdict = Block("guard_error", note=type(error).__name__)
        if verdict is ALLOW:
            continue
        if not isinstance(verdict, Allow):
            return _refused(verdict, guard.name, trace, facts.drops)
        if verdict.draft is not None:
            draft, trace = verdict.draft, (*trace, (guard.name, verdict))
        if verdict.until is not None and (until is None or verdict.until < until):
            until = verdict.until
    return Cleared(draft, until, trace, _ONLY_HERE)


def _refused(verdict: object, guard: str, trace: Trace, drops: Container[str]) -> Refused:
    if not isinstance(verdict, Defer | Block):
        verdict = Block("guard_error", note="NoVerdict")
    if isinstance(verdict, Defer) and guard in drops:
        verdict = Block(verdict.reason, verdict.rules, f"{verdict.note} The campaign drops what would have to wait.")
    return Refused(verdict, guard, (*trace, (guard, verdict)))
