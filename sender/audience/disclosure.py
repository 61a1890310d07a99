"""What people are told before they say yes, put together from the program, and checked for what is missing.

CTIA Messaging Principles 5.1.1 (call to action) and 5.1.2.1 (confirmation); 47 CFR 64.1200(f)(9): consent in writing
names the number, authorises automated marketing texts, and says that it is no condition of a purchase.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sender.models import Program

LONGEST = 500


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a program says of itself to people who are about to say yes."""

    frequency: str
    terms_url: str
    privacy_url: str


def wording(program: Program, about: str) -> str:
    """The words beside the box that is ticked on a form, or that are read out where somebody signs up in person."""
    return f"I agree to get {_texts(program, about)}, at the number I give here. {_terms(program)}"


def call(program: Program, about: str, keyword: str, address: str) -> str:
    """The words of a poster; empty where there is no keyword to text."""
    if not keyword or not address:
        return ""
    said = f"{invitation(keyword, address)} to get {_texts(program, about)}."
    return f"{said} You will be asked to reply YES. {_terms(program)}"


def invitation(keyword: str, address: str) -> str:
    """What stands in large letters on a poster, in the language of the words below it."""
    return f"Text {keyword.upper()} to {address}"


def welcome(program: Program) -> str:
    """The confirmation of a sign-up with its five parts (CTIA 5.1.2.1)."""
    often = program.frequency or "msg frequency varies"
    return (
        f"{program.brand}: you will get our recurring automated texts, {often}. Msg & data rates may apply. "
        f"Help: {program.help_contact}. Reply STOP to stop."
    )


def lacking(program: Program, about: str) -> list[str]:
    """The parts of the disclosure that nobody has written yet, each in the words of the page."""
    return [words for words, is_there in _parts(program, about) if not is_there]


def is_secure_link(text: str) -> bool:
    """Whether this is a whole https address."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme == "https" and "." in host and len(text) <= LONGEST and not set(text) & set(" \"'<>")


def _parts(program: Program, about: str) -> Iterable[tuple[str, bool]]:
    yield "the brand", bool(program.brand.strip())
    yield "what the texts are about", bool(about.strip())
    yield "how often they come", bool(program.frequency.strip())
    yield "where to get help", bool(program.help_contact.strip())
    yield "the link to the terms", is_secure_link(program.terms_url)
    yield "the link to the privacy policy", is_secure_link(program.privacy_url)


def _texts(program: Program, about: str) -> str:
    kind = "marketing texts" if "marketing" in program.purposes else "texts"
    return f"recurring automated {kind} ({about.strip()}) from {program.brand}, {program.frequency.strip()}"


def _terms(program: Program) -> str:
    return (
        "Consent is not a condition of any purchase. Msg & data rates may apply. Reply STOP to stop, HELP for help, or "
        f"contact {program.help_contact}. Terms: {program.terms_url} Privacy: {program.privacy_url}"
    )
