"""Country columns: ISO codes and English names, from the time zone database's own table."""

from functools import cache
from importlib.resources import files

from phonenumbers import SUPPORTED_REGIONS

OTHER_NAMES = {
    "usa": "US",
    "u.s.": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "america": "US",
    "uk": "GB",
    "united kingdom": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "south korea": "KR",
    "korea": "KR",
    "czechia": "CZ",
    "ivory coast": "CI",
    "us virgin islands": "VI",
    "can": "CA",
    "mex": "MX",
}


def country_code(text: str) -> str | None:
    """The ISO 3166 code of a country given by code or English name; None for what is neither."""
    wanted = text.strip()
    if wanted.upper() in SUPPORTED_REGIONS:
        return wanted.upper()
    return _names().get(wanted.casefold())


def country_name(code: str) -> str:
    """The short English name of a country; the code itself where there is none."""
    return _named().get(code, code)


@cache
def _named() -> dict[str, str]:
    """Lines of iso3166.tab are a code, a tab and a short English name, which may write "&" for "and"."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    lines = (line.partition("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {code: name for code, _, name in lines} | {"GB": "United Kingdom"}


@cache
def _names() -> dict[str, str]:
    pairs = [(code, name) for code, name in _named().items()]
    names = {name.casefold(): code for code, name in pairs if code in SUPPORTED_REGIONS}
    spelled = {name.replace("&", "and"): code for name, code in names.items()}
    return {**spelled, **names, **OTHER_NAMES}
