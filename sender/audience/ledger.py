"""The consent ledger: append-only events, and the standing they add up to.

An event is written once per act (``source_ref``). Standing moves forward in time only: an opt-in that happened before
an opt-out never lifts it, and nobody but the person lifts one at all: no import, API call or operator does, whenever
they say that it happened.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from guards.base import Purpose, Standing
from sender.among import among
from sender.crypto import text_hash
from sender.db import insert_all, next_ids, run_below, upsert
from sender.models import ConsentEvent, ConsentStanding

ALL_PROGRAMS = 0
STOPPED_BY_PROGRAM = (Purpose.MARKETING, Purpose.INFORMATIONAL)
STOPPED_BY_ALL = (*STOPPED_BY_PROGRAM, Purpose.TRANSACTIONAL)
OWN_ACTS = frozenset({"keyword", "form", "preference_page"})
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a person did (or somebody attests that they did) about texts. ``program_id`` None: all programs.

    ``kind``: opt_in, opt_out, hold, or release (a hold that was none: ``at`` and ``level`` are those of the consent
    that stands again, level "none" where there was none). ``source``: import, keyword, form, api, operator, provider,
    preference_page. Whatever ``evidence`` says of the person goes through ``private.sealed`` first: it stays for good.
    """

    number_id: int
    program_id: int | None
    kind: str
    purpose: Purpose
    at: datetime
    source: str
    source_ref: str | None = None
    level: str = "none"
    wording: str = ""
    attested_by: str = ""
    lapses_at: datetime | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


Key = tuple[int, int, str]


class StandingRow(NamedTuple):
    """A row of the table of standings."""

    number_id: int
    program_id: int
    purpose: str
    state: str
    level: str
    as_of: datetime
    event_id: int
    lapses_at: datetime | None


_STANDINGS = ConsentStanding.__table__  # type: ignore[attr-defined]
_OF_NUMBERS = select(*(_STANDINGS.c[name] for name in StandingRow._fields)).where(among(_STANDINGS.c.number_id, "ids"))


