"""From_numbers of a program: planning keeps the one a person knows, the rehearsal says so, the gate checks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from guards.base import Purpose
from sender.campaigns import from_numbers
from sender.campaigns.control import CampaignIn, VariantIn, create, schedule, start_due
from sender.campaigns.planner import plan_slice
from sender.campaigns.programs import FromNumberIn, ProgramError
from sender.campaigns.rehearsal import rehearse
from sender.campaigns.single import Single, keep
from sender.delivery.gate import open_gate
from sender.models import Audit, Decision, FromNumber, Message
from sender.states import Status
from tests.installation import Installation, install

SECOND = "+12125550101"
PEOPLE = [f"+121255501{place}" for place in range(10, 22)]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """Twelve people of New York, all texted before by the program's one from_number, and a second one that joined."""
    made = install(tmp_path / "home", database_url)
    for e164 in PEOPLE:
        number = made.contact(e164)
        made.message(number, status="delivered")
    from_numbers.add(made.runtime, "acme", FromNumberIn("*", SECOND, rate=1_000.0), "ann")
    yield made
    made.runtime.db.close()


def planned(installation: Installation, name: str) -> set[str]:
    """Plan a campaign to everybody; the addresses it would leave from."""
    runtime = installation.runtime
    campaign = create(runtime, CampaignIn(name, "acme", [VariantIn("all", {}, "Hi")]), "ann")
    schedule(runtime, campaign, None, "ann")
    start_due(runtime)
    while plan_slice(runtime, campaign):
        pass
    with runtime.db.read() as session:
        of = select(col(FromNumber.address)).join(Message, col(Message.from_number_id) == col(FromNumber.id))
        return set(session.execute(of.where(col(Message.campaign_id) == campaign)).scalars())


def test_people_keep_the_from_number_they_know_until_it_retires(installation: Installation) -> None:
    """Twelve who know the first are planned from it, and the rehearsal says so; retired, all move to the second."""
    runtime = installation.runtime
    stranger = installation.contact("+12125550150")
    with runtime.db.write() as session:
        session.execute(update(FromNumber).where(col(FromNumber.address) != SECOND).values(rate=0.001))
    draft = create(runtime, CampaignIn("Look", "acme", [VariantIn("all", {}, "Hi")]), "ann")
    shown = {one.address: (one.texts, one.kept) for one in rehearse(runtime, draft).lines.values()}
    assert shown == {"+12125550100": (12, 12), SECOND: (1, 0)}
    assert planned(installation, "First") == {"+12125550100", SECOND}
    with runtime.db.write() as session:
        queued = (
            session.execute(
                update(Message)
                .where(col(Message.status) == "pending")
                .values(status="queued")
                .returning(col(Message.id))
            )
            .scalars()
            .all()
        )
    assert from_numbers.retire(runtime, "acme", "+12125550100", "ann") == 12
    assert len(open_gate(runtime, queued)) == 1
    with runtime.db.read() as session:
        assert set(session.execute(select(col(Decision.reason))).scalars()) == {"from_number_gone"}
        assert "from_number.retire" in set(session.execute(select(col(Audit.action))).scalars())
    assert planned(installation, "Second") == {SECOND}
    assert installation.status(1) == Status.DELIVERED
    with runtime.db.write() as session:
        ends = runtime.clock.now().replace(hour=23)
        one = keep(runtime, session, Single(installation.program_id, stranger, "US", "Hi", Purpose.MARKETING, ends))
        line = session.get_one(FromNumber, session.get_one(Message, one).from_number_id)
        assert line.address == SECOND


def test_what_cannot_join_or_retire_is_refused(installation: Installation) -> None:
    """A from_number that is in the pool already, one that is not, another country, no program: one sentence each."""
    runtime = installation.runtime
    for wanted, slug, why in (
        (FromNumberIn("*", SECOND), "acme", "already"),
        (FromNumberIn("JP", "+12125550102"), "acme", "does not text"),
        (FromNumberIn("*", "+12125550102"), "nobody", "no program"),
    ):
        with pytest.raises(ProgramError, match=why):
            from_numbers.add(runtime, slug, wanted, "ann")
    with pytest.raises(ProgramError, match="no from_number"):
        from_numbers.retire(runtime, "acme", "+12125550109", "ann")
    from_numbers.retire(runtime, "acme", SECOND, "ann")
    from_numbers.add(runtime, "acme", FromNumberIn("*", SECOND, rate=5.0), "ann")
    with runtime.db.read() as session:
        rows = session.execute(select(FromNumber).where(col(FromNumber.address) == SECOND)).scalars().all()
        assert [(row.rate, row.retired_at) for row in rows] == [(5.0, None)]
