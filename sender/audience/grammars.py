"""Puts together the words of every language that the shared grammar is applied to.

``grammar.toml`` has the grammar itself and the languages we know best, ``grammar_other.toml`` those we know less well,
and ``romanised.toml`` how people write languages of other scripts in Latin letters; those are named ru-Latn and so on.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import islice, product
from typing import Any

import regex

from sender.audience.keywords import folded, plain_letters

NOT_LANGUAGES = {"patterns", "across_commas", "confidence", "letters"}
_MOST_SPELLINGS = 12


@cache
def grammar() -> dict[str, dict[str, Any]]:
    """The patterns and, by language tag, each language's classes of words."""
    found = _file("grammar.toml") | dict(_languages_of(_file("grammar_other.toml")))
    for name, words in _romanised(found):
        found[f"{name}-Latn"] = words
    return found


def languages() -> Iterator[tuple[str, dict[str, str]]]:
    """Each language with its classes of words."""
    return _languages_of(grammar())


def confidence() -> dict[str, str]:
    """How well we know each language of ``grammar_other.toml``: good, fair or low, and what is thin."""
    return dict(_file("grammar_other.toml")["confidence"])


def spellings(word: str, letters: dict[str, list[str]]) -> list[str]:
    """The ways a word is written in Latin letters, at most twelve, the most usual one first."""
    pieces = regex.findall("|".join(sorted(letters, key=len, reverse=True)) + "|.", folded(word))
    choices = product(*(letters.get(piece, [piece]) for piece in pieces))
    return list(dict.fromkeys("".join(choice) for choice in islice(choices, _MOST_SPELLINGS)))


def _romanised(native: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    file = _file("romanised.toml")
    for name, rows in file["letters"].items():
        letters = {letter: ways.split(",") for letter, _, ways in (row.partition("=") for row in rows.split())}
        yield name, {kind: _spelt(words, letters) for kind, words in native[name].items()}
    for name, words in _languages_of(file):
        yield name, {kind: " ".join(map(plain_letters, row.split())) for kind, row in words.items()}


def _spelt(words: str, letters: dict[str, list[str]]) -> str:
    return " ".join(way for word in words.split() if not word.isascii() for way in spellings(word, letters))


def _languages_of(file: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    return ((name, words) for name, words in file.items() if name not in NOT_LANGUAGES)


@cache
def _file(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("sender.audience") / name).read_text("utf-8"))
