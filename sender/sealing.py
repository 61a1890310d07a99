"""Chains of rows that nobody changes unseen: the consent ledger and the audit.

One sealer works behind the writers, so that a STOP never waits for it. Each committed row gets the next number and
SHA-256 over the hash before and its own canonical JSON (sorted keys, no spaces, UTF-8, instants in UTC). How long the
chain is and how it ends is signed with a key that is not in the database (:class:`~sender.models.ChainHead`): whoever
has the database alone can neither cut the chain nor link it anew.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import Session, SQLModel

from sender.crypto import Keyring
from sender.db import Database, Pace, upsert
from sender.models import Audit, ChainHead
from sender.rewriting import rewrite

GENESIS = bytes(32)
SLICE = 300
SLICES = 5
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class BrokenChain(Exception):
    """A chain is not what it was when it was sealed; the sentence names the first row that shows it."""


def _always(_row: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Chain:
    """One chained table. ``one`` and ``of`` name a row in sentences, ``fields`` are what its hash covers.

    ``at`` is the column of the time at which a row was written; ``fits`` looks at what follows from the fields.
    """

    name: str
    one: str
    of: str
    table: type[SQLModel]
    fields: tuple[str, ...]
    at: str
    fits: Callable[[Any], bool] = _always

    @property
    def columns(self) -> Any:
        """The columns of the table, by name."""
        return self.table.__table__.c  # type: ignore[attr-defined]

    def body(self, row: Any) -> dict[str, Any]:
        """What the hash of a row covers, as plain JSON values."""
        return {name: _plain(getattr(row, name)) for name in self.fields}

    def sealed(self, after: int = 0) -> Select[Any]:
        """Sealed rows behind this number, in order."""
        number = self.columns.sequence
        return select(self.table).where(number.is_not(None), number > after).order_by(number)


@dataclass(frozen=True, slots=True)
class End:
    """How a chain ends: its length and last hash."""

    sequence: int
    hash: bytes

    def __str__(self) -> str:
        """As it is published: "1042:9f2c…"."""
        return f"{self.sequence}:{self.hash.hex()}"


def seal_some(chain: Chain, database: Database, keys: Keyring) -> int:
    """Seal up to 1,500 rows that are not sealed yet, in the order they were written; returns how many.

    Each 300 are a transaction with the new end signed. BrokenChain: the chain was cut or changed.
    """
    sealed = 0
    for _ in range(SLICES):
        found = _seal_slice(chain, database, keys)
        sealed += found
        if found < SLICE:
            break
    return sealed


def _seal_slice(chain: Chain, database: Database, keys: Keyring) -> int:
    """Read and link before the lock is asked for: what is written never changes, only how the chain ends may."""
    columns = chain.columns
    waiting = select(columns).where(columns.sequence.is_(None)).order_by(columns.id).limit(SLICE)
    with database.read() as session:
        # In this order: rows that somebody seals after the end was read are found to be sealed below.
        supposed, rows = head(chain, session), session.execute(waiting).all()
    if not rows:
        return 0
    links, end = _links(chain, supposed, rows)
    with database.write(Pace.BULK, redoable=True) as session:
        found = _end(chain, session, keys)
        if found != supposed:
            rows = session.execute(waiting).all()
            links, end = _links(chain, found, rows)
        if rows:
            # A row that has its place keeps it.
            rewrite(session, chain.table.__table__, "id", links, columns.sequence.is_(None))  # type: ignore[attr-defined]
            _sign(chain, session, keys, end, getattr(rows[-1], chain.at))
        return len(rows)


def _links(chain: Chain, end: End, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], End]:
    """The place of each row behind this end, and the end they make."""
    links = []
    for row in rows:
        previous, end = end.hash, _next(chain, end, row)
        links.append({"id": row.id, "sequence": end.sequence, "previous": previous, "hash": end.hash})
    return links, end


def _next(chain: Chain, end: End, row: Any) -> End:
    sequence = end.sequence + 1
    return End(sequence, link(chain, end.hash, sequence, row))


def verify(chain: Chain, session: Session, keys: Keyring, anchors: tuple[End, ...] = ()) -> End:
    """Walk the chain from its first row to its signed end; returns that. BrokenChain says where it does not hold.

    ``anchors`` are ends that were written down elsewhere: each must still be on the way.
    """
    return _walk(chain, session, End(0, GENESIS), [_signed(chain, session, keys), *anchors])


def head(chain: Chain, session: Session) -> End:
    """How the chain ends, as far as it is signed."""
    found = session.get(ChainHead, chain.name)
    return End(found.sequence, found.hash) if found else End(0, GENESIS)


def link(chain: Chain, previous: bytes, sequence: int, row: Any) -> bytes:
    """The hash of one row in its place."""
    return hashlib.sha256(previous + canonical({"sequence": sequence, **chain.body(row)})).digest()


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value."""
    return _CANONICAL.encode(value).encode()


