"""The lists of content_words.toml as patterns, and where in a text they are found."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

Span = tuple[int, int]

# Braces and percent signs of every template language, [NAME] and <NAME>, and what an empty value prints.
_PLACE = "NAME|FIRST|LAST|LINK|URL|DATE|CODE|CITY|STORE|AMOUNT|BRAND|COMPANY|INSERT|YOUR|PHONE|EMAIL|TIME|PRODUCT|OFFER"
_UNFILLED = re.compile(
    r"\{\{[^{}]{0,60}\}?\}?|\{%|%\}|\}\}|\$?\{[A-Za-z_][\w .|-]{0,40}\}|%[A-Z_]{3,30}%|%\([a-z_]+\)s"
    rf"|[\[<](?:[A-Z]+[_ ])*(?:{_PLACE})(?:[_ ][A-Z]+)*[\]>]"
    r"|(?<=[a-z,:] )(?:None|NaN)(?![\w-])|\A(?:None|NaN|nan|null|undefined)(?=[,!:])"
    r"|(?<=[$€£])\s?(?:nan|None|null)(?!\w)|(?<!\w)nan(?=\s?(?:%|points|USD|EUR))"
)
_SIGNS = ("{", "}", "[", "<", "%", "None", "NaN", "nan", "null", "undefined")
_GREETED = re.compile(
    r"(?<!\w)(?:hi|hey|hello|dear|thanks|hola|gracias|bonjour|merci|hallo|danke|olá|ciao|grazie)\s+(nan|null|undefined)(?!\w)",
    re.IGNORECASE,
)
_PERCENT_OFF = re.compile(r"\d{1,3}\s?%|[-–]\d{1,3}%")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TOKEN = re.compile(r"\w+")
_LATIN = re.compile(r"[A-Za-z]")


@cache
def toml_text() -> str:
    """The file itself, for the version of the chain."""
    return (files("guards") / "content_words.toml").read_text("utf-8")


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(toml_text())


def unfilled(text: str) -> Iterator[Span]:
    """Where fields of a template, or what an empty one prints, stand in a finished text."""
    if any(sign in text for sign in _SIGNS):
        yield from (found.span() for found in _UNFILLED.finditer(text))
        yield from (found.span(1) for found in _GREETED.finditer(text))


@cache
def shorteners() -> frozenset[str]:
    """The hosts of public link shorteners."""
    return frozenset(_lists()["shorteners"]["hosts"])


def shaft(text: str) -> Iterator[tuple[str, bool, Span]]:
    """Each word of a forbidden or age-gated topic: the topic, whether an age gate allows it, and where."""
    if _first_words().isdisjoint(_TOKEN.findall(text.casefold())):
        return
    for topic, gated, words, harmless in _topics():
        rest = harmless.sub(lambda found: " " * len(found.group()), text) if harmless else text
        for found in words.finditer(rest):
            yield topic, gated, found.span()


@cache
def _first_words() -> frozenset[str]:
    words = [word for row in _lists()["shaft"].values() for word in row["words"]]
    return frozenset(_TOKEN.findall(word.casefold())[0] for word in words)


@cache
def _topics() -> tuple[tuple[str, bool, re.Pattern[str], re.Pattern[str] | None], ...]:
    return tuple(
        (topic, row["gated"], _any_of(row["words"]), _any_of(row["except"]) if row["except"] else None)
        for topic, row in _lists()["shaft"].items()
    )


@cache
def look_alikes() -> Mapping[str, str]:
    """Characters outside the SMS alphabet with what to write for them."""
    return {char: plain for plain, chars in _lists()["look_alikes"].items() for char in chars}


def mixed_words(text: str) -> Iterator[tuple[int, int, str]]:
    """Words with Latin letters and look-alikes of another alphabet: where, and how they are meant."""
    if text.isascii():
        return
    for found in _WORD.finditer(text):
        plain = found.group().translate(homoglyphs())
        if plain != found.group() and _LATIN.search(found.group()) and plain.isascii():
            yield *found.span(), plain


@cache
def homoglyphs() -> Mapping[int, str]:
    """Letters of other alphabets with the Latin letter they look like, for ``str.translate``."""
    rows = _lists()["homoglyphs"]
    return {ord(letter): twin for letter, twin in zip(rows["letters"], rows["twins"], strict=True)}


def marketing(text: str) -> list[Span]:
    """Where the words stand that together give a marketing text away; empty where they weigh too little."""
    best: dict[str, tuple[int, Span]] = {}
    for weight, pattern in _weights():
        for found in pattern.finditer(text):
            best.setdefault(found.group().casefold(), (weight, found.span()))
    weighed = list(best.values())
    if percent := _PERCENT_OFF.search(text):
        weighed.append((2, percent.span()))
    least: int = _lists()["marketing"]["least"]
    return sorted(span for _, span in weighed) if sum(weight for weight, _ in weighed) >= least else []


@cache
def _weights() -> tuple[tuple[int, re.Pattern[str]], ...]:
    tables = [table for table in _lists()["marketing"].values() if isinstance(table, dict)]
    words: dict[int, set[str]] = {weight: set() for weight in (3, 2, 1)}
    for table in tables:
        for weight, found in table.items():
            words[int(weight)].update(found)
    return tuple((weight, _any_of(found)) for weight, found in words.items())


def blanked(text: str, names: Iterable[str]) -> str:
    """The text without these words, in any case, each replaced by spaces of its length."""
    wanted = [one for one in names if one.strip()]
    return _any_of(wanted).sub(lambda found: " " * len(found.group()), text) if wanted else text


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE)
