"""Phone numbers: all spellings are one number, and nothing is guessed."""

import random
import re._parser as re_parser  # type: ignore[import-not-found]
from itertools import product
from typing import Any

import phonenumbers as pn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.phonemetadata import PhoneMetadata

from sender.audience.phone import (
    LINE_TYPES,
    NANP_REGIONS,
    UNSTEADY_BLOCKS,
    Phone,
    PhoneError,
    PhoneErrorCode,
    mask,
    parse,
)

REGIONS = sorted(pn.SUPPORTED_REGIONS)
MOBILES = [pn.example_number_for_type(region, pn.PhoneNumberType.MOBILE) for region in REGIONS]
EXAMPLES = [example for example in MOBILES if example is not None]
SPACES = ("", " ", "-", ".", "\u00a0", "\u2009", "\u2011", " - ", "–", "\u200b", "\u202c ")
SCRIPTS = {"ascii": "0123456789", "full": "０１２３４５６７８９", "arabic": "٠١٢٣٤٥٦٧٨٩", "hindi": "०१२३४५६७८९"}


def code_of(text: str, region: str | None) -> str:
    """The code with which a text is refused."""
    with pytest.raises(PhoneError) as caught:
        parse(text, region)
    return caught.value.code


def attempt(text: str, region: str | None) -> Phone | PhoneError:
    """The number, or the refusal."""
    try:
        return parse(text, region)
    except PhoneError as error:
        return error


@st.composite
def numbers(draw: st.DrawFn) -> pn.PhoneNumber:
    """A valid mobile number near a region's example number."""
    example = draw(st.sampled_from(EXAMPLES))
    near = pn.PhoneNumber()
    near.merge_from(example)
    near.national_number = (example.national_number or 0) // 1000 * 1000 + draw(st.integers(0, 999))
    return near if pn.is_valid_number(near) else example


@st.composite
def spellings(draw: st.DrawFn) -> tuple[pn.PhoneNumber, str, str | None]:
    """A number, one way of writing it, and the default region that this way needs."""
    number = draw(numbers())
    region = pn.region_code_for_number(number)
    formats = {
        "national": (pn.format_number(number, pn.PhoneNumberFormat.NATIONAL), region),
        "international": (pn.format_number(number, pn.PhoneNumberFormat.INTERNATIONAL), None),
        "e164": (pn.format_number(number, pn.PhoneNumberFormat.E164), draw(st.sampled_from([None, "US", "GB"]))),
        "uri": (pn.format_number(number, pn.PhoneNumberFormat.RFC3966), None),
        "from abroad 00": (pn.format_out_of_country_calling_number(number, "GB"), "GB"),
        "from abroad 011": (pn.format_out_of_country_calling_number(number, "US"), "US"),
        "00 in the US": ("00" + pn.format_number(number, pn.PhoneNumberFormat.E164)[1:], "US"),
    }
    text, default = formats[draw(st.sampled_from(sorted(formats)))]
    return number, disguise(draw, text), default


def disguise(draw: st.DrawFn, text: str) -> str:
    """Write the same digits in another script, with other separators and invisible characters."""
    digits = SCRIPTS[draw(st.sampled_from(sorted(SCRIPTS)))]
    space = draw(st.sampled_from(SPACES))
    head, body = ("tel:", text[4:]) if text.startswith("tel:") else ("", text)
    body = "".join(digits[int(char)] if char in "0123456789" else char for char in body.replace(" ", space or " "))
    if draw(st.booleans()):
        body = body.replace("+", "＋")
    return (
        draw(st.sampled_from(["", " ", "'", "\u202a", "\u00a0"])) * (not head)
        + head
        + body
        + draw(st.sampled_from(["", " ", "\u202c", "\n"]))
    )


@settings(max_examples=1500)
@given(spellings())
def test_every_spelling_is_one_number(case: tuple[pn.PhoneNumber, str, str | None]) -> None:
    """Over all regions, however a number is written, one E.164 string comes out: no second identity."""
    number, text, region = case
    assert parse(text, region).e164 == pn.format_number(number, pn.PhoneNumberFormat.E164)


