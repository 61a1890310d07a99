"""Which column of a file means what: by its name, by an alias, or as the person says."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from sender.audience.importing.exports import Export, Words, recognise
from sender.audience.importing.options import FileRefused

SKIP = "skip"
ATTRIBUTE = "attributes."
ALIASES: Mapping[str, tuple[str, ...]] = {
    "number": (
        "number phone mobile tel telephone cell cellphone msisdn",
        "phone number|mobile number|mobile phone|cell phone|cell number|telephone number|phone no|mobile no",
    ),
    "language": ("language lang locale", "preferred language"),
    "postal_code": ("zip zipcode postcode postalcode plz", "postal code|zip code|post code"),
    "region": ("region state province", "state/region|state/province"),
    "country": ("country", "country code|country/region"),
    "zone": ("zone timezone tz", "time zone"),
    "consent": ("consent optin subscribed", "opt in|opted in|sms consent|sms opt in|consented"),
    "consent_at": ("", "consent at|consent date|consented at|opt in at|opt in date|opted in at|subscribed at"),
    "consent_source": ("", "consent source|opt in source"),
    "consent_wording": ("", "consent wording|consent text|opt in wording|opt in text"),
    "consent_purpose": ("purpose", "consent purpose"),
    "opted_out": (
        "optout unsubscribed unsubscribe dnc suppressed stop",
        "opted out|opt out|do not contact|do not call|do not text|sms opt out|sms opted out|text opt out|"
        "mobile opt out|opted out of sms|unsubscribed from sms|sms unsubscribed",
    ),
    "number_2": (
        "phone2 landline",
        "phone 2|home phone|work phone|business phone|other phone|alternate phone|secondary phone|second phone",
    ),
    "number_3": ("phone3", "phone 3"),
    "number_4": ("phone4", "phone 4"),
    "opted_out_2": ("", ""),
    "outbound": ("", ""),
    "opted_out_at": ("", "opted out at|opt out at|opt out date|opted out date|unsubscribed at|unsubscribe date"),
}
FIELDS = frozenset(ALIASES)
NUMBERS = ("number", "number_2", "number_3", "number_4")
ATTRIBUTE_ALIASES = {
    "first_name": ("firstname", "given_name", "forename"),
    "last_name": ("lastname", "surname", "family_name"),
    "email": ("e_mail", "email_address", "e_mail_address"),
}
ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MOST_COLUMNS = 200
_MOBILE = re.compile(r"mobile|cell|handy", re.IGNORECASE)
_TELLS = re.compile(r"status|subscri|consent|opt|sms|marketing", re.IGNORECASE)
_OF_MAIL = re.compile(r"mail", re.IGNORECASE)
_DATA = re.compile(r"[+(]?\d[\d\s().\-]{5,}")


@dataclass(frozen=True, slots=True)
class Columns:
    """The header, understood: where each field stands, and which attribute each remaining column is.

    ``telling`` are those of the attributes that speak of a subscription, but for one to e-mail: no field of consent is
    read from them, yet an opt-out that stands there is one.
    """

    width: int
    headers: tuple[str, ...]
    fields: Mapping[str, int]
    attributes: tuple[tuple[int, str], ...]
    unnamed: tuple[int, ...]
    export: Export | None = None
    telling: tuple[int, ...] = ()

    @property
    def words(self) -> Words:
        """What stands in the consent column beside what anybody writes."""
        return self.export.words if self.export else Words()


def understand(header: list[str], mapping: Mapping[str, str]) -> Columns:
    """Say what every column is; FileRefused for no number column, doubled ones, or a mapping that fits nothing."""
    header = [cell.strip() for cell in header]
    if len(header) > MOST_COLUMNS:
        raise FileRefused(f"The file has {len(header)} columns; {MOST_COLUMNS} is the most.")
    if any(_DATA.fullmatch(cell) for cell in header):
        raise FileRefused("The first line looks like data; put the column names above it, such as phone, first name.")
    export = recognise(header)
    chosen = _chosen(header, {**(export.mapping(header) if export else {}), **mapping})
    meant = {place: chosen.get(place) or field_of(name) for place, name in enumerate(header) if name}
    _part_numbers(header, meant, chosen)
    _refuse_doubled(header, meant)
    fields = {field: place for place, field in meant.items() if field in FIELDS}
    if "number" not in fields:
        raise FileRefused(_no_number(header))
    attributes = {place: field for place, field in meant.items() if field.startswith(ATTRIBUTE)}
    return Columns(
        width=len(header),
        headers=tuple(header),
        fields=fields,
        attributes=tuple((place, field.removeprefix(ATTRIBUTE)) for place, field in attributes.items()),
        unnamed=tuple(place for place, name in enumerate(header) if not name),
        export=export,
        telling=tuple(at for at in attributes if _TELLS.search(header[at]) and not _OF_MAIL.search(header[at])),
    )


def _part_numbers(header: list[str], meant: dict[int, str], chosen: Mapping[int, str]) -> None:
    """Several phone columns that nobody mapped: the mobile one comes first, the others in their order behind it."""
    found = [place for place, field in meant.items() if field in NUMBERS and place not in chosen]
    free = [name for name in NUMBERS if name not in chosen.values()]
    found.sort(key=lambda place: (meant[place] != "number", not _MOBILE.search(header[place])))
    for place, name in zip(found, free, strict=False):
        meant[place] = name


def field_of(name: str) -> str:
    """The field a column's name means by itself: one of FIELDS or "attributes.some_name"."""
    plain = _plain(name)
    for field, (words, phrases) in ALIASES.items():
        if plain == field.replace("_", " ") or plain in words.split() or plain in phrases.split("|"):
            return field
    return ATTRIBUTE + attribute_name(name)


