"""Footer: brand and way out in every text that sells or informs, added once."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import opt_out_footer
from guards.base import ALLOW, Allow, Block, Draft, Kind, Purpose
from tests.guards.people import POLICY, facts

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
NAMES = WORDS.filter(str.strip)


def checked(text: str, brand: str = "Acme", footer: str = "Reply STOP to opt out.") -> str:
    """Return the text as it would leave."""
    verdict = opt_out_footer.check(
        Draft(text, Purpose.MARKETING), facts(policy=replace(POLICY, brand=brand, footer=footer))
    )
    assert isinstance(verdict, Allow)
    return verdict.draft.text if verdict.draft else text


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("Beans are in.", "Acme: Beans are in.\nReply STOP to opt out."),
        ("ACME beans are in.  ", "ACME beans are in.\nReply STOP to opt out."),
        ("Beans. Reply STOP to opt out.", "Acme: Beans. Reply STOP to opt out."),
        ("Acme: Beans. Reply STOP to opt out.", "Acme: Beans. Reply STOP to opt out."),
        ("Acmeology is fun.", "Acme: Acmeology is fun.\nReply STOP to opt out."),
        ("", "Acme: Reply STOP to opt out."),
    ],
)
def test_what_is_missing_is_added(text: str, leaves: str) -> None:
    """The brand goes in front and the footer on a last line, each only where it is missing."""
    assert checked(text) == leaves


def test_a_footer_may_name_the_brand() -> None:
    """A footer that says who sends needs no second naming."""
    assert checked("Beans.", footer="Acme. STOP to end") == "Beans.\nAcme. STOP to end"


@given(WORDS, NAMES, NAMES)
def test_it_changes_its_own_output_never(text: str, brand: str, footer: str) -> None:
    """Whatever text, brand and footer, a second look finds both there and adds nothing."""
    once = checked(text, brand, footer)
    assert footer.strip() in once
    assert brand.strip().casefold() in once.casefold()
    assert checked(once, brand, footer) == once


@pytest.mark.parametrize(
    "draft",
    [
        Draft("1234", Purpose.CODE),
        Draft("Shipped.", Purpose.TRANSACTIONAL),
        Draft("Done.", Purpose.MARKETING, Kind.ANSWER),
    ],
)
def test_other_texts_are_left_alone(draft: Draft) -> None:
    """Codes, transactional texts and answers keep their words."""
    assert opt_out_footer.check(draft, facts()) is ALLOW


@pytest.mark.parametrize("missing", ["brand", "footer"])
def test_a_program_without_words_sends_nothing(missing: str) -> None:
    """Where the program has no brand or no footer, the text is blocked."""
    verdict = opt_out_footer.check(
        Draft("Hi", Purpose.MARKETING),
        facts(policy=replace(POLICY, **{missing: " "})),  # type: ignore[arg-type]
    )
    assert isinstance(verdict, Block)
    assert verdict.reason == "no_footer"
