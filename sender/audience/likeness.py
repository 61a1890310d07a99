"""How much a reply looks like the wishes to stop we know: one number from a linear model, beside the rules.

The weights (``likeness.json``) belong to words, pairs of words, pieces of words and kinds of words, so that each answer
can be explained by the words that carried it. ``python -m tests.audience.train_likeness`` makes them anew from the
labelled replies.
"""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources

import regex

from sender.audience.kinds import kinds
from sender.audience.patterns import Words

_ASKS = regex.compile("[?？؟]")
_UNSPACED = 0x0E00
_FEW = 6


def features(words: Words) -> Iterator[tuple[str, int]]:
    """The reply's features with the number of the word each comes from (-1: of none)."""
    yield "asks" if _ASKS.search(words.text) else "says", -1
    yield f"length {min(_FEW, len(words.words) // 3)}", -1
    for at, word in enumerate(words.words):
        for piece in _pieces(word):
            yield piece, at
    yield from _pairs(words.words)


def likeness(words: Words) -> tuple[int, tuple[int, int]]:
    """The reply's likeness to a wish to stop (log odds × 1000), and the words that carried it, first and last+1.

    ``words`` are the reply's own, before anything is set aside.
    """
    weights = lexicon()
    carried = [_weight(word) for word in words.words]
    _add_pairs(words.words, carried)
    asks = "asks" if _ASKS.search(words.text) else "says"
    length = f"length {min(_FEW, len(words.words) // 3)}"
    total = weights.get("", 0) + weights.get(asks, 0) + weights.get(length, 0) + sum(carried)
    return total, _span(carried)


@lru_cache(maxsize=20_000)
def _weight(word: str) -> int:
    weights = lexicon()
    return sum(weights[piece] for piece in _pieces(word) if piece in weights)


def _pieces(word: str) -> list[str]:
    """The word, rows of its letters, and the kinds of words it belongs to in any language."""
    padded = f" {word} "
    rows = [padded[at : at + size] for size in _sizes(word) for at in range(len(padded) - size + 1)]
    return [f" {word} ", *rows, *(f"@{kind}" for kind in _kinds(word))]


def _pairs(words: list[str]) -> Iterator[tuple[str, int]]:
    """Neighbours, and kinds of words that come one after the other."""
    before: dict[str, None] = {}
    for at, word in enumerate(words):
        if at:
            yield f"{words[at - 1]} {word}", at
        here = _kinds(word)
        for kind in here:
            for other in before:
                yield f"@{other} @{kind}", at
        before.update(dict.fromkeys(here))


def _add_pairs(words: list[str], carried: list[int]) -> None:
    """The weights of what _pairs names, without making its names."""
    weights = lexicon()
    before: set[str] = set()
    for at, word in enumerate(words):
        here = _kinds(word)
        if at:
            after = _weights_after(here)
            carried[at] += weights.get(f"{words[at - 1]} {word}", 0)
            carried[at] += sum(map(after.__getitem__, after.keys() & before))
        before.update(here)


@lru_cache(maxsize=5_000)
def _weights_after(here: tuple[str, ...]) -> dict[str, int]:
    """What a word of these kinds counts after each kind of words."""
    total: dict[str, int] = {}
    for after in (_weights_of_kinds().get(kind, {}) for kind in here):
        for first, weight in after.items():
            total[first] = total.get(first, 0) + weight
    return total


@cache
def _weights_of_kinds() -> dict[str, dict[str, int]]:
    """The weights of kinds of words that come one after the other, by the second and then the first."""
    found: dict[str, dict[str, int]] = {}
    for feature, weight in lexicon().items():
        first, _, second = feature.partition(" @")
        if second and first.startswith("@"):
            found.setdefault(second, {})[first[1:]] = weight
    return found


@lru_cache(maxsize=20_000)
def _kinds(word: str) -> tuple[str, ...]:
    return tuple(sorted(kinds(word)))


def _sizes(word: str) -> tuple[int, ...]:
    return (1, 2, 3) if ord(word[0]) >= _UNSPACED else (3, 4, 5)


def _span(carried: list[int]) -> tuple[int, int]:
    """The row of words with the largest sum."""
    best, running, at, spot = 0, 0, 0, (0, len(carried))
    for index, weight in enumerate(carried):
        if running <= 0:
            running, at = 0, index
        running += weight
        if running > best:
            best, spot = running, (at, index + 1)
    return spot


@cache
def lexicon() -> dict[str, int]:
    """The contents of ``likeness.json``: features and their weights (log odds × 1000)."""
    weights: dict[str, int] = json.loads((resources.files("sender.audience") / "likeness.json").read_text("utf-8"))
    return weights
