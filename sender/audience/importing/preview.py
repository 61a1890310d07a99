"""A dry run: count what an import would do, without writing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.importing import writing
from sender.audience.importing.options import SHOWN, Refusal
from sender.audience.importing.rows import Refused, Taken
from sender.crypto import Keyring
from sender.models import Contact, Number


class Preview:
    """Counts slice after slice; remembers eight bytes a number to know the second row of one."""

    def __init__(self, keys: Keyring, program_id: int | None) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Refusal] = []
        self._keys = keys
        self._program_id = program_id
        self._seen: set[bytes] = set()

    def count(self, session: Session, rows: Sequence[Taken | Refused]) -> None:
        """Add what these rows would have done."""
        taken = [row for row in rows if isinstance(row, Taken)]
        refused = [row for row in rows if isinstance(row, Refused)]
        self.first += [Refusal(row.line, row.code, row.reason) for row in refused[: SHOWN - len(self.first)]]
        self._contacts(session, taken)
        self.counts += writing.tally(rows)

    def _contacts(self, session: Session, rows: Sequence[Taken]) -> None:
        keys = {row.phone.e164: self._keys.number_key(row.phone.e164) for row in rows}
        known = _known(session, list(keys.values()))
        out = writing.not_in(session, [contact["number_id"] for contact in known.values()])
        for row in rows:
            key = keys[row.phone.e164]
            contact = known.setdefault(key, writing.blank(0))
            new = contact["created_at"] is None
            changed = writing.merge(contact, row)
            self.counts[writing.outcome(key[:8] in self._seen, new, changed)] += 1
            self._seen.add(key[:8])
            self.counts["kept_out"] += writing.is_kept_out(row, contact["number_id"], self._program_id, out)


def _known(session: Session, number_keys: list[bytes]) -> dict[bytes, dict[str, Any]]:
    """Number id and contact columns by number key, for the numbers that have a row."""
    columns = [getattr(Contact, name) for name in writing.COLUMNS[1:]]
    joined = select(col(Number.key), col(Number.id), *columns).join(
        Contact, col(Contact.number_id) == col(Number.id), isouter=True
    )
    rows = session.execute(joined.where(col(Number.key).in_(number_keys)))
    found = {row[0]: dict(zip(writing.COLUMNS, row[1:], strict=True)) for row in rows}
    return {
        key: contact if contact["created_at"] else writing.blank(contact["number_id"]) for key, contact in found.items()
    }
