"""One row of a file: what is taken, what is refused, and that no mistake loses an opt-out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.base import Purpose
from sender.audience.importing.columns import understand
from sender.audience.importing.options import Attestation, FileRefused, ImportOptions, attest
from sender.audience.importing.reading import RawRow
from sender.audience.importing.rows import Judge, Refused, Taken

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORD = Attestation("shop till", "Yes, text me offers", "Kim Lee", datetime(2026, 1, 2, tzinfo=UTC))
BOTH = frozenset({Purpose.MARKETING, Purpose.INFORMATIONAL})
NUMBER = "+14155550123"


def judged(cells: dict[str, str], **options: Any) -> Taken | Refused:
    """The judgement on one row, whose cells are given by column name; the number is there unless given."""
    cells = {"phone": NUMBER, **cells}
    wanted = ImportOptions(**{"program_id": 1, "purpose": Purpose.MARKETING, **options})
    judge = Judge(understand(list(cells), wanted.mapping), wanted, BOTH, NOW)
    return judge.judge(RawRow(7, 7, 100, ",".join(cells.values()), list(cells.values())))


def taken(cells: dict[str, str], **options: Any) -> Taken:
    """The row, which must have been taken."""
    row = judged(cells, **options)
    assert isinstance(row, Taken), row
    return row


def code(cells: dict[str, str], **options: Any) -> str:
    """The code the row is refused with, or "" where it is taken."""
    row = judged(cells, **options)
    return row.code if isinstance(row, Refused) else ""


@pytest.mark.parametrize("spelling", ["(415) 555-0123", "415.555.0123", "1 415 555 0123", "+1 415-555-0123"])
def test_spellings_of_one_number_are_one_number(spelling: str) -> None:
    """Whatever the file writes, the row is about the same E.164 number."""
    assert taken({"phone": spelling}, region="US").phone.e164 == NUMBER


def test_a_local_number_is_never_given_a_country() -> None:
    """Without a chosen region or a country column a local number is refused."""
    assert code({"phone": "4155550123"}) == "no_region"
    assert code({"phone": "4155550123"}, region="US") == ""
    assert code({"phone": "4155550123", "country": "United States"}) == ""


def test_the_country_column_comes_before_the_chosen_region() -> None:
    """Codes and English names are understood, and one that is neither refuses the row."""
    assert taken({"phone": "020 7946 0123", "country": "uk"}, region="US").phone.e164 == "+442079460123"
    assert taken({"phone": "020 7946 0123", "country": "gb"}).attributes == {"country": "GB"}
    assert code({"phone": "4155550123", "country": "Atlantis"}, region="US") == "unknown_country"
    assert code({"phone": NUMBER, "country": "Atlantis"}) == "unknown_country"


def test_attributes_have_types() -> None:
    """Numbers, truth and dates are told apart from text, and leading zeros keep a code text."""
    given = {
        "Visits": "12",
        "Spent": "9.50",
        "VIP": "TRUE",
        "Code": "007",
        "Born": "1990-02-03",
        "Seen": "2026-01-02 03:04",
        "City": " Austin ",
        "Empty": "",
    }
    assert taken(given).attributes == {
        "visits": 12,
        "spent": 9.5,
        "vip": True,
        "code": "007",
        "born": "1990-02-03",
        "seen": "2026-01-02T03:04:00",
        "city": "Austin",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"phone": "hello"}, "not_a_number"),
        ({"phone": ""}, "not_a_number"),
        ({"phone": "1.4155550123E+10"}, "scientific_notation"),
        ({"work": "(212) 555-0199"}, "phone_in_attribute"),
        ({"work": "+44 20 7946 0123"}, "phone_in_attribute"),
        ({"zip": "+44 20 7946 0123"}, "phone_in_attribute"),
        ({"order": "20260301"}, ""),
        ({"note": "x" * 1001}, "too_long"),
        ({"note": "a\0b"}, "control_character"),
        ({"language": "English"}, "bad_language"),
        ({"language": "ES_mx"}, ""),
        ({"zone": "america/new_york"}, ""),
        ({"zone": "Eastern"}, "unknown_zone"),
        ({"consent": "maybe"}, "unclear_consent"),
        ({"consent": "yes", "consent_at": "03/01/2026"}, "bad_consent_date"),
        ({"consent": "yes", "consent_at": "2027-01-01"}, "bad_consent_date"),
        ({"consent": "yes", "consent_purpose": "fun"}, "bad_purpose"),
        ({"consent": "yes", "consent_purpose": "TRANSACTIONAL"}, "bad_purpose"),
        ({"unsubscribed": "perhaps"}, "unclear_opt_out"),
    ],
)
def test_each_fault_has_its_code(given: dict[str, str], expected: str) -> None:
    """A row is refused for one reason, and its sentence repeats nothing from the row."""
    row = judged(given)
    assert (row.code if isinstance(row, Refused) else "") == expected
    if isinstance(row, Refused):
        assert not any(cell in row.reason for cell in given.values() if len(cell) > 3)


def test_cells_past_the_header_refuse_a_row() -> None:
    """A stray delimiter shifts every later cell, so such a row is not believed; missing last cells are empty."""
    judge = Judge(understand(["phone", "city", ""], {}), ImportOptions(), frozenset(), NOW)
    codes = [
        getattr(judge.judge(RawRow(2, 2, 9, "", cells)), "code", "")
        for cells in ([NUMBER, "Austin", "", ""], [NUMBER], [NUMBER, "Austin", "TX"], [NUMBER, "A", "", "TX"])
    ]
    assert codes == ["", "", "too_many_cells", "too_many_cells"]


@pytest.mark.parametrize("said", ["yes", "TRUE", "1", "Opted-In", "subscribed"])
def test_a_yes_with_words_and_date_is_written_consent(said: str) -> None:
    """The level is express written only where the wording and the date are there."""
    full = {"consent": said, "consent_at": "2026-01-05", "consent_wording": "Text me", "consent_source": "/join"}
    consent = taken(full).consent
    assert consent is not None
    assert (consent.kind, consent.level, consent.wording, consent.source) == (
        "opt_in",
        "express_written",
        "Text me",
        "/join",
    )
    assert consent.at == datetime(2026, 1, 5, tzinfo=UTC)
    for lacking in ("consent_at", "consent_wording"):
        partial = taken({**full, lacking: ""}).consent
        assert partial is not None
        assert partial.level == "express"


def test_without_a_yes_there_is_no_consent() -> None:
    """No, empty, and a file that says nothing of consent all leave the person without standing."""
    for cells in ({"consent": "no"}, {"consent": ""}, {}):
        assert taken(cells).consent is None


def test_an_attestation_stands_in_for_columns_and_completes_them() -> None:
    """Without a consent column it speaks for each row; beside one it only fills in what a yes lacks."""
    alone = taken({}, attestation=WORD).consent
    assert alone is not None
    assert (alone.level, alone.wording, alone.at) == ("express_written", WORD.wording, WORD.at)
    completed = taken({"consent": "yes", "consent_wording": "Own words"}, attestation=WORD).consent
    assert completed is not None
    assert (completed.wording, completed.at) == ("Own words", WORD.at)
    assert taken({"consent": "no"}, attestation=WORD).consent is None


@pytest.mark.parametrize(
    "given",
    [
        {"opted_out": "yes"},
        {"unsubscribed": "unsubscribed"},
        {"consent": "opted out"},
        {"consent": "yes", "opted_out": "1"},
        {"opted_out_at": "2026-01-01"},
        {"opted_out_at": "last year"},
    ],
)
def test_an_opt_out_wins_over_everything_else_in_the_row(given: dict[str, str]) -> None:
    """A yes beside it, an attestation, or a date nobody can read do not make it anything else."""
    consent = taken(given, attestation=WORD).consent
    assert consent is not None
    assert consent.kind == "opt_out"


@pytest.mark.parametrize("fault", [{"language": "English"}, {"work": NUMBER}, {"country": "Atlantis"}])
def test_a_refused_row_still_opts_out(fault: dict[str, str]) -> None:
    """A mistake elsewhere in the row refuses its data, not its STOP."""
    row = judged({"opted_out": "yes", **fault})
    assert isinstance(row, Refused)
    assert row.out is not None
    assert row.out.consent is not None
    assert row.out.consent.kind == "opt_out"


CELLS = st.text(max_size=30) | st.sampled_from(["yes", "no", "opted out", "2026-01-01", NUMBER, "US", "1e999", "-0"])


@given(st.dictionaries(st.sampled_from(["phone", "country", "consent", "consent_at", "opted_out", "zone", "x"]), CELLS))
def test_any_row_is_taken_or_refused(given: dict[str, str]) -> None:
    """No cell, however strange, ends the import; and consent needs a yes."""
    row = judged(given, region="US")
    if isinstance(row, Taken) and row.consent and row.consent.kind == "opt_in":
        assert given["consent"].strip().casefold() == "yes"


def vouch(source: str = "till", at: str = "2026-01-02", purpose: str = "Marketing", how: str = "in_person") -> Any:
    """An attestation as a person types it."""
    return attest(source, "Text me", "Kim", at, purpose, NOW, how, "our staff")


def test_an_attestation_is_whole_or_not_there() -> None:
    """Part of one is refused in a sentence that lists what is missing; a purpose alone is not an attestation."""
    assert attest(None, None, None, None, None, NOW) == (None, None)
    assert attest(None, None, None, None, "marketing", NOW) == (None, Purpose.MARKETING)
    given = Attestation("till", "Text me", "Kim", datetime(2026, 1, 2, tzinfo=UTC), "in_person", "our staff")
    assert vouch() == (given, Purpose.MARKETING)
    with pytest.raises(FileRefused, match="lacks wording, date, how, collected by, purpose;"):
        attest("till", " ", "Kim", None, None, NOW)
    with pytest.raises(FileRefused, match="must be a past date"):
        vouch(at="2027-01-02")
    with pytest.raises(FileRefused, match="'code' is not one of"):
        vouch(purpose="code")
    with pytest.raises(FileRefused, match="must be one of web_form, checkout"):
        vouch(how="somehow")


@pytest.mark.parametrize("how", ["bought", "rented", "shared", "scraped"])
def test_a_list_of_somebody_elses_people_cannot_be_vouched_for(how: str) -> None:
    """The sentence says why, and what may be done instead."""
    with pytest.raises(FileRefused, match="agreed to somebody else, and carriers forbid"):
        vouch(how=how)


@pytest.mark.parametrize("source", ["leads purchased from a data broker", "Bought list, spring", "a lead list"])
def test_words_that_give_a_bought_list_away_are_heard(source: str) -> None:
    """Whatever way of collecting is ticked beside them."""
    with pytest.raises(FileRefused, match="described as"):
        vouch(source=source)
    assert vouch(source="tick box at purchase, Acme Rental checkout")[0] is not None
