"""A person's own page: what they get, stopping one or all, a pause, hours, subjects, their data, being forgotten.

Whoever holds the signed link may do what makes fewer texts come. Reading or erasing data asks for the number besides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.accounts.throttles import hour_of, once_more
from sender.audience.erasing import EraseError, erase_within
from sender.audience.ledger import load_standings, standing
from sender.audience.numbers import SealedNumber
from sender.audience.own_data import export
from sender.audience.phone import PhoneError, mask, parse
from sender.audit import note
from sender.crypto import Keyring
from sender.db import Pace, upsert
from sender.locks import lock_numbers
from sender.models import Campaign, ErasureRequest, Number, Program, Wishes
from sender.runtime import Runtime

PERSON = "the person"
PAUSES = (7, 30, 90)
EARLIEST, LATEST, SHORTEST_DAY = 8, 21, 3
"""Hours of the local day among which a person chooses; fewer than three in a row would rarely meet the law's."""
TRIES_AN_HOUR = 5
SUBJECTS_OF = timedelta(days=180)


class WishError(Exception):
    """It cannot be done like this; the sentence says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One program whose texts a person gets, and since when."""

    program_id: int
    brand: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on a person's page. ``hours`` are whole hours of the local day, None: any."""

    masked: str
    country: str
    subscribed: list[Subscribed]
    paused_until: datetime | None
    hours: tuple[int, int] | None
    subjects: list[str]
    unwanted: frozenset[str]
    asked_to_erase: bool


