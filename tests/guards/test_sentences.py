"""What people read of a finding: the whole sentence, and what to do about it, word for word."""

from dataclasses import replace
from typing import Any

import pytest

from guards import content, labels
from guards.base import ALLOW, Allow, Block, Draft, Kind, Places, Purpose
from guards.content import findings
from tests.guards.people import POLICY, facts

FOUR = {"domains": ("a.example", "b.example", "c.example", "d.example")}
PLAIN = "Link to the plain name of your own domain."
GATE = "Leave it out, or have the program ask for a date of birth."
ONE = {"max_parts": 1}


def told(text: str, code: str, purpose: Purpose = Purpose.MARKETING, **policy: Any) -> tuple[str, tuple[int, int], str]:
    """Severity, place and words of the one finding with this code."""
    (found,) = (one for one in findings(text, purpose, replace(POLICY, **policy)) if one.code == code)
    return found.severity, found.span, f"{found.sentence} {found.mend}"


@pytest.mark.parametrize(
    ("text", "policy", "code", "severity", "span", "words"),
    [
        ("Hi {name}", {}, "unfilled", "stop", (3, 9),
         "'{name}' looks like a field that was not filled in. Fill in the field or give it a default."),
        ("Free wine", {}, "shaft_alcohol", "stop", (5, 9),
         f"Carriers take 'wine' (alcohol) only behind an age gate. {GATE}"),
        ("Free wine", {"countries": frozenset({"CA"})}, "shaft_alcohol", "stop", (5, 9),
         f"Carriers take 'wine' (alcohol) only behind an age gate. {GATE}"),
        ("Free wine", {"countries": frozenset({"US"})}, "shaft_alcohol", "stop", (5, 9),
         f"Carriers take 'wine' (alcohol) only behind an age gate. {GATE}"),
        ("Free wine", {"age_gate": True}, "shaft_alcohol", "info", (5, 9),
         f"Carriers take 'wine' (alcohol) only behind an age gate. {GATE}"),
        ("CBD gummies", {}, "shaft_cannabis", "stop", (0, 3), "Carriers take 'CBD' (cannabis) never. Leave it out."),
        ("x" * 161, ONE, "too_long", "stop", (0, 161),
         "The text takes 2 parts; the program's limit is 1. Shorten it, or raise the program's limit."),
        ("It’s here" + "x" * 62, {}, "look_alike", "warning", (2, 3),
         "The character '’' (U+2019) makes the text one of 70 characters a part. Write \"'\" for it."),
        ("Beans\u200b here" + "x" * 62, {}, "look_alike", "warning", (5, 6),
         "The character '\\u200b' (U+200B) makes the text one of 70 characters a part. Leave it out."),
        ("Acme сlub", {}, "mixed_letters", "warning", (5, 9),
         "The word 'сlub' mixes letters of two alphabets that look alike. Write 'club'."),
        ("BEST BEANS OF THE WHOLE TOWN", {}, "all_capitals", "warning", (0, 28),
         "The text is written in capitals, which filters and people take for shouting. "
         "Write it as you would speak it."),
        ("Now: bit.ly/x", {}, "shortener", "stop", (5, 13),
         "Carriers filter texts with links of public shorteners such as bit.ly. Use a link of your own domain."),
        ("https://evil.test/x", FOUR, "link_elsewhere", "stop", (0, 19),
         "The link leads to evil.test, which is not among the program's domains. "
         "Link to a.example or b.example or c.example, or add the domain to the program."),
        ("http://[2001:DB8::1]/x", {"domains": ("a.example",)}, "link_elsewhere", "stop", (0, 22),
         "The link leads to [2001:db8::1], which is not among the program's domains. "
         "Link to a.example, or add the domain to the program."),
        ("https://acme.com@evil.example/x", {}, "link_user", "stop", (0, 31),
         f"The link hides its true address behind an @. {PLAIN}"),
        ("http://192.0.2.7:8080/x", {}, "link_number", "stop", (0, 23),
         f"The link leads to a bare number instead of a name. {PLAIN}"),
        ("http://[2001:db8::1]/x", {}, "link_number", "stop", (0, 22),
         f"The link leads to a bare number instead of a name. {PLAIN}"),
        ("https://аcme.com/x", {}, "link_letters", "stop", (0, 18),
         f"The link's name has letters of another alphabet, mixed with Latin ones. {PLAIN}"),
        ("https://münchen-2.example/x", {}, "link_letters", "warning", (0, 27),
         f"The link's name has letters of another alphabet. {PLAIN}"),
        ("https://xn--mnchen-3ya.example/x", {}, "link_letters", "warning", (0, 32),
         f"The link's name has letters of another alphabet. {PLAIN}"),
        ("https://acrne.com/x", {}, "brand_imitated", "stop", (0, 19),
         f"The link's name acrne.com imitates the brand Acme with letters that look alike. {PLAIN}"),
        ("https://HARDOUR.com/x", {"brand": "Harbour"}, "brand_misspelt", "warning", (0, 21),
         f"The link's name hardour.com is one letter away from the brand Harbour. {PLAIN}"),
    ],
)  # fmt: skip
def test_a_finding_says_what_is_wrong_and_what_to_do(
    text: str, policy: dict[str, Any], code: str, severity: str, span: tuple[int, int], words: str
) -> None:
    """Each finding names what it found, where, and how to mend it."""
    assert told(text, code, **policy) == (severity, span, words)


