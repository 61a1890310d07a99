"""Finds wishes to get no more texts in free words, by the patterns of ``phrases.toml`` (see there for their language).

A reply is cut into folded words with the breaks between them; a pattern is a row of elements that must match words one
after the other inside one sentence. Only patterns one of whose rarer words occurs in the reply are tried.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import pairwise, product
from typing import Any, Literal, NamedTuple

import regex

from sender.audience.keywords import folded

Phase = Literal["override", "override_unsure", "aside", "certain", "unsure"]
PHASES: tuple[Phase, ...] = ("override", "override_unsure", "aside", "certain", "unsure")

COMMA, SENTENCE, LINE = 1, 2, 3
"""What stands between two words: less than a comma is 0."""

_TOKEN = regex.compile(r"([\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|#(?!\w))|([.!?;。！？؟।…]+)|(\n)|([,،、:，—–]|\s-+\s)")
_APOSTROPHES = str.maketrans("’‘`ʼ′＇", "''''''")
_JOINED = regex.compile(r"'(?=(?:t|s|m|re|ve|ll|d|all)$)")
_DRAWN_OUT = regex.compile(r"(\p{L})\1{2,}")
_UNSPACED_SCRIPT = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]")


@dataclass(slots=True)
class Words:
    """A reply as folded words; ``breaks[i]`` is what stands before word i, and after the last word for i = len."""

    text: str
    words: list[str] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)

    def quote(self, start: int, end: int) -> str:
        """The reply's own letters for words start to end."""
        return self.text[self.spans[start][0] : self.spans[end - 1][1]]

    def sentences(self) -> Iterator[tuple[int, int]]:
        """First and last+1 word of each sentence."""
        return pairwise(index for index, gap in enumerate(self.breaks) if gap >= SENTENCE)


class Found(NamedTuple):
    """A pattern that matched: its language and the reply's own words."""

    language: str
    quote: str


@dataclass(slots=True)
class _Element:
    """One place of a pattern: alternatives by first word with their further words, or a gap of other words."""

    tails: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    prefixes: list[str] = field(default_factory=list)
    low: int = 1
    high: int = 1
    gap: bool = False
    negative: bool = False
    at_start: bool = False
    at_end: bool = False

    def add(self, alternative: tuple[str, ...]) -> None:
        """Take one more alternative, longest tails first."""
        if alternative[0].endswith("~"):
            self.prefixes.append(alternative[0][:-1])
        else:
            self.tails.setdefault(alternative[0], []).append(alternative[1:])
            self.tails[alternative[0]].sort(key=len, reverse=True)


class _Rule(NamedTuple):
    """One pattern; a reply can only match if it holds a word of each of the elements numbered in ``needed``."""

    number: int
    language: str
    phase: Phase
    elements: tuple[_Element, ...]
    needed: frozenset[int]


class _Index(NamedTuple):
    """Which elements a word, or the beginning of one, belongs to, and which rules may match once one element does."""

    by_word: dict[str, set[int]]
    by_beginning: dict[str, set[int]]
    rules: dict[int, list[_Rule]]


def split(text: str) -> Words:
    """Cut a reply into words; contractions lose their apostrophe (dont), other apostrophes part words (n envoyez)."""
    found, gap = Words(text), LINE
    for token in _TOKEN.finditer(text.translate(_APOSTROPHES)):
        word, sentence, line, _ = token.groups()
        if word is None:
            gap = max(gap, SENTENCE if sentence else LINE if line else COMMA)
            continue
        for piece in _pieces(word):
            found.words.append(piece)
            found.spans.append(token.span())
            found.breaks.append(gap)
            gap = 0
    found.breaks.append(LINE)
    return found


def search(words: Words) -> tuple[Found | None, bool]:
    """The first wish to stop that the reply holds, and whether it is certain; (None, True) if there is none.

    Blanks out in ``words`` what only looks like one ("don't stop").
    """
    rules = _candidates(words)
    if found := _first(rules["override"], words):
        return found, True
    doubtful = _first(rules["override_unsure"], words)
    _set_aside(rules["aside"], words)
    if found := _first(rules["certain"], words) or _unspaced("certain", words):
        return found, True
    found = doubtful or _first(rules["unsure"], words) or _unspaced("unsure", words)
    return found, found is None


