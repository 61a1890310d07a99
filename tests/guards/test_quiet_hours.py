"""Hours: what the law files say, in every place and zone at once, to the second."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards import quiet_hours
from guards.base import ALLOW, Allow, Block, Defer, Kind, Places, Purpose, Window
from guards.places import places_of
from guards.quiet_hours import Hours, hours_at
from guards.zones import table
from tests.guards.people import MONDAY_NOON, POLICY, allowed, at, draft, facts

NY, CH, DE, LA = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"

# (number, zone, local time of an open minute, local time of the minute at which it closes, next opening)
TABLE = [
    ("+12125550100", NY, "2026-11-23 20:59", "2026-11-23 21:00", "2026-11-24 08:00"),  # US
    ("+18605550100", NY, "2026-11-22 09:00", "2026-11-22 20:00", "2026-11-23 09:00"),  # CT
    ("+13055550100", NY, "2026-11-23 08:00", "2026-11-23 20:00", "2026-11-24 08:00"),  # FL
    ("+15045550100", CH, "2026-11-21 19:59", "2026-11-21 20:00", "2026-11-23 08:00"),  # LA, no Sunday
    ("+14105550100", NY, "2026-11-23 08:00", "2026-11-23 20:00", "2026-11-24 08:00"),  # MD
    ("+16015550100", CH, "2026-07-06 09:00", "2026-07-06 20:00", "2026-07-07 09:00"),  # MS in summer
    ("+16015550100", CH, "2026-12-07 08:00", "2026-12-07 20:00", "2026-12-08 08:00"),  # MS in winter
    ("+14055550100", CH, "2026-11-23 08:00", "2026-11-23 20:00", "2026-11-24 08:00"),  # OK
    ("+15035550100", LA, "2026-11-23 08:00", "2026-11-23 20:00", "2026-11-24 08:00"),  # OR
    ("+12155550100", NY, "2026-11-23 09:00", "2026-11-23 19:00", "2026-11-24 09:00"),  # PA
    ("+14015550100", NY, "2026-11-20 17:59", "2026-11-20 18:00", "2026-11-21 10:00"),  # RI
    ("+14015550100", NY, "2026-11-21 16:59", "2026-11-21 17:00", "2026-11-23 09:00"),  # RI, Saturday
    ("+12145550100", CH, "2026-11-21 20:59", "2026-11-21 21:00", "2026-11-22 12:00"),  # TX, Sunday at noon
    ("+12055550100", CH, "2026-11-21 19:59", "2026-11-21 20:00", "2026-11-23 08:00"),  # AL
    ("+18595550100", NY, "2026-11-23 10:00", "2026-11-23 21:00", "2026-11-24 10:00"),  # KY
    ("+16175550100", NY, "2026-11-23 08:00", "2026-11-23 20:00", "2026-11-24 08:00"),  # MA
    ("+13135550100", NY, "2026-11-23 09:00", "2026-11-23 21:00", "2026-11-24 09:00"),  # MI
    ("+17025550100", LA, "2026-11-23 09:00", "2026-11-23 20:00", "2026-11-24 09:00"),  # NV
    ("+18015550100", DE, "2026-11-21 20:59", "2026-11-21 21:00", "2026-11-23 08:00"),  # UT, no Sunday
    ("+14165550100", "America/Toronto", "2026-11-20 21:29", "2026-11-20 21:30", "2026-11-21 10:00"),  # CA
    ("+33612345678", "Europe/Paris", "2026-11-21 19:59", "2026-11-21 20:00", "2026-11-23 08:00"),  # FR
    ("+447700900123", "Europe/London", "2026-11-21 20:59", "2026-11-21 21:00", "2026-11-22 09:00"),  # GB
    ("+919812345678", "Asia/Kolkata", "2026-11-22 10:00", "2026-11-22 21:00", "2026-11-23 10:00"),  # IN
    ("+971501234567", "Asia/Dubai", "2026-11-22 09:00", "2026-11-22 18:00", "2026-11-23 09:00"),  # AE
    ("+27821234567", "Africa/Johannesburg", "2026-11-21 12:59", "2026-11-21 13:00", "2026-11-23 08:00"),  # ZA
    ("+573211234567", "America/Bogota", "2026-11-21 14:59", "2026-11-21 15:00", "2026-11-23 07:00"),  # CO
    ("+972501234567", "Asia/Jerusalem", "2026-11-20 12:59", "2026-11-20 13:00", "2026-11-22 09:00"),  # IL
    ("+595961234567", "America/Asuncion", "2026-11-21 19:59", "2026-11-21 20:00", "2026-11-23 09:00"),  # default
]


@pytest.mark.parametrize(("number", "zone", "is_open", "closes", "reopens"), TABLE)
def test_each_place_keeps_its_own_hours(number: str, zone: str, is_open: str, closes: str, reopens: str) -> None:
    """A text goes in the window, not from its end on, and is put off to the very opening of the next."""
    places = places_of(number)
    inside = hours_at(places, places.codes[0][:2], at(is_open, zone))
    assert (inside.verdict, inside.closes_at) == ("allow", at(closes, zone))
    after = hours_at(places, places.codes[0][:2], at(closes, zone))
    assert (after.verdict, after.until) == ("defer", at(reopens, zone))
    assert after.rules


HOLIDAYS = [
    ("+12055550100", CH, "2027-04-26"),  # AL, Confederate Memorial Day
    ("+15045550100", CH, "2027-02-09"),  # LA, Mardi Gras
    ("+15045550100", CH, "2028-11-07"),  # LA, Election Day of an even year
    ("+16015550100", CH, "2027-04-26"),  # MS, disputed counts as banned
    ("+12155550100", NY, "2027-03-26"),  # PA, Good Friday
    ("+12155550100", NY, "2027-06-14"),  # PA, Flag Day
    ("+14015550100", NY, "2027-08-09"),  # RI, Victory Day
    ("+18015550100", DE, "2027-07-23"),  # UT, Pioneer Day on a Saturday is kept on Friday too
    ("+18015550100", DE, "2028-07-24"),  # UT, Pioneer Day
    ("+18015550100", DE, "2029-06-18"),  # UT, Juneteenth kept on the Monday before
    ("+12055550100", CH, "2027-12-31"),  # AL, New Year's Day of 2028 is a Saturday
    ("+33612345678", "Europe/Paris", "2027-07-14"),  # FR
    ("+61412345678", "Australia/Sydney", "2027-01-26"),  # AU
    ("+27821234567", "Africa/Johannesburg", "2027-12-16"),  # ZA
    ("+27821234567", "Africa/Johannesburg", "2027-12-27"),  # ZA, kept on Monday as well
    ("+4915123456789", "Europe/Berlin", "2026-12-25"),  # DE, courtesy
    ("+36201234567", "Europe/Budapest", "2026-10-23"),  # HU keeps its own holidays under the EU file
]


@pytest.mark.parametrize(("number", "zone", "day"), HOLIDAYS)
def test_nothing_goes_on_a_holiday(number: str, zone: str, day: str) -> None:
    """Noon of a kept holiday is refused although noon of the day is open otherwise."""
    places = places_of(number)
    assert hours_at(places, places.codes[0][:2], at(f"{day} 12:00", zone)).verdict == "defer"


def test_countries_under_one_file_keep_each_their_own_holidays() -> None:
    """Someone who may be in Hungary or in Greece is left alone on the national days of both, under one rule id."""
    either = Places(("GR", "HU"), ("Europe/Athens", "Europe/Budapest"))
    assert hours_at(either, "GR", at("2026-10-23 12:00", "Europe/Athens")).verdict == "defer"
    assert hours_at(either, "GR", at("2026-10-28 12:00", "Europe/Athens")).verdict == "defer"
    assert hours_at(either, "GR", at("2026-10-27 12:00", "Europe/Athens")).rules == ("EU",)


def test_election_day_is_free_in_odd_years() -> None:
    """Louisiana closes on the Tuesday after the first Monday of November in even years only."""
    assert hours_at(places_of("+15045550100"), "US", at("2027-11-02 12:00", CH)).verdict == "allow"


def test_italy_opens_late_on_the_eve_of_a_holiday() -> None:
    """On 24 December the Italian window is 10 to 19, not 9 to 20."""
    places = places_of("+393123456789")
    assert hours_at(places, "IT", at("2026-12-24 09:30", "Europe/Rome")).until == at("2026-12-24 10:00", "Europe/Rome")
    assert hours_at(places, "IT", at("2026-12-24 18:30", "Europe/Rome")).closes_at == at(
        "2026-12-24 19:00", "Europe/Rome"
    )


def test_a_rule_counts_from_its_day_on() -> None:
    """Pennsylvania closed at nine on the evening before Act 47 took effect and at seven the evening after."""
    before = hours_at(places_of("+12155550100"), "US", at("2026-10-17 19:30", NY))
    assert (before.verdict, before.closes_at) == ("allow", at("2026-10-17 21:00", NY))
    assert hours_at(places_of("+12155550100"), "US", at("2026-10-19 19:30", NY)).verdict == "defer"


def test_a_split_area_code_keeps_both_clocks() -> None:
    """Area code 850 lies in two zones: it opens by the western clock and closes by the eastern."""
    places = places_of("+18505550100")
    assert hours_at(places, "US", at("2026-11-23 08:30", NY)).until == at("2026-11-23 08:00", CH)
    assert hours_at(places, "US", at("2026-11-23 12:00", NY)).closes_at == at("2026-11-23 20:00", NY)


def test_an_address_adds_its_rules_to_those_of_the_area_code() -> None:
    """A Florida number with a California address keeps Florida's evening and California's morning."""
    places = places_of("+13055550100", postal_code="90210")
    assert hours_at(places, "US", at("2026-11-23 10:59", NY)).until == at("2026-11-23 08:00", LA)
    assert hours_at(places, "US", at("2026-11-23 19:59", NY)).closes_at == at("2026-11-23 20:00", NY)


def test_a_number_without_a_place_gets_the_strictest_hours() -> None:
    """A toll-free number may be in any state, so it opens with Honolulu's ten o'clock and closes with Boston's six."""
    places = places_of("+18005550100")
    answer = hours_at(places, "US", at("2026-07-01 15:59", NY))
    assert answer.until == at("2026-07-01 16:00", NY)
    assert hours_at(places, "US", at("2026-07-01 16:00", NY)).closes_at == at("2026-07-01 18:00", NY)


