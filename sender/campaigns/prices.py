"""What one part costs at least: the provider's list where it was fetched, else our own dated table (prices.toml).

A lower bound, or nothing where none is known.

Amounts are whole ten-thousandths of the currency, so that sums never drift.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from sender.models import FetchedPrice

UNIT = 10_000
"""How many of our amounts make one of the currency: 83 is USD 0.0083."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one part to ``country`` costs at least since ``since``, for these kinds of from_number (none: for all)."""

    country: str
    amount: int
    since: date
    kinds: frozenset[str]
    source: str
    confidence: str


Table = Mapping[str, tuple[Price, ...]]
"""Every row by country."""


def price(country: str | None, kind: str, on: date, among: Table | None = None) -> Price | None:
    """The price in force on a day, None where the table has none for this country, kind and day.

    ``among`` is what :func:`known` read; without it the shipped table is asked.
    """
    rows = (table() if among is None else among).get(country or "", ())
    fitting = (row for row in rows if row.since <= on and (not row.kinds or kind in row.kinds))
    return max(fitting, key=lambda row: (row.since, bool(row.kinds)), default=None)


def reserved_price(country: str | None, kind: str, on: date, among: Table | None = None) -> int:
    """What a budget sets aside for one part: the price, or the dearest of the table where none is known."""
    return set_aside(price(country, kind, on, among), table() if among is None else among)


def set_aside(found: Price | None, among: Table) -> int:
    """The same for a price that was looked up in this table already."""
    return found.amount if found else max(row.amount for some in among.values() for row in some)


def known(session: Session) -> Table:
    """The shipped rows and those that were fetched from the provider; on a day that has both the fetched one counts."""
    merged = dict(table())
    for row in session.execute(select(FetchedPrice)).scalars():
        kinds = frozenset({row.kind} - {""})
        fetched = Price(row.country, row.amount, row.since, kinds, row.source, "high")
        merged[row.country] = (fetched, *merged.get(row.country, ()))
    return merged


def in_force(among: Table, on: date) -> list[Price]:
    """The newest row of each country and kind on a day, by country."""
    newest: dict[tuple[str, frozenset[str]], Price] = {}
    for row in (row for rows in among.values() for row in rows if row.since <= on):
        held = newest.setdefault((row.country, row.kinds), row)
        if row.since > held.since:
            newest[row.country, row.kinds] = row
    return sorted(newest.values(), key=lambda row: (row.country, sorted(row.kinds)))


def shown(amount: int) -> str:
    """An amount as people read it, such as "USD 12.35"."""
    return f"{currency()} {amount / UNIT:,.2f}"


def currency() -> str:
    """The currency of every amount (ISO 4217)."""
    return str(_file()["meta"]["currency"])


@cache
def table() -> Table:
    """Every shipped row by country."""
    return {code: tuple(_rows(code, rows)) for code, rows in _file().items() if code != "meta"}


def _rows(country: str, rows: Iterable[Mapping[str, Any]]) -> Iterable[Price]:
    for row in rows:
        kinds = frozenset(row.get("kinds", ()))
        yield Price(country, row["amount"], row["from"], kinds, row["source"], row["confidence"])


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((files("sender") / "campaigns" / "prices.toml").read_text("utf-8"))
