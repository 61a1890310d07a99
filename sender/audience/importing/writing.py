"""Write one slice of judged rows inside the caller's transaction: numbers, contacts, consent, refusals."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from sender.among import among
from sender.audience import ledger, numbers
from sender.audience.importing import entries
from sender.audience.importing.rows import Consent, Refused, Taken
from sender.audience.numbers import Made, Sought
from sender.crypto import Keyring
from sender.db import insert_all, insert_new, run_below, upsert
from sender.locks import lock_numbers
from sender.models import ConsentEvent, ConsentStanding, Contact, ImportRefusal, ImportRun

CLOSED = ("out", "held")
LANDLINES = frozenset({"fixed_line"})
PLAIN = ("language", "postal_code", "region", "zone")
COLUMNS = ("number_id", *PLAIN, "attributes", "import_id", "created_at", "changed_at")


@dataclass(frozen=True, slots=True)
class Job:
    """What all slices of one import share. ``out_program_id`` is where its opt-outs count; None: everywhere.

    ``generation`` counts how often an import of this file was undone: consent that was withdrawn is then a new act.
    ``collected`` is what the attestation says of how and by whom.
    """

    import_id: int
    file_hash: str
    name: str
    program_id: int | None
    out_program_id: int | None
    attested_by: str
    started_at: datetime
    generation: int = 0
    collected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a file, made ready: judged, their numbers looked up and sealed, and nothing written yet."""

    rows: Sequence[Taken | Refused]
    taken: list[Taken]
    outs: list[Taken]
    sought: Sought
    refusals: list[dict[str, Any]]


def prepare(session: Session, keys: Keyring, job: Job, rows: Sequence[Taken | Refused], now: datetime) -> Slice:
    """Do beforehand what needs no lock: it is half of the work."""
    taken = [row for row in rows if isinstance(row, Taken)]
    refused = [row for row in rows if isinstance(row, Refused)]
    outs = [row.out for row in refused if row.out]
    outs += [also for row in [*taken, *outs] for also in out_of_others(row)]
    phones = {row.phone.e164: row.phone for row in [*taken, *outs]}
    sought = numbers.seek(session, keys, [phones[e164] for e164 in sorted(phones)], now)
    return Slice(rows, taken, outs, sought, _refusals(keys, job, refused))


def write(session: Session, keys: Keyring, job: Job, ready: Slice, now: datetime) -> Counter[str]:
    """Everything these rows say, in file order; returns what they add to the counts of the import."""
    if ready.sought.version != keys.version:
        ready = prepare(session, keys, job, ready.rows, now)
    made = numbers.make(session, ready.sought)
    ids, own = made.ids, made.own
    # The rows stay locked until the end, so that a STOP or a gate comes wholly before or after.
    lock_numbers(session, set(ids.values()) - own)
    taken, forgotten = _without_erased(session, ready.taken, made)
    outs = [*ready.outs, *(row for row in forgotten if row.consent and row.consent.kind == "opt_out")]
    counts = _contacts(session, job, taken, made, now)
    if forgotten:
        counts["erased"] = len(forgotten)
    counts["kept_out"] = _consents(session, job, [*taken, *outs], made, now)
    insert_new(session, ImportRefusal, ready.refusals)
    return counts + tally(ready.rows)


def _without_erased(session: Session, rows: Sequence[Taken], made: Made) -> tuple[list[Taken], list[Taken]]:
    """The rows of people we may know, and those of people who were erased: of these a file brings back nothing."""
    ids = made.ids
    gone = numbers.erased_among(session, {ids[row.phone.e164] for row in rows} - made.own)
    known = [row for row in rows if ids[row.phone.e164] not in gone]
    return known, [row for row in rows if ids[row.phone.e164] in gone]


def out_of_others(row: Taken) -> list[Taken]:
    """The same opt-out for the row's further numbers: whoever says stop means all of them."""
    if row.consent is None or row.consent.kind != "opt_out":
        return []
    return [Taken(row.line, phone, consent=row.consent, place=at) for at, phone in enumerate(row.others, start=2)]


def tally(rows: Sequence[Taken | Refused]) -> Counter[str]:
    """The counts that follow from the rows alone."""
    counts: Counter[str] = Counter(rows=len(rows))
    for row in rows:
        counts.update(_words(row))
    return counts


def _words(row: Taken | Refused) -> list[str]:
    if isinstance(row, Refused):
        return ["refused", f"refused:{row.code}", *(["opted_out"] if row.out else [])]
    words = ["landline"] if row.phone.line_type in LANDLINES else []
    words += ["uncovered"] if row.uncovered else []
    if row.consent:
        words.append("opted_out" if row.consent.kind == "opt_out" else "with_consent")
        words += ["written"] if row.consent.level == "express_written" else []
    return words