def test_the_window_that_is_open_must_outlast_the_queue() -> None:
    """With ten minutes of queue texts go until 20:50, permitted to the end; later windows need not wait for a queue."""
    queue = timedelta(minutes=10)
    soon = quiet_hours.check(draft(), facts(now=at("2026-11-23 20:49", NY), queue=queue))
    assert soon == Allow(until=at("2026-11-23 21:00", NY))
    late = facts(now=at("2026-11-23 20:50", NY), queue=queue)
    verdict = quiet_hours.check(draft(), late)
    assert isinstance(verdict, Defer)
    assert verdict.until == at("2026-11-24 08:00", NY)
    endless = quiet_hours.check(draft(), replace(late, queue=timedelta(days=3)))
    assert endless == verdict


def test_the_margin_is_kept_before_the_end() -> None:
    """With two minutes of margin the permission ends at 20:58, and from then on the next day counts."""
    late = facts(now=at("2026-11-23 20:57", NY), margin=timedelta(minutes=2))
    assert quiet_hours.check(draft(), late) == Allow(until=at("2026-11-23 20:58", NY))
    verdict = quiet_hours.check(draft(), replace(late, now=at("2026-11-23 20:58", NY)))
    assert isinstance(verdict, Defer)
    assert verdict.until == at("2026-11-24 08:00", NY)


