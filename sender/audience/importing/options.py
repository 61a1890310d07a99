"""What a person says about a file before it is imported, and what they are told afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import phonenumbers

from guards.base import Purpose

CONSENT_PURPOSES = (Purpose.MARKETING, Purpose.INFORMATIONAL, Purpose.TRANSACTIONAL)

SHOWN = 20
"""How many refusals a report lists; all of them are kept in the database."""

Progress = Callable[[int, int, Mapping[str, int]], None]
"""Called after each slice with bytes read, bytes in the file, and the counts so far."""


class FileRefused(Exception):
    """The file or the options cannot be used at all; nothing was written. The text is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's word that everybody in the file agreed: where, to which words, when, and whose word it is."""

    source: str
    wording: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read one file. ``region`` (ISO 3166) is the country of local numbers; it is never assumed.

    ``mapping`` is file column -> field ("number", "attributes.city", "skip"); ``purpose`` and ``attestation`` complete
    the file's consent columns, or stand in for them. ``name`` is shown to people; the file's name when empty.
    """

    program_id: int | None = None
    region: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    purpose: Purpose | None = None
    attestation: Attestation | None = None
    dry_run: bool = False
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """What decides the outcome: a stopped import goes on only under the same options."""
        word = self.attestation
        return {
            "program_id": self.program_id,
            "region": self.region,
            "mapping": dict(self.mapping),
            "delimiter": self.delimiter,
            "purpose": self.purpose.value if self.purpose else None,
            "attestation": word and {"source": word.source, "wording": word.wording, "by": word.by, "at": str(word.at)},
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken: its line in the file, a code for programs, a sentence that holds nothing of the row."""

    line: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome. Each row is one of new, changed, unchanged, duplicate or refused in ``counts``.

    Further counts: rows, landline, with_consent, written, opted_out, kept_out; ``refused`` splits by code. After a dry
    run ``import_id`` is None. ``longest`` is the longest write transaction in seconds.
    """

    import_id: int | None
    name: str
    file_hash: str
    counts: dict[str, int]
    refused: dict[str, int]
    first: list[Refusal]
    notes: list[str]
    resumed_after: int = 0
    longest: float = 0.0


def attest(
    source: str | None, wording: str | None, by: str | None, at: str | None, purpose: str | None, now: datetime
) -> tuple[Attestation | None, Purpose | None]:
    """Read an attestation from what a person typed; all of it or none of it.

    ``purpose`` alone is fine: it then says what the file's own consent columns were about. Raises FileRefused.
    """
    meant = read_purpose(purpose) if purpose else None
    given = {"source": source, "wording": wording, "attested by": by, "date": at}
    missing = [name for name, value in given.items() if not (value or "").strip()]
    if len(missing) == len(given):
        return None, meant
    if missing or meant is None:
        lacking = ", ".join([*missing, *([] if meant else ["purpose"])])
        raise FileRefused(
            f"The attestation lacks {lacking}; give source, wording, attested by, date and purpose together, or none."
        )
    moment = read_instant(at or "")
    if moment is None or moment > now:
        raise FileRefused("The date of consent must be a past date such as 2026-03-01 or 2026-03-01T09:30:00+00:00.")
    return Attestation((source or "").strip(), (wording or "").strip(), (by or "").strip(), moment), meant


def read_purpose(text: str) -> Purpose:
    """The purpose a word names; FileRefused for others (nobody consents to one-time codes in advance)."""
    for purpose in CONSENT_PURPOSES:
        if text.strip().casefold() == purpose.value:
            return purpose
    raise FileRefused(f"The purpose {text!r} is not one of {', '.join(CONSENT_PURPOSES)}.")


def read_instant(text: str) -> datetime | None:
    """An ISO date or date and time as an instant; UTC and midnight where it says nothing else. None: not ISO."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
        moment = datetime(day.year, day.month, day.day) if day else datetime.fromisoformat(text)  # noqa: DTZ001
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def check_region(region: str | None) -> None:
    """FileRefused unless this is a country with phone numbers, or none was given."""
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise FileRefused(f"The region {region!r} is not a country code; write two letters such as US or CA.")
