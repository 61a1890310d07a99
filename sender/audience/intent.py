"""What a reply asks for: to stop, to start again, for help, or nothing of the kind.

Three outcomes matter. A certain opt-out is honoured at once; an uncertain one (``certain`` False) is held: no further
marketing until a person has looked; everything else is an ordinary reply. An opt-in is only ever a bare keyword.
Basis: 47 CFR 64.1200(a)(10), revocation by any words that a reasonable person would understand.
"""

from functools import cache
from threading import Event, Lock
from typing import Any, Literal, NamedTuple

import regex

from sender.audience import keywords, phrases
from sender.audience.likeness import likeness
from sender.audience.phrases import LINE, Words


class Intent(NamedTuple):
    """``language`` is a BCP 47 tag and ``matched`` the words of the reply that decided; both empty for "none".

    ``certain`` is False only for an opt-out that a person has to look at; ``rule`` names what decided.
    """

    intent: Literal["opt_out", "opt_in", "help", "none"]
    certain: bool
    language: str
    matched: str
    rule: str = ""


NONE = Intent("none", True, "", "")

_LONGEST = 1000
_LONGEST_SLIP = 60
# What is left when a denied wish is set aside ("don't stop") must look more like one than a reply that denies none.
_LIKE, _LIKE_WITHOUT = 300, 2200
# A reply that cries STOP! and goes on is a wish unless it is very unlike one.
_LIKE_CRIED = -2000
# What phones and mail programs add: quoted lines, the message answered to, signatures.
_ADDED = regex.compile(
    r"^[ \t]*>.*$|^[ \t]*(?:-- ?|_{5,}|-{5,}.*)$[\s\S]*|^On .{5,80}wrote:[\s\S]*"
    r"|^(?:sent from|get outlook|enviado desde|envoyé de|envoyé depuis|von meinem|inviato da|verzonden vanaf"
    r"|enviado do|skickat från|gesendet von|sent via)\b.*$|\bsent from my [\w ]{2,30}$|\bget outlook for \w+$",
    regex.IGNORECASE | regex.MULTILINE,
)
# A quotation of five words or more is somebody else's text: 'Liked "Sale today. Reply STOP to opt out"'.
_QUOTED = regex.compile(
    r"[“„«]\s*(?:[^\s”“»]+\s+){4,}[^”»]*(?:[”»“]|$)|(?<![^\s(])\"\s*(?:[^\s\"]+\s+){4,}[^\"]*(?:\"|$)|「[^」]{12,}(?:」|$)"
)
# A quotation of several words, or of several letters where words are not parted by spaces, among the person's own.
_SAID = regex.compile(
    r"[“„«\"「『][^“”„«»\"「」『』\n]*[^\s“”„«»\"「」『』]{2}[\s，、]*[^\s“”„«»\"「」『』]{2}[^“”„«»\"「」『』\n]*"
    r"[”“»\"」』]"
)
_LEAST_BESIDE = 8
_ASKS = regex.compile("[?？؟;]\\s*$")
_EDGES = regex.compile(r"^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$")
_CRIED = regex.compile(r"\s*[!！]")
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_THRICE = regex.compile(r"(.)\1{2,}")
_SIGNS = regex.compile(r"^\W*(?:🛑|🚫|⛔|✋|🖕)\W*$")


# Between them these need every list, weight and grammar that replies are read by.
_EVERYTHING = ("no more messages thanks", "配信停止してください", 'It says "Text STOP to end", is the code good?')
_LOADING, _LOADED = Lock(), Event()


def load() -> None:
    """Load what free words are read by (a second or two), once: who comes meanwhile waits, bare keywords do not."""
    with _LOADING:
        if not _LOADED.is_set():
            for reply in _EVERYTHING:
                _read_free(reply)
            _LOADED.set()


def read(text: str) -> Intent:
    """Say what a reply asks for; any text is read, the first 1,000 characters count.

    What is certain only by words in quotes may be our own footer: held, or nothing where the reply asks a
    question of its own ('It says "Text STOP to end", is the code still good?').
    """
    own = own_words(text[:_LONGEST])
    found = _read(own)
    bare = _SAID.sub(" ", own) if found.intent == "opt_out" and found.certain else own
    if bare == own or len(_LETTER.findall(bare)) < _LEAST_BESIDE:
        return found
    beside = _read(bare)
    return beside if beside.intent == "opt_out" or _ASKS.search(bare) else found._replace(certain=False)


def _read(own: str) -> Intent:
    if keyword := keywords.match(own):
        return Intent(keyword.meaning, keyword.certain, keyword.language, _trimmed(own), f"keyword: {keyword.word}")
    if not _LOADED.is_set():
        load()
    return _read_free(own)


