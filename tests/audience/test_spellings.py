"""One number, however it is spelled, is one identity: no spelling splits a person in two."""

import random

import pytest

from sender.audience.phone import parse

PEOPLE = (
    [("US", f"+1{area}5550{n}") for area in ("212", "310", "415", "512") for n in range(100, 200)]
    + [("GB", f"+44207946{n:04}") for n in range(1000)]
    + [("DE", f"+4915123{n:06}") for n in range(1, 900_000, 9_999)]
)
CODES = {"US": "1", "GB": "44", "DE": "49"}
GAPS = (" ", "-", ".", "\u00a0", "\u2011", "\u2013", "\u2009", "")
DIGITS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩")


def spelled(chance: random.Random, region: str, e164: str) -> str:
    """One of the ways in which people and files write a number."""
    code = CODES[region]
    national = e164[1 + len(code) :]
    gap = chance.choice(GAPS)
    cut = chance.randint(2, 4)
    parts = [national[:cut], national[cut : cut + 3], national[cut + 3 :]]
    if chance.random() < 0.3:
        parts[0] = f"({parts[0]})"
    body = gap.join(parts)
    trunk = "" if region == "US" else "0"
    exit_code = "011" if region == "US" else "00"
    heads = (f"+{code}{gap}", f"+{code} ", trunk, f"{exit_code}{code}{gap}", f"tel:+{code}")
    words = f"{chance.choice(heads)}{body}"
    table = str.maketrans(DIGITS[0], chance.choice(DIGITS))
    return chance.choice(("", " ", "'", "\u200e")) + words.translate(table) + chance.choice(("", " ", "\u202c"))


def check(count: int, seed: int) -> None:
    """So many spellings each come out as the number they spell."""
    chance = random.Random(seed)
    split = []
    for _ in range(count):
        region, e164 = chance.choice(PEOPLE)
        words = spelled(chance, region, e164)
        found = parse(words, region).e164
        if found != e164:
            split.append((words, found, e164))
    assert split == []


def test_two_thousand_spellings_split_nobody() -> None:
    """Gaps, brackets, prefixes, invisible marks and digits of other scripts make no second person."""
    check(2_000, seed=1)


@pytest.mark.nightly
def test_a_hundred_thousand_spellings_split_nobody() -> None:
    """The same, a hundred thousand times."""
    check(100_000, seed=2)
