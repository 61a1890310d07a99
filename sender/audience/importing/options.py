"""What a person says about a file before it is imported, and what they are told afterwards."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import phonenumbers

from guards.base import Purpose

CONSENT_PURPOSES = (Purpose.MARKETING, Purpose.INFORMATIONAL, Purpose.TRANSACTIONAL)

COLLECTED: Mapping[str, str] = {
    "web_form": "a form on our own site",
    "checkout": "a box at our checkout",
    "keyword": "a text to one of our numbers",
    "paper": "a form on paper",
    "in_person": "asked in person, such as at the till",
    "phone_call": "asked on the phone",
    "other_system": "collected by us in another system",
}
"""The ways in which an organisation may have asked people itself."""
NOT_OURS: Mapping[str, str] = {
    "bought": "bought",
    "rented": "rented",
    "shared": "shared by a partner",
    "scraped": "copied from web pages or directories",
}
"""Where a list may not come from: consent is given to one sender (CTIA Messaging Principles 5.1.2.2, 5.1.4)."""

SHOWN = 20
"""How many refusals a report lists; all of them are kept in the database."""

_NOT_OURS = re.compile(
    r"\b(?:bought|purchased|rented|shared|scraped|crawled) (?:list|data|database|contacts|leads|numbers|from)\b"
    r"|\b(?:list|data|lead) (?:broker|vendor)s?\b|\blead lists?\b",
    re.IGNORECASE,
)

Progress = Callable[[int, int, Mapping[str, int]], None]
"""Called after each slice with bytes read, bytes in the file, and the counts so far."""


class FileRefused(Exception):
    """The file or the options cannot be used at all; nothing was written. The text is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's word that everybody in the file agreed: where, to which words, when, and whose word it is.

    ``how`` is one of COLLECTED and ``collected_by`` who asked the people.
    """

    source: str
    wording: str
    by: str
    at: datetime
    how: str = ""
    collected_by: str = ""


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
            "attestation": word and {**asdict(word), "at": str(word.at)},
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
    source: str | None,
    wording: str | None,
    by: str | None,
    at: str | None,
    purpose: str | None,
    now: datetime,
    how: str | None = None,
    collected_by: str | None = None,
) -> tuple[Attestation | None, Purpose | None]:
    """Read an attestation from what a person typed; all of it or none of it.

    ``purpose`` alone is fine: it then says what the file's own consent columns were about. Raises FileRefused, also for
    a list that was bought, rented, shared or scraped.
    """
    meant = read_purpose(purpose) if purpose else None
    _refuse_strangers(how, source, collected_by)
    given = {
        "source": source,
        "wording": wording,
        "attested by": by,
        "date": at,
        "how": how,
        "collected by": collected_by,
    }
    missing = [name for name, value in given.items() if not (value or "").strip()]
    if len(missing) == len(given):
        return None, meant
    if missing or meant is None:
        lacking = ", ".join([*missing, *([] if meant else ["purpose"])])
        raise FileRefused(
            f"The attestation lacks {lacking}; give source, wording, attested by, date, how, collected by and purpose "
            "together, or none."
        )
    moment = read_instant(at or "")
    if moment is None or moment > now:
        raise FileRefused("The date of consent must be a past date such as 2026-03-01 or 2026-03-01T09:30:00+00:00.")
    said = [(text or "").strip() for text in (source, wording, by, how, collected_by)]
    if said[3] not in COLLECTED:
        raise FileRefused(f"How the numbers were collected must be one of {', '.join(COLLECTED)}.")
    return Attestation(said[0], said[1], said[2], moment, said[3], said[4]), meant


def _refuse_strangers(how: str | None, *texts: str | None) -> None:
    """Nobody can agree on behalf of people who never heard of the sender."""
    word = (how or "").strip().casefold()
    if word in NOT_OURS:
        told = NOT_OURS[word]
    else:
        found = next((match for match in map(_NOT_OURS.search, filter(None, texts)) if match), None)
        if found is None:
            return
        told = f"described as “{found[0]}”"
    raise FileRefused(
        f"A list that was {told} cannot be imported with consent: people agreed to somebody else, and carriers forbid "
        "texting them. Import it without consent, and text nobody before they sign up with you."
    )


def read_purpose(text: str) -> Purpose:
    """The purpose a word names; FileRefused for others (nobody consents to one-time codes in advance)."""
    for purpose in CONSENT_PURPOSES:
        if text.strip().casefold() == purpose.value:
            return purpose
    raise FileRefused(f"The purpose {text!r} is not one of {', '.join(CONSENT_PURPOSES)}.")


@lru_cache(maxsize=1 << 10)
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
