"""Brakes that tripped: what the page of a campaign knows of each, from the audit alone."""

from datetime import datetime, timedelta

from sender.audit import note
from sender.campaigns.standstills import LATEST, Standstill, standstills
from tests.installation import TUESDAY, Installation

FAILED = {"why": "3 of 10 texts were not delivered", "brake": "failed", "found": 3, "of": 10, "limit": 0.25}
ANA = "ana@example.org"


def happened(installation: Installation, campaign: int, *acts: tuple[str, str, dict[str, object]]) -> None:
    """Acts on a campaign, a minute apart."""
    with installation.runtime.db.write() as session:
        for minute, (actor, action, detail) in enumerate(acts):
            note(session, minutes(minute), actor, f"campaign.{action}", f"campaign {campaign}", detail)


def minutes(after: int) -> datetime:
    """So many minutes after the beginning."""
    return TUESDAY + timedelta(minutes=after)


def found(installation: Installation, campaign: int) -> list[Standstill]:
    """What is read of a campaign."""
    with installation.runtime.db.read() as session:
        return standstills(session, campaign)


def test_each_stop_has_the_act_that_ended_it(shared: Installation) -> None:
    """A brake that somebody released, one of the gate that stands still, newest first."""
    budget = {"why": "budget"}
    happened(shared, 1, ("system", "pause", FAILED), (ANA, "resume", {}), ("gate", "pause", budget))
    released = Standstill(minutes(0), FAILED, "resumed", minutes(1), ANA)
    assert found(shared, 1) == [Standstill(minutes(2), budget), released]


def test_what_people_pause_is_no_brake(shared: Installation) -> None:
    """A person's pause is not told, their resuming ends nothing twice, and cancelling ends what stands still."""
    pressed = (ANA, "pause", {}), (ANA, "resume", {})
    happened(shared, 2, *pressed, ("scheduler", "paused", {"why": "late"}), ("bo", "cancel", {}))
    assert found(shared, 2) == [Standstill(minutes(2), {"why": "late"}, "cancelled", minutes(3), "bo")]


def test_other_campaigns_are_others(shared: Installation) -> None:
    """What happened to campaign 31 did not happen to campaign 3."""
    happened(shared, 31, ("system", "pause", FAILED))
    assert found(shared, 3) == []


def test_of_very_many_the_newest_count(shared: Installation) -> None:
    """More acts than anybody reads: the newest are read."""
    happened(shared, 4, *[("system", "pause", FAILED), (ANA, "resume", {})] * LATEST)
    assert len(found(shared, 4)) == LATEST // 2
    assert found(shared, 4)[0].at == minutes(2 * LATEST - 2)