@cache
def lexicon() -> dict[str, Any]:
    """The contents of ``phrases.toml``."""
    return tomllib.loads((resources.files("sender.audience") / "phrases.toml").read_text("utf-8"))


def _pieces(word: str) -> list[str]:
    bare = _DRAWN_OUT.sub(r"\1", folded(_JOINED.sub("", word.lower())))
    return [other for piece in bare.split("'") for other in _same().get(piece, (piece,))]


@cache
def _same() -> dict[str, tuple[str, ...]]:
    """Other spellings and slips of the pen, to the words they stand for."""
    table = lexicon()
    same = {typo: (word,) for word in table["typos"]["words"].split() for typo in slips(word)}
    same |= {other: tuple(word.split("_")) for word, others in table["same"].items() for other in others.split()}
    kept = [*table["typos"]["words"].split(), *table["typos"]["real_words"].split()]
    return {typo: words for typo, words in same.items() if typo not in kept}


def slips(word: str) -> set[str]:
    """The word with an inner letter left out, a letter doubled, or two neighbours changed round."""
    places = range(1, len(word) - 1)
    dropped = {word[:i] + word[i + 1 :] for i in places}
    doubled = {word[:i] + word[i] + word[i:] for i in range(len(word))}
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return (dropped | doubled | swapped) - {word}


def _first(rules: list[_Rule], words: Words) -> Found | None:
    for rule in rules:
        if place := _place(rule, words, 0):
            return Found(rule.language, words.quote(*place))
    return None


def _set_aside(rules: list[_Rule], words: Words) -> None:
    for rule in rules:
        start = 0
        while place := _place(rule, words, start):
            words.words[place[0] : place[1]] = [""] * (place[1] - place[0])
            start = place[1]


def _place(rule: _Rule, words: Words, start: int) -> tuple[int, int] | None:
    """Where the rule first matches, as first and last+1 word."""
    first = rule.elements[0]
    plain = not (first.gap or first.low == 0 or first.negative or first.at_start or first.at_end or first.prefixes)
    for index in range(start, len(words.words)):
        if plain and words.words[index] not in first.tails:
            continue
        end = _match(rule.elements, 0, index, words, index)
        if end > index:
            return index, end
    return None


def _match(elements: tuple[_Element, ...], at: int, index: int, words: Words, start: int) -> int:
    """The end of a match of the elements from ``at`` on at word ``index``, or -1."""
    if at == len(elements):
        return index
    element = elements[at]
    if element.negative:
        return -1 if any(_ends(element, index, words, start)) else _match(elements, at + 1, index, words, start)
    reached = [index]
    if element.low == 0 or element.gap:
        end = _match(elements, at + 1, index, words, start)
        if end >= 0:
            return end
    for _ in range(element.high):
        reached = [end for place in reached for end in _ends(element, place, words, start)]
        for place in reached:
            end = _match(elements, at + 1, place, words, start)
            if end >= 0:
                return end
    return -1


def _ends(element: _Element, index: int, words: Words, start: int) -> Iterator[int]:
    """The places after one match of the element at word ``index``; zero-width for the edges of a clause."""
    gap = words.breaks[index]
    if (element.at_start or element.at_end) and gap:
        yield index
    if index == len(words.words) or (gap >= SENTENCE and index > start):
        return
    word = words.words[index]
    if element.gap:
        if word and (gap == 0 or index == start):
            yield index + 1
        return
    for tail in element.tails.get(word, ()):
        end = index + 1 + len(tail)
        if words.words[index + 1 : end] == list(tail) and max(words.breaks[index + 1 : end], default=0) < SENTENCE:
            yield end
    if word and any(map(word.startswith, element.prefixes)):
        yield index + 1


