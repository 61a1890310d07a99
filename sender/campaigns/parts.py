"""How many billed parts a text takes, and which characters cost the most.

GSM-7 carries 160 septets in one part and 153 in each of several; UCS-2 carries 70 UTF-16 units, 67 in each of several
(3GPP TS 23.038 and 23.040: 140 octets, less 6 for the header that joins parts). One character outside GSM-7 turns the
whole text to UCS-2. Clusters of UCS-2 (an emoji with its skin tone) move whole to the next part, as Twilio's
message-segment-calculator 1.3.0 counts them; what decides the bill is the provider's own ``num_segments``.
"""

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import regex

MAX_BODY = 1600
"""The most characters that the provider takes as one text (Twilio error 21617)."""

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The GSM-7 characters of one septet each (3GPP TS 23.038, default alphabet)."""

EXTENSION = "^{}\\[]~|€\f"
"""The GSM-7 characters of two septets each (3GPP TS 23.038, extension table)."""

_ALL_BASIC = re.compile(f"[{re.escape(BASIC)}]*")
_NOT_GSM = re.compile(f"[^{re.escape(BASIC + EXTENSION)}]")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")
# Latin, Greek, Cyrillic, kana and Han letters that are a cluster of one unit each: no need to look for clusters.
_ALL_SINGLE = re.compile(
    r"[\n -~\u00a0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u20a0-\u20bf\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]*"
)
# The first choice splits Indic conjuncts after the virama, as Unicode before 15.1 and so the reference calculator does.
_CLUSTER = regex.compile(r"\r|\n|(?!\p{Hangul})\p{Lo}[\p{GCB=EX}\p{GCB=SM}\p{GCB=ZWJ}]*|\X")

# One row per replacement: the new text, then the characters it stands for as hex code points and ranges.
_SMART_ROWS = """\
" 00AB 00BB 201C 201D 02BA 02EE 201F 201E 275D 275E 301D 301E FF02
' 2018 2019 02BB 02C8 02BC 02BD 02B9 201B FF07 00B4 02CA 0060 02CB 275B 275C 0313 0314 FE10 FE11
/ 00F7 29F8 0337 0338 2044 2215 FF0F
1/4 00BC
1/2 00BD
3/4 00BE
\\ 29F9 29F5 20E5 FE68 FF3C
_ 0332 FF3F 2017
| 20D2 20D3 2223 FF5C 23B8 23B9 23D0 239C 239F
- 23BC 23BD 2015 FE63 FF0D 2010 2043 2014 2013 2022
@ FE6B FF20
$ FE69 FF04
! 01C3 FE15 FE57 FF01
# FE5F FF03
% FE6A FF05
& FE60 FF06
!! 203C
, 201A 0326 FE50 FE51 FF0C FF64 3001
( 2768 276A FE59 FF08 27EE 2985
) 2769 276B FE5A FF09 27EF 2986
* 204E 2217 229B 2722-2725 2731-2733 273A-273D 2743 2749-274B 29C6 FE61 FF0A
+ 02D6 FE62 FF0B
. 3002 FE52 FF0E FF61
... 2026
: 02D0 02F8 2982 A789 FE13 FF1A
; 204F FE14 FE54 FF1B
< FE64 FF1C 2039
= 0347 A78A FE66 FF1D
> FE65 FF1E 203A
? FE16 FE56 FF1F
^ 02C6 0302 FF3E 1DCD
{ 2774 FE5B FF5B
} 2775 FE5C FF5D
[ FF3B
] FF3D
~ 02DC 02F7 0303 0330 0334 223C FF5E
ABCDEFGHIJKLMNOPQRSTUVWXYZ FF21-FF3A
0123456789 FF10-FF19
ABCDEFGHIJKLMNOPRSTUVWYZ 1D00 0299 1D04 1D05 1D07 A730 0262 029C 026A 1D0A 1D0B 029F 1D0D 0274 1D0F 1D18 0280 A731 \
1D1B 1D1C 1D20 1D21 028F 1D22
"""
_SMART_SPACES = (
    (" ", "2001 2028 2029"),
    ("  ", "00A0 2000 2002-200A 202F 205F 3000 008D 009F 0080 0090 009B"),
    (" " * 7, "0009"),
    ("", "0000 0003 0004 0010-0014 0017 0019 200B 200C 2060 FEFF"),
)


class Parts(NamedTuple):
    """The cost of one text: ``units`` are septets (GSM-7) or UTF-16 units (UCS-2).

    ``culprits`` are the distinct characters that forced UCS-2, in order of appearance; empty for GSM-7.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    parts: int
    units: int
    culprits: tuple[str, ...]


