"""What one part costs at least, from our own dated table (prices.toml): a lower bound, or nothing where none is known.

Amounts are whole ten-thousandths of the currency, so that sums never drift.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

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


def price(country: str | None, kind: str, on: date) -> Price | None:
    """The price in force on a day, None where the table has none for this country, kind and day."""
    fitting = (
        row for row in table().get(country or "", ()) if row.since <= on and (not row.kinds or kind in row.kinds)
    )
    return max(fitting, key=lambda row: (row.since, bool(row.kinds)), default=None)


def reserved_price(country: str | None, kind: str, on: date) -> int:
    """What a budget sets aside for one part: the price, or the dearest of the table where none is known."""
    found = price(country, kind, on)
    return found.amount if found else max(row.amount for rows in table().values() for row in rows)


def shown(amount: int) -> str:
    """An amount as people read it, such as "USD 12.35"."""
    return f"{currency()} {amount / UNIT:,.2f}"


def currency() -> str:
    """The currency of every amount (ISO 4217)."""
    return str(_file()["meta"]["currency"])


@cache
def table() -> Mapping[str, tuple[Price, ...]]:
    """Every row by country."""
    return {code: tuple(_rows(code, rows)) for code, rows in _file().items() if code != "meta"}


def _rows(country: str, rows: Iterable[Mapping[str, Any]]) -> Iterable[Price]:
    for row in rows:
        kinds = frozenset(row.get("kinds", ()))
        yield Price(country, row["amount"], row["from"], kinds, row["source"], row["confidence"])


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads((files("sender") / "campaigns" / "prices.toml").read_text("utf-8"))
