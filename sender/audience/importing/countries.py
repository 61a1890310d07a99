"""Country columns: ISO codes and English names, as far as libphonenumber knows them."""

from functools import cache

from phonenumbers import SUPPORTED_REGIONS
from phonenumbers.geodata.locale import LOCALE_DATA

OTHER_NAMES = {
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "america": "US",
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "can": "CA",
    "mex": "MX",
}


def country_code(text: str) -> str | None:
    """The ISO 3166 code of a country given by code or English name; None for what is neither."""
    wanted = text.strip()
    if wanted.upper() in SUPPORTED_REGIONS:
        return wanted.upper()
    return _names().get(wanted.casefold())


@cache
def _names() -> dict[str, str]:
    names = {_english(code).casefold(): code for code in LOCALE_DATA if code in SUPPORTED_REGIONS}
    return {**names, **OTHER_NAMES}


def _english(code: str) -> str:
    """The data writes "*xx" for "the same as in language xx"."""
    names = LOCALE_DATA[code]
    name = names.get("en", "")
    return names.get(name[1:], "") if name.startswith("*") else name
