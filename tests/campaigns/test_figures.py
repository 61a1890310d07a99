"""Reports add up to what happened, whichever way they are cut; comparisons say no more than the figures do."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.audience.sealer import seal_some
from sender.campaigns.comparing import APART, compare, newcombe, wilson
from sender.campaigns.compliance import compliance, held_by_day, ledger
from sender.campaigns.figures import DIMENSIONS, Asked, as_csv, figures
from sender.models import Attempt, Campaign, Canary, Decision, Message, Reply, SavedTemplate, TemplateVersion, Variant
from tests.installation import TUESDAY, Installation, install

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def campaign(session: Session, installation: Installation, name: str, *shares: int | None) -> tuple[int, list[int]]:
    """A campaign with a variant of a saved template for each share; returns its id and theirs."""
    saved = SavedTemplate(name=f"{name} text", created_by="ann", created_at=TUESDAY)
    made = Campaign(program_id=installation.program_id, name=name, status="running", created_at=TUESDAY)
    session.add_all([saved, made])
    session.flush()
    version = TemplateVersion(
        template_id=saved.id or 0, version=1, text="Hi", hash="h", created_by="ann", created_at=TUESDAY
    )
    session.add(version)
    session.flush()
    rows = [
        Variant(
            campaign_id=made.id or 0,
            position=place,
            name="AB"[place],
            template="Hi",
            share=share,
            template_version_id=version.id,
        )
        for place, share in enumerate(shares)
    ]
    session.add_all(rows)
    session.flush()
    return made.id or 0, [row.id or 0 for row in rows]


def test_a_reaction_counts_for_the_last_text_before_it(installation: Installation) -> None:
    """Of two texts the later one gets reply and stop; what comes after 72 hours counts for none."""
    person = installation.contact("+12125550123")
    with installation.runtime.db.write() as session:
        first, (one, _) = campaign(session, installation, "First", 50, 50)
        second, (two, _) = campaign(session, installation, "Second", 50, 50)
        late, (three, _) = campaign(session, installation, "Late", 50, 50)
    for campaign_id, variant_id, at in ((first, one, -50 * HOUR), (second, two, -2 * HOUR), (late, three, -200 * HOUR)):
        when = TUESDAY + at
        columns = {"campaign_id": campaign_id, "variant_id": variant_id, "status": "delivered", "cost": 83}
        installation.message(person, send_after=when, sent_at=when, **columns)
    with installation.runtime.db.write() as session:
        for sid, at in (("SM1", -HOUR), ("SM2", HOUR), ("SM3", -100 * HOUR)):
            values = {"body_cipher": b"", "intent": "none", "certain": True, "language": "en", "matched_cipher": b""}
            session.add(Reply(sid=sid, number_id=person, received_at=TUESDAY + at, **values))
        stop = Act(
            person, installation.program_id, "opt_out", Purpose.MARKETING, TUESDAY, "keyword", "reply:SM9:marketing"
        )
        record(session, [stop], TUESDAY)
    with installation.runtime.db.read() as session:
        for by, tail in (("campaign", ""), ("variant", " / A"), ("template", " text, version 1")):
            found = {one.name: one for one in figures(session, Asked(by, TUESDAY - 30 * DAY, TUESDAY + DAY))}
            assert {name.removesuffix(tail): (one.replies, one.opt_outs, one.left) for name, one in found.items()} == {
                "First": (0, 0, 1), "Second": (2, 1, 1), "Late": (0, 0, 1),
            }  # fmt: skip
        (mine,) = figures(session, Asked("program", TUESDAY - 30 * DAY, TUESDAY + DAY))
        assert (mine.name, mine.left, mine.delivered, mine.cost, mine.replies, mine.opt_outs) == (
            "Acme",
            3,
            3,
            249,
            2,
            1,
        )
        (line,) = figures(session, Asked("from_number", TUESDAY - 30 * DAY, TUESDAY + DAY, campaign_id=second))
        assert (line.left, line.replies, line.rate("opt_outs")) == (1, 2, 100.0)


def test_every_cut_adds_up_to_the_same(installation: Installation) -> None:
    """Texts in every state are in exactly one line and one column, whatever the lines stand for; test texts in none."""
    states = ("pending", "queued", "sending", "sent", "delivered", "undelivered", "failed", "blocked", "cancelled")
    people = [installation.contact(f"+1212555{100 + place:04}", consent=False) for place in range(len(states))]
    with installation.runtime.db.write() as session:
        campaign_id, (variant, _) = campaign(session, installation, "Sale", 50, 50)
    for person, status in zip(people, states, strict=True):
        code = 30003 if status == "undelivered" else None
        installation.message(person, status=status, campaign_id=campaign_id, variant_id=variant, error_code=code)
        installation.message(person, status=status, kind="api", error_code=code)
        installation.message(person, status=status, kind="api", is_test=True)
    with installation.runtime.db.read() as session:
        for by in DIMENSIONS:
            lines = figures(session, Asked(by, TUESDAY - DAY, TUESDAY + DAY))
            total = {name: sum(getattr(one, name) for one in lines) for name in ("planned", "left", "blocked", "parts")}
            assert total == {"planned": 18, "left": 8, "blocked": 2, "parts": 8}, by
            assert sum(one.errors.get(30003, 0) for one in lines) == 2
        assert figures(session, Asked("program", TUESDAY - DAY, TUESDAY + DAY, programs=[999])) == []
        assert figures(session, Asked("program", TUESDAY + DAY, TUESDAY + 2 * DAY)) == []


def test_no_cell_of_the_csv_is_a_formula(installation: Installation) -> None:
    """A campaign named like a formula is text to a spreadsheet."""
    person = installation.contact("+12125550123")
    with installation.runtime.db.write() as session:
        campaign_id, _ = campaign(session, installation, '=HYPERLINK("evil")', 50, 50)
    installation.message(person, campaign_id=campaign_id, status="delivered")
    with installation.runtime.db.read() as session:
        lines = figures(session, Asked("campaign", TUESDAY - DAY, TUESDAY + DAY))
    rows = list(csv.DictReader("".join(as_csv("campaign", lines)).splitlines()))
    assert [row["campaign"] for row in rows] == ['\'=HYPERLINK("evil")']
    assert (rows[0]["delivered"], rows[0]["currency"]) == ("1", "USD")


def test_the_intervals_are_the_published_ones() -> None:
    """Newcombe's own examples for method 10 (his table II: 56/70 − 48/80, 9/10 − 3/10, 5/56 − 0/29)."""
    for first, other, low, high in (
        ((48, 80), (56, 70), 0.0524, 0.3339),
        ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 29), (5, 56), -0.0381, 0.1926),
    ):
        found = newcombe(first, other)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_lies_in_its_interval(seen: tuple[int, int]) -> None:
    """Whatever was counted, and a difference to itself is never shown."""
    hits, of = seen
    found = wilson(hits, of)
    assert 0 <= found.low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= found.high <= 1
    same = newcombe(seen, seen)
    assert same.low <= 0 <= same.high