@settings(max_examples=500)
@given(st.text(alphabet="0123456789+()-./ xE,'", max_size=24), st.sampled_from([None, "US", "GB", "DE", "JP"]))
def test_what_is_taken_is_what_libphonenumber_takes(text: str, region: str | None) -> None:
    """Of any jumble, only texts that libphonenumber holds valid are taken, with its E.164, region and type."""
    phone = attempt(text, region)
    if isinstance(phone, PhoneError):
        assert phone.code in PhoneErrorCode
        assert phone.sentence.endswith(".")
        return
    number = pn.parse(phone.e164)
    assert pn.is_valid_number(number)
    assert pn.format_number(number, pn.PhoneNumberFormat.E164) == phone.e164
    assert (phone.region, phone.line_type) == (pn.region_code_for_number(number), LINE_TYPES[pn.number_type(number)])


@settings(max_examples=300)
@given(st.text(max_size=80), st.none() | st.text(max_size=3))
def test_any_text_is_a_number_or_one_refusal(text: str, region: str | None) -> None:
    """No text, however strange, raises anything but PhoneError."""
    answer = attempt(text, region)
    assert answer.code in PhoneErrorCode if isinstance(answer, PhoneError) else answer.e164.startswith("+")


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("", None, "not_a_number"),
        ("call me", "US", "not_a_number"),
        ("1-800-FLOWERS", "US", "not_a_number"),
        ("+1 415 555 0123, +1 415 555 0124", None, "not_a_number"),
        ("4155550123 or 4155550124", "US", "not_a_number"),
        ("030 1234567/68", "DE", "not_a_number"),
        ("4155550123.0", "US", "not_a_number"),
        ("a.person@example.com", "US", "not_a_number"),
        ("1+4155550123", "US", "not_a_number"),
        ("415-555-0123", None, "no_region"),
        ("14155550123", None, "no_region"),
        ("0044 20 7946 0018", None, "no_region"),
        ("4155550123", "XX", "no_region"),
        ("555-0123", "US", "too_short"),
        ("+1 415 555 012", None, "too_short"),
        ("12345", "US", "too_short"),
        ("+1 415 555 01234", None, "too_long"),
        ("4155550123 4155550124", "US", "too_long"),
        ("1" * 200, "US", "too_long"),
        ("+1 555 555 0123", None, "invalid"),
        ("+999 123 456 789", None, "invalid"),
        ("(123) 555-0123", "US", "invalid"),
        ("1.4155E+10", "US", "scientific_notation"),
        ("1,4155E+10", "DE", "scientific_notation"),
        ("4E9", None, "scientific_notation"),
        ("415-555-0123 x12", "US", "extension"),
        ("415-555-0123 ext. 12", "US", "extension"),
        ("tel:+14155550123;ext=12", None, "extension"),
        ("+14155550123#12", None, "extension"),
    ],
)
def test_what_is_refused_and_why(text: str, region: str | None, code: str) -> None:
    """Each kind of bad number has its own code, so that an import can say what to mend."""
    assert code_of(text, region) == code


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("(415) 555-0123", "us", Phone("+14155550123", "US", "fixed_line_or_mobile", 1, "4155550123")),
        ("1 415 555 0123", "CA", Phone("+14155550123", "US", "fixed_line_or_mobile", 1, "4155550123")),
        ("+1 416 555 0123", None, Phone("+14165550123", "CA", "fixed_line_or_mobile", 1, "4165550123")),
        ("+1 800 555 0123", None, Phone("+18005550123", "US", "toll_free", 1, "8005550123")),
        ("+1 900 555 0123", None, Phone("+19005550123", "US", "premium_rate", 1, "9005550123")),
        ("+44 (0)20 7946 0018", None, Phone("+442079460018", "GB", "fixed_line", 44, "2079460018")),
        ("07400 123456", "GB", Phone("+447400123456", "GB", "mobile", 44, "7400123456")),
        ("030/123456", "DE", Phone("+4930123456", "DE", "fixed_line", 49, "30123456")),
        ("+39 02 1234 5678", None, Phone("+390212345678", "IT", "fixed_line", 39, "0212345678")),
        ("+800 1234 5678", None, Phone("+80012345678", "001", "toll_free", 800, "12345678")),
        ("011 15 2345-6789", "AR", Phone("+5491123456789", "AR", "mobile", 54, "91123456789")),
    ],
)
def test_what_is_known_of_a_number(text: str, region: str | None, phone: Phone) -> None:
    """Region and line type come as data beside the E.164 string, for the guards to judge."""
    assert parse(text, region) == phone


