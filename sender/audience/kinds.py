"""Which classes of the grammar a word belongs to, in any language: "messages" is msgs, "don't" is neg."""

from collections import defaultdict
from functools import cache

from sender.audience.grammars import languages
from sender.audience.patterns import beginnings, classes_of, lexicon


def kinds(word: str) -> frozenset[str]:
    """The classes that a folded word belongs to in any language: "msgs", "stop", "neg" …"""
    by_word, by_beginning = _index()
    others = [by_beginning[beginning] for beginning in beginnings(word) if beginning in by_beginning]
    return by_word.get(word, frozenset()).union(*others)


@cache
def _index() -> tuple[dict[str, frozenset[str]], dict[str, set[str]]]:
    by_word: dict[str, set[str]] = defaultdict(set)
    by_beginning: dict[str, set[str]] = defaultdict(set)
    for words in (*(words for _, words in languages()), lexicon()["en"]["words"]):
        for name, rows in classes_of(words).items():
            for first in (row[0] for row in rows if len(row) == 1):
                if first.endswith("~"):
                    by_beginning[first[:-1]].add(name)
                else:
                    by_word[first].add(name)
    return {word: frozenset(found) for word, found in by_word.items()}, by_beginning