def test_no_hour_for_all_is_a_block_that_says_so() -> None:
    """Someone who may be in Paris or in Auckland can never be texted: their days do not meet."""
    nowhere = facts(places=Places(("FR", "NZ"), ("Europe/Paris", "Pacific/Auckland")))
    verdict = quiet_hours.check(draft(), nowhere)
    assert isinstance(verdict, Block)
    assert verdict.reason == "no_common_hour"
    assert verdict.rules == ("FR", "NZ")


@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_an_opening_at_or_after_the_end_is_too_late(minutes: int) -> None:
    """A campaign that ends when the hours open, or before, is blocked; one minute more and it waits."""
    opening = at("2026-11-24 08:00", NY)
    verdict = quiet_hours.check(
        draft(), facts(now=at("2026-11-23 22:00", NY), ends_at=opening + timedelta(minutes=minutes))
    )
    assert isinstance(verdict, Defer if minutes > 0 else Block)
    assert verdict.reason == ("quiet_hours" if minutes > 0 else "too_late")


@pytest.mark.parametrize(
    "places", [Places(), Places(("US-NY",), ()), Places(("XX",), (NY,)), Places(("US-NY",), ("Mars/Phobos",))]
)
def test_an_unknown_place_is_blocked(places: Places) -> None:
    """Without a known jurisdiction and a known clock nothing goes."""
    verdict = quiet_hours.check(draft(), facts(places=places))
    assert isinstance(verdict, Block)
    assert verdict.reason == "unknown_place"