def page(session: Session, keys: Keyring, number_id: int, now: datetime) -> Page | None:
    """The page of a number; None where nothing personal of it is left."""
    number = session.get(Number, number_id)
    if number is None or not number.data_key:
        return None
    wishes = session.get(Wishes, number_id)
    subscribed = _subscribed(session, number_id)
    unwanted = frozenset(wishes.unwanted if wishes else ())
    paused = wishes.paused_until if wishes else None
    hours = wishes.hours if wishes else None
    return Page(
        mask(SealedNumber(number.cipher, number.data_key).open(keys)),
        number.country or "",
        subscribed,
        paused if paused and paused > now else None,
        (hours[0] // 60, hours[1] // 60) if hours else None,
        sorted(unwanted | _subjects(session, {one.program_id for one in subscribed}, now)),
        unwanted,
        _open_request(session, number_id) is not None,
    )


def pause(runtime: Runtime, number_id: int, days: int) -> None:
    """Leave out what would come within so many days; 0 ends a pause."""
    if days not in (0, *PAUSES):
        raise WishError(f"A pause lasts {', '.join(map(str, PAUSES))} days.")
    until = runtime.clock.now() + timedelta(days=days) if days else None
    _keep(runtime, number_id, {"paused_until": until}, {"pause_days": days})


def choose(runtime: Runtime, number_id: int, hours: tuple[int, int] | None, unwanted: Collection[str]) -> None:
    """Keep the hours (whole ones of the local day; None: any that the law allows) and the subjects left out."""
    if hours is not None:
        first, last = hours
        if not EARLIEST <= first < last <= LATEST or last - first < SHORTEST_DAY:
            raise WishError(f"Choose at least {SHORTEST_DAY} hours in a row between {EARLIEST}:00 and {LATEST}:00.")
    now = runtime.clock.now()
    with runtime.db.read() as session:
        found = page(session, runtime.keys, number_id, now)
    known = set(found.subjects if found else ())
    kept = sorted(set(unwanted) & known)
    minutes = [hours[0] * 60, hours[1] * 60] if hours else None
    _keep(runtime, number_id, {"hours": minutes, "unwanted": kept}, {"hours": hours is not None, "left_out": len(kept)})


def own_data(runtime: Runtime, number_id: int, number: str) -> dict[str, Any]:
    """Everything that is kept of this person, to be read by them; WishError where the number is not theirs."""
    _prove(runtime, number_id, number)
    with runtime.db.write() as session:
        found = export(runtime, session, number_id, PERSON, "They took it along", "preference_page")
        wishes = session.get(Wishes, number_id)
        return {**found, "wishes": wishes.model_dump(exclude={"number_id"}) if wishes else None}


def ask_to_erase(runtime: Runtime, number_id: int, number: str) -> bool:
    """Erase the person; False where a legal hold forbids it for now, so that the wish waits for a colleague."""
    _prove(runtime, number_id, number)
    now = runtime.clock.now()
    with runtime.db.write(Pace.URGENT) as session:
        lock_numbers(session, [number_id])
        if _open_request(session, number_id) is None:
            session.add(ErasureRequest(number_id=number_id, asked_at=now))
            session.flush()
            note(session, now, PERSON, "erasure.ask", f"number {number_id}", {})
        try:
            erase_within(runtime, session, number_id, PERSON, "They asked for it on their own page", "preference_page")
        except EraseError:
            return False
    return True


def waiting_erasures(session: Session, most: int = 5) -> list[int]:
    """The ids of numbers whose people asked to be erased and wait for it, who asked first in front."""
    statement = select(col(ErasureRequest.number_id)).where(col(ErasureRequest.done_at).is_(None))
    return list(session.execute(statement.order_by(col(ErasureRequest.asked_at)).limit(most)).scalars())


def _keep(runtime: Runtime, number_id: int, values: dict[str, Any], detail: dict[str, Any]) -> None:
    now = runtime.clock.now()
    with runtime.db.write() as session:
        lock_numbers(session, [number_id])
        before = session.get(Wishes, number_id)
        kept = before.model_dump() if before else {"paused_until": None, "hours": None, "unwanted": []}
        upsert(session, Wishes, [{**kept, **values, "number_id": number_id, "changed_at": now}], ["number_id"])
        note(session, now, PERSON, "wishes.change", f"number {number_id}", detail)


def _prove(runtime: Runtime, number_id: int, number: str) -> None:
    """The link lies in a text that may have been passed on; who knows the number as well is taken for the person."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        if not once_more(session, f"own page {number_id}", hour_of(now), TRIES_AN_HOUR):
            raise WishError("That was tried too often; try again in an hour.")
    with runtime.db.read() as session:
        row = session.get(Number, number_id)
        country = row.country if row else None
        known = _e164(session, runtime.keys, number_id)
    try:
        typed = parse(number, country).e164
    except PhoneError as error:
        raise WishError(error.sentence) from error
    if typed != known:
        raise WishError("That is not the number this page is for.")


def _e164(session: Session, keys: Keyring, number_id: int) -> str:
    number = session.get_one(Number, number_id)
    return SealedNumber(number.cipher, number.data_key).open(keys)


def _subscribed(session: Session, number_id: int) -> list[Subscribed]:
    rows = load_standings(session, [number_id]).get(number_id, [])
    named = {row.program_id for row in rows}
    programs = session.execute(select(Program).where(col(Program.id).in_(named)).order_by(col(Program.brand))).scalars()
    found = []
    for program in programs:
        known = [standing(rows, program.id or 0, purpose) for purpose in (Purpose.MARKETING, Purpose.INFORMATIONAL)]
        since = [one.since for one in known if one.state == "in" and one.since]
        if since:
            found.append(Subscribed(program.id or 0, program.brand, min(since)))
    return found


def _subjects(session: Session, programs: Collection[int], now: datetime) -> set[str]:
    """What the campaigns of these programs were about lately."""
    lately = (col(Campaign.program_id).in_(programs), col(Campaign.created_at) > now - SUBJECTS_OF)
    statement = select(col(Campaign.subject)).where(*lately, col(Campaign.subject).is_not(None)).distinct()
    return {subject for subject in session.execute(statement.limit(30)).scalars() if subject}


def _open_request(session: Session, number_id: int) -> ErasureRequest | None:
    mine = (col(ErasureRequest.number_id) == number_id, col(ErasureRequest.done_at).is_(None))
    found: ErasureRequest | None = session.execute(select(ErasureRequest).where(*mine).limit(1)).scalar()
    return found
