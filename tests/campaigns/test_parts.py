"""Counting parts: what the 3GPP tables, Twilio's calculator and the bill say."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from sender.campaigns.parts import BASIC, EXTENSION, MAX_BODY, Parts, count, door, smart_encode

ANY_TEXT = st.text(max_size=400)
GSM_TEXT = st.text(alphabet=BASIC + EXTENSION, max_size=500)
FAMILY = "👨‍👩‍👧‍👦"


def slow_parts(text: str) -> int:
    """Fill GSM-7 parts one character at a time, the plainest way that can be read off the standard."""
    sizes = [2 if char in EXTENSION else 1 for char in text]
    if sum(sizes) <= 160:
        return 1
    filled = [0]
    for size in sizes:
        if filled[-1] + size > 153:
            filled.append(0)
        filled[-1] += size
    return len(filled)


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "units"),
    [
        ("", "GSM-7", 1, 0),
        ("a" * 160, "GSM-7", 1, 160),
        ("a" * 161, "GSM-7", 2, 161),
        ("a" * 306, "GSM-7", 2, 306),
        ("a" * 307, "GSM-7", 3, 307),
        ("€" * 80, "GSM-7", 1, 160),
        ("€" * 81, "GSM-7", 2, 162),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 2, 305),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3, 306),
        ("a" * 152 + "€" + "a" * 151 + "€", "GSM-7", 3, 307),
        ("\f" + "\n\r", "GSM-7", 1, 4),
        ("a\r\nb", "GSM-7", 1, 4),
        ("я" * 70, "UCS-2", 1, 70),
        ("я" * 71, "UCS-2", 2, 71),
        ("я" * 134, "UCS-2", 2, 134),
        ("я" * 135, "UCS-2", 3, 135),
        ("😀" * 35, "UCS-2", 1, 70),
        ("😀" * 36, "UCS-2", 2, 72),
        ("😀" * 66, "UCS-2", 2, 132),
        ("😀" * 67, "UCS-2", 3, 134),
        ("ab" + "я" * 64 + FAMILY, "UCS-2", 2, 77),
        ("👍🏽" * 17, "UCS-2", 1, 68),
        ("👍🏽" * 33, "UCS-2", 3, 132),
        ("á\r\n", "UCS-2", 1, 3),
        ("\ud83d", "UCS-2", 1, 1),
    ],
)
def test_known_lengths(text: str, encoding: str, parts: int, units: int) -> None:
    """The limits of 160/153 and 70/67, pairs at a part's edge and two units for CRLF come out as documented."""
    assert count(text)[:3] == (encoding, parts, units)


@pytest.mark.parametrize("cluster", [FAMILY, "🇫🇷", "❤️", "👍🏽", "e\u0301", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "각", "नि"])
def test_a_cluster_moves_whole_to_the_next_part(cluster: str) -> None:
    """One unit short of room, an emoji sequence, flag, accented letter or syllable starts the next part instead."""
    size = len(cluster.encode("utf-16-le")) // 2
    assert count("я" * (67 - size) + cluster + "я" * 67).parts == 2
    assert count("я" * (68 - size) + cluster + "я" * 67).parts == 3


def test_a_cluster_longer_than_a_part_is_still_paid_for() -> None:
    """A letter under two hundred marks takes the parts that its units need."""
    assert count("a" + "\u0301" * 200) == Parts("UCS-2", 3, 201, ("\u0301",))


def test_culprits_are_named_once_in_order() -> None:
    """The author sees each character that forced UCS-2 once, in the order of the text."""
    assert count("“é” – ç “ok”").culprits == ("“", "”", "–", "ç")
    assert count("plain {text}").culprits == ()


def test_every_letter_of_the_tables_is_gsm() -> None:
    """All 127 basic characters cost one septet and the ten of the extension table two."""
    assert len(set(BASIC)) == 127
    assert all(count(char) == Parts("GSM-7", 1, 1, ()) for char in BASIC)
    assert all(count(char) == Parts("GSM-7", 1, 2, ()) for char in EXTENSION)
    assert all(count(char).encoding == "UCS-2" for char in "`çáíóúãõê’–\t")