def test_an_unknown_country_is_blocked_at_the_door() -> None:
    """The hours door says block, not allow, for a number of no country."""
    assert hours_at(Places(), None, MONDAY_NOON).verdict == "block"


def test_codes_and_answers_know_no_hours() -> None:
    """A code, a transactional text and an answer go at four in the morning; an informational text does not."""
    night = facts(now=at("2026-11-23 04:00", NY))
    for exempt in (draft(Purpose.CODE), draft(Purpose.TRANSACTIONAL), draft(kind=Kind.ANSWER, answers="stop")):
        assert quiet_hours.check(exempt, night) is ALLOW
    assert isinstance(quiet_hours.check(draft(Purpose.INFORMATIONAL), night), Defer)


def test_a_program_may_tighten() -> None:
    """A program that sends from ten to noon on Mondays only waits for Monday ten o'clock."""
    narrow = replace(POLICY, hours=(Window(0, 600, 720),))
    verdict = quiet_hours.check(draft(), facts(policy=narrow, now=at("2026-11-24 11:00", NY)))
    assert isinstance(verdict, Defer)
    assert verdict.until == at("2026-11-30 10:00", NY)


WHY = "the club asked for Sunday news, decided by the owner"


@pytest.mark.parametrize(
    ("number", "zone", "rule", "when", "reason", "goes"),
    [
        ("+4915123456789", "Europe/Berlin", "DE", "2026-11-22 11:00", WHY, True),  # courtesy: a Sunday
        ("+4915123456789", "Europe/Berlin", "DE", "2026-11-22 11:00", " ", False),  # but not without a reason
        ("+4915123456789", "Europe/Berlin", "DE", "2026-11-22 23:00", WHY, False),  # and never the night
        ("+4915123456789", "Europe/Berlin", "FR", "2026-11-22 11:00", WHY, False),  # nor by another's name
        ("+12055550100", CH, "US-AL", "2026-11-22 11:00", WHY, True),  # law-call: a Sunday in Alabama
        ("+12055550100", CH, "US-AL", "2026-11-22 07:59", WHY, False),  # the federal day stays
        ("+12055550100", CH, "US-AL", "2026-11-22 11:00", "", False),
        ("+14165550100", "America/Toronto", "CA", "2026-11-23 21:15", WHY, True),  # loosening takes nothing away
        ("+12155550100", NY, "US-PA", "2026-11-22 11:00", WHY, False),  # law-text
        ("+12155550100", NY, "US-PA", "2026-05-25 11:00", WHY, True),  # law-call before Act 47: Memorial Day
        ("+16015550100", CH, "US-MS", "2026-11-22 11:00", WHY, False),
        ("+12125550100", NY, "US", "2026-11-23 07:00", WHY, False),
        ("+33612345678", "Europe/Paris", "FR", "2026-11-22 11:00", WHY, False),  # carrier
    ],
)
def test_what_a_program_may_loosen(number: str, zone: str, rule: str, when: str, reason: str, goes: bool) -> None:
    """Courtesy and calls-only law open for a reason, to 8 to 21 and no further; other law and carriers never do."""
    loose = replace(POLICY, loosened={rule: reason})
    person = facts(number, policy=loose, now=at(when, zone))
    assert isinstance(quiet_hours.check(draft(), person), Allow) == goes


@pytest.mark.parametrize(
    ("number", "rule", "reason", "ends_at", "named"),
    [
        ("+12155550100", "US-PA", WHY, None, True),
        ("+12155550100", "US-PA", WHY, at("2026-11-22 12:00", NY), True),
        ("+12055550100", "US-AL", "", None, True),
        ("+12055550100", "US-TX", WHY, None, False),
    ],
)
def test_a_rule_that_stays_is_named(number: str, rule: str, reason: str, ends_at: datetime | None, named: bool) -> None:
    """Where a program loosens what it may not, the refusal says that the rule was kept."""
    person = facts(number, policy=replace(POLICY, loosened={rule: reason}), now=at("2026-11-22 11:00", NY))
    verdict = quiet_hours.check(draft(), replace(person, ends_at=ends_at))
    assert not isinstance(verdict, Allow)
    assert verdict.note.endswith(f"Kept although the program loosens it: {rule}.") == named


