"""The evidence file of one number: what was agreed to, what was sent and why, what was said, sealed and certified.

    file = gather(runtime, session, number_id, "+12125550123", by="ana@example.org", why="Doe v. Acme")
    as_json(file), as_pdf(file)     # the same content in both

The manifest has a SHA-256 over each section's canonical JSON, so that a copy of either can be compared with another.
"""

import hashlib
import json
from typing import Any

from sqlmodel import Session

from sender import sealing
from sender.audience.dossier import Dossier, instant
from sender.audience.sealer import LEDGER, verify
from sender.audit import note
from sender.models import ConsentEvent
from sender.runtime import Runtime
from sender.sealing import BrokenChain, canonical, link

FORMAT = "tactful-evidence-1"
SECTIONS = ("identity", "standing", "consent", "texts", "replies", "ledger")
WALKED_UP_TO = 50_000
"""A longer ledger is not walked for one file; each of its number's events is still held against its seal."""
CERTIFICATION = (
    "DRAFT, for counsel to complete before use.",
    "I, ____________________ (name), am ____________________ (position) at ____________________ (organisation), and "
    "know how its records of text messages and of consent to them are made and kept.",
    "The records in this file were made by the organisation's messaging system at or near the time of each act that "
    "they tell of, by the system itself or from what a person with knowledge of the act entered into it.",
    "They are kept in the course of a regularly conducted activity of the organisation, and making such records is a "
    "regular practice of that activity.",
    "The file was produced by the system from its database as of the time stated, by a process that yields an exact "
    "account of what is stored. The hashes in the manifest name its content; the position in the ledger and the result "
    "of its verification are those that the system found at that time.",
    "I declare under penalty of perjury that the foregoing is true and correct.",
    "Date: ____________________   Signature: ____________________",
)
"""In our own words, for whoever certifies records of a regularly conducted activity (Fed. R. Evid. 803(6), 902(11))."""
File = dict[str, Any]


def gather(runtime: Runtime, session: Session, number_id: int, asked: str, by: str, why: str) -> File:
    """Everything on record about a number, as one JSON object. ``asked`` is the number as the asker knows it."""
    dossier = Dossier(session, runtime.keys, number_id)
    sections = {
        "identity": {**dossier.identity(), "asked_for": asked},
        "standing": dossier.standings(),
        "consent": dossier.consent(),
        "texts": dossier.texts(),
        "replies": dossier.replies(),
        "ledger": _ledger(runtime, session, dossier.events()),
    }
    head = {"format": FORMAT, "made_at": instant(runtime.clock.real()), "made_by": by, "why": why}
    return {**head, **sections, "manifest": manifest(sections), "certification": list(CERTIFICATION)}


def note_taken(runtime: Runtime, session: Session, number_id: int, by: str, why: str, file: File) -> None:
    """Who took the file out, and for what; which file it was is known by its hash."""
    detail = {"why": why[:200], "sha256": digest(file)}
    note(session, runtime.clock.now(), by, "evidence.take", f"number {number_id}", detail)


def manifest(sections: File) -> list[dict[str, Any]]:
    """Each section with how many entries it has and the SHA-256 of its canonical JSON."""
    return [
        {
            "section": name,
            "entries": len(value) if isinstance(value, list) else 1,
            "sha256": hashlib.sha256(canonical(value)).hexdigest(),
        }
        for name, value in sections.items()
    ]


def digest(file: File) -> str:
    """What names the whole file: SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(file)).hexdigest()


def as_json(file: File) -> bytes:
    """The file to be read by people and programs."""
    return json.dumps(file, indent=2, ensure_ascii=False).encode() + b"\n"


def as_pdf(file: File) -> bytes:
    """The same content on paper."""
    from sender.audience.evidence_pdf import render

    return render(file, digest(file))


def _ledger(runtime: Runtime, session: Session, events: list[ConsentEvent]) -> File:
    """Where these events stand in the ledger, and whether each, and the whole, is what was sealed."""
    end = sealing.head(LEDGER, session)
    return {
        "end": str(end),
        "events": [event.sequence for event in events if event.sequence],
        "not_sealed_yet": sum(event.sequence is None for event in events),
        "each_fits_its_seal": all(_fits(event) for event in events if event.sequence),
        "verification": _verified(runtime, session, end.sequence),
        "how_to_check": "Ask for an export of the ledger and check it with verify_ledger.py and the end above.",
    }


def _fits(event: ConsentEvent) -> bool:
    return LEDGER.fits(event) and event.hash == link(LEDGER, event.previous or b"", event.sequence or 0, event)


def _verified(runtime: Runtime, session: Session, length: int) -> str:
    if length > WALKED_UP_TO:
        return f"The ledger of {length:,} events was not walked for this file; `tactful ledger verify` does."
    try:
        return f"The whole ledger was walked and holds: {verify(session, runtime.keys):,} sealed events."
    except BrokenChain as broken:
        return f"The ledger does not hold: {broken}"