def _read_free(own: str) -> Intent:
    words = phrases.split(keywords.visible(own.replace("´", "'")))
    if not words.words:
        return Intent("opt_out", False, "und", own.strip(), "sign") if _SIGNS.match(own) else NONE
    alone = _keyword_sentence(words)
    if alone and alone.certain:
        return alone
    if slip := _slip(own):
        return slip
    return _judged(words, alone)


def _judged(words: Words, alone: Intent | None) -> Intent:
    """What rules and likeness make of free words: together they are surer than a rule alone, or less sure.

    An unlikely match counts one step less; a doubtful match that is very like a wish is certain, one that is doubted
    besides only where it is most like; where no rule speaks, a reply of several words that is like a wish is held.
    """
    looks, carried = likeness(words)
    found = phrases.search(words)
    if found and (looks > found.trust or found.certain):
        certain = looks > (found.trust if found.certain else found.enough) and (found.certain or not words.denied)
        return Intent("opt_out", certain, found.language, found.quote, found.rule)
    if alone:
        return alone
    enough = likeness(words.left())[0] > _LIKE_WITHOUT if words.denied else looks > _LIKE
    if not found and carried[1] > carried[0] and enough and _several(words):
        return Intent("opt_out", False, "und", words.quote(*carried), f"likeness {looks / 1000:.1f}")
    return NONE


def _several(words: Words) -> bool:
    return len(words.words) > 1 or not words.text.isascii()


def own_words(text: str) -> str:
    """The reply without quoted messages and signatures; all of it if nothing else would be left."""
    bare = _QUOTED.sub(" ", _ADDED.sub("", text))
    return bare if _LETTER.search(bare) else text


def door(obj: dict[str, Any]) -> dict[str, Any]:
    """Answer one line of ``tactful intent``: {"text"} to {"intent", "certain", "language", "matched"}.

    Raises ValueError with one sentence when ``text`` is not a string.
    """
    text = obj.get("text")
    if not isinstance(text, str):
        raise ValueError('The object needs a "text" that is a string.')
    answer = read(text)._asdict()
    del answer["rule"]
    return answer


def _trimmed(text: str) -> str:
    return _EDGES.sub("", text)


def _keyword_sentence(words: Words) -> Intent | None:
    """A sentence that is a keyword by itself ("Who is this? STOP."), certain where it is meant as one.

    It is when written in capitals unlike the rest, at the end, or on a line of its own; "Stop! You crack me up" is not,
    nor one cried out before what is unlike a wish ("STOP!! 50% off? On my way").
    """
    best: Intent | None = None
    told = phrases.lexicon()["sentences"]
    for start, end in words.sentences():
        quote = words.quote(start, end) if end - start <= 4 else ""
        found = keywords.match(quote) if quote else None
        if found is None or found.meaning != "opt_out":
            continue
        placed = end == len(words.words) or words.breaks[end] == LINE or (quote.isupper() and not words.text.isupper())
        jest = any(sign in words.text.casefold() for sign in told["jests"])
        clear = (quote.isupper() or found.word in told["clear"]) and not jest
        certain = found.certain and placed and clear and not _cried_out_of_joy(words, end)
        intent = Intent("opt_out", certain, found.language, quote, f"keyword sentence: {found.word}")
        best = intent if best is None or intent.certain else best
    return best


def _cried_out_of_joy(words: Words, end: int) -> bool:
    """Whether a keyword with an exclamation mark, up to word ``end``, stands before more that is very unlike a wish."""
    cried = end < len(words.words) and _CRIED.match(words.text, words.spans[end - 1][1])
    return bool(cried) and likeness(words)[0] <= _LIKE_CRIED


def _slip(text: str) -> Intent | None:
    """A message of one or two words that is a keyword but for slips of the pen ("stpo", "unsubscibe pls")."""
    if len(text) > _LONGEST_SLIP:
        return None
    words = keywords.uncourteous(text)
    if len(words) > 1 and words[-1] in {"me", "us"}:
        words.pop()
    compact = _THRICE.sub(r"\1", "".join(words))
    if not 1 <= len(words) <= 2 or len(compact) > 16 or compact in _real_words():
        return None
    near = phrases.lexicon()["slips"]["allowed"]
    for target, most in near.items():
        if abs(len(compact) - len(target)) <= most and compact[0] in target and distance(compact, target) <= most:
            return Intent("opt_out", True, "en", _trimmed(text), f"slip of {target}")
    return None


@cache
def _real_words() -> frozenset[str]:
    return frozenset(phrases.lexicon()["slips"]["real_words"].split())


def distance(word: str, target: str) -> int:
    """Slips between two words: letters left out, added, changed, or two neighbours changed round (Damerau)."""
    before: list[int] = []
    last = list(range(len(target) + 1))
    for i, char in enumerate(word, 1):
        row = [i]
        for j, other in enumerate(target, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (char != other)))
            if i > 1 and j > 1 and char == target[j - 2] and word[i - 2] == other:
                row[j] = min(row[j], before[j - 2] + 1)
        before, last = last, row
    return last[-1]