@pytest.mark.parametrize(("shares", "hits", "says"), [
    ((50, 50), (5, 25), "“B” is delivered more often than “A”"),
    ((50, 50), (12, 13), "No difference is shown"),
    ((None, None), (5, 25), APART),
])  # fmt: skip
def test_a_verdict_says_what_the_figures_do(
    tmp_path: Path, sqlite_url: str, shares: tuple[int | None, ...], hits: tuple[int, int], says: str
) -> None:
    """A clear difference is named, noise is not, and texts for different people are not compared."""
    installation = install(tmp_path / "home", sqlite_url)
    with installation.runtime.db.write() as session:
        campaign_id, variants = campaign(session, installation, "Sale", *shares)
        people = iter(range(100, 200))
        numbers = {}
    for place, person in product(range(2), range(30)):
        number = installation.contact(f"+1212555{next(people):04}", consent=False)
        numbers[number] = place
        status = "delivered" if person < hits[place] else "undelivered"
        installation.message(number, campaign_id=campaign_id, variant_id=variants[place], status=status)
    with installation.runtime.db.read() as session:
        found = compare(session, session.get_one(Campaign, campaign_id))
    assert says in (found.why_not or found.differences[0].verdict)
    installation.runtime.db.close()


def test_a_text_after_a_stop_is_found(installation: Installation) -> None:
    """Decisions are counted by reason, our own STOPs with their times, and a gate that opened after a stop shows."""
    person = installation.contact("+12125550123")
    message = installation.message(person)
    with installation.runtime.db.write() as session:
        for _ in range(2):
            session.add(
                Decision(
                    message_id=message, at=TUESDAY, door="gate", guard="quiet_hours", verdict="defer", reason="early"
                )
            )
        session.add(Canary(sid="SM7", started_at=TUESDAY, seconds=0.25))
        stop = Act(person, installation.program_id, "opt_out", Purpose.MARKETING, TUESDAY, "keyword", "reply:SM9:m")
        record(session, [stop], TUESDAY)
    with installation.runtime.db.read() as session:
        found = compliance(session, TUESDAY - DAY, TUESDAY + DAY)
        assert [(one.guard, one.decisions, one.texts) for one in found.held] == [("quiet_hours", 2, 1)]
        assert (found.stops.count, found.stops.late, found.canaries.longest) == (1, 0, 0.25)
        days = held_by_day(session, TUESDAY - DAY, TUESDAY + DAY, {installation.program_id})
        assert [(one.put_off, one.held_back) for one in days] == [(0, 0), (2, 0)]
        assert held_by_day(session, TUESDAY, TUESDAY + DAY, {999})[0].put_off == 0
        waiting = ledger(session).waiting
    assert seal_some(installation.runtime.db, installation.runtime.keys) == waiting > 0
    with installation.runtime.db.read() as session:
        assert (ledger(session).sealed, ledger(session).waiting) == (waiting, 0)
    with installation.runtime.db.write() as session:
        values = {"purpose": "marketing", "kind": "campaign", "token": "t", "touched_at": TUESDAY}
        row = session.get_one(Message, message)
        session.add(
            Attempt(message_id=message, number_id=person, program_id=row.program_id, gated_at=TUESDAY + HOUR, **values)
        )
    with installation.runtime.db.read() as session:
        assert compliance(session, TUESDAY - DAY, TUESDAY + DAY).stops.late == 1