_EVENTS = ConsentEvent.__table__  # type: ignore[attr-defined]
_KNOWN_REFS = select(_EVENTS.c.source_ref).where(among(_EVENTS.c.source_ref, "refs"))
Standings = dict[Key, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Held:
    """What a caller who has the locks of all numbers of its acts knows: their standings, which follow its acts.

    ``own`` are numbers whose rows its transaction made, so that they have nothing but what it writes. ``unheard``: no
    event of the ledger can be one of its acts.
    """

    standings: Standings
    own: Collection[int] = ()
    unheard: bool = False


def record(session: Session, acts: Sequence[Act], now: datetime, held: Held | None = None) -> list[Act]:
    """Append these acts in order and bring standing up to date; returns the acts that took effect.

    An act whose ``source_ref`` is known already is the same act again. An opt-in that is no act of the person's own and
    meets an opt-out is not written at all. Callers hold the number rows' locks where the order against a gate matters.
    """
    if not acts:
        return []
    fresh = _each_once(acts) if held and held.unheard else unknown(session, acts)
    standings = held.standings if held else read_standings(session, {act.number_id for act in fresh})
    own = held.own if held else ()
    first: set[Key] = set()
    taken: list[tuple[Act, dict[Key, dict[str, Any]]]] = []
    for act in fresh:
        if meets_opt_out(standings, act):
            continue
        rows = rows_of(act, standings)
        first |= {key for key in rows if act.number_id in own and key not in standings}
        standings.update(rows)
        taken.append((act, rows))
    changed: dict[Key, dict[str, Any]] = {}
    for event_id, (_, rows) in zip(append(session, [act for act, _ in taken], now), taken, strict=True):
        for key, row in rows.items():
            changed[key] = {**row, "event_id": event_id}
    insert_all(session, ConsentStanding, [row for key, row in changed.items() if key in first])
    others = [row for key, row in changed.items() if key not in first]
    upsert(session, ConsentStanding, others, ["number_id", "program_id", "purpose"])
    return [act for act, rows in taken if rows]


def append(session: Session, acts: Sequence[Act], now: datetime) -> list[int]:
    """Write the events; their ids in the order of the acts."""
    ids = next_ids(session, ConsentEvent, len(acts)) if acts else []
    rows = [{"id": event_id, **_event(act, now)} for event_id, act in zip(ids, acts, strict=True)]
    insert_all(session, ConsentEvent, rows)
    return ids


def standing(rows: Iterable[StandingRow], program_id: int, purpose: Purpose) -> Standing:
    """What the standings of one number say for this program and purpose; a tie in time goes to the opt-out."""
    purposes = {Purpose.INFORMATIONAL: ("informational", "marketing")}.get(purpose, (purpose.value,))
    mine = [row for row in rows if row.program_id in (ALL_PROGRAMS, program_id) and row.purpose in purposes]
    against = [row for row in mine if row.state in ("out", "held") and row.purpose == purpose.value]
    consents = [row for row in mine if row.state == "in"]
    no = max(against, key=lambda row: row.as_of, default=None)
    yes = max(consents, key=lambda row: row.as_of, default=None)
    last = no if no and (yes is None or no.as_of >= yes.as_of) else yes
    if last is None:
        return Standing()
    return Standing(last.state, last.level, last.as_of, last.event_id, last.lapses_at)  # type: ignore[arg-type]


def load_standings(session: Session, number_ids: Iterable[int]) -> dict[int, list[StandingRow]]:
    """The standing rows of these numbers, fresh from the database, by number id."""
    found: dict[int, list[StandingRow]] = {}
    wanted = list(number_ids)
    for start in range(0, len(wanted), CHUNK):
        for row in run_below(session, _OF_NUMBERS, {"ids": wanted[start : start + CHUNK]}).all():
            found.setdefault(row[0], []).append(StandingRow._make(row))
    return found


def unknown(session: Session, acts: Sequence[Act]) -> list[Act]:
    """Those of these acts that no event tells of yet, each once."""
    refs = [act.source_ref for act in acts if act.source_ref]
    known: set[str | None] = set()
    for start in range(0, len(refs), CHUNK):
        known |= set(run_below(session, _KNOWN_REFS, {"refs": refs[start : start + CHUNK]}).scalars())
    return _each_once([act for act in acts if act.source_ref not in known or act.source_ref is None])


def _each_once(acts: Sequence[Act]) -> list[Act]:
    once: dict[object, Act] = {}
    for act in acts:
        once.setdefault(act.source_ref or id(act), act)
    return list(once.values())


def read_standings(session: Session, number_ids: Iterable[int]) -> Standings:
    """The standings of these numbers by number, program and purpose, as columns."""
    found: Standings = {}
    for rows in load_standings(session, number_ids).values():
        for row in rows:
            found[row.number_id, row.program_id, row.purpose] = row._asdict()
    return found


def meets_opt_out(standings: dict[Key, dict[str, Any]], act: Act) -> bool:
    """Whether somebody else says yes for a person who is out (promise 4)."""
    if act.kind != "opt_in" or act.source in OWN_ACTS:
        return False
    keys = [(act.number_id, program, act.purpose.value) for program in (act.program_id or ALL_PROGRAMS, ALL_PROGRAMS)]
    return any(key in standings and standings[key]["state"] in ("out", "held") for key in keys)


def rows_of(act: Act, standings: dict[Key, dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """The standing rows this act writes: none where something later in time already stands."""
    program = act.program_id or ALL_PROGRAMS
    state = {"opt_in": "in", "opt_out": "out", "hold": "held", "release": "in"}[act.kind]
    if act.kind == "release" and act.level == "none":
        state = "none"
    rows: dict[Key, dict[str, Any]] = {}
    for purpose in _purposes(act):
        key = (act.number_id, program, purpose.value)
        before = standings.get(key)
        released = act.kind == "release"
        if (released and (not before or before["state"] != "held")) or (
            before and not released and _stays(before, state, act.at)
        ):
            continue
        rows[key] = {
            "number_id": act.number_id,
            "program_id": program,
            "purpose": purpose.value,
            "state": state,
            "level": act.level if state == "in" else (before or {}).get("level", "none"),
            "as_of": act.at,
            "lapses_at": act.lapses_at,
        }
    return rows


def _stays(before: dict[str, Any], state: str, at: datetime) -> bool:
    if before["state"] == "out" and state == "held":
        return True
    if before["state"] != "in" and state == "in":
        return bool(before["as_of"] >= at)
    return bool(before["as_of"] > at)


def _purposes(act: Act) -> tuple[Purpose, ...]:
    if act.kind in ("opt_in", "release"):
        return (act.purpose,)
    return STOPPED_BY_PROGRAM if act.program_id else STOPPED_BY_ALL


@lru_cache(maxsize=64)
def _wording_hash(wording: str) -> bytes:
    return text_hash(wording)


def _event(act: Act, now: datetime) -> dict[str, Any]:
    return {
        "number_id": act.number_id,
        "program_id": act.program_id,
        "kind": act.kind,
        "purpose": act.purpose.value,
        "level": act.level,
        "at": act.at,
        "recorded_at": now,
        "source": act.source,
        "source_ref": act.source_ref,
        "wording": act.wording,
        "wording_hash": _wording_hash(act.wording) if act.wording else None,
        "attested_by": act.attested_by,
        "lapses_at": act.lapses_at,
        "evidence": act.evidence,
    }
