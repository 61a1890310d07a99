"""Figures for pages: counted at once where that is quick, aside where there are too many messages for a click."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from flask import g
from sqlmodel import Session

from sender.campaigns import reports
from web.context import Web, web
from web.remembered import PATIENCE, Counting

Figures = TypeVar("Figures")
SHORT = 20.0
"""The patience of pages that people watch: a twentieth of a processor at most goes into their figures."""


def figures(
    key: Hashable, count: Callable[[Session], Figures], seconds: float = 0.0, patience: float = PATIENCE
) -> Figures:
    """What ``count`` says, no older than so many seconds.

    In a large installation a thread counts, the last figures serve meanwhile, and they may be as old as ``patience``
    allows; Counting is raised where there are none yet. ``count`` must not look at the request.
    """
    house = web()
    elapsed = house.runtime.clock.elapsed()

    def now() -> Figures:
        with house.runtime.db.read() as session:
            return count(session)

    if _large(house):
        return house.remembered.aside(key, elapsed, seconds, now, patience)
    return house.remembered.get(key, elapsed, seconds, now, patience) if seconds else now()


def _large(house: Web) -> bool:
    if "large" not in g:
        with house.runtime.db.read() as session:
            g.large = reports.is_large(session)
    return bool(g.large)


def figures_or_none(
    key: Hashable, count: Callable[[Session], Figures], seconds: float = 0.0, patience: float = PATIENCE
) -> Figures | None:
    """The same; None while they are counted for the first time, for pages that show more than figures."""
    try:
        return figures(key, count, seconds, patience)
    except Counting:
        return None
