"""Segments that ask about segments mean what their definitions mean in each other's place, and never themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from sender.audience import crowds, saved_segments
from sender.audience.nested_segments import written_out
from sender.audience.segments import SegmentError, matches, parse
from sender.campaigns.writing import CampaignIn, VariantIn, create
from sender.models import Segment, Variant
from tests.installation import TUESDAY, Installation, install

ACTOR = "ana@example.org"
GOLD, TEXAS = {"field": "attributes.tier", "is": "gold"}, {"field": "region", "is": "TX"}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def save(house: Installation, name: str, definition: dict[str, Any], segment_id: int | None = None) -> int:
    """Keep a segment."""
    return saved_segments.save(house.runtime, name, definition, ACTOR, segment_id)


def whole(house: Installation, definition: dict[str, Any]) -> dict[str, Any]:
    """A definition written out."""
    with house.runtime.db.read() as session:
        return written_out(session, definition)


def test_a_segment_follows_those_it_asks_about_and_a_campaign_does_not(house: Installation) -> None:
    """By name or number, left out or asked for; what was written into a campaign stays when the saved one changes."""
    gold = save(house, "Gold", GOLD)
    calm = save(house, "Calm gold", {"all": [{"segment": "Gold"}, {"not": {"segment": save(house, "Texas", TEXAS)}}]})
    meant = {"all": [GOLD, {"not": TEXAS}]}
    assert whole(house, {"segment": calm}) == whole(house, {"segment": "Calm gold"}) == meant
    variant = VariantIn("all", {"any": [{"segment": calm}]}, "Sale today.")
    create(house.runtime, CampaignIn("Sale", "acme", [variant]), ACTOR)
    basic = {"field": "attributes.tier", "is": "basic"}
    save(house, "Golden", basic, gold)
    assert whole(house, {"segment": calm}) == {"all": [basic, {"not": TEXAS}]}
    with house.runtime.db.read() as session:
        assert session.execute(select(Variant)).scalar_one().segment == {"any": [meant]}
        stored = session.get_one(Segment, calm)
        assert stored.definition["all"][0] == {"segment": gold}
        assert {one.name: one.definition for one in saved_segments.in_full(session)}["Calm gold"]["all"][0] == basic


def test_the_database_counts_whom_the_nested_ones_mean(house: Installation) -> None:
    """The same people as the definition in full, on either database."""
    for n, (tier, region) in enumerate((("gold", "TX"), ("gold", "NY"), ("basic", "NY"))):
        house.contact(f"+1212555010{n}", region=region, attributes={"tier": tier})
    save(house, "Gold", GOLD)
    asked = {"all": [{"segment": "Gold"}, {"not": {"segment": save(house, "Texas", TEXAS)}}]}
    with house.runtime.db.read() as session:
        some = crowds.sample(session, asked, TUESDAY)
        assert [face.place for face in crowds.faces(session, house.runtime.keys, some)] == ["NY · US"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_segment_asks_about_itself(house: Installation) -> None:
    """Neither at once nor through others, and the sentence says the way round; nothing is changed by the attempt."""
    gold = save(house, "Gold", GOLD)
    outer = save(house, "Outer", {"segment": gold})
    widest = save(house, "Widest", {"any": [{"segment": "Outer"}, TEXAS]})
    for definition, way in (
        ({"segment": gold}, "“Gold” in “Gold”"),
        ({"not": {"segment": "Gold"}}, "“Gold” in “Gold”"),
        ({"segment": widest}, "“Gold” in “Outer” in “Widest” in “Gold”"),
    ):
        with pytest.raises(SegmentError) as raised:
            save(house, "Gold", definition, gold)
        assert way in str(raised.value)
    assert whole(house, {"segment": widest}) == {"any": [GOLD, TEXAS]}
    with pytest.raises(SegmentError, match="is part of “Widest”; take it out there"):
        saved_segments.delete(house.runtime, outer, ACTOR)
    saved_segments.delete(house.runtime, widest, ACTOR)
    saved_segments.delete(house.runtime, outer, ACTOR)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"all": [{"segment": "Silver"}]}, "segment.all[0].segment: there is no saved segment 'Silver'"),
        ({"segment": 99}, "there is no saved segment 99"),
        ({"segment": True}, "there is no saved segment True"),
        ({"segment": ["Gold"]}, "there is no saved segment"),
        ({"segment": "Gold", "field": "region"}, "must have exactly one operator"),
        ({"segment": "Gold", "not": {}}, "must have nothing beside it"),
    ],
)
def test_what_names_no_segment_is_refused_with_its_place(
    house: Installation, definition: dict[str, Any], sentence: str
) -> None:
    """One sentence that begins with the place, and nothing saved."""
    save(house, "Gold", GOLD)
    with pytest.raises(SegmentError) as raised:
        save(house, "New", definition)
    assert sentence in str(raised.value)
    with house.runtime.db.read() as session:
        assert len(saved_segments.saved(session)) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_segments_inside_segments_have_an_end(house: Installation) -> None:
    """Eight deep is the most, so that nobody waits for a tower of them."""
    inner = save(house, "0", GOLD)
    for n in range(1, 8):
        inner = save(house, str(n), {"segment": inner})
    with pytest.raises(SegmentError, match="make it flatter"):
        save(house, "8", {"segment": inner})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_edit_leaves_whoever_asks_about_the_segment_a_meaning(house: Installation) -> None:
    """What stands alone may be too deep inside another: the edit is refused by the name of that, and nothing kept."""
    inner = save(house, "Inner", GOLD)
    save(house, "Outer", {"not": {"not": {"segment": inner}}})
    deep: dict[str, Any] = GOLD
    for _ in range(6):
        deep = {"not": deep}
    with pytest.raises(SegmentError, match=r"“Outer” asks about it .* make it flatter"):
        save(house, "Inner", deep, inner)
    assert whole(house, {"segment": "Outer"}) == {"not": {"not": GOLD}}


PEOPLE = [{"region": region, "attributes": {"tier": tier}} for region in ("TX", "NY") for tier in ("gold", "basic")]
LEAVES = st.sampled_from([GOLD, TEXAS, {"segment": "0"}, {"segment": "1"}, {"segment": "2"}])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=30)
@given(trees=st.lists(st.tuples(st.integers(0, 2), TREES), min_size=1, max_size=6))
def test_whatever_is_saved_can_be_asked_and_has_one_meaning(
    house: Installation, trees: list[tuple[int, dict[str, Any]]]
) -> None:
    """After any edits, kept or refused, each saved segment is written out whole, and means what its parts mean."""
    with house.runtime.db.write() as session:
        for row in session.execute(select(Segment)).scalars():
            session.delete(row)
    ids = [save(house, str(n), GOLD) for n in range(3)]
    now: dict[str, Any] = dict.fromkeys("012", GOLD)
    for which, tree in trees:
        try:
            save(house, str(which), tree, ids[which])
            now[str(which)] = tree
        except SegmentError:
            continue

    def holds(part: Any, person: dict[str, Any]) -> bool:
        if "segment" in part:
            return holds(now[part["segment"]], person)
        if "field" in part:
            return matches(parse(part), person, TUESDAY)
        word, inner = next(iter(part.items()))
        return (
            not holds(inner, person)
            if word == "not"
            else {"all": all, "any": any}[word](holds(one, person) for one in inner)
        )

    for name, tree in now.items():
        segment = parse(whole(house, {"segment": name}))
        assert [matches(segment, one, TUESDAY) for one in PEOPLE] == [holds(tree, one) for one in PEOPLE]