def count(text: str, smart: bool = False) -> Parts:
    """Count the parts of ``text`` as it would be sent, after smart encoding if ``smart``; empty text is one part."""
    if smart:
        text = smart_encode(text)
    if _ALL_BASIC.fullmatch(text):
        units = len(text)
        return Parts("GSM-7", 1 if units <= 160 else -(-units // 153), units, ())
    if not _NOT_GSM.search(text):
        return _count_extended(text)
    return _count_ucs2(text)


def smart_encode(text: str) -> str:
    """Replace look-alikes by GSM-7 characters, as Twilio's smart encoding does (table of its calculator 1.3.0).

    Works code point by code point: a no-break space becomes two spaces, a tab seven, a loose combining tilde "~".
    Text may grow; normalise it to NFC first where accents may come as combining marks.
    """
    return text.translate(_SMART)


def door(obj: dict[str, Any]) -> dict[str, Any]:
    """Answer one line of ``tactful parts``: {"text", "smart"?} to {"encoding", "parts", "units", "culprits"}.

    Raises ValueError with one sentence when ``text`` is not a string or ``smart`` not true or false.
    """
    text, smart = obj.get("text"), obj.get("smart", False)
    if not isinstance(text, str):
        raise ValueError('The object needs a "text" that is a string.')
    if not isinstance(smart, bool):
        raise ValueError('"smart" must be true or false.')
    found = count(text, smart)
    return {**found._asdict(), "culprits": list(found.culprits)}


def _count_extended(text: str) -> Parts:
    units = len(text) + len(_EXTENDED.findall(text))
    if units <= 160:
        return Parts("GSM-7", 1, units, ())
    return Parts("GSM-7", _fill((2 if char in EXTENSION else 1 for char in text), 153), units, ())


def _count_ucs2(text: str) -> Parts:
    culprits = tuple(dict.fromkeys(_NOT_GSM.findall(text)))
    units = _utf16(text)
    if units <= 70:
        return Parts("UCS-2", 1, units, culprits)
    parts = -(-units // 67) if _ALL_SINGLE.fullmatch(text) else _fill(_cluster_sizes(text), 67)
    return Parts("UCS-2", parts, units, culprits)


def _cluster_sizes(text: str) -> Iterable[int]:
    """Units of each cluster; one too long for a part (a letter under piles of marks) goes by single characters."""
    for cluster in _CLUSTER.findall(text):
        size = _utf16(cluster)
        if size <= 67:
            yield size
        else:
            yield from map(_utf16, cluster)


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fill(sizes: Iterable[int], room: int) -> int:
    """Put pieces into parts in order, none of them split, and say how many parts that takes."""
    parts, free = 1, room
    for size in sizes:
        if size > free:
            parts, free = parts + 1, room
        free -= size
    return parts


def _code_points(words: Iterable[str]) -> list[int]:
    points: list[int] = []
    for word in words:
        first, _, last = word.partition("-")
        points.extend(range(int(first, 16), int(last or first, 16) + 1))
    return points


def _smart_table() -> dict[int, str]:
    table = {point: new for new, words in _SMART_SPACES for point in _code_points(words.split())}
    for row in _SMART_ROWS.splitlines():
        new, *words = row.split()
        points = _code_points(words)
        letters = new if len(new) == len(points) > 1 else [new] * len(points)
        table.update(zip(points, letters, strict=True))
    return table


_SMART = _smart_table()