def attribute_name(header: str) -> str:
    """snake_case in plain Latin letters, as templates and segments write it; FileRefused where none are left."""
    ascii_only = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode()
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", ascii_only)
    name = re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")
    for known, others in ATTRIBUTE_ALIASES.items():
        name = known if name in others else name
    if not ATTRIBUTE_NAME.fullmatch(name):
        raise FileRefused(
            f"The column {header!r} needs a name of Latin letters: map it, such as “{header}=attributes.city”, "
            f"or leave it out with “{header}=skip”."
        )
    return name


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name.casefold()).strip(" *:.")


def _chosen(header: list[str], mapping: Mapping[str, str]) -> dict[int, str]:
    places = {_plain(name): place for place, name in enumerate(header) if name}
    chosen = {}
    for column, field in mapping.items():
        if _plain(column) not in places:
            raise FileRefused(f"The mapping names the column {column!r}, which the file does not have.")
        chosen[places[_plain(column)]] = _field_named(column, field)
    return chosen


def _field_named(column: str, field: str) -> str:
    wanted = field.strip()
    if wanted in FIELDS or wanted == SKIP:
        return wanted
    name = wanted.removeprefix(ATTRIBUTE)
    if wanted.startswith(ATTRIBUTE) and ATTRIBUTE_NAME.fullmatch(name):
        return wanted
    known = ", ".join(sorted(FIELDS))
    raise FileRefused(f"The column {column!r} is mapped to {field!r}; use {known}, attributes.some_name or skip.")


def _refuse_doubled(header: list[str], meant: Mapping[int, str]) -> None:
    seen: dict[str, int] = {}
    for place, field in meant.items():
        if field != SKIP and field in seen:
            first, second = header[seen[field]], header[place]
            raise FileRefused(
                f"The columns {first!r} and {second!r} both mean {field.removeprefix(ATTRIBUTE)}; "
                f"rename one, or map one to skip."
            )
        seen[field] = place


def _no_number(header: list[str]) -> str:
    names = ", ".join(name for name in header if name)
    return f"No column is named phone, mobile or number (found: {names[:200]}); rename one or map it to number."
