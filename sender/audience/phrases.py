"""Finds wishes to get no more texts in free words, by the patterns of ``phrases.toml`` and ``grammar.toml``.

A reply is cut into folded words with the breaks between them. Only patterns all of whose words may occur are tried.
"""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, NamedTuple

import regex

from sender.audience.keywords import folded, plain_letters
from sender.audience.kinds import kinds
from sender.audience.patterns import (
    COMMA,
    LINE,
    SENTENCE,
    Phase,
    Rule,
    Words,
    candidates,
    lexicon,
    mentions,
    place,
    tables,
)

__all__ = ["COMMA", "LINE", "SENTENCE", "Found", "Words", "lexicon", "search", "slips", "split"]

_TOKEN = regex.compile(
    r"([\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*|#(?!\w)|[🛑🚫⛔✋](?=\s*\p{L}))|([.!?;。！？؟।…]+)|(\n)|([,،、:，—–]|\s-+\s)"
)
_APOSTROPHES = str.maketrans("’‘`ʼ′＇", "''''''")
_JOINED = regex.compile(r"'(?=(?:t|s|m|re|ve|ll|d|all)$)")
_DRAWN_OUT = regex.compile(r"(\p{L})\1{2,}")
# Keywords that are heard with gaps in them, and what they begin with.
_TORN = frozenset({"stop", "quit", "cancel", "unsubscribe", "remove"})
_BEGUN = frozenset(word[:size] for word in _TORN for size in range(1, len(word)))
# The sentence goes on to a question mark.
_ASKED = regex.compile(r"[^.!?。！？؟\n]*?(?:[?？؟]|;\s*$)")
_COMMON = "the your this that and with please what when how from have its not does did get my name can i im of"
_ENGLISH = frozenset(_COMMON.split())
_UNSPACED_SCRIPT = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]")


_CERTAIN = ("override", "certain", "plain")
_NEVER_DOUBTED, _MOST_UNLIKE, _VERY_UNLIKE = -1_000_000, -7000, -6000
_UNLIKE, _RATHER_UNLIKE, _STRANGE = -2000, -1000, 0
_VERY_LIKE, _MOST_LIKE, _NEVER_ENOUGH = 1800, 3200, 1_000_000
_TRUST: dict[Phase, int] = {
    "override": _NEVER_DOUBTED,
    "override_unsure": _UNLIKE,
    "doubt": _UNLIKE,
    "certain": _UNLIKE,
    "plain": -3000,
    "held": _NEVER_DOUBTED,
    "unsure": _UNLIKE,
}
_LONE_TRUST: dict[Phase, int] = {"plain": -1000, "unsure": _RATHER_UNLIKE}


_THREAT, _WRONG = "{threat}", "{wrong}"
_WANTS = frozenset({"want", "nowant"})
_THINGS = frozenset({"dealings", "pets", "queue", "email"})
_BARE = ("{stop}", "{remove}")
_ABOUT = ("{nointerest}", "{fedup}", "{signedup} .. {mistake}", "{mistake} ... {signedup}")


class Found(NamedTuple):
    """A pattern that matched: its language, the reply's own words, and the rule as it stands in the file.

    ``trust`` is the likeness (see likeness.py) from which the answer stands; under it, it is one step weaker.
    ``enough`` is the likeness from which a doubtful match is certain: more is asked where the reply asks a question or
    speaks of an order or where a single doubtful word is all that matched, and nothing is enough where the reply says
    that it is about something else.
    """

    language: str
    quote: str
    rule: str
    certain: bool
    trust: int
    enough: int = _VERY_LIKE


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
    if not _BEGUN.isdisjoint(found.words):
        _join(found)
    return found


def _join(words: Words) -> None:
    """Put together what was written apart: "s t o p sending", "q uit", "un subscribe"."""
    for at, word in enumerate(words.words):
        end = at + 1
        while word in _BEGUN and end < len(words.words) and words.breaks[end] < COMMA:
            word, end = word + words.words[end], end + 1
            if word in _TORN:
                words.words[at:end] = [word]
                words.spans[at:end] = [(words.spans[at][0], words.spans[end - 1][1])]
                del words.breaks[at + 1 : end]
                return


