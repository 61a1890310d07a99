"""Parts: where one more begins, in both alphabets, with characters that take two places."""

import pytest

from guards.sizes import is_gsm, parts

PAIR, LAST, FIRST = "😀", "\uffff", "\U00010000"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("x" * 160, 1),
        ("X" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "x", 2),
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("€" + "x" * 302, 2),
        ("€" + "x" * 303, 3),
        ("Я" * 70, 1),
        ("Я" * 71, 2),
        ("Я" * 134, 2),
        ("Я" * 135, 3),
        (PAIR * 35, 1),
        (PAIR * 36, 2),
        (PAIR * 66, 2),
        (PAIR * 67, 3),
        (PAIR + "Я" * 130, 2),
        (PAIR + "Я" * 131, 3),
        (LAST * 134, 2),
        (FIRST * 67, 3),
        ("\ud800" * 70, 1),
        ("\ud800" * 71, 2),
    ],
)
def test_where_the_next_part_begins(text: str, count: int) -> None:
    """160 and 153 places of the SMS alphabet, or 70 and 67 of Unicode; pairs and escapes are never split."""
    assert parts(text) == count


@pytest.mark.parametrize(
    ("text", "plain"), [("", True), ("Où? 5€ [x]\n", True), ("’", False), ("ç", False), ("Ç", True)]
)
def test_what_the_sms_alphabet_holds(text: str, plain: bool) -> None:
    """Accents of the table and the euro are in it, curly quotes and the small c with cedilla are not."""
    assert is_gsm(text) is plain