def _candidates(words: Words) -> dict[Phase, list[_Rule]]:
    """The rules all of whose needed elements have a word in the reply, by phase and in order of language."""
    index = _index()
    present: set[int] = set()
    for word in set(words.words):
        present |= index.by_word.get(word, set())
        present |= index.by_beginning.get(word[:3], set())
    chosen = [rule for element in present for rule in index.rules.get(element, ()) if rule.needed <= present]
    grouped: dict[Phase, list[_Rule]] = {phase: [] for phase in PHASES}
    for rule in sorted(chosen):
        grouped[rule.phase].append(rule)
    return grouped


@cache
def _index() -> _Index:
    index = _Index(defaultdict(set), defaultdict(set), defaultdict(list))
    numbers: dict[int, int] = {}
    for number, (language, phase, elements) in enumerate(_read_rules()):
        fixed = [element for element in elements if _is_fixed(element)]
        needed = frozenset(numbers.setdefault(id(element), len(numbers)) for element in fixed)
        rarest = min(fixed, key=lambda element: len(element.tails) + len(element.prefixes))
        index.rules[numbers[id(rarest)]].append(_Rule(number, language, phase, elements, needed))
        for element in fixed:
            for word in element.tails:
                index.by_word[word].add(numbers[id(element)])
            for beginning in element.prefixes:
                index.by_beginning[beginning[:3]].add(numbers[id(element)])
    return index


def _is_fixed(element: _Element) -> bool:
    """Whether one of the element's words must occur wherever its rule matches."""
    return element.low > 0 and not (element.gap or element.negative or element.at_start or element.at_end)


def _read_rules() -> Iterator[tuple[str, Phase, tuple[_Element, ...]]]:
    made: dict[str, _Element] = {}
    for language, table in _tables(unspaced=False):
        made.clear()
        classes: dict[str, list[tuple[str, ...]]] = {}
        for name, members in table.get("words", {}).items():
            classes[name] = [found for member in members.split() for found in _alternatives(member, classes)]
        for phase in PHASES:
            for pattern in table.get(phase, ()):
                parts = pattern.split()
                made |= {part: _element(part, classes) for part in parts if part not in made}
                yield language, phase, tuple(made[part] for part in parts)


def _tables(unspaced: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    others = {"same", "typos", "slips", "sentences"}
    return (
        (language, table)
        for language, table in lexicon().items()
        if language not in others and table.get("unspaced", False) == unspaced
    )


def _alternatives(member: str, classes: dict[str, list[tuple[str, ...]]]) -> Iterable[tuple[str, ...]]:
    """The word rows that one alternative stands for: a class, a word, or several of them joined by _."""
    parts = [classes[part[1:-1]] if part.startswith("{") else [(folded(part),)] for part in _joints(member)]
    return (sum(row, ()) for row in product(*parts))


def _joints(member: str) -> list[str]:
    return regex.findall(r"\{\w+\}|[^_{}]+", member)


def _element(part: str, classes: dict[str, list[tuple[str, ...]]]) -> _Element:
    if part in {"..", "..."}:
        return _Element(gap=True, high=3 if part == "..." else 1)
    element = _Element(negative=part.startswith("!"))
    if part.endswith("?") or part.endswith("*"):
        element.low, element.high = 0, 4 if part.endswith("*") else 1
        part = part[:-1]
    for alternative in part.split("|"):
        if alternative == "^":
            element.at_start = True
        elif alternative == "$":
            element.at_end = True
        else:
            for row in _alternatives(alternative.removeprefix("!"), classes):
                element.add(row)
    return element


def _unspaced(phase: Phase, words: Words) -> Found | None:
    """Plain regular expressions for languages that do not part words by spaces."""
    if words.text.isascii() or not _UNSPACED_SCRIPT.search(words.text):
        return None
    text = folded(words.text)
    for language, aside, pattern in _unspaced_rules(phase):
        if found := pattern.search(aside.sub(" ", text)):
            return Found(language, found[0])
    return None


@cache
def _unspaced_rules(phase: Phase) -> list[tuple[str, regex.Pattern[str], regex.Pattern[str]]]:
    return [(language, _any_of(table["aside"]), _any_of(table[phase])) for language, table in _tables(unspaced=True)]


def _any_of(patterns: list[str]) -> regex.Pattern[str]:
    return regex.compile("|".join(f"(?:{folded(pattern)})" for pattern in patterns))