def search(words: Words) -> Found | None:
    """The first wish to stop that the reply holds.

    Blanks out in ``words`` what only looks like one ("don't stop").
    """
    rules = candidates(words)
    if found := _first(rules["override"], words):
        return found
    if _first(rules["doubt"], words) and (maybe := _weighed(rules, words)):
        return maybe._replace(certain=False, enough=_NEVER_ENOUGH)
    return _weighed(rules, words)


def _weighed(rules: dict[Phase, list[Rule]], words: Words) -> Found | None:
    """What is found once what only looks like a wish is set aside."""
    unsure = rules["override_unsure"]
    doubtful = _first(unsure, words) if unsure and not mentions("en", "dealings", words) else None
    _set_aside(rules["aside"], words)
    phases: tuple[Literal["certain", "plain"], ...] = ("certain", "plain")
    for phase in phases:
        likely = _sure(rules[phase], words, phase)
        if likely and likely.certain:
            return likely
        doubtful = doubtful or likely
    if both := _two_of_a_kind(rules, words):
        return both
    maybe = _maybe(rules["held"], words) or _maybe(rules["unsure"], words)
    return doubtful or maybe or _unspaced("unsure", words)


def _sure(rules: list[Rule], words: Words, phase: Literal["certain", "plain"]) -> Found | None:
    """The first match of a phase that is not in doubt, else the first; a reply that speaks of an order casts doubt.

    So does a question where the phase is "plain", or whether a text is enough: "Wrong number?", "Basta un SMS?".
    One word of threat may be said of anything, but not where it is for writing once more.
    """
    doubtful = None
    for rule in rules:
        if spot := _spot(rule, words):
            found = _found(rule, words, spot)
            asks = _ASKED.match(words.text, words.spans[spot[1] - 1][1])
            if asks and mentions(rule.language, "enough", words, *spot):
                doubtful = doubtful or found._replace(certain=False, trust=_STRANGE, enough=_NEVER_ENOUGH)
                continue
            weak = rule.pattern == _THREAT and spot[1] - spot[0] == 1 and not mentions(rule.language, "again", words)
            if not weak and (
                _alone(rule, words, spot) or not ((asks and phase == "plain") or _in_doubt(rule, words, spot))
            ):
                return found
            lower = _MOST_UNLIKE if phase == "certain" else _STRANGE if weak else _UNLIKE
            doubtful = doubtful or found._replace(certain=False, trust=lower, enough=_MOST_LIKE)
    return _unspaced(phase, words) or doubtful


def _alone(rule: Rule, words: Words, spot: tuple[int, int]) -> bool:
    """Whether "wrong number" is a clause of its own: "I ordered no pizza, wrong number"."""
    start, end = spot
    return rule.pattern == _WRONG and min(words.breaks[start], words.breaks[end]) >= COMMA


def _in_doubt(rule: Rule, words: Words, spot: tuple[int, int]) -> bool:
    """Whether the reply speaks of an order or the like, or goes on to something no wish to stop we know names.

    A match that itself says that it is about texts is in no doubt.
    """
    if mentions(rule.language, "texts", words, *spot):
        return False
    return mentions(rule.language, "dealings", words) or _goes_elsewhere(rule, words, spot)


def _goes_elsewhere(rule: Rule, words: Words, spot: tuple[int, int]) -> bool:
    """Whether what stands around the match is about an order, or what follows about a thing no known wish names."""
    if _orders_around("en", words, spot) or _orders_around(rule.language, words, spot):
        return True
    if rule.about_us or mentions(rule.language, "msgs", words, spot[1], _end(words, spot[1], COMMA)):
        return False
    named = [*_what_follows(words, spot[1]), *_what_was_named(words, spot, rule.language)]
    return not all(map(_familiar, named))


