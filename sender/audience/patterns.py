"""Reads the patterns of ``phrases.toml`` and of the grammar (notation: see there) into rules, and matches them.

A pattern is a row of elements that must match words one after the other inside one sentence.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise, product
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args

import regex

from sender.audience.grammars import grammar, languages
from sender.audience.keywords import folded

Phase = Literal["override", "override_unsure", "doubt", "aside", "certain", "plain", "held", "unsure"]
Topic = Literal["dealings", "texts", "msgs", "enough", "again"]
PHASES: tuple[Phase, ...] = ("override", "override_unsure", "doubt", "aside", "certain", "plain", "held", "unsure")

COMMA, SENTENCE, LINE = 1, 2, 3
"""What stands between two words: less than a comma is 0."""

_SHORTEST_STEM = 3
_NUMBER = attrgetter("number")
_PART = regex.compile(r"\{\w+\}|[^_{}]+")
_ABOUT_TEXTS = ("msgs", "mine", "leave", "list", "ours")
_DEATHS = ("died", "dead", "deceased", "passed")
_ABOUT_OTHERS = ("{dead}", "{kin}", "{his}", "{num}", "{nosuch}")
_ABOUT_US = (*_ABOUT_OTHERS, "{wrong}", "{threat}", "{rude}", "{leave}", "{never}", "{consent}", "wrong")


@dataclass(slots=True)
class Words:
    """A reply as folded words; ``breaks[i]`` is what stands before word i, and after the last word for i = len.

    ``denied``: something that looks like a wish and is none was found ("don't stop"), and blanked out in ``words``.
    ``spots`` and ``topics`` keep what was found in these words, so that nothing is looked for twice, ``belongs`` the
    numbered elements each word belonged to at first, and ``places`` where the words of those asked for stood.
    """

    text: str
    words: list[str] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    denied: bool = False
    spots: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    topics: dict[tuple[str, str, int, int], bool] = field(default_factory=dict)
    belongs: list[frozenset[int]] = field(default_factory=list)
    places: dict[int, list[int]] = field(default_factory=dict)

    def quote(self, start: int, end: int) -> str:
        """The reply's own letters for words start to end."""
        return self.text[self.spans[start][0] : self.spans[end - 1][1]]

    def where(self, number: int) -> list[int]:
        """Where words of the numbered element stood at first, looked up when first asked for."""
        found = self.places.get(number)
        if found is None:
            found = self.places[number] = [at for at, numbers in enumerate(self.belongs) if number in numbers]
        return found

    def left(self) -> "Words":
        """The reply without the words that were set aside, to see what they leave; it has no spans."""
        return Words(self.text, [word for word in self.words if word])

    def sentences(self) -> Iterator[tuple[int, int]]:
        """First and last+1 word of each sentence."""
        return pairwise(index for index, gap in enumerate(self.breaks) if gap >= SENTENCE)


@dataclass(slots=True)
class Element:
    """One place of a pattern: alternatives by first word with their further words, or a gap of other words."""

    tails: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    stems: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    low: int = 1
    high: int = 1
    gap: bool = False
    negative: bool = False
    at_start: bool = False
    at_end: bool = False
    strict: bool = False
    outermost: bool = False
    beginnings: tuple[str, ...] = ()

    def add(self, alternative: tuple[str, ...]) -> None:
        """Take one more alternative, longest tails first."""
        first, tail = alternative[0], alternative[1:]
        if first.endswith("~"):
            self.stems.append((first[:-1], tail))
            self.beginnings += (first[:-1],)
        else:
            self.tails.setdefault(first, []).append(tail)
            self.tails[first].sort(key=len, reverse=True)

    def may_begin(self, word: str) -> bool:
        """Whether an alternative begins with the word."""
        return word in self.tails or (bool(self.beginnings) and word.startswith(self.beginnings))

    def ends(self, index: int, words: Words, start: int) -> list[int]:
        """The places after one match at word ``index``; zero-width for the edges of a clause."""
        gap = words.breaks[index]
        edge = gap and (self.at_start or self.at_end) and (not self.outermost or index in (0, len(words.words)))
        found = [index] if edge else []
        if index == len(words.words) or (gap >= (COMMA if self.strict else SENTENCE) and index > start):
            return found
        word = words.words[index]
        if self.gap:
            return [index + 1] if word and (gap == 0 or index == start) else []
        if tails := self.tails.get(word):
            found += [index + 1 + len(tail) for tail in tails if not tail or _follows(tail, words, index + 1)]
        if self.beginnings and word.startswith(self.beginnings):
            tails = [tail for stem, tail in self.stems if word.startswith(stem)]
            found += [index + 1 + len(tail) for tail in tails if not tail or _follows(tail, words, index + 1)]
        return found


