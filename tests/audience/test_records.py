"""Records of facts: small in the database, and whole again for whoever asks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.base import Facts, Policy, Purpose, Sent, Standing
from guards.places import places_of
from sender.audience.records import kept, told

NOON = datetime(2026, 3, 10, 17, tzinfo=UTC)
ODD = st.sampled_from(
    [None, "", "NY", "US-TX", "10001", "K1A 0B1", "97400", "America/Denver", "EST5EDT", "UTC", "MX", "?"]
)
NUMBERS = st.sampled_from(["+12125550100", "+18505550100", "+18005550100", "+33612345678", "+61412345678", "+0", "+1"])


def person(number: str, **more: object) -> Facts:
    """Return somebody with consent and this number."""
    values = {"places": places_of(number), "standing": Standing("in", "express_written", event_id=7), **more}
    return Facts(NOON, "US", policy=Policy(1, "Acme", "STOP"), **values)  # type: ignore[arg-type]


@given(NUMBERS, ODD, ODD, ODD, ODD)
def test_places_zones_and_evidence_come_back_whole(
    number: str, postal_code: str | None, state: str | None, zone: str | None, country: str | None
) -> None:
    """Whatever is known of a person, what is kept tells the same places, zones and evidence as the guards saw."""
    places = places_of(number, postal_code=postal_code, state=state, zone=zone, country=country)
    whole = told(kept(person(number, places=places)))
    assert (tuple(whole["places"]), tuple(whole["zones"])) == (places.codes, places.zones)
    assert [tuple(pair) for pair in whole["evidence"]] == list(places.evidence)


def test_consent_caps_and_ends_come_back_whole() -> None:
    """Consent with its level and event, texts that counted, the end, the queue and the last way out are all told."""
    sends = (Sent(NOON, 1, Purpose.MARKETING), Sent(NOON, 2, Purpose.CODE))
    facts = person(
        "+12125550100", sends=sends, ends_at=NOON, queue=timedelta(seconds=90.4), last_footer_at=NOON - timedelta(1)
    )
    assert told(kept(facts)) == {
        "country": "US",
        "places": ["US-NY"],
        "zones": ["America/New_York"],
        "evidence": [["area_code:212", "US-NY America/New_York"]],
        "consent": "in",
        "consent_level": "express_written",
        "consent_event": 7,
        "counted_texts": 2,
        "ends_at": "2026-03-10T17:00:00+00:00",
        "queue_seconds": 90,
        "last_footer_at": "2026-03-09T17:00:00+00:00",
    }


def test_what_is_as_usual_is_not_kept() -> None:
    """Of somebody who was never texted, without an end, four things are kept, and in full there are nine."""
    record = kept(person("+12125550100"))
    assert set(record) == {"country", "evidence", "consent", "consent_event"}
    whole = told(record)
    assert (whole["counted_texts"], whole["ends_at"], len(whole)) == (0, None, 9)


@pytest.mark.parametrize("record", [{}, {"chain": "x", "note": "y"}])
def test_a_decision_without_facts_is_told_as_it_is(record: dict[str, str]) -> None:
    """Where a number was erased there are no facts to tell."""
    assert told(record) == record