def _orders_around(language: str, words: Words, spot: tuple[int, int]) -> bool:
    """Whether the language's words for orders and the like stand before or after the match."""
    return mentions(language, "dealings", words, 0, spot[0]) or mentions(language, "dealings", words, spot[1])


def _what_follows(words: Words, start: int) -> list[str]:
    """The words from ``start`` to the end of the sentence: "I want no more / of the blue ones"."""
    return words.words[start : _end(words, start, SENTENCE)]


def _end(words: Words, start: int, gap: int) -> int:
    """The first place from ``start`` on with such a break before it."""
    return next(at for at in range(start, len(words.breaks)) if words.breaks[at] >= gap)


def _what_was_named(words: Words, spot: tuple[int, int], language: str) -> Iterator[str]:
    """The words inside a match about wanting ("don't want pizza any more"), and of its clause before it.

    In many languages, but not in English, the thing comes first.
    """
    start, end = spot
    if not any(kinds(word) & _WANTS for word in words.words[start:end]):
        return
    yield from words.words[start:end]
    while language != "en" and start and words.breaks[start] < COMMA:
        start -= 1
        yield words.words[start]


@lru_cache(maxsize=20_000)
def _familiar(word: str) -> bool:
    return not word or word.isdigit() or word in _wish_words() or bool(kinds(word) - _THINGS)


@cache
def _wish_words() -> frozenset[str]:
    """Words of the wishes to stop we know; train_likeness.py writes them down."""
    return frozenset((resources.files("sender.audience") / "wish_words.txt").read_text("utf-8").split())


@lru_cache(maxsize=20_000)
def _pieces(word: str) -> tuple[str, ...]:
    bare = _DRAWN_OUT.sub(r"\1", folded(_JOINED.sub("", word.lower()) if "'" in word else word.lower()))
    if not bare.isascii() or not bare.isalpha():
        bare = plain_letters(bare)
    return tuple(other for piece in bare.split("'") if piece for other in _same().get(piece, (piece,)))


@cache
def _same() -> dict[str, tuple[str, ...]]:
    """Other spellings, slips of the pen, and textin for texting, to the words they stand for."""
    table = lexicon()
    same = {typo: (word,) for word in table["typos"]["words"].split() for typo in slips(word)}
    doing = (word.partition("_")[0] for word in table["en"]["words"]["texting"].split())
    same |= {word[:-1]: (word,) for word in doing if word.endswith("ing")}
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


def _spot(rule: Rule, words: Words) -> tuple[int, int] | None:
    """Where a rule matches; one word of another language decides nothing among English ones ("block the table")."""
    if rule.number not in words.spots:
        words.spots[rule.number] = _placed(rule, words)
    return words.spots[rule.number]


def _placed(rule: Rule, words: Words) -> tuple[int, int] | None:
    spot = place(rule, words, 0)
    single = spot and spot[1] - spot[0] == 1 and rule.lone
    return None if single and rule.language != "en" and not _ENGLISH.isdisjoint(words.words) else spot


def _first(rules: list[Rule], words: Words) -> Found | None:
    for rule in rules:
        if spot := _spot(rule, words):
            return _found(rule, words, spot)
    return None


def _two_of_a_kind(rules: dict[Phase, list[Rule]], words: Words) -> Found | None:
    """Two doubtful signs are a certain one: "where did you get my number? delete it", "not interested, remove me".

    One is a bare word for stopping or removing, the other speaks of us, and neither goes on to something else.
    """
    about = [rule for rule in (*rules["plain"], *rules["unsure"]) if rule.about_us or rule.pattern in _ABOUT]
    bare = list(_clear_spots((rule for rule in rules["unsure"] if rule.pattern in _BARE), words)) if about else []
    if not bare:
        return None
    for other, (at, to) in _clear_spots(about, words):
        for rule, (start, end) in bare:
            if at >= end or to <= start:
                reason = f"{rule.name} and {other.name}"
                return _found(rule, words, (start, end))._replace(certain=True, rule=reason)
    return None


