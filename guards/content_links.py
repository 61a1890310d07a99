"""Where a text's links lead and whether they look like somebody else's trick, told from their letters alone."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from guards import vocabulary
from guards.base import Purpose
from guards.finding import Finding, Settings

# With a scheme, with www, with a path, or with an ending that phones make a link of by themselves.
_LINK = re.compile(
    r"https?://[^\s<>\"]+|(?<![\w@.-])www\.[^\s<>\"]+|(?<![\w@.-])(?:[\w-]+\.)+[a-z]{2,}/[^\s<>\"]*"
    r"|(?<![\w@.-])(?:[\w-]+\.)+(?:com|net|org|io|co|app|shop|store|link|info|biz|xyz|site|online|top|club|example|test"
    r"|ly|gl|gd|cc|me|de|fr|es|uk|eu|us|ca)(?![\w@-]|\.\w)",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"\S*[.:]\S[^\s]*")
_END = ".,;:!?)]}'\"»”’…"
_NUMBERS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|\d{8,10}|0x[0-9a-f]+|\[.*", re.IGNORECASE)
_TWINS = str.maketrans("01345$|", "oleassl")
_BRAND_LETTERS = 4
_SLIP_LETTERS = 6


class Link(NamedTuple):
    """One link of a text: ``host`` in small letters, ``user`` what stands before an @ (a trick)."""

    span: tuple[int, int]
    text: str
    host: str
    user: str


def links(text: str) -> list[Link]:
    """Every link of a text in order, without the punctuation behind it."""
    return [
        _link(word.start() + found.start(), found.group().rstrip(_END))
        for word in _DOTTED.finditer(text)
        for found in _LINK.finditer(word.group())
    ]


def find(text: str, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    """Shorteners, links off the program's domains, and phishing looks; the program's own footer link is not judged."""
    for link in links(text):
        if link.text not in settings.footer:
            yield from _judged(link, purpose, settings)


def _link(start: int, text: str) -> Link:
    rest = text.split("://", 1)[-1]
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, host = place.rpartition("@")
    return Link((start, start + len(text)), text, host.lower() if "[" in host else host.lower().split(":")[0], user)


def _judged(link: Link, purpose: Purpose, settings: Settings) -> Iterator[Finding]:
    lax = purpose in (Purpose.CODE, Purpose.TRANSACTIONAL)
    if _below(link.host, vocabulary.shorteners()):
        yield Finding(
            "shortener", "warning" if lax else "stop", link.span,
            f"Carriers filter texts with links of public shorteners such as {link.host}.",
            "Use a link of your own domain.",
        )  # fmt: skip
    elif settings.domains and not _below(link.host, frozenset(settings.domains)):
        yield Finding(
            "link_elsewhere", "stop", link.span,
            f"The link leads to {link.host}, which is not among the program's domains.",
            f"Link to {' or '.join(settings.domains[:3])}, or add the domain to the program.",
        )  # fmt: skip
    yield from _phishing(link, settings)


def _phishing(link: Link, settings: Settings) -> Iterator[Finding]:
    mend = "Link to the plain name of your own domain."
    if link.user:
        yield Finding("link_user", "stop", link.span, "The link hides its true address behind an @.", mend)
    if _NUMBERS.fullmatch(link.host):
        yield Finding("link_number", "stop", link.span, "The link leads to a bare number instead of a name.", mend)
    if not link.host.isascii() or "xn--" in link.host:
        grave = len(_alphabets(_spelt_out(link.host))) > 1
        mixed = "The link's name has letters of another alphabet, mixed with Latin ones."
        sentence = mixed if grave else "The link's name has letters of another alphabet."
        yield Finding("link_letters", "stop" if grave else "warning", link.span, sentence, mend)
    if not _below(link.host, frozenset(settings.domains)):
        yield from _imitation(link, settings.brand, mend)


def _imitation(link: Link, brand: str, mend: str) -> Iterator[Finding]:
    plain = re.sub(r"[\W_]", "", brand.casefold())
    if len(plain) < _BRAND_LETTERS:
        return
    for label in re.split(r"[.-]", _spelt_out(link.host)):
        if plain not in label and _skeleton(plain) in _skeleton(label):
            sentence = f"The link's name {link.host} imitates the brand {brand} with letters that look alike."
            yield Finding("brand_imitated", "stop", link.span, sentence, mend)
        elif _slipped(plain, label):
            sentence = f"The link's name {link.host} is one letter away from the brand {brand}."
            yield Finding("brand_misspelt", "warning", link.span, sentence, mend)


@lru_cache(maxsize=1024)
def _skeleton(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.translate(vocabulary.homoglyphs()).casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char)).translate(_TWINS)
    return plain.replace("rn", "m").replace("vv", "w").replace("i", "l")


def _spelt_out(host: str) -> str:
    """The name as a browser shows it: xn-- labels in their own letters where they can be read."""
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host


def _slipped(brand: str, label: str) -> bool:
    """One letter wrong, or two neighbours swapped, in a name of six letters or more."""
    if len(brand) < _SLIP_LETTERS or len(label) != len(brand):
        return False
    wrong = [place for place in range(len(brand)) if brand[place] != label[place]]
    if len(wrong) == 1:
        return True
    swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1
    return swapped and brand[wrong[0]] == label[wrong[1]] and brand[wrong[1]] == label[wrong[0]]


def _below(host: str, domains: frozenset[str]) -> bool:
    """Whether a host is one of these domains or under one of them."""
    labels = host.removeprefix("www.").split(".")
    return any(".".join(labels[place:]) in domains for place in range(len(labels)))


def _alphabets(host: str) -> set[str]:
    letters = [char for char in host.rpartition(".")[0] if char.isalpha()]
    return {unicodedata.name(char, "UNKNOWN").split()[0] for char in letters}
