"""Judge one row: what it says about a person, or the one reason why it is not taken. Reads no database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from guards.base import Purpose
from sender.audience.importing import values
from sender.audience.importing.columns import NUMBERS, Columns
from sender.audience.importing.countries import country_code
from sender.audience.importing.exports import ALL_OTHERS
from sender.audience.importing.options import CONSENT_PURPOSES, ImportOptions, read_instant
from sender.audience.importing.reading import RawRow
from sender.audience.importing.values import Scalar
from sender.audience.phone import Phone, PhoneError, PhoneErrorCode, parse

REASONS: Mapping[str, str] = {
    "bad_quotes": "The quotes in this row do not close where they should: double each quote inside a quoted cell.",
    "too_many_cells": "The row has more cells than there are column names: quote the cells that hold the delimiter.",
    "control_character": "The row holds a zero byte: export the file again.",
    "lost_plus": "The number has lost its plus sign, as spreadsheets do to it: write it as +14155550123 and format the "
    "column as text.",
    "not_outbound": "This is not a text to a person, so its number is not theirs.",
    "unknown_country": "The country is neither a code such as US nor an English country name.",
    "bad_language": "The language is not a code such as en or es-MX.",
    "unknown_zone": "The time zone is not an IANA name such as America/Chicago.",
    "too_long": "A cell is longer than 1,000 characters: shorten it or leave its column out.",
    "phone_in_attribute": "A column other than the number holds a phone number, which would be stored in plain sight: "
    "leave that column out (map it to skip).",
    "unclear_consent": "The consent column says neither yes nor no.",
    "bad_consent_date": "The date of consent is not a past date such as 2026-03-01.",
    "bad_purpose": "The purpose of the consent is none that this program is for: marketing, informational or "
    "transactional.",
    "unclear_opt_out": "The opt-out column says neither yes nor no.",
}


_SEVERAL = re.compile(r":::|[;|\n]")
_FORCED_TEXT = re.compile(r"^'(?=[\d+=@-])")
"""What makes a spreadsheet keep "+1" and "076" as they are; it is no part of them."""
_BARE = re.compile(r"[1-9]\d{10,14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a row says about consent. ``at`` None: not dated. ``kind`` is opt_in or opt_out."""

    kind: str
    purpose: Purpose
    at: datetime | None = None
    level: str = "none"
    wording: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """A row about one number. ``contact`` has only the columns that are not empty.

    ``others`` are further numbers in the row, which only its opt-out is for; ``uncovered``: the row says yes, but it is
    not this number that it speaks of. ``place`` counts the numbers of a row.
    """

    line: int
    phone: Phone
    contact: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Scalar] = field(default_factory=dict)
    consent: Consent | None = None
    others: tuple[Phone, ...] = ()
    uncovered: bool = False
    place: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not taken. ``out`` is the opt-out in it, if any: no mistake beside it may lose a STOP."""

    line: int
    code: str
    reason: str
    text: str
    out: Taken | None = None


class _Refuse(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


class Judge:
    """Judges the rows of one file. ``purposes`` are the program's own; ``now`` bounds the dates in the file."""

    def __init__(self, columns: Columns, options: ImportOptions, purposes: frozenset[Purpose], now: datetime) -> None:
        self._columns = columns
        self._options = options
        self._purposes = purposes
        self._now = now
        self._plain = tuple(name for name in ("language", "postal_code", "region", "zone") if name in columns.fields)
        self._numbers = tuple(columns.fields[name] for name in NUMBERS if name in columns.fields)
        self._yes = values.YES | columns.words.yes
        self._no = values.NO | columns.words.no
        self._out = (values.OUT | columns.words.out) - columns.words.yes

    def judge(self, row: RawRow) -> Taken | Refused:
        """The row as a person's data, or the first reason against it."""
        out: Taken | None = None
        try:
            cells = self._cells(row)
            named = self._cell(cells, "country")
            country = country_code(named) if named else None
            self._refuse_inbound(cells)
            region = country if named else self._options.region
            phone, others, covered = self._phone(cells, region, misnamed=bool(named and not country))
            consent = self._consent(cells)
            if consent and consent.kind == "opt_out":
                out = Taken(row.line, phone, consent=consent, others=others)
            if named and not country:
                raise _Refuse("unknown_country")
            attributes = self._attributes(cells, country or phone.region)
            if country:
                attributes.setdefault("country", country)
            uncovered = not covered and consent is not None and consent.kind == "opt_in"
            kept = None if uncovered else consent
            return Taken(row.line, phone, self._contact(cells), attributes, kept, others, uncovered)
        except PhoneError as error:
            return Refused(row.line, str(error.code), error.sentence, row.text)
        except _Refuse as refusal:
            return Refused(row.line, refusal.code, REASONS[refusal.code], row.text, out)

    def _cells(self, row: RawRow) -> list[str]:
        """One stripped cell for each column; a row may leave out its last ones, but not have others."""
        if row.cells is None:
            raise _Refuse("bad_quotes")
        if "\0" in row.text:
            raise _Refuse("control_character")
        cells = [cell.strip() for cell in row.cells]
        if "'" in row.text:
            cells = [_FORCED_TEXT.sub("", cell) for cell in cells]
        width = self._columns.width
        if any(cells[width:]) or any(cells[place] for place in self._columns.unnamed if place < len(cells)):
            raise _Refuse("too_many_cells")
        return cells + [""] * (width - len(cells))

    def _cell(self, cells: list[str], name: str) -> str:
        place = self._columns.fields.get(name)
        return "" if place is None else cells[place]

    def _refuse_inbound(self, cells: list[str]) -> None:
        if "outbound" in self._columns.fields and not self._cell(cells, "outbound").startswith("outbound"):
            raise _Refuse("not_outbound")

    def _phone(self, cells: list[str], region: str | None, *, misnamed: bool) -> tuple[Phone, tuple[Phone, ...], bool]:
        """The number to text, the others of the row, and whether the row's consent is about it.

        It is only about a number that stands alone in the first phone column.
        """
        first = cells[self._numbers[0]]
        several = len(self._numbers) > 1 and any(cells[place] for place in self._numbers[1:])
        if not several and not _SEVERAL.search(first):
            return self._one(first, region, misnamed=misnamed), (), True
        alone = not _SEVERAL.search(first)
        texts = [text.strip() for place in self._numbers for text in _SEVERAL.split(cells[place])]
        return self._best([text for text in texts if text], region, first if alone else "", misnamed=misnamed)

    def _best(
        self, texts: list[str], region: str | None, covered: str, *, misnamed: bool
    ) -> tuple[Phone, tuple[Phone, ...], bool]:
        """The first mobile number of several, else the first that is one at all; the first one's fault if none is."""
        found: dict[Phone, str] = {}
        fault: Exception | None = None
        for text in texts:
            try:
                found.setdefault(self._one(text, region, misnamed=misnamed), text)
            except (PhoneError, _Refuse) as error:
                fault = fault or error
        if not found:
            raise fault or PhoneError(PhoneErrorCode.NOT_A_NUMBER, "")
        best = next((phone for phone in found if phone.line_type != "fixed_line"), next(iter(found)))
        others = tuple(phone for phone in found if phone != best)
        return best, others, found[best] == covered

    def _one(self, text: str, region: str | None, *, misnamed: bool) -> Phone:
        try:
            return parse(text, region)
        except PhoneError as error:
            if misnamed and error.code == PhoneErrorCode.NO_REGION:
                raise _Refuse("unknown_country") from error
            if _lost_plus(text):
                raise _Refuse("lost_plus") from error
            raise

    def _contact(self, cells: list[str]) -> dict[str, str]:
        contact = {name: cell for name in self._plain if (cell := self._cell(cells, name))}
        for cell in contact.values():
            if len(cell) > values.LONGEST:
                raise _Refuse("too_long")
        if "language" in contact:
            contact["language"] = _known(values.language_tag(contact["language"]), "bad_language")
        if "zone" in contact:
            contact["zone"] = _known(values.zone_name(contact["zone"]), "unknown_zone")
        if any(values.is_phone(contact.get(name, ""), self._options.region) for name in ("postal_code", "region")):
            raise _Refuse("phone_in_attribute")
        return contact

    def _attributes(self, cells: list[str], region: str) -> dict[str, Scalar]:
        attributes: dict[str, Scalar] = {}
        for place, name in self._columns.attributes:
            cell = cells[place]
            if not cell:
                continue
            if len(cell) > values.LONGEST:
                raise _Refuse("too_long")
            if values.is_phone(cell, region):
                raise _Refuse("phone_in_attribute")
            attributes[name] = values.typed(cell)
        return attributes

    def _consent(self, cells: list[str]) -> Consent | None:
        said = self._said(cells)
        if said == "out":
            return self._opt_out(cells)
        return self._opt_in(cells) if said else None

    def _said(self, cells: list[str]) -> bool | str:
        """Whether the row consents, or "out" for an opt-out, which is looked for first."""
        stops = {values.word(self._cell(cells, name)) for name in ("opted_out", "opted_out_2")}
        yes = values.word(self._cell(cells, "consent"))
        if stops & (values.YES | self._out) or yes in self._out or self._cell(cells, "opted_out_at"):
            return "out"
        if any(values.word(cells[place]) in values.UNSUBSCRIBED for place in self._columns.telling):
            return "out"
        if not stops <= self._no and ALL_OTHERS not in self._no:
            raise _Refuse("unclear_opt_out")
        if "consent" not in self._columns.fields:
            return self._options.attestation is not None
        if yes not in self._yes and yes not in self._no and ALL_OTHERS not in self._no:
            raise _Refuse("unclear_consent")
        return yes in self._yes

    def _opt_out(self, cells: list[str]) -> Consent:
        """An unreadable or future date must not lose an opt-out: it then counts from the import on."""
        at = read_instant(self._cell(cells, "opted_out_at"))
        return Consent("opt_out", Purpose.MARKETING, at if at and at <= self._now else None)

    def _opt_in(self, cells: list[str]) -> Consent:
        word = self._options.attestation
        dated = self._cell(cells, "consent_at")
        at = read_instant(dated) if dated else (word.at if word else None)
        if dated and (at is None or at > self._now):
            raise _Refuse("bad_consent_date")
        wording = self._cell(cells, "consent_wording") or (word.wording if word else "")
        source = self._cell(cells, "consent_source") or (word.source if word else "")
        if len(wording) > values.LONGEST or len(source) > values.LONGEST:
            raise _Refuse("too_long")
        if values.is_phone(source, self._options.region):
            raise _Refuse("phone_in_attribute")
        level = "express_written" if wording and at else "express"
        return Consent("opt_in", self._purpose(cells), at, level, wording, source)

    def _purpose(self, cells: list[str]) -> Purpose:
        named = values.word(self._cell(cells, "consent_purpose"))
        wanted = named or self._options.purpose
        for purpose in CONSENT_PURPOSES:
            if purpose == wanted and purpose in self._purposes:
                return purpose
        raise _Refuse("bad_purpose")


def _lost_plus(text: str) -> bool:
    """Whether bare digits, more than any country's own, would be a number with a plus before them."""
    if not _BARE.fullmatch(text):
        return False
    try:
        parse(f"+{text}", None)
    except PhoneError:
        return False
    return True


def _known(value: str | None, code: str) -> str:
    if value is None:
        raise _Refuse(code)
    return value