def _clear_spots(rules: Iterable[Rule], words: Words) -> Iterator[tuple[Rule, tuple[int, int]]]:
    """Where rules match without going on to something else."""
    for rule in rules:
        if (spot := _spot(rule, words)) and not _goes_elsewhere(rule, words, spot):
            yield rule, spot


def _maybe(rules: list[Rule], words: Words) -> Found | None:
    """The first match of a doubtful phase; one that goes on to a strange thing must look like a wish to count."""
    for rule in rules:
        if spot := _spot(rule, words):
            found = _found(rule, words, spot)
            strange = not mentions(rule.language, "texts", words, *spot) and _goes_elsewhere(rule, words, spot)
            if strange:
                return found._replace(trust=max(found.trust, _STRANGE), enough=_NEVER_ENOUGH)
            asks = _ASKED.match(words.text, words.spans[spot[1] - 1][1])
            return found._replace(enough=max(found.enough, _MOST_LIKE)) if asks else found
    return None


def _found(rule: Rule, words: Words, spot: tuple[int, int]) -> Found:
    weak = rule.phase == "held" or (rule.lone and rule.phase == "unsure")
    enough, trust = _MOST_LIKE if weak else _VERY_LIKE, _trust_of(rule, words, spot)
    return Found(rule.language, words.quote(*spot), rule.name, rule.phase in _CERTAIN, trust, enough)


def _trust_of(rule: Rule, words: Words, spot: tuple[int, int]) -> int:
    """Who leaves a list, or wants to be taken off, may mean a class or a canteen's; who speaks of texts means ours."""
    lone = rule.lone and not rule.about_us
    if rule.phase != "certain":
        return _LONE_TRUST.get(rule.phase, _TRUST[rule.phase]) if lone else _TRUST[rule.phase]
    if mentions(rule.language, "msgs", words, *spot):
        return _VERY_UNLIKE
    return _STRANGE if lone or mentions(rule.language, "texts", words, *spot) else _TRUST[rule.phase]


def _set_aside(rules: list[Rule], words: Words) -> None:
    for rule in rules:
        start = 0
        while spot := place(rule, words, start):
            words.words[spot[0] : spot[1]] = [""] * (spot[1] - spot[0])
            words.denied = True
            words.spots.clear()
            words.topics.clear()
            start = spot[1]


def _unspaced(phase: Phase, words: Words) -> Found | None:
    """Plain regular expressions for languages that do not part words by spaces."""
    if words.text.isascii() or not _UNSPACED_SCRIPT.search(words.text):
        return None
    text, places = _folded_with_places(words.text)
    for language, aside, pattern in _unspaced_rules(phase):
        rest, times = aside.subn(lambda found: " " * len(found[0]), text)
        words.denied = words.denied or bool(times)
        if found := pattern.search(rest):
            quote = words.text[places[found.start()] : places[found.end() - 1] + 1]
            return Found(language, quote, f"{language} {phase}: {found[0]}", phase in _CERTAIN, _TRUST[phase])
    return None


def _folded_with_places(text: str) -> tuple[str, list[int]]:
    """The folded text and, for each of its letters, the place in the text it came from."""
    pairs = [(letter, at) for at, char in enumerate(text) for letter in folded(char)]
    return "".join(letter for letter, _ in pairs), [at for _, at in pairs]


@cache
def _unspaced_rules(phase: Phase) -> list[tuple[str, regex.Pattern[str], regex.Pattern[str]]]:
    return [
        (language, _any_of(table["aside"]), _any_of(table[phase]))
        for language, table in tables(unspaced=True)
        if phase in table
    ]


def _any_of(patterns: list[str]) -> regex.Pattern[str]:
    return regex.compile("|".join(f"(?:{folded(pattern)})" for pattern in patterns))