class Rule(NamedTuple):
    """One pattern; a reply can only match if it holds a word of each of the elements in ``row``, in that order.

    ``needed`` are the same; ``leads``: the first of them stands where the pattern begins, as only what takes no word
    comes before it; ``about_us``: it speaks of us or the number rather than of a thing that may be something else
    ("wrong number").
    """

    number: int
    language: str
    phase: Phase
    pattern: str
    elements: tuple[Element, ...]
    row: tuple[int, ...]
    needed: frozenset[int]
    leads: bool
    about_us: bool

    @property
    def lone(self) -> bool:
        """Whether one word or phrase is enough for it."""
        return len(self.elements) == 1

    @property
    def name(self) -> str:
        """What is shown to explain an answer."""
        return f"{self.language} {self.phase}: {self.pattern}"


class Index(NamedTuple):
    """Which elements a word, two neighbours or the beginning of a word belong to, and which rules may match then."""

    by_word: defaultdict[str, set[int]]
    by_pair: defaultdict[tuple[str, str], set[int]]
    by_beginning: defaultdict[str, set[int]]
    rules: dict[int, list[Rule]]
    rarest: frozenset[int]


def place(rule: Rule, words: Words, start: int) -> tuple[int, int] | None:
    """Where the rule first matches, as first and last+1 word; ``words`` have been through ``candidates``."""
    if len(rule.row) > 1 and not _in_order(rule.row, words):
        return None
    for index in words.where(rule.row[0]) if rule.leads else range(len(words.words)):
        if index >= start and (end := _match(rule.elements, 0, index, words, index)) > index:
            return index, end
    return None


def _in_order(row: tuple[int, ...], words: Words) -> bool:
    """Whether the numbered elements have words one after the other."""
    last = -1
    for number in row:
        for at in words.where(number):
            if at > last:
                last = at
                break
        else:
            return False
    return True


def candidates(words: Words) -> dict[Phase, list[Rule]]:
    """The rules all of whose needed elements have a word in the reply, by phase and in order of language."""
    index = _index()
    words.belongs, words.places = list(map(_elements_of, words.words)), {}
    for at, pair in enumerate(pairwise(words.words)):
        if pair in index.by_pair:
            words.belongs[at] = words.belongs[at] | index.by_pair[pair]
    present = frozenset().union(*words.belongs)
    chosen = [rule for number in index.rarest & present for rule in index.rules[number] if rule.needed <= present]
    grouped: defaultdict[Phase, list[Rule]] = defaultdict(list)
    for rule in sorted(chosen, key=_NUMBER):
        grouped[rule.phase].append(rule)
    return grouped


@lru_cache(maxsize=20_000)
def _elements_of(word: str) -> frozenset[int]:
    index = _index()
    stems = (index.by_beginning.get(beginning, ()) for beginning in beginnings(word))
    return frozenset(index.by_word.get(word, ())).union(*stems)


def beginnings(word: str) -> Iterator[str]:
    """The beginnings of a word that may be a stem: three letters and more, all of it if it has fewer."""
    return (word[:size] for size in range(min(_SHORTEST_STEM, len(word)), len(word) + 1))


