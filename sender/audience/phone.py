"""Phone numbers: every spelling of one number becomes one E.164 string, and nothing is guessed.

Built on Google's libphonenumber data (package ``phonenumbers``). What a person or a spreadsheet may have meant but did
not write (a country, the digits that Excel rounded away) is refused with a sentence that says how to mend it.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import phonenumbers as pn


class PhoneErrorCode(StrEnum):
    """Why a text is not taken as a phone number."""

    NOT_A_NUMBER = "not_a_number"
    NO_REGION = "no_region"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    INVALID = "invalid"
    SCIENTIFIC_NOTATION = "scientific_notation"
    EXTENSION = "extension"


class PhoneError(ValueError):
    """A text that is not one phone number: ``code`` for programs, ``sentence`` for people (holds no digits of it)."""

    def __init__(self, code: PhoneErrorCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Phone(NamedTuple):
    """One valid number.

    ``region`` is an ISO 3166 code, or "001" for numbers of no country (+800); ``line_type`` is libphonenumber's word in
    lower case (mobile, fixed_line, fixed_line_or_mobile, toll_free, premium_rate, shared_cost, voip, personal_number,
    pager, uan, voicemail, unknown); ``national`` are the digits after the country code, leading zeros kept.
    """

    e164: str
    region: str
    line_type: str
    country_code: int
    national: str


LINE_TYPES = {value: name.lower() for name, value in vars(pn.PhoneNumberType).items() if isinstance(value, int)}
NANP_REGIONS = frozenset(pn.COUNTRY_CODE_TO_REGION_CODE[1])
# In North America validity, type and region follow from the first six digits, except in these blocks (a test reads
# them out of the metadata, so an update that adds one is noticed).
UNSTEADY_BLOCKS = frozenset({"246521", "246522", "876606"})

_LONGEST = 64
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"\+?\d{7,}[.,]0+")
_EXTENSION = re.compile(r"\d.*(?:\bext|\bextension|[x#;])[.:= ]*\d+$", re.IGNORECASE)
# One slash may stand behind an area code (030/1234567); further on it parts two numbers.
_SHAPE = re.compile(r"\+?[\d .()-]*(?:(?<=\d)/[\d .()-]*)?")
_AREA_SLASH = re.compile(r"\D*(?:\d\D*){1,6}/")
_NOT_DIAL = re.compile(r"[^\d+]")
_NANP = re.compile(r"(?:\+?1)?([2-9]\d{9})")
_NANP_IN_FULL = re.compile(r"\+1([2-9]\d{9})", re.ASCII)
"""What most files hold: nothing about it needs to be tidied or refused before its block is looked up."""
_PRINT = str.maketrans("＋﹢（）．／−ー", "++()./--")

_SENTENCES = {
    PhoneErrorCode.NOT_A_NUMBER: "This is not one phone number: write digits only, such as +14155550123.",
    PhoneErrorCode.NO_REGION: "The number has no country code and no default country is set: write it as +14155550123, "
    "or choose the default country.",
    PhoneErrorCode.TOO_SHORT: "The number has too few digits for its country: check it for missing ones.",
    PhoneErrorCode.TOO_LONG: "The number has too many digits for its country: check it for added ones.",
    PhoneErrorCode.INVALID: "No such number can exist in its country: check the country code and the area code.",
    PhoneErrorCode.SCIENTIFIC_NOTATION: "A spreadsheet has rounded this number and its last digits are lost: format "
    "the column as text and export the file again.",
    PhoneErrorCode.EXTENSION: "The number has an extension, which cannot be texted: remove it if the number before it "
    "is the one to text.",
}
_POSSIBLE = {
    pn.ValidationResult.TOO_SHORT: PhoneErrorCode.TOO_SHORT,
    pn.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: PhoneErrorCode.TOO_SHORT,
    pn.ValidationResult.TOO_LONG: PhoneErrorCode.TOO_LONG,
}
_PARSE = {
    pn.NumberParseException.INVALID_COUNTRY_CODE: PhoneErrorCode.INVALID,
    pn.NumberParseException.NOT_A_NUMBER: PhoneErrorCode.NOT_A_NUMBER,
    pn.NumberParseException.TOO_SHORT_AFTER_IDD: PhoneErrorCode.TOO_SHORT,
    pn.NumberParseException.TOO_SHORT_NSN: PhoneErrorCode.TOO_SHORT,
    pn.NumberParseException.TOO_LONG: PhoneErrorCode.TOO_LONG,
}


def parse(text: str, region: str | None) -> Phone:
    """Read one phone number as a person or file wrote it; ``region`` (ISO 3166) is the country of local numbers.

    Any digits, spaces, brackets, dots, dashes, "00" or "011" (with a region) and "+" are understood; letters,
    extensions, two numbers in one field and rounded spreadsheet numbers are not.

    Raises :class:`PhoneError`. A local number without ``region`` is refused: the country is never assumed.
    """
    written = _NANP_IN_FULL.fullmatch(text)
    if written and written[1][:6] not in UNSTEADY_BLOCKS:
        return _north_american(written[1])
    plain = _plain(text)
    _refuse_shape(plain)
    dial = _NOT_DIAL.sub("", plain)
    region = region.upper() if region else None
    north = _NANP.fullmatch(dial) if dial[0] == "+" or region in NANP_REGIONS else None
    if north and north[1][:6] not in UNSTEADY_BLOCKS:
        return _north_american(north[1])
    return _parse_anywhere(_international(dial, region), region)


def mask(e164: str) -> str:
    """Show a number in logs and pages: country code, five dots, last four digits (two where the number is short)."""
    code = next((e164[1:n] for n in (2, 3, 4) if _is_country_code(e164[1:n])), "")
    rest = len(e164) - 1 - len(code)
    shown = 4 if rest >= 8 else 2 if rest >= 5 else 0
    return f"+{code}•••••{e164[len(e164) - shown :]}" if code else "•••••"


def _refuse(code: PhoneErrorCode) -> PhoneError:
    return PhoneError(code, _SENTENCES[code])


def _plain(text: str) -> str:
    """Put digits, spaces and dashes of any script into ASCII and drop what cannot be seen."""
    if len(text) > _LONGEST:
        raise _refuse(PhoneErrorCode.TOO_LONG)
    if not text.isascii():
        text = "".join(map(_plain_char, text.translate(_PRINT)))
    return text.strip().removeprefix("'").removeprefix("tel:").strip()


def _plain_char(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return {"Zs": " ", "Pd": "-", "Cf": ""}.get(category, char)


def _refuse_shape(plain: str) -> None:
    if _SCIENTIFIC.fullmatch(plain):
        raise _refuse(PhoneErrorCode.SCIENTIFIC_NOTATION)
    if _EXTENSION.search(plain):
        raise _refuse(PhoneErrorCode.EXTENSION)
    if not _SHAPE.fullmatch(plain) or _DECIMAL.fullmatch(plain) or not any(map(str.isdigit, plain)):
        raise _refuse(PhoneErrorCode.NOT_A_NUMBER)
    if "/" in plain and not _AREA_SLASH.match(plain):
        raise _refuse(PhoneErrorCode.NOT_A_NUMBER)


def _international(dial: str, region: str | None) -> str:
    """In North America no number begins with 0, so 00 can only be the international prefix of elsewhere."""
    return f"+{dial[2:]}" if dial.startswith("00") and region in NANP_REGIONS else dial


def _parse_anywhere(dial: str, region: str | None) -> Phone:
    if dial[0] != "+" and region not in pn.SUPPORTED_REGIONS:
        raise _refuse(PhoneErrorCode.NO_REGION)
    try:
        number = pn.parse(dial, region)
    except pn.NumberParseException as error:
        raise _refuse(_PARSE[error.error_type]) from None
    code, national = number.country_code or 0, pn.national_significant_number(number)
    found = pn.region_code_for_number(number)
    if found is None or not pn.is_valid_number_for_region(number, found):
        raise _refuse(_POSSIBLE.get(pn.is_possible_number_with_reason(number), PhoneErrorCode.INVALID))
    return Phone(f"+{code}{national}", found, LINE_TYPES[pn.number_type(number)], code, national)


def _north_american(national: str) -> Phone:
    known = _north_american_block(national[:6])
    if known is None:
        raise _refuse(PhoneErrorCode.INVALID)
    return Phone(f"+1{national}", known[0], known[1], 1, national)


@lru_cache(maxsize=1 << 18)
def _north_american_block(block: str) -> tuple[str, str] | None:
    """Region and line type of the 10,000 numbers +1NPANXX0000 to 9999, or None if there are none."""
    number = pn.PhoneNumber(country_code=1, national_number=int(block) * 10_000 + 1234)
    region = pn.region_code_for_number(number)
    if region is None or not pn.is_valid_number_for_region(number, region):
        return None
    return region, LINE_TYPES[pn.number_type(number)]


def _is_country_code(digits: str) -> bool:
    return digits.isdecimal() and int(digits) in pn.COUNTRY_CODE_TO_REGION_CODE