_CONTACTS = Contact.__table__  # type: ignore[attr-defined]
_OF_NUMBERS = select(*(_CONTACTS.c[name] for name in COLUMNS)).where(among(_CONTACTS.c.number_id, "ids"))


def read_contacts(session: Session, ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The contacts of these numbers as plain columns, by number id."""
    found = run_below(session, _OF_NUMBERS, {"ids": list(ids)}) if ids else ()
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in found}


def merge(contact: dict[str, Any], row: Taken) -> bool:
    """Put what the row says into the contact, empty cells aside; whether that changed anything."""
    attributes = {**contact["attributes"], **row.attributes}
    fresh = {**contact, **row.contact, "attributes": attributes}
    # A number equals a boolean in Python but not in a segment, so types are compared as well.
    same = fresh == contact and list(map(type, attributes.values())) == list(map(type, contact["attributes"].values()))
    contact.update(fresh)
    return not same


def _contacts(session: Session, job: Job, rows: Sequence[Taken], made: Made, now: datetime) -> Counter[str]:
    ids, own = made.ids, made.own
    contacts = read_contacts(session, set(ids.values()) - own)
    former = {number_id: dict(contact) for number_id, contact in contacts.items()}
    counts: Counter[str] = Counter()
    touched: set[int] = set()
    dirty: set[int] = set()
    for row in rows:
        number_id = ids[row.phone.e164]
        before = contacts.get(number_id)
        contact = before or contacts.setdefault(number_id, blank(number_id))
        duplicate = contact["import_id"] == job.import_id
        changed = merge(contact, row) or before is None
        contact["import_id"] = job.import_id
        touched.add(number_id)
        if changed:
            dirty.add(number_id)
            contact["changed_at"] = now
            contact["created_at"] = contact["created_at"] or now
        counts[outcome(duplicate, before is None, changed)] += 1
    insert_all(session, Contact, [contacts[number_id] for number_id in sorted(dirty & own)])
    upsert(session, Contact, [contacts[number_id] for number_id in sorted(dirty - own)], ["number_id"])
    _mark(session, job, touched - dirty)
    entries.write(session, job.import_id, former, {number_id: contacts[number_id] for number_id in touched}, own)
    return counts


def blank(number_id: int) -> dict[str, Any]:
    """The columns of a contact that does not exist yet."""
    empty: dict[str, Any] = dict.fromkeys(COLUMNS)
    return {**empty, "number_id": number_id, "attributes": {}}


def outcome(duplicate: bool, new: bool, changed: bool) -> str:
    """The one count a taken row falls under."""
    if duplicate:
        return "duplicate"
    return "new" if new else "changed" if changed else "unchanged"


def _mark(session: Session, job: Job, unchanged: set[int]) -> None:
    """Note who was in this file: a second row of the same number is then known as a duplicate, without memory."""
    if unchanged:
        mine = col(Contact.number_id).in_(unchanged), col(Contact.import_id).is_distinct_from(job.import_id)
        session.execute(update(Contact).where(*mine).values(import_id=job.import_id))


def _consents(session: Session, job: Job, rows: Sequence[Taken], made: Made, now: datetime) -> int:
    """Record consent and opt-outs; returns how many rows say yes for somebody who is out and stays so.

    Behind an opt-out of its number no row of the file says yes any more, wherever a slice ends.
    """
    ids = made.ids
    ins = [row for row in rows if row.consent and row.consent.kind == "opt_in"]
    outs = [row for row in rows if row.consent and row.consent.kind == "opt_out"]
    first: dict[str, int] = {}
    for row in outs:
        first[row.phone.e164] = min(row.line, first.get(row.phone.e164, row.line))
    late = [row for row in ins if row.line > first.get(row.phone.e164, row.line)]
    early = [row for row in ins if row.line <= first.get(row.phone.e164, row.line)]
    standings = ledger.read_standings(session, {ids[row.phone.e164] for row in [*ins, *outs]} - made.own)
    held = ledger.Held(standings, made.own, _is_first(session, job))
    kept = _opt_ins(session, job, early, ids, held, now)
    _opt_outs(session, job, outs, ids, held, now)
    return kept + _opt_ins(session, job, late, ids, held, now)


def _is_first(session: Session, job: Job) -> bool:
    """Whether no other import was of this file, so that the ledger has heard of none of its rows.

    Asked while the slice's numbers are locked: one that begins now waits for them, and finds this one.
    """
    others = select(col(ImportRun.id)).where(
        col(ImportRun.file_hash) == job.file_hash, col(ImportRun.id) != job.import_id
    )
    return session.execute(others.limit(1)).scalar() is None


def _opt_outs(
    session: Session,
    job: Job,
    rows: Sequence[Taken],
    ids: dict[str, int],
    held: ledger.Held,
    now: datetime,
) -> None:
    outs = [(row, row.consent) for row in rows if row.consent]
    again = _own_opt_ins(session, {ids[row.phone.e164] for row, consent in outs if consent.at})
    acts = []
    for row, consent in outs:
        number_id = ids[row.phone.e164]
        later = consent.at and again.get(number_id, consent.at) > consent.at
        acts.append(_act(job, row, consent, number_id, consent.at if consent.at and later else now))
    ledger.record(session, acts, now, held)


def _own_opt_ins(session: Session, number_ids: set[int]) -> dict[int, datetime]:
    """When these people themselves last said yes. Only that beats a dated opt-out, never consent from a file."""
    if not number_ids:
        return {}
    joined = select(col(ConsentStanding.number_id), col(ConsentStanding.as_of)).join(
        ConsentEvent, col(ConsentEvent.id) == col(ConsentStanding.event_id)
    )
    own = col(ConsentStanding.state) == "in", col(ConsentEvent.source).in_(ledger.OWN_ACTS)
    found = session.execute(joined.where(col(ConsentStanding.number_id).in_(number_ids), *own))
    latest: dict[int, datetime] = {}
    for number_id, as_of in found:
        latest[number_id] = max(as_of, latest.get(number_id, as_of))
    return latest


def _opt_ins(
    session: Session,
    job: Job,
    rows: Sequence[Taken],
    ids: dict[str, int],
    held: ledger.Held,
    now: datetime,
) -> int:
    out = {key for key, row in held.standings.items() if row["state"] in CLOSED}
    ins = [(row, row.consent) for row in rows if row.consent]
    acts = [_act(job, row, consent, ids[row.phone.e164], consent.at or job.started_at) for row, consent in ins]
    ledger.record(session, acts, now, held)
    return sum(is_kept_out(row, ids[row.phone.e164], job.program_id, out) for row in rows) if out else 0


def not_in(session: Session, number_ids: Collection[int]) -> set[tuple[int, int, str]]:
    """Number, program (0: all) and purpose of every standing of these numbers that is out or held."""
    columns = col(ConsentStanding.number_id), col(ConsentStanding.program_id), col(ConsentStanding.purpose)
    closed = col(ConsentStanding.number_id).in_(number_ids), col(ConsentStanding.state).in_(CLOSED)
    return {(number, program, purpose) for number, program, purpose in session.execute(select(*columns).where(*closed))}


def is_kept_out(row: Taken, number_id: int, program_id: int | None, out: set[tuple[int, int, str]]) -> bool:
    """Whether the row's consent meets an opt-out, which no import lifts."""
    if row.consent is None or row.consent.kind != "opt_in":
        return False
    programs = (program_id or ledger.ALL_PROGRAMS, ledger.ALL_PROGRAMS)
    return any((number_id, program, row.consent.purpose.value) in out for program in programs)


def _act(job: Job, row: Taken, consent: Consent, number_id: int, at: datetime) -> ledger.Act:
    program = job.program_id if consent.kind == "opt_in" else job.out_program_id
    return ledger.Act(
        number_id=number_id,
        program_id=program,
        kind=consent.kind,
        purpose=consent.purpose,
        at=at,
        source="import",
        source_ref=_reference(job, row, consent, program),
        level=consent.level,
        wording=consent.wording,
        attested_by=job.attested_by if consent.kind == "opt_in" else "",
        evidence={
            "import_id": job.import_id,
            "file": job.name,
            "file_hash": job.file_hash,
            "line": row.line,
            "source": consent.source,
            "dated": consent.at.isoformat() if consent.at else None,
            **(job.collected if consent.kind == "opt_in" else {}),
        },
    )


def _reference(job: Job, row: Taken, consent: Consent, program: int | None) -> str:
    """What makes one act of one row one event, however often the file is imported."""
    place = f":{row.place}" if row.place > 1 else ""
    place += f":again{job.generation}" if job.generation else ""
    return f"import:{job.file_hash}:{row.line}:{consent.kind}:{program or 0}:{consent.purpose.value}{place}"


def _refusals(keys: Keyring, job: Job, refused: Sequence[Refused]) -> list[dict[str, Any]]:
    return [
        {
            "import_id": job.import_id,
            "line": row.line,
            "code": row.code,
            "reason": row.reason,
            "row_cipher": keys.wrap(row.text.encode()),
        }
        for row in refused
    ]