@pytest.mark.parametrize(
    ("text", "smart"),
    [
        ("“It’s” – 5…", '"It\'s" - 5...'),
        ("a\u00a0b\u2009c\td", "a  b  c       d"),
        ("¼÷½×2⁄3", "1/4/1/2×2/3"),
        ("ＡＺ０９！‼", "AZ09!!!"),
        ("ʜꜱᴢ", "HSZ"),
        ("n\u0303o\u0302", "n~o^"),
        ("\ufeffzero\u200bwidth", "zerowidth"),
        ("‹a› • «b»", '<a> - "b"'),
        ("日本 é ç ａ", "日本 é ç ａ"),
    ],
)
def test_smart_encoding_follows_the_published_table(text: str, smart: str) -> None:
    """Look-alikes are replaced code point by code point, and what is not in the table stays."""
    assert smart_encode(text) == smart


def test_smart_encoding_can_save_a_part() -> None:
    """One curly quote doubles the price of a text, and smart encoding takes it back."""
    text = "It’s here. " + "a" * 140
    assert (count(text).parts, count(text, smart=True).parts) == (3, 1)


@given(GSM_TEXT)
def test_gsm_text_agrees_with_the_slow_counter(text: str) -> None:
    """The fast count equals filling parts one character at a time, so no extension pair is ever split."""
    assert count(text).parts == slow_parts(text)


@given(ANY_TEXT)
def test_parts_hold_all_units(text: str) -> None:
    """The parts have room for every unit, and units are what the encoding says."""
    found = count(text)
    room = (160, 153) if found.encoding == "GSM-7" else (70, 67)
    assert found.units <= room[0] if found.parts == 1 else found.units <= room[1] * found.parts
    assert bool(found.culprits) == (found.encoding == "UCS-2")
    if found.encoding == "UCS-2":
        assert found.units == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(ANY_TEXT, ANY_TEXT)
def test_adding_text_never_makes_it_cheaper(text: str, more: str) -> None:
    """Parts and culprits only grow when words are added at the end."""
    short, long = count(text), count(text + more)
    assert long.parts >= short.parts
    assert long.culprits[: len(short.culprits)] == short.culprits


@given(st.text(alphabet=st.sampled_from("abcÀéñçœþ ˂\u00adΑωЖяѠ–—’“•€あんアン日本一\n"), max_size=300))
def test_the_short_way_for_plain_letters_looks_past_no_cluster(text: str) -> None:
    """Letters counted without looking for clusters are one unit each to the Unicode rules as well."""
    assert {len(cluster) for cluster in regex.findall(r"\X", text)} <= {1}
    long = text + "я" * 71
    assert count(long).parts == -(-len(long) // 67)


@given(ANY_TEXT)
def test_smart_encoding_settles(text: str) -> None:
    """Encoding twice changes nothing, and counting with ``smart`` counts the encoded text."""
    once = smart_encode(text)
    assert smart_encode(once) == once
    assert count(text, smart=True) == count(once)


def test_the_door_speaks_the_promised_shape() -> None:
    """The filter's answer has exactly the four promised keys, with culprits as a list."""
    assert door({"text": "a’b", "smart": False}) == {"encoding": "UCS-2", "parts": 1, "units": 3, "culprits": ["’"]}
    assert door({"text": "a’b", "smart": True})["encoding"] == "GSM-7"


@pytest.mark.parametrize("obj", [{}, {"text": 5}, {"text": None}, {"text": "a", "smart": "yes"}])
def test_the_door_refuses_what_it_cannot_read(obj: dict[str, object]) -> None:
    """A missing or wrong field is one sentence, not a guess."""
    with pytest.raises(ValueError, match=r'"(text|smart)"'):
        door(obj)


def test_the_longest_body_is_known() -> None:
    """The provider's limit stands where counts are made."""
    assert MAX_BODY == 1600
