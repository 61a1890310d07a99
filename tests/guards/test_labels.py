"""Labels: what a country wants on a marketing text is added where words can do it, and blocks where they cannot."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import labels, opt_out_footer
from guards.base import ALLOW, Allow, Block, Draft, Facts, Kind, Places, Purpose, Verdict
from tests.guards.people import POLICY, facts

REFUSAL = "무료수신거부 080-123-4567"
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=80)
COUNTRIES = ["KR", "VN", "IL", "SG", "CN", "FR", "MY", "SA", "AE", "US"]


def known(country: str, **policy: Any) -> Facts:
    """Facts about a number of this country, for a program with the Korean refusal line unless said otherwise."""
    policy = {"refusals": {"KR": REFUSAL}, **policy}
    return facts(country=country, places=Places((country,)), policy=replace(POLICY, **policy))


def asked(text: str, country: str, **policy: Any) -> Verdict:
    """What the guard says of a marketing text."""
    return labels.check(Draft(text, Purpose.MARKETING), known(country, **policy))


def labelled(text: str, country: str) -> str:
    """The text with its label."""
    verdict = asked(text, country)
    assert isinstance(verdict, Allow)
    return verdict.draft.text if verdict.draft else text


@pytest.mark.parametrize(
    ("country", "leaves"),
    [
        ("KR", "(광고) Beans"),
        ("VN", "[QC] Beans"),
        ("IL", "פרסומת Beans"),
        ("SG", "<ADV> Beans"),
        ("CN", "【Acme】Beans"),
        ("US", "Beans"),
        ("FR", "Beans"),
    ],
)
def test_the_label_comes_first(country: str, leaves: str) -> None:
    """The country's label is put at the very start, once, and nowhere else."""
    assert labelled("Beans", country) == leaves
    assert labelled(leaves, country) == leaves


@pytest.mark.parametrize(("country", "text"), [("VN", "[AD] Beans"), ("CN", "【极客】 Beans")])
def test_what_serves_as_well_is_left(country: str, text: str) -> None:
    """Another label that the country accepts stays as it is."""
    assert labelled(text, country) == text


def test_korea_wants_its_free_refusal_on_the_last_line() -> None:
    """The program's 080 line closes the text; a text that has it in the middle gets it again at the end."""
    assert whole("새 원두", "KR") == f"(광고) Acme: 새 원두\n{REFUSAL}"
    assert whole(f"{REFUSAL}\n새 원두", "KR") == f"(광고) Acme: {REFUSAL}\n새 원두\n{REFUSAL}"


@pytest.mark.parametrize("refusals", [{}, {"KR": "수신거부: STOP 회신"}, {"US": REFUSAL}])
def test_without_that_refusal_nothing_goes_to_korea(refusals: dict[str, str]) -> None:
    """No words of ours can name a free number the program does not have: blocked, with the law."""
    verdict = asked("새 원두", "KR", refusals=refusals)
    assert isinstance(verdict, Block)
    assert (verdict.reason, verdict.rules) == ("label_impossible", ("label-KR",))
    assert "Network Act" in verdict.note


def test_france_without_its_short_code_goes_with_the_ordinary_way_out() -> None:
    """The operators' STOP 36xxx is wanted but is no law: a finding elsewhere, no block here."""
    assert asked("Les soldes", "FR") is ALLOW


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ("Beans from RM10 at 5.30pm", True),
        ("Beans at https://acme.example", False),
        ("Beans at acme.example/x", False),
        ("Beans, call +60 3-1234 5678", False),
        ("Beans, call 0123456789", False),
    ],
)
def test_malaysia_takes_no_links_and_no_phone_numbers(text: str, goes: bool) -> None:
    """A text to Malaysia with a link or phone number is blocked, any other goes."""
    assert (asked(text, "MY") is ALLOW) is goes


def test_a_link_in_the_footer_counts_in_malaysia() -> None:
    """A program whose only way out is a link cannot send marketing there."""
    verdict = asked("Beans", "MY", footer="Stop: https://acme.example/o/x")
    assert isinstance(verdict, Block)


def test_two_labels_at_once_are_impossible() -> None:
    """Where the number says one country and the address another, and each wants its own label first, nothing goes."""
    at_both = replace(known("VN"), places=Places(("IL", "VN")))
    verdict = labels.check(Draft("Beans", Purpose.MARKETING), at_both)
    assert isinstance(verdict, Block)
    assert verdict.rules == ("label-VN", "label-IL")


def test_a_declared_address_counts_like_the_number() -> None:
    """A foreign number of somebody who lives in Vietnam gets the Vietnamese label."""
    verdict = labels.check(Draft("Beans", Purpose.MARKETING), replace(known("US"), places=Places(("US-NY", "VN"))))
    assert isinstance(verdict, Allow)
    assert verdict.draft is not None
    assert verdict.draft.text == "[QC] Beans"


@pytest.mark.parametrize(
    "draft",
    [
        Draft("1234", Purpose.CODE),
        Draft("Shipped", Purpose.TRANSACTIONAL),
        Draft("We close at 5", Purpose.INFORMATIONAL),
        Draft("Done", Purpose.MARKETING, Kind.ANSWER),
    ],
)
def test_only_marketing_is_labelled(draft: Draft) -> None:
    """Codes, news and answers are no advertisements, in no country."""
    assert labels.check(draft, known("KR", refusals={})) is ALLOW


@given(TEXTS, st.sampled_from(COUNTRIES))
def test_labels_and_footer_change_their_own_output_never(text: str, country: str) -> None:
    """Whatever text and country, what left both guards passes both unchanged, with the label first."""
    once = whole(text, country)
    if once is None:
        return
    assert whole(once, country) == once
    first = labels.book()[country].first if country in labels.book() else ""
    assert once.startswith(first.split("{")[0])


def whole(text: str, country: str) -> str | None:
    """The text behind labels and footer, None where labels block it."""
    draft = Draft(text, Purpose.MARKETING)
    for guard in (labels, opt_out_footer):
        verdict = guard.check(draft, known(country))
        if not isinstance(verdict, Allow):
            return None
        draft = verdict.draft or draft
    return draft.text


def test_every_row_has_its_source() -> None:
    """Each country of the table names basis, citation and confidence, and asks for something."""
    for country, label in labels.book().items():
        assert label.basis in {"law-text", "carrier", "courtesy"}, country
        assert label.confidence in {"high", "medium", "low"}, country
        assert label.citation, country
        assert label.first or label.refusal or label.forbids or any(label.sender) or label.needs, country