def test_an_instant_without_a_zone_is_an_error() -> None:
    """Hours are never guessed from a naive time."""
    with pytest.raises(ValueError, match="no zone"):
        quiet_hours.check(draft(), facts(now=datetime(2026, 11, 23, 12)))  # noqa: DTZ001


AREA_CODES = sorted(table().area_codes)
ABROAD = ("+33612345678", "+61412345678", "+525512345678", "+393123456789", "+972501234567", "+79123456789")
NUMBERS = st.one_of(st.sampled_from(AREA_CODES).map(lambda code: f"+1{code}5550100"), st.sampled_from(ABROAD))
ZIPS = st.sampled_from([None, None, "90210", "59901", "02903", "99501", "96813", "39201", "79901"])
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2035, 12, 20), timezones=st.just(UTC))  # noqa: DTZ001
OWN = st.one_of(
    st.none(),
    st.lists(st.tuples(st.integers(0, 6), st.integers(540, 700), st.integers(701, 1200)), min_size=3, max_size=9).map(
        lambda windows: tuple(Window(*window) for window in windows)
    ),
)


@given(NUMBERS, ZIPS, INSTANTS, OWN)
@settings(max_examples=150)
def test_hours_hold_in_every_rule_and_zone(
    number: str, postal_code: str | None, now: datetime, own: tuple[Window, ...] | None
) -> None:
    """Allowed exactly when every rule holds on every wall clock; put off to the first minute at which it does."""
    person = facts(places=places_of(number, postal_code=postal_code), now=now, policy=replace(POLICY, hours=own))
    verdict = quiet_hours.check(draft(), person)
    assert isinstance(verdict, Allow) == allowed(person.places, now, own)
    if isinstance(verdict, Defer):
        assert_first_allowed(person.places, now, verdict.until, own)
    elif isinstance(verdict, Allow):
        assert verdict.until is not None
        assert allowed(person.places, verdict.until - timedelta(seconds=1), own)
        assert not allowed(person.places, verdict.until, own)
    else:
        hourly = (now + timedelta(minutes=30 * n) for n in range(8 * 48))
        assert not any(allowed(person.places, instant, own) for instant in hourly)


