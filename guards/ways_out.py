"""How texts say their way out: wordings by language (footers.toml), and whether a text already has one.

The carriers want it said (CTIA Messaging Principles 5.1.3), many countries' laws too; nobody wants to read it twice.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

LINK = re.compile(r"https?://\S+")

# Words people are told to send that are read as a sure wish to stop and say nothing else.
_KEYS = (
    "STOPP|STOPALL|STOP|UNSUBSCRIBE|UNSUB|OPTOUT|OPT-OUT|ALTO|BAJA|PARAR|ARRET|ARRÊT|SAIR|ABMELDEN|AFMELDEN"
    "|СТОП|退订|退訂|停止|수신거부|הסר|TD"
)
# These also mean other things ("reply CANCEL to cancel your table"), so they count only beside one meaning.
_OTHER_KEYS = "QUIT|END|CANCEL|CANCELAR|REVOKE"
_ONE_MEANING = r"opt[ -]?out|unsubscribe|unsub|quit|stop|darte|no recibir"
_VERBS = (
    "reply|replying|text|txt|send|sms|respond|answer|responde|responda|responder|env[ií]a|env[ií]e|enviar|manda|mande"
    "|escribe|contesta|r[ée]pondez|r[ée]pondre|r[ée]p|envoyez|envoyer|tapez|antworten|antworte|senden|sende|schicken"
    "|schicke|schick|rispondi|rispondere|invia|inviare|scrivi|antwoord|stuur|odpisz|wyślij|wyslij|odpowiedz|svara"
    "|skicka|svar|vastaa|lähetä|odpovězte|odpovezte|pošlete|odpovedzte|pošlite|válaszoljon|küldje|răspunde|raspunde"
    "|trimite|odgovorite|pošaljite|balas|hantar|kirim|i-reply|trả lời|gửi|απαντήστε|στείλτε|ответьте|отправьте"
    "|надішліть|отговорете|أرسل|ارسل|השיבו|השב|שלחו"
)
_FILLERS = "with|back|by|us|the|word|keyword|con|par|mit|met|com|la|palabra|le|mot|das|wort|sie|ang|:"
_PURPOSES = (
    r"opt[ -]?out|opt|end|quit|cancel|stop|unsubscribe|unsub|leave|cancelar|salir|terminar|parar|darte|dejar|finir"
    r"|arr[êe]ter|d[ée]sinscri\w+|d[ée]sabonn\w+|abmelden|beenden|abbestellen|sair|cancell\w+|finire|disiscriver\w+"
    r"|afmelden|af te melden|stoppen|zrezygnować|wypisać|avsluta|avslutte|afmelde"
)
_LEADS = "to|2|4|para|pour|zum|um|om|per|aby|by|för|for|at|å"
_INTROS = (
    r"opt[ -]?out|unsubscribe|d[ée]sinscri\w*|d[ée]sabonn\w*|no recibir m[aá]s[\w ]{0,20}|para parar|para cancelar"
    r"|abmeld\w+|abbestell\w+|para sair|afmeld\w*|rezygnac\w+|odhl\w+|leiratkoz\w+|dezabon\w+|odjava|отпис\w+|відпис\w+"
)
_FREE = re.compile(
    rf"(?<!\bnot )(?<!n['’]t )(?<!\w)(?i:{_VERBS})(?:\s+(?i:{_FILLERS}))*\s*[\"'“‘«„]?"
    rf"(?:(?<=[\s\"'“‘«„])(?:{_KEYS})(?!\w)"
    rf"|(?<=[\s\"'“‘«„])(?i:{_KEYS})(?=[\"'”’»]?\s*(?:$|[.,;!?)\n]|(?i:{_LEADS}|and|or)\b)))"
    rf"|(?<!\w)(?:{_KEYS})[\"'”’»]?\s*[=:]?\s*(?i:(?:{_LEADS})\s*)?(?i:[\w']+\s+){{0,2}}?(?i:{_PURPOSES})(?!\w)"
    rf"|(?<!\w)(?:{_OTHER_KEYS})[\"'”’»]?\s*[=:]?\s*(?i:(?:{_LEADS})\s*)?(?i:{_ONE_MEANING})(?!\w)"
    rf"|(?<!\w)(?i:{_INTROS})\s*[:=,-]?\s*(?:[\w']+\s+){{0,3}}?[\"'“‘«„]?(?:{_KEYS}|{_OTHER_KEYS})(?!\w)",
    re.MULTILINE,
)
_EVERY_KEY = tuple(f"{_KEYS}|{_OTHER_KEYS}".split("|"))
_TO_A_NUMBER = re.compile(
    rf"(?<!\w)(?:{_KEYS})(?:\s?SMS)?[\"'”’»]?\s*(?i::|to|au|al|a|à|an|no|naar|na|ao|at)?\s*\+?[0-9][0-9xX]{{2,14}}(?![0-9])"
)
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Kana", re.compile(r"[\u3041-\u30ff]")),
    ("Hangul", re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")),
    ("Han", re.compile(r"[\u4e00-\u9fff]")),
    ("Greek", re.compile(r"[\u0370-\u03ff]")),
    ("Cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("Arabic", re.compile(r"[\u0600-\u06ff]")),
    ("Hebrew", re.compile(r"[\u0590-\u05ff]")),
    ("Devanagari", re.compile(r"[\u0900-\u097f]")),
    ("Thai", re.compile(r"[\u0e00-\u0e7f]")),
)
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1cff\u3041-\ud7af]")
_WORD = re.compile(r"[^\W\d_]+")
_ALIASES = {"no": "nb", "nn": "nb", "tl": "fil", "iw": "he", "in": "id"}
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


@dataclass(frozen=True, slots=True)
class Wordings:
    """One language's ways out, fullest first, and the words that tell the language."""

    footers: tuple[str, ...]
    links: tuple[str, ...]
    common: frozenset[str]


