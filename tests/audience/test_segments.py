"""The segment language: what is refused, what it means, how it reads."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sender.audience.segments import SegmentError, describe, matches, parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = {
    "country": "US",
    "area_code": "512",
    "line_type": "mobile",
    "language": "en",
    "postal_code": None,
    "region": "TX",
    "zone": None,
    "import_id": 7,
    "created_at": NOW - timedelta(days=10),
    "changed_at": NOW,
    "attributes": {
        "city": "Austin",
        "spent": 12.5,
        "visits": 3,
        "vip": True,
        "birthday": "1990-03-05",
        "nothing": None,
    },
}


def one(field: str, **test: Any) -> dict[str, Any]:
    """A definition of one test; Python's own words take a trailing underscore."""
    return {"field": field, **{name.rstrip("_"): value for name, value in test.items()}}


@pytest.mark.parametrize("definition", [{}, {"all": []}])
def test_an_empty_definition_is_everyone(definition: dict[str, Any]) -> None:
    """Neither {} nor an empty "all" leaves anybody out."""
    assert matches(parse(definition), {}, NOW)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (one("country", is_="US"), True),
        (one("attributes.city", is_="austin"), False),
        (one("attributes.city", in_=["Waco", "Austin"]), True),
        (one("attributes.city", not_in=["Waco"]), True),
        (one("attributes.city", contains="usti"), True),
        (one("attributes.city", starts_with="Au"), True),
        (one("attributes.spent", gt=12), True),
        (one("attributes.spent", gt="12"), False),
        (one("attributes.visits", is_=3.0), True),
        (one("attributes.visits", is_="3"), False),
        (one("attributes.vip", is_=True), True),
        (one("attributes.vip", is_=1), False),
        (one("attributes.birthday", before="1990-03-06"), True),
        (one("attributes.birthday", after="1990-03-05"), False),
        (one("attributes.city", before="2026-01-01"), False),
        (one("created_at", within_days=10), True),
        (one("created_at", within_days=9), False),
        (one("created_at", older_than_days=9), True),
        (one("import_id", is_=7), True),
    ],
)
def test_each_operator_means_what_it_says(definition: dict[str, Any], expected: bool) -> None:
    """One known contact, each operator, text and number and truth kept apart."""
    assert matches(parse(definition), ANN, NOW) is expected


@pytest.mark.parametrize(
    "test", [{"is": "x"}, {"is_not": "x"}, {"not_in": ["x"]}, {"lt": 5}, {"contains": "x"}, {"before": "2026-01-01"}]
)
@pytest.mark.parametrize("field", ["attributes.unknown", "attributes.nothing"])
def test_what_is_missing_matches_no_test_and_every_negation(field: str, test: dict[str, Any]) -> None:
    """A missing attribute, or one that is null, is false under any operator, so "not" makes it true."""
    definition = {"field": field, **test}
    assert not matches(parse(definition), ANN, NOW)
    assert matches(parse({"not": definition}), ANN, NOW)


def test_exists_asks_for_what_is_missing() -> None:
    """``exists`` is the one operator that a missing attribute can meet."""
    assert matches(parse(one("attributes.unknown", exists=False)), ANN, NOW)
    assert matches(parse(one("postal_code", exists=False)), ANN, NOW)
    assert not matches(parse(one("attributes.city", exists=False)), ANN, NOW)


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        ([], "segment:"),
        ({"all": [{}, {}, {"field": "shoe", "is": 1}]}, "segment.all[2].field:"),
        ({"not": {"any": []}}, "segment.not.any:"),
        ({"all": [], "any": []}, "segment:"),
        ({"all": {}}, "segment.all:"),
        (one("country"), "segment:"),
        (one("country", is_="US", in_=["US"]), "segment:"),
        (one("country", like="US"), "segment:"),
        (one("country", is_=1), "segment.is:"),
        (one("country", before="2026-01-01"), "segment.before:"),
        (one("created_at", is_="2026-01-01"), "segment.is:"),
        (one("created_at", before="soon"), "segment.before:"),
        (one("attributes.birthday", after="2026-02-30"), "segment.after:"),
        (one("attributes.a", within_days=True), "segment.within_days:"),
        (one("attributes.a", within_days=-1), "segment.within_days:"),
        (one("attributes.a", in_=[]), "segment.in:"),
        (one("attributes.a", in_=["x", None]), "segment.in[1]:"),
        (one("attributes.a", lt=True), "segment.lt:"),
        (one("attributes.a", is_=float("nan")), "segment.is:"),
        (one("attributes.a", is_=1 << 60), "segment.is:"),
        (one("attributes.a", is_="x\0"), "segment.is:"),
        (one("attributes.a", contains=""), "segment.contains:"),
        (one("attributes.a", exists=1), "segment.exists:"),
        (one("attributes.A", is_=1), "segment.field:"),
        (one('attributes.a"; DROP TABLE contact; --', is_=1), "segment.field:"),
        (one("attributes.a.b", is_=1), "segment.field:"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(definition: object, place: str) -> None:
    """The sentence begins with the path of what is wrong."""
    with pytest.raises(SegmentError) as refused:
        parse(definition)
    assert str(refused.value).startswith(place)


def test_depth_and_size_have_limits() -> None:
    """A definition can neither exhaust the stack nor fill the database's statement."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"not": deep}
    wide = {"any": [one("country", is_="US")] * 150}
    for definition in (deep, {"all": [wide, wide]}, one("country", in_=["US"] * 1001)):
        with pytest.raises(SegmentError):
            parse(definition)


@pytest.mark.parametrize(
    ("definition", "phrase"),
    [
        ({}, "everyone"),
        (
            {"all": [one("country", is_="US"), {"any": [one("attributes.city", in_=["A", "B"]), {"not": {}}]}]},
            "country is “US” and (city is one of “A”, “B” or (not everyone))",
        ),
        (one("attributes.last_visit", within_days=1), "last visit is within the last 1 day"),
        (one("created_at", older_than_days=30), "created at is over 30 days ago"),
        (one("attributes.vip", is_not=True), "vip is not true"),
        (one("attributes.vip", exists=False), "vip is not known"),
        (one("attributes.spent", ge=2.5), "spent is at least 2.5"),
        (one("attributes.birthday", before="1990-01-02"), "birthday is before 1990-01-02"),
    ],
)
def test_a_segment_reads_as_english(definition: dict[str, Any], phrase: str) -> None:
    """The phrase names each test in the order of the definition."""
    assert describe(parse(definition)) == phrase