def assert_first_allowed(places: Places, now: datetime, until: datetime, own: tuple[Window, ...] | None = None) -> None:
    """Fail unless ``until`` is allowed and no minute between ``now`` and it is."""
    assert until > now
    assert allowed(places, until, own)
    assert not allowed(places, until - timedelta(seconds=1), own)
    minutes = int((until - now).total_seconds() // 60)
    assert not any(allowed(places, until - timedelta(minutes=n), own) for n in range(1, minutes + 1))


SPRING_AND_AUTUMN = [
    "2025-03-09", "2025-11-02", "2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07", "2028-03-12", "2028-11-05",
    "2029-03-11", "2029-11-04", "2030-03-10", "2030-11-03", "2031-03-09", "2031-11-02", "2032-03-14", "2032-11-07",
    "2033-03-13", "2033-11-06", "2034-03-12", "2034-11-05", "2035-03-11", "2035-11-04",
]  # fmt: skip


@pytest.mark.parametrize("day", SPRING_AND_AUTUMN)
def test_the_opening_is_exact_when_clocks_move(day: str) -> None:
    """On the nights clocks change, the first allowed instant is the law's local hour in every kind of US zone."""
    for code in ("212", "850", "605", "208", "928", "907", "808", "601", "541"):
        places = places_of(f"+1{code}5550100")
        late = at(f"{day} 00:30", places.zones[0])
        answer = hours_at(places, "US", late)
        assert answer.until is not None
        assert_first_allowed(places, late, answer.until)


def test_eight_days_are_the_horizon_to_the_minute() -> None:
    """Over Thanksgiving a program that texts on Thursdays waits eight days; where it were a minute more, it is none."""
    own = replace(POLICY, hours=(Window(3, 720, 780),))
    soon = quiet_hours.check(draft(), facts("+15045550100", policy=own, now=at("2026-11-25 12:00", CH)))
    assert isinstance(soon, Defer)
    assert soon.until == at("2026-12-03 12:00", CH)
    far = quiet_hours.check(draft(), facts("+15045550100", policy=own, now=at("2026-11-25 11:59", CH)))
    assert isinstance(far, Block)
    assert far.reason == "no_common_hour"


def test_the_filter_says_all_of_it() -> None:
    """`tactful hours` gets verdict, instants, rules, places and zones of every kind of answer."""
    places = places_of("+12125550100")
    said = (places.codes, places.zones)
    noon, night = at("2026-11-23 12:00", NY), at("2026-11-23 22:00", NY)
    ids = ("US", "US-NY")
    assert hours_at(places, "US", noon) == Hours("allow", None, at("2026-11-23 21:00", NY), ids, *said)
    assert hours_at(places, "US", night) == Hours("defer", at("2026-11-24 08:00", NY), None, ids, *said, "quiet_hours")
    assert hours_at(places, None, noon) == Hours("block", None, None, (), *said, "unknown_country")
    assert hours_at(places, "US", night, Purpose.CODE) == Hours("allow", None, None, (), *said)
    late = hours_at(places, "US", at("2026-11-23 20:59", NY), margin=timedelta(minutes=2))
    assert late.until == at("2026-11-24 08:00", NY)
    never = replace(POLICY, hours=())
    assert hours_at(places, "US", noon, policy=never) == Hours("block", None, None, ids, *said, "no_common_hour")
    nowhere = hours_at(Places(("XX",), ("UTC",)), "US", noon)
    assert nowhere == Hours("block", None, None, (), ("XX",), ("UTC",), "unknown_place")


NIGHT, WEEKEND = at("2026-11-23 03:00", NY), at("2026-11-22 11:00", NY)
SHUT = "Not an allowed hour in every place the person may be."


def note_of(number: str = "+12125550100", now: datetime = NIGHT, **more: object) -> str:
    """What a refusal says."""
    policy = replace(POLICY, **more.pop("policy", {}))  # type: ignore[arg-type]
    verdict = quiet_hours.check(draft(), facts(number, now=now, policy=policy, **more))
    assert not isinstance(verdict, Allow)
    return verdict.note


def test_a_refusal_says_why_in_a_sentence() -> None:
    """Closed hours, an end that comes first, and no hour at all, each word for word."""
    assert note_of() == SHUT
    assert note_of(ends_at=NIGHT + timedelta(hours=1)) == "The next allowed hour comes after the end."
    never = note_of(policy={"hours": (Window(0, 1380, 1440),)})
    assert never == "No hour of the next 8 days is allowed in every place the person may be."
    closing = at("2026-11-23 20:59", NY)
    soon = "The allowed hours end before the text would have left its from_number."
    assert note_of(now=closing, margin=timedelta(minutes=1)) == soon
    assert note_of(now=at("2026-11-23 21:00", NY), margin=timedelta(minutes=1)) == SHUT


@pytest.mark.parametrize(
    ("number", "loosened", "kept"),
    [
        ("+12155550100", {"US-TX": WHY}, ""),
        ("+13135550100", {"US": WHY, "US-MI": WHY}, " Kept although the program loosens it: US."),
        ("+12055550100", {"US": WHY, "US-AL": " "}, " Kept although the program loosens it: US, US-AL."),
    ],
)
def test_only_rules_that_stay_are_named(number: str, loosened: dict[str, str], kept: str) -> None:
    """Law, and what has no reason, stays and is named; what is loosened, or is no rule of the place, is not."""
    assert note_of(number, policy={"loosened": loosened}) == f"{SHUT}{kept}"


def test_a_window_that_is_no_longer_than_the_margin_is_none() -> None:
    """An opening whose whole length would have to stay free is passed over for the next."""
    hours = (Window(0, 600, 610), Window(0, 660, 671))
    morning = facts(now=at("2026-11-23 09:00", NY), margin=timedelta(minutes=10), policy=replace(POLICY, hours=hours))
    verdict = quiet_hours.check(draft(), morning)
    assert isinstance(verdict, Defer)
    assert verdict.until == at("2026-11-23 11:00", NY)


def test_the_filter_has_no_reason_for_what_goes() -> None:
    """An hour that is allowed has neither a reason nor a time to wait for, with a policy or without."""
    places = places_of("+12125550100")
    open_at = Hours("allow", None, at("2026-11-23 21:00", NY), ("US", "US-NY"), ("US-NY",), (NY,), "")
    assert hours_at(places, "US", MONDAY_NOON) == open_at
    assert hours_at(places, "US", MONDAY_NOON, policy=POLICY) == open_at


def test_an_instant_without_a_zone_names_the_mend() -> None:
    """The sentence says what to give instead."""
    with pytest.raises(ValueError, match=r"^The instant has no zone; give an aware one in UTC\.$"):
        quiet_hours.check(draft(), facts(now=datetime(2026, 11, 23, 12)))  # noqa: DTZ001
