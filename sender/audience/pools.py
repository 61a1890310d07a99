"""Which from_number a person is texted from: the one that texted them last, as long as their pool has it.

A pool are a program's from_numbers for the person's country, else those for every country ("*"). Who was never texted
is shared out by the from_numbers' rates with weighted rendezvous hashing: the same person always gets the same one, and
one that joins or retires moves nobody else.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.models import FromNumber, Message
from sender.states import ON_THE_WIRE, REACHED_PROVIDER

EVERYWHERE = "*"
"""The country of a from_number that serves every country without one of its own."""
TEXTED = tuple(status.value for status in (*REACHED_PROVIDER, *ON_THE_WIRE))
CHUNK = 500


def pool_of(lines: Iterable[FromNumber], country: str | None) -> tuple[FromNumber, ...]:
    """The from_numbers in use for a country: its own, else those for every country ("*")."""
    living = [line for line in lines if line.retired_at is None]
    own = tuple(line for line in living if line.country == country)
    return own or tuple(line for line in living if line.country == EVERYWHERE)


def choose(pool: Sequence[FromNumber], number_id: int, last: int | None = None) -> FromNumber | None:
    """The from_number of this pool for a number: its ``last`` one, else the one its hash falls to."""
    if len(pool) < 2:
        return pool[0] if pool else None
    kept = next((line for line in pool if line.id == last), None)
    return kept or min(pool, key=lambda line: _draw(line, number_id))


def line_for(
    session: Session, lines: Sequence[FromNumber], program_id: int, number_id: int, country: str | None
) -> FromNumber | None:
    """The from_number for one person of a country; None where the program has none."""
    pool = pool_of(lines, country)
    return choose(pool, number_id, last_lines(session, program_id, [number_id], [pool]).get(number_id))


def last_lines(
    session: Session, program_id: int, number_ids: Collection[int], pools: Iterable[Sequence[FromNumber]]
) -> Mapping[int, int]:
    """The from_number (id) that texted each of these numbers last; asked only where some pool leaves a choice."""
    wanted = {line.id for pool in pools if len(pool) > 1 for line in pool}
    if not wanted:
        return {}
    found: dict[int, int] = {}
    ids = sorted(number_ids)
    for start in range(0, len(ids), CHUNK):
        mine = (
            col(Message.number_id).in_(ids[start : start + CHUNK]),
            col(Message.status).in_(TEXTED),
            col(Message.program_id) == program_id,
            col(Message.from_number_id).in_(wanted),
        )
        newest = select(func.max(col(Message.id))).where(*mine).group_by(col(Message.number_id))
        rows = session.execute(
            select(col(Message.number_id), col(Message.from_number_id)).where(col(Message.id).in_(newest))
        )
        found.update({number_id: line_id for number_id, line_id in rows if line_id is not None})
    return found


def _draw(line: FromNumber, number_id: int) -> float:
    """An exponential draw whose smallest one falls to each from_number in proportion to its rate."""
    digest = hashlib.blake2b(f"{line.address}:{number_id}".encode(), digest_size=8).digest()
    return -math.log((int.from_bytes(digest) + 1) / 2**64) / line.rate