def test_the_words_that_give_marketing_away_are_named() -> None:
    """The first four are enough to see what is meant; a word that comes twice is named once."""
    words = "Flash sale, shop now, deals: 50% off, coupon, discount"
    assert told(words, "looks_like_marketing", Purpose.TRANSACTIONAL) == (
        "warning",
        (0, 10),
        "The words look like marketing: Flash sale, sale, shop, shop now. "
        "Send it as marketing, or have a second person confirm the purpose.",
    )


@pytest.mark.parametrize(
    ("text", "shouts"),
    [
        ("A" * 20, True),
        ("A" * 19, False),
        ("A" * 16 + "b" * 4, True),
        ("A" * 16 + "b" * 5, False),
        ("A" * 19 + "1234567890 中文字", False),
        ("A" * 20 + "1234567890 中文字中文字", True),
        ("A" * 16 + " STOP HELP", False),
        ("A" * 16 + " stop help", False),
    ],
)
def test_where_shouting_begins(text: str, shouts: bool) -> None:
    """Twenty letters with a case of their own, four in five of them capitals; STOP and HELP are not counted."""
    assert ("all_capitals" in [one.code for one in findings(text, Purpose.MARKETING, POLICY)]) is shouts


@pytest.mark.parametrize(
    ("link", "brand", "code"),
    [
        ("https://savvy.com/x", "Sawy", "brand_imitated"),
        ("https://sawy.com/x", "Savvy", "brand_imitated"),
        ("https://acmi.com/x", "Acml", "brand_imitated"),
        ("https://ácme.com/x", "Acme", "brand_imitated"),
        ("https://harb0ur.com/x", "Harb_our!", "brand_imitated"),
        ("https://acme.com/x", "Acme", None),
        ("https://harbor.com/x", "Harbou", "brand_misspelt"),
        ("https://acmf.com/x", "Acme", None),
        ("https://harbdu.com/x", "Harbou", "brand_misspelt"),
        ("https://hxrbdu.com/x", "Harbou", None),
    ],
)
def test_what_imitates_a_brand(link: str, brand: str, code: str | None) -> None:
    """Letters that look alike, accents and two letters for one; one slip in six letters or more, and no more."""
    found = [one.code for one in findings(link, Purpose.MARKETING, replace(POLICY, brand=brand))]
    assert [one for one in found if one.startswith("brand_")] == ([code] if code else [])


