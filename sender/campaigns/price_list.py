"""Fetches what the provider charges for a part, and keeps it dated beside the shipped table."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from sender.campaigns.prices import UNIT, currency
from sender.models import Audit, FetchedPrice, Program
from sender.providers.base import Listed
from sender.runtime import Runtime

SOURCE = "Twilio's Pricing API, this account"


class PriceList(Protocol):
    """A provider that can be asked what a part costs."""

    async def prices(self, country: str) -> Sequence[Listed]:
        """What a part to a country costs by kind of from_number; nothing where the provider lists none."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...


class PriceListError(Exception):
    """The list cannot be taken over; the sentence says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The countries whose prices were taken over, and those the provider lists none for."""

    taken: tuple[str, ...]
    missing: tuple[str, ...]


def refresh(runtime: Runtime, provider: PriceList, countries: Collection[str], actor: str) -> Refreshed:
    """Take over the provider's prices of these countries (none: of all that programs text), all of them or nothing.

    Raises SendError where the provider cannot be asked, PriceListError where its list is in another currency.
    """
    wanted = sorted(countries) or _texted(runtime)
    found = asyncio.run(_fetched(provider, wanted))
    _require_currency(found)
    now = runtime.clock.now()
    taken = tuple(country for country in wanted if found[country])
    with runtime.db.write() as session:
        for country in taken:
            _keep(session, country, found[country], now)
        detail = {"countries": list(taken)}
        session.add(Audit(at=now, actor=actor, action="prices.refresh", subject="prices", detail=detail))
    return Refreshed(taken, tuple(country for country in wanted if country not in taken))


def _texted(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        return sorted({code for some in session.execute(select(col(Program.countries))).scalars() for code in some})


async def _fetched(provider: PriceList, countries: Sequence[str]) -> dict[str, Sequence[Listed]]:
    try:
        return {country: await provider.prices(country) for country in countries}
    finally:
        await provider.close()


def _require_currency(found: dict[str, Sequence[Listed]]) -> None:
    for country, rows in found.items():
        if others := {row.currency for row in rows} - {currency()}:
            raise PriceListError(
                f"The provider's prices for {country} are in {', '.join(sorted(others))}, ours in {currency()}; "
                "nothing was changed. Ask it for an account in that currency, or go on with the shipped table."
            )


def _keep(session: Session, country: str, listed: Sequence[Listed], now: datetime) -> None:
    """The least of each kind, and under the empty kind the least of all."""
    least: dict[str, Decimal] = {}
    for row in listed:
        for kind in {"", row.kind}:
            least[kind] = min(row.amount, least.get(kind, row.amount))
    today = now.astimezone(UTC).date()
    for kind, amount in least.items():
        whole = int((amount * UNIT).to_integral_value(ROUND_FLOOR))
        session.merge(
            FetchedPrice(country=country, kind=kind, since=today, amount=whole, source=SOURCE, fetched_at=now)
        )