@cache
def lexicon() -> dict[str, Any]:
    """The contents of ``phrases.toml``."""
    return tomllib.loads((resources.files("sender.audience") / "phrases.toml").read_text("utf-8"))


def mentions(language: str, kind: Topic, words: Words, start: int = 0, end: int = -1) -> bool:
    """Whether words start to end hold one of the language's words for orders, texts, enough, or writing once more."""
    key = (language, kind, start, len(words.words) if end < 0 else end)
    if key not in words.topics:
        words.topics[key] = _mentions(_topics(language)[kind], words, *key[2:])
    return words.topics[key]


def _mentions(element: Element, words: Words, start: int, last: int) -> bool:
    return any(
        stop <= last
        for index in range(start, last)
        if element.may_begin(words.words[index])
        for stop in element.ends(index, words, index)
    )


def tables(unspaced: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The languages of ``phrases.toml`` with their tables."""
    others = {"same", "typos", "slips", "sentences"}
    return (
        (language, table)
        for language, table in lexicon().items()
        if language not in others and table.get("unspaced", False) == unspaced
    )


def _follows(tail: tuple[str, ...], words: Words, index: int) -> bool:
    if index + len(tail) > len(words.words):
        return False
    for at, piece in enumerate(tail, index):
        word = words.words[at]
        if words.breaks[at] >= SENTENCE or (word != piece and not (piece[-1] == "~" and word.startswith(piece[:-1]))):
            return False
    return True


def _match(elements: tuple[Element, ...], at: int, index: int, words: Words, start: int) -> int:
    """The end of a match of the elements from ``at`` on at word ``index``, or -1."""
    if at == len(elements):
        return index
    element = elements[at]
    if element.negative:
        return -1 if any(element.ends(index, words, start)) else _match(elements, at + 1, index, words, start)
    if element.gap and (end := _match(elements, at + 1, index, words, start)) >= 0:
        return end
    reached = element.ends(index, words, start)
    for again in range(element.high):
        if again:
            reached = [end for spot in reached for end in element.ends(spot, words, start)]
        for spot in reached:
            end = _match(elements, at + 1, spot, words, start)
            if end >= 0:
                return end
        if not reached:
            break
    return _match(elements, at + 1, index, words, start) if element.low == 0 else -1


@cache
def _index() -> Index:
    index = Index(defaultdict(set), defaultdict(set), defaultdict(set), {}, frozenset())
    numbers: dict[int, int] = {}
    read = list(_read_rules())
    for element in (element for *_, elements in read for element in elements if _is_fixed(element)):
        if id(element) not in numbers:
            numbers[id(element)] = len(numbers)
            _enter(index, element, numbers[id(element)])
    for number, (language, phase, pattern, elements) in enumerate(read):
        fixed = [element for element in elements if _is_fixed(element)]
        row = tuple(numbers[id(element)] for element in fixed)
        rarest = min(fixed, key=lambda element: _commonness(element, index))
        leads = _is_fixed(next(element for element in elements if not _takes_no_word(element)))
        about_us = _about_us(language, phase, pattern)
        rule = Rule(number, language, phase, pattern, elements, row, frozenset(row), leads, about_us)
        index.rules.setdefault(numbers[id(rarest)], []).append(rule)
    return index._replace(rarest=frozenset(index.rules))


def _about_us(language: str, phase: Phase, pattern: str) -> bool:
    """A death is not about us: "my uncle died, so I cannot come on Friday"."""
    ours = language == "en" and phase == "plain" and not any(word in pattern for word in _DEATHS)
    return ours or any(name in pattern for name in _ABOUT_US)


def _commonness(element: Element, index: Index) -> int:
    """A guess at how often the element's words occur: words that many patterns name are common ones."""
    return sum(len(index.by_word[word]) for word in element.tails) + 2 * len(element.stems)


def _enter(index: Index, element: Element, number: int) -> None:
    for word, tails in element.tails.items():
        for tail in tails:
            certain_pair = tail and not tail[0].endswith("~")
            (index.by_pair[word, tail[0]] if certain_pair else index.by_word[word]).add(number)
    for stem, _ in element.stems:
        index.by_beginning[stem].add(number)


def _is_fixed(element: Element) -> bool:
    """Whether one of the element's words must occur wherever its rule matches."""
    return element.low > 0 and not (element.gap or element.negative or element.at_start or element.at_end)


def _takes_no_word(element: Element) -> bool:
    return element.negative or (not element.gap and not element.tails and not element.stems)


def _read_rules() -> Iterator[tuple[str, Phase, str, tuple[Element, ...]]]:
    for language, table in tables(unspaced=False):
        yield from _rules_of(language, table, classes_of(table.get("words", {})))
    for language, words in languages():
        yield from _rules_of(language, grammar()["patterns"], classes_of(words), strict=True)
        yield from _rules_of(language, grammar()["across_commas"], classes_of(words))


def classes_of(words: dict[str, str]) -> dict[str, list[tuple[str, ...]]]:
    """A language's classes, each a list of rows of folded words."""
    classes: dict[str, list[tuple[str, ...]]] = {}
    for name, members in words.items():
        classes[name] = [found for member in members.split() for found in _alternatives(member, classes)]
    return classes


def _rules_of(
    language: str, table: dict[str, Any], classes: dict[str, list[tuple[str, ...]]], strict: bool = False
) -> Iterator[tuple[str, Phase, str, tuple[Element, ...]]]:
    made: dict[str, Element | None] = {}
    for phase in PHASES:
        for pattern in table.get(phase, ()):
            parts = pattern.split()
            made |= {part: _element(part, classes) for part in parts if part not in made}
            elements = [element for part in parts if (element := made[part])]
            for element in elements:
                element.strict = strict
            if len(elements) == len(parts):
                yield language, phase, pattern, tuple(elements)


def _alternatives(member: str, classes: dict[str, list[tuple[str, ...]]]) -> Iterable[tuple[str, ...]]:
    """The word rows that one alternative stands for: a class, a word, or several of them joined by _."""
    if member.isalnum():
        return [(folded(member),)]
    joined = _PART.findall(member)
    parts = [classes.get(part[1:-1], []) if part.startswith("{") else [(folded(part),)] for part in joined]
    return (sum(row, ()) for row in product(*parts))


def _element(part: str, classes: dict[str, list[tuple[str, ...]]]) -> Element | None:
    """The element that a part of a pattern means, or None when the language has no words for it."""
    if part in {"..", "..."}:
        return Element(gap=True, high=3 if part == "..." else 1)
    element = Element(negative=part.startswith("!"))
    if part.endswith("?") or part.endswith("*"):
        element.low, element.high = 0, 4 if part.endswith("*") else 1
        part = part[:-1]
    for alternative in part.split("|"):
        if alternative in {"^", "^^"}:
            element.at_start, element.outermost = True, alternative == "^^"
        elif alternative in {"$", "$$"}:
            element.at_end, element.outermost = True, alternative == "$$"
        else:
            for row in _alternatives(alternative.removeprefix("!"), classes):
                element.add(row)
    return element if element.tails or element.stems or element.at_start or element.at_end else None


@cache
def _topics(language: str) -> dict[Topic, Element]:
    own = lexicon().get(language, {}).get("words", {})
    classes = classes_of(own if isinstance(own, dict) else {})
    for name, rows in classes_of(grammar().get(language, {})).items():
        classes.setdefault(name, []).extend(rows)
    named: dict[Topic, tuple[str, ...]] = {"texts": _ABOUT_TEXTS}
    topics: dict[Topic, Element] = {kind: Element() for kind in get_args(Topic)}
    for kind, names in ((kind, named.get(kind, (kind,))) for kind in topics):
        for row in (row for name in names for row in classes.get(name, ())):
            topics[kind].add(row)
    return topics