@cache
def tables() -> Mapping[str, Wordings]:
    """Every language of footers.toml by its tag."""
    return {
        tag: Wordings(tuple(row["footers"]), tuple(row["links"]), frozenset(row.get("common", "").split()))
        for tag, row in _read().items()
        if tag != "meta"
    }


@cache
def periodic() -> frozenset[str]:
    """The countries where a way out need not stand in every text."""
    return frozenset(_read()["meta"]["periodic"])


@cache
def toml_text() -> str:
    """The file itself, for the version of the chain."""
    return (files("guards") / "footers.toml").read_text("utf-8")


@cache
def _read() -> dict[str, dict[str, Any]]:
    return tomllib.loads(toml_text())


def language(tag: str) -> str:
    """The row of footers.toml for a BCP 47 tag such as "pt-BR" or "zh_TW"; empty where there is none."""
    base, *rest = tag.lower().replace("_", "-").split("-")
    base = _ALIASES.get(base, base)
    if base == "zh" and _TRADITIONAL & set(rest):
        return "zh-hant"
    return base if base in tables() else ""


@lru_cache(maxsize=4096)
def language_of(text: str, least: int = 2) -> str:
    """The language of a text by its script or by at least two common words; empty where that is not clear."""
    if _OTHER_SCRIPT.search(text):
        letters = sum(map(len, _WORD.findall(text)))
        for script, pattern in _SCRIPTS:
            if letters and 2 * len(pattern.findall(text)) > letters:
                return _of_script(script, text)
    words = set(_WORD.findall(text.casefold()))
    scores = Counter({tag: len(words & row.common) for tag, row in tables().items()})
    (best, most), (_, second) = scores.most_common(2)
    return best if most >= least and most > second else ""


def _of_script(script: str, text: str) -> str:
    if script == "Cyrillic":
        return "uk" if re.search("[іїєґ]", text) else "bg" if re.search("ъ(?![\\s\\S]*[ыэё])", text) else "ru"
    if script == "Arabic":
        return "" if re.search("[پچژگکی]", text) else "ar"
    if script == "Han" and _SCRIPTS[0][1].search(text):
        return "ja"
    by_script = {"Kana": "ja", "Hangul": "ko", "Han": "zh", "Greek": "el", "Hebrew": "he", "Devanagari": "hi"}
    return by_script.get(script, "th")


def _may_say(text: str) -> bool:
    upper = text.upper()
    return any(key in upper for key in _EVERY_KEY)


def says(text: str, footer: str) -> bool:
    """Whether ``text`` already tells its way out: this footer, one of ours, or any clear wording.

    A footer with a link belongs to a from_number that cannot receive: there only that link, or a word to be sent to
    a number ("STOP au 36123"), is a way out.
    """
    if footer and footer in text:
        return True
    link = LINK.search(footer)
    if link:
        return link.group() in text or _TO_A_NUMBER.search(text) is not None
    return _may_say(text) and any(pattern.search(text) for pattern in (_FREE, _TO_A_NUMBER, _ours()))


@cache
def _ours() -> re.Pattern[str]:
    wordings = sorted({one for row in tables().values() for one in row.footers}, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(one)}" for one in wordings))


def candidates(footer: str, tag: str) -> tuple[str, ...]:
    """The wordings that may be added to a text in language ``tag``, in the order of preference.

    The program's own footer serves its own language and every language we have no words for. Where it is one of the
    plain wordings of footers.toml, shorter ones of its language may stand in for it.
    """
    link = LINK.search(footer)
    if link is None:
        return _choices(footer, tag)
    return tuple(one.replace("{link}", link.group()) for one in _choices(footer.replace(link.group(), "{link}"), tag))


@lru_cache(maxsize=1024)
def _choices(footer: str, tag: str) -> tuple[str, ...]:
    own, place = _own(footer)
    wanted = _row(tag, footer) if tag in tables() else ()
    if own and wanted and own != tag and wanted[0] != footer:
        return wanted
    return (footer, *_row(own, footer)[place + 1 :]) if place >= 0 else (footer,)


def _row(tag: str, footer: str) -> tuple[str, ...]:
    return tables()[tag].links if "{link}" in footer else tables()[tag].footers


def _own(footer: str) -> tuple[str, int]:
    """The language of a program's footer and its place among that language's wordings (-1: the program's own words)."""
    plain = footer.rstrip(" .!")
    for tag in tables():
        if plain in _row(tag, footer):
            return tag, _row(tag, footer).index(plain)
    return (language_of(footer, 1) if says(footer, "") else ""), -1