def signature(keys: Keyring, *said: object) -> bytes:
    """What proves that an end, or an export, was made here (HMAC-SHA256)."""
    return keys.digests("\0".join(map(str, said)).encode())[0]


def is_signed(keys: Keyring, given: bytes, *said: object) -> bool:
    """Whether this signature is ours, by any living key."""
    return any(hmac.compare_digest(given, one) for one in keys.digests("\0".join(map(str, said)).encode()))


def _walk(chain: Chain, session: Session, end: End, stations: list[End]) -> End:
    expected = {one.sequence: one.hash for one in reversed(stations) if one.sequence > end.sequence}
    for one in stations:
        if expected.get(one.sequence, one.hash) != one.hash:
            raise BrokenChain(f"{chain.one} {one.sequence} of the {chain.of} was changed after it was sealed.")
    for row in session.execute(chain.sealed(end.sequence).execution_options(yield_per=1000)).scalars():
        number = end.sequence + 1
        if row.sequence != number:
            raise BrokenChain(f"{chain.one} {number} of the {chain.of} is missing.")
        if row.previous != end.hash or row.hash != link(chain, end.hash, number, row) or not chain.fits(row):
            raise BrokenChain(f"{chain.one} {number} of the {chain.of} was changed after it was sealed.")
        if expected.pop(number, row.hash) != row.hash:
            raise BrokenChain(f"The {chain.of} was linked anew up to {chain.one.lower()} {number} or before.")
        end = End(number, row.hash)
    if expected:
        raise BrokenChain(f"{chain.one} {end.sequence + 1} of the {chain.of} is missing: it was cut at its end.")
    return end


def _signed(chain: Chain, session: Session, keys: Keyring) -> End:
    """The signed end. Nothing is sealed without signing it, but by a version that knew no signatures."""
    found = session.get(ChainHead, chain.name, populate_existing=True)
    if found is None:
        if session.execute(chain.sealed().limit(1)).first() is None:
            return End(0, GENESIS)
        raise BrokenChain(f"The end of the {chain.of} is not signed; after an upgrade start the scheduler once.")
    if not is_signed(keys, found.signature, chain.name, found.sequence, found.hash.hex()):
        raise BrokenChain(f"The signature under the end of the {chain.of} is not of this installation.")
    return End(found.sequence, found.hash)


def _end(chain: Chain, session: Session, keys: Keyring) -> End:
    """Where to go on: behind the signed end, and behind what another version has sealed after it."""
    if session.get(ChainHead, chain.name) is None:
        return _first_end(chain, session)
    signed = _signed(chain, session, keys)
    if signed.sequence:
        last = session.execute(chain.sealed(signed.sequence - 1).limit(1)).scalar()
        if last is None or (last.sequence, last.hash) != (signed.sequence, signed.hash):
            raise BrokenChain(f"{chain.one} {signed.sequence} of the {chain.of} is not what was signed.")
    return _walk(chain, session, signed, [])


def _first_end(chain: Chain, session: Session) -> End:
    """The end of a chain that nobody signed; that it had rows already is an act in the audit."""
    end = _walk(chain, session, End(0, GENESIS), [])
    if end.sequence:
        at = getattr(session.execute(chain.sealed(end.sequence - 1)).scalar(), chain.at)
        detail = {"length": end.sequence}
        session.add(Audit(at=at, actor="system", action="chain.sign", subject=chain.of, detail=detail))
        session.flush()
    return end


def _sign(chain: Chain, session: Session, keys: Keyring, end: End, at: datetime) -> None:
    signed = signature(keys, chain.name, end.sequence, end.hash.hex())
    row = {"chain": chain.name, "sequence": end.sequence, "hash": end.hash, "at": at, "signature": signed}
    session.flush()
    upsert(session, ChainHead, [row], ["chain"])


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
