"""A dry run: count what an import would do, without writing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience.importing import entries, writing
from sender.audience.importing.options import SHOWN, Refusal
from sender.audience.importing.rows import Refused, Taken
from sender.audience.numbers import erased_among
from sender.audience.phone import mask
from sender.crypto import Keyring
from sender.models import Contact, Number

SAMPLES = 8
"""How many people of each outcome are shown."""


class Preview:
    """Counts slice after slice; remembers eight bytes a number to know the second row of one."""

    def __init__(self, keys: Keyring, program_id: int | None) -> None:
        self.counts: Counter[str] = Counter()
        self.first: list[Refusal] = []
        self.samples: list[dict[str, Any]] = []
        self._keys = keys
        self._program_id = program_id
        self._seen: set[bytes] = set()
        self._out: set[str] = set()

    def count(self, session: Session, rows: Sequence[Taken | Refused]) -> None:
        """Add what these rows would have done."""
        taken = [row for row in rows if isinstance(row, Taken)]
        refused = [row for row in rows if isinstance(row, Refused)]
        self.first += [Refusal(row.line, row.code, row.reason) for row in refused[: SHOWN - len(self.first)]]
        keys = {row.phone.e164: self._keys.number_key(row.phone.e164) for row in taken}
        every = {key: keys[e164] for e164 in keys for key in self._keys.number_keys(e164)}
        known = {every[key]: columns for key, columns in _known(session, list(every)).items()}
        gone = erased_among(session, {columns["number_id"] for columns in known.values()})
        for row in taken:
            if known.get(keys[row.phone.e164], {}).get("number_id") in gone:
                self.counts["erased"] += 1
            else:
                self._contact(row, keys[row.phone.e164], known)
        self._consents(session, rows, {e164: known[key]["number_id"] for e164, key in keys.items()})
        self.counts += writing.tally(rows)

    def _contact(self, row: Taken, key: bytes, known: dict[bytes, dict[str, Any]]) -> None:
        contact = known.setdefault(key, writing.blank(0))
        before = dict(contact)
        changed = writing.merge(contact, row)
        outcome = writing.outcome(key[:8] in self._seen, contact["created_at"] is None, changed)
        self.counts[outcome] += 1
        self._seen.add(key[:8])
        self._remember(outcome, row, before, contact)

    def _remember(self, outcome: str, row: Taken, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Keep a few of each kind, so that a person sees what would happen to whom."""
        if outcome == "unchanged" or sum(one["outcome"] == outcome for one in self.samples) >= SAMPLES:
            return
        consent = row.consent.kind if row.consent else ""
        changed = entries.changes(before, after)
        shown = {"line": row.line, "outcome": outcome, "number": mask(row.phone.e164), "consent": consent}
        self.samples.append({**shown, "changes": {name: pair for name, pair in changed.items() if name != "import_id"}})

    def _consents(self, session: Session, rows: Sequence[Taken | Refused], ids: dict[str, int]) -> None:
        """Count the yes of those who are out already, or by a row further up."""
        closed = writing.not_in(session, ids.values())
        for row in (row if isinstance(row, Taken) else row.out for row in rows):
            if row is None or row.consent is None:
                continue
            if row.consent.kind == "opt_out":
                self._out.update(phone.e164 for phone in (row.phone, *row.others))
                continue
            met = row.phone.e164 in self._out
            self.counts["kept_out"] += met or writing.is_kept_out(row, ids[row.phone.e164], self._program_id, closed)


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
