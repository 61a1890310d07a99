"""Which classes of the grammar a word belongs to, in any language: "messages" is msgs, "don't" is neg."""

from collections import defaultdict
from functools import cache

from sender.audience.grammars import languages
from sender.audience.patterns import classes_of, lexicon

_STEM = 3


def kinds(word: str) -> frozenset[str]:
    """The classes that a folded word belongs to in any language: "msgs", "stop", "neg" …"""
    by_word, by_beginning = _index()
    found = by_word.get(word, frozenset())
    others = [name for stem, name in by_beginning.get(word[:_STEM], ()) if word.startswith(stem)]
    return found.union(others) if others else found


@cache
def _index() -> tuple[dict[str, frozenset[str]], dict[str, list[tuple[str, str]]]]:
    by_word: dict[str, set[str]] = defaultdict(set)
    by_beginning: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for words in (*(words for _, words in languages()), lexicon()["en"]["words"]):
        for name, rows in classes_of(words).items():
            for first in (row[0] for row in rows if len(row) == 1):
                if first.endswith("~"):
                    by_beginning[first[:_STEM]].append((first[:-1], name))
                else:
                    by_word[first].add(name)
    return {word: frozenset(found) for word, found in by_word.items()}, by_beginning