@pytest.mark.parametrize(
    "link", ["https://a.example/x?u=https://b.example/y", "https://www.a.example:8443/x", "https://A.Example#x@y"]
)
def test_only_the_place_a_link_leads_to_counts(link: str) -> None:
    """Addresses inside the path, a port and capitals change nothing about where a link leads."""
    assert findings(link, Purpose.MARKETING, replace(POLICY, domains=("a.example",))) == ()


def test_a_name_that_cannot_be_read_is_judged_as_it_is() -> None:
    """Punycode that stands for nothing is a name in another alphabet, and no error."""
    assert [one.code for one in findings("https://xn--0.example/x", Purpose.MARKETING, POLICY)] == ["link_letters"]


@pytest.mark.parametrize(
    ("country", "text", "note"),
    [
        ("MY", "Beans https://acme.example", "Texts to MY may hold no link: {law}."),
        ("MY", "Beans, call +60 3-1234 5678", "Texts to MY may hold no phone: {law}."),
        ("KR", "Beans", "Texts to KR need a refusal line that the program does not have: {law}."),
    ],
)
def test_a_label_that_cannot_be_given_names_the_law(country: str, text: str, note: str) -> None:
    """What no words of ours can satisfy is blocked with the country and its law."""
    verdict = labels.check(Draft(text, Purpose.MARKETING), facts(country=country, places=Places((country,))))
    law = labels.book()[country].citation
    assert verdict == Block("label_impossible", (f"label-{country}",), note.format(law=law))


def test_two_first_labels_are_said_to_be_impossible() -> None:
    """Where two countries want the first word, the refusal says so."""
    both = facts(country="VN", places=Places(("IL", "VN")))
    verdict = labels.check(Draft("Beans", Purpose.MARKETING), both)
    said = "Two countries each want their own label at the very start."
    assert verdict == Block("label_impossible", ("label-VN", "label-IL"), said)


def test_what_a_person_writes_back_is_judged_and_fixed_words_are_not() -> None:
    """A colleague's reply with an open field is stopped; the program's own answer to HELP is nobody's slip."""
    for answers, goes in (("reply", False), ("help", True), ("stop", True)):
        words = Draft("Hi {name}", Purpose.INFORMATIONAL, Kind.ANSWER, answers)
        assert (content.check(words, facts()) is ALLOW) is goes


def test_a_warning_does_not_stop_at_the_gate() -> None:
    """A shortener in a transactional text is for a person to see; the same in marketing stops it."""
    assert content.check(Draft("Shipped: bit.ly/x", Purpose.TRANSACTIONAL), facts()) is ALLOW
    assert isinstance(content.check(Draft("Sale: bit.ly/x", Purpose.MARKETING), facts()), Block)


def test_a_blank_line_behind_the_refusal_does_not_count() -> None:
    """Korea's refusal is on the last line also where only spaces follow it."""
    assert labels.book()["KR"].refuses("Beans\n무료수신거부 080-123-4567\n \n")
    assert not labels.book()["KR"].refuses("")


def test_senders_names_have_their_beginning_or_end() -> None:
    """The table asks a sender's name to begin with, or to end with, and asks nothing else of it."""
    asked = {country: label.sender for country, label in labels.book().items() if any(label.sender)}
    assert asked == {"AE": ("AD-", ""), "SA": ("", "-AD"), "JO": ("ADV", "")}


def test_the_label_stands_before_the_first_word() -> None:
    """Spaces in front of the text go, those behind it stay; a region of the country counts like the country."""
    somewhere = facts(country="US", places=Places(("VN-HN",)))
    verdict = labels.check(Draft("  Beans ", Purpose.MARKETING), somewhere)
    assert isinstance(verdict, Allow)
    assert verdict.draft is not None
    assert verdict.draft.text == "[QC] Beans "
