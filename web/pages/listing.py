"""The state of a list, which lives in its address: page, order, filters. Pages read it, templates make links of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request

Row = TypeVar("Row")
SIZE = 25
LAST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """One view of a list. Ask for ``limit`` rows from ``offset``: the one too many tells of a next page."""

    path: str
    page: int
    sort: str
    descending: bool
    filters: Mapping[str, str]
    size: int = SIZE
    usual: str = ""

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.size

    @property
    def limit(self) -> int:
        """One row more than is shown."""
        return self.size + 1

    def shown(self, rows: Sequence[object]) -> Sequence[object]:
        """The rows of this page without the one too many."""
        return rows[: self.size]

    def more(self, rows: Sequence[object]) -> bool:
        """Whether there is a next page."""
        return len(rows) > self.size

    @property
    def here(self) -> str:
        """The address of this view itself: on the list's own path, made of what was understood and of nothing else."""
        plain = self.page == 1 and not self.filtered and self.order == self.usual
        return self.path if plain else self.at(self.page)

    @property
    def state(self) -> str:
        """What stands behind the path in it, "" for the plain list: forms carry it, so that an act keeps the view."""
        return self.here.removeprefix(self.path)

    def sorted_by(self, name: str) -> str:
        """The address of the same list in this order; the other way round where it is so ordered already."""
        return self._address(name, not self.descending if name == self.sort else False, 1)

    def at(self, page: int) -> str:
        """The address of another page of the same list."""
        return self._address(self.sort, self.descending, page)

    def part(
        self, rows: Iterable[Row], by: Mapping[str, Callable[[Row], Any]], words: Callable[[Row], str]
    ) -> list[Row]:
        """The rows of this page, and one too many, of a list short enough to be read whole.

        ``by`` says what each order goes by, ``words`` what a row is found by with the filter "find".
        """
        find = self.filters.get("find", "").casefold()
        some = [one for one in rows if find in words(one).casefold()]
        some.sort(key=by[self.sort], reverse=self.descending)
        return some[self.offset : self.offset + self.limit]

    @property
    def order(self) -> str:
        """What the list is ordered by; "-" before it: from the greatest down."""
        return f"-{self.sort}" if self.descending else self.sort

    @property
    def filtered(self) -> bool:
        """Whether anything is left out."""
        return any(self.filters.values())

    def _address(self, sort: str, descending: bool, page: int) -> str:
        state = {name: value for name, value in self.filters.items() if value}
        state |= {"sort": f"-{sort}" if descending else sort} if sort else {}
        state |= {"page": str(page)} if page > 1 else {}
        return f"{self.path}?{urlencode(state)}" if state else self.path


def read_listing(sorts: Sequence[str], filters: Sequence[str] = (), size: int = SIZE, path: str = "") -> Listing:
    """The view this request asks for. ``sorts`` are the columns allowed, the first is the default, "-name" descends.

    What makes no sense falls back to the default: an old bookmark still opens. ``path`` is the list's own address where
    it is shown under another.
    """
    wanted = request.args.get("sort", sorts[0])
    name = wanted.removeprefix("-")
    if name not in {one.removeprefix("-") for one in sorts}:
        wanted, name = sorts[0], sorts[0].removeprefix("-")
    page = request.args.get("page", 1, type=int)
    kept = {one: request.args.get(one, "").strip()[:200] for one in filters}
    page, descending = min(max(page, 1), LAST_PAGE), wanted.startswith("-")
    return Listing(path or request.path, page, name, descending, kept, size, sorts[0])