def test_fictional_numbers_are_valid_where_the_area_code_is() -> None:
    """555-0100 to 555-0199 of an assigned area code counts as valid, of the area code 555 it does not."""
    for area in ("212", "415", "808", "416", "787"):
        assert parse(f"{area}555{random.Random(1).randint(100, 199):04}", "US").e164.startswith("+1")
    assert code_of("555 555 0123", "US") == "invalid"


def test_a_sentence_never_repeats_the_number() -> None:
    """What is refused may be personal, so the sentence that reaches logs and reports holds no digit of it."""
    with pytest.raises(PhoneError) as caught:
        parse("+1 212 867 53091", None)
    assert "867" not in caught.value.sentence


def test_the_memo_agrees_with_libphonenumber() -> None:
    """4,000 North American numbers of all area codes get the validity, region and type that libphonenumber gives."""
    dice = random.Random(2026)
    for _ in range(4000):
        area = dice.choice(["246", "876", "441", "242", f"{dice.randint(200, 999)}"])
        e164 = f"+1{area}{dice.randint(200, 999)}{dice.randint(0, 9999):04}"
        number = pn.parse(e164)
        phone = attempt(e164, None)
        assert isinstance(phone, Phone) == pn.is_valid_number(number)
        if isinstance(phone, Phone):
            assert phone.region == pn.region_code_for_number(number)
            assert phone.line_type == LINE_TYPES[pn.number_type(number)]


def expand(pattern: Any) -> list[tuple[frozenset[str], ...]]:  # pattern: the parser's own sequence of (op, argument)
    """Every digit sequence of a metadata pattern, as one set of digits per place."""
    outcomes: list[tuple[frozenset[str], ...]] = [()]
    for op, argument in pattern:
        outcomes = [done + more for done in outcomes for more in choices(str(op), argument)]
    return outcomes


def choices(op: str, argument: Any) -> list[tuple[frozenset[str], ...]]:
    """The sequences that one element of a metadata pattern stands for."""
    if op == "LITERAL":
        return [(frozenset(chr(argument)),)]
    if op == "BRANCH":
        return [sequence for branch in argument[1] for sequence in expand(branch)]
    if op == "SUBPATTERN":
        return expand(argument[3])
    if op == "MAX_REPEAT":
        low, high, inner = argument
        runs = (product(expand(inner), repeat=times) for times in range(low, high + 1))
        return [sum(parts, ()) for run in runs for parts in run]
    assert op == "IN"
    return [(frozenset().union(*map(digits_of, argument)),)]


def digits_of(member: Any) -> frozenset[str]:
    """The digits that one member of a character class stands for."""
    kind, value = str(member[0]), member[1]
    if kind == "RANGE":
        return frozenset(map(chr, range(value[0], value[1] + 1)))
    return frozenset("0123456789") if kind == "CATEGORY" else frozenset(chr(value))


def test_only_the_known_blocks_look_past_six_digits() -> None:
    """The metadata itself says that six digits decide everywhere in North America, but for the blocks named in code."""
    kinds = set(LINE_TYPES.values()) - {"fixed_line_or_mobile", "unknown"}
    found = set()
    for region, kind in product(NANP_REGIONS, kinds):
        described = getattr(PhoneMetadata.metadata_for_region(region), kind)
        pattern = described.national_number_pattern if described else None
        for sequence in expand(re_parser.parse(pattern)) if pattern else ():
            if len(sequence) == 10 and any(len(place) < 10 for place in sequence[6:]):
                found |= {"".join(block) for block in product(*sequence[:6])}
    assert found == UNSTEADY_BLOCKS


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+12025550006", "+1•••••0006"),
        ("+447400123456", "+44•••••3456"),
        ("+3541234567", "+354•••••67"),
        ("+2908999", "+290•••••"),
        ("+29051234", "+290•••••34"),
        ("nonsense", "•••••"),
        ("", "•••••"),
    ],
)
def test_masks_show_too_little_to_call(e164: str, masked: str) -> None:
    """A mask shows the country and the last digits, fewer where the number is short, and never fails."""
    assert mask(e164) == masked
