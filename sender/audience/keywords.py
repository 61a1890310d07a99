"""The words that mean stop, start and help when they are the whole message, in all languages at once.

Nobody knows which language a person will answer in, so every reply is compared with every language's words
(``keywords.toml``). Case, accents, punctuation, quotes, emoji, invisible characters and the ways of writing a gap
(OPT-OUT, opt_out, o p t o u t) make no difference; Cyrillic and Greek letters and digits that look Latin are read as
such where nothing else fits.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal, NamedTuple

import regex

Meaning = Literal["opt_out", "opt_in", "help"]

_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]+")
_UNSEEN = regex.compile(r"[\p{Cf}\p{Variation_Selector}\u20e3\u034f\u115f\u1160\u3164\uffa0]+")
_DIGIT = regex.compile(r"\p{Nd}")
_MARK = regex.compile(r"\p{Mn}+")
# Letters that Unicode does not take apart into a letter and a mark.
_PLAIN = str.maketrans(
    {
        "ı": "i",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ə": "e",
        "ة": "ه",
        "ى": "ي",
        "ـ": None,
    }
)
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕкмтнвԁпοαερτυικχνηѵոս013547",
    "aeopcyxijskmthbdnoaeptuikxnhvnuoiesat",
)
_MIXED = regex.compile(r"(?=.*[a-z].*[a-z0-9])(?=.*[^a-z])[a-z\p{Cyrillic}\p{Greek}013457]{4,}")
_ASKS = regex.compile("[?？؟]")
_LONGEST = 40


class Keyword(NamedTuple):
    """One keyword found: ``certain`` is false for words that mean something else to most people (Italian FINE)."""

    meaning: Meaning
    certain: bool
    language: str
    word: str


def normal(text: str) -> str:
    """The words of a message in comparable form: NFKC, case folded, single spaces, nothing invisible or decorative."""
    return " ".join(_WORD.findall(_in_ascii_digits(visible(text).casefold())))


def visible(text: str) -> str:
    """NFKC without zero-width characters, variation selectors and direction marks."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)))


def _in_ascii_digits(text: str) -> str:
    return text if text.isascii() else _DIGIT.sub(lambda found: str(unicodedata.digit(found[0], found[0])), text)


@lru_cache(maxsize=20_000)
def folded(word: str) -> str:
    """Case and accents taken off: ARRÊT, arret and Arrêt are one; Arabic letter forms and Turkish i likewise."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", _MARK.sub("", parts).casefold()).translate(_PLAIN)


def plain_letters(word: str) -> str:
    """A folded word of mixed letters, with digits and letters that look Latin read as such: m0re, ѕtор."""
    return word.translate(_LOOK_ALIKE) if _MIXED.fullmatch(word) else word


def match(text: str) -> Keyword | None:
    """The keyword that the whole message is, or None; "please" and "now" around an opt-out or help word do not count.

    An opt-in must be the bare word and no question: whatever is unclear is never taken as a wish to get messages.
    """
    words = normal(text).split(" ") if len(text) <= _LONGEST * 4 else []
    compact = "".join(words)
    if not compact or len(compact) > _LONGEST:
        return None
    if found := _look_up(compact):
        return None if found.meaning == "opt_in" and _ASKS.search(text) else found
    left = "".join(_left(words))
    found = _look_up(left) if left != folded(compact) else None
    return found if found and found.meaning != "opt_in" else None


def uncourteous(text: str) -> list[str]:
    """The folded words without courtesies at both ends, a repeated word said once: "please STOP STOP now" is "stop"."""
    return _left(normal(text).split())


def provider_reaction(text: str) -> Literal["stop", "start", "help"] | None:
    """How Twilio itself reacts to this message: it blocks, unblocks or explains, and answers, so we must stay silent.

    Twilio compares one exact word in any case (article 223134027); YES counts there, though not as our opt-in.
    """
    return _provider_words().get(text.strip().upper())


@cache
def lexicon() -> dict[str, Any]:
    """The contents of ``keywords.toml``."""
    return tomllib.loads((resources.files("sender.audience") / "keywords.toml").read_text("utf-8"))


def _look_up(compact: str) -> Keyword | None:
    words = _index()
    bare = folded(compact)
    return words.get(compact) or words.get(bare) or words.get(bare.translate(_LOOK_ALIKE))


def _left(words: list[str]) -> list[str]:
    left = list(map(folded, words))
    firsts, lasts = _edges_of_courtesies()
    if left and (left[0] in firsts or left[-1] in lasts):
        left = _courtesies().sub("", " ".join(left)).split()
    return left[:1] if len(set(left)) == 1 else left


@cache
def _courtesies() -> regex.Pattern[str]:
    phrases = "|".join(_phrases_of_courtesy())
    return regex.compile(rf"^(?:(?:{phrases}) )+|(?: (?:{phrases}))+$")


@cache
def _edges_of_courtesies() -> tuple[frozenset[str], frozenset[str]]:
    """The words that courtesies begin and end with, so that most replies need not be searched for them."""
    rows = [phrase.split() for phrase in _phrases_of_courtesy()]
    return frozenset(row[0] for row in rows), frozenset(row[-1] for row in rows)


@cache
def _phrases_of_courtesy() -> list[str]:
    return [folded(phrase) for phrase in lexicon()["matching"]["courtesy"]]


@cache
def _index() -> dict[str, Keyword]:
    """All words in compact form; the first language that has a word keeps it, exact spellings before folded ones."""
    found: dict[str, Keyword] = {}
    for keyword in _keywords():
        found.setdefault("".join(normal(keyword.word).split()), keyword)
    for keyword in _keywords():
        found.setdefault(folded("".join(normal(keyword.word).split())), keyword)
    return found


def _keywords() -> Iterator[Keyword]:
    for language, table in lexicon()["language"].items():
        unsure = table.get("unsure", ())
        outs = [*table.get("opt_out", ()), *table.get("opt_out_unverified", ())]
        yield from _as("opt_out", language, (word for word in outs if word not in unsure))
        yield from _as("opt_out", language, unsure, certain=False)
        yield from _as("opt_in", language, table["opt_in"])
        yield from _as("help", language, [*table.get("help", ()), *table.get("help_unverified", ())])


def _as(meaning: Meaning, language: str, words: Iterable[str], certain: bool = True) -> Iterator[Keyword]:
    return (Keyword(meaning, certain, language, word) for word in words)


@cache
def _provider_words() -> dict[str, Literal["stop", "start", "help"]]:
    words = lexicon()["provider"]["twilio"]
    return {
        **dict.fromkeys(words["opt_out"], "stop"),
        **dict.fromkeys(words["opt_in"], "start"),
        **dict.fromkeys(words["help"], "help"),
    }
