"""A gate judges and permits by one reading of the clock."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from guards.base import ALLOW, Draft, Facts, Verdict
from sender.delivery.gate import open_gate
from sender.models import Attempt
from tests.installation import TUESDAY, HandClock, Installation

TWO_HOURS = timedelta(hours=2)
EVENING = timedelta(hours=8)
"""From 11:00 in New York until two hours before everything closes there."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """Not a guard: somebody who sets the machine's clock back while a gate is open."""

    clock: HandClock
    name: str = "set_back"

    def check(self, draft: Draft, facts: Facts) -> Verdict:
        """Six hours back, and no objection."""
        self.clock.move(-timedelta(hours=6))
        return ALLOW


def test_a_clock_set_back_within_a_gate_lengthens_no_permission(installation: Installation) -> None:
    """Hour and validity are reckoned from the same instant, else a text could arrive after its window has closed."""
    message = installation.message(installation.contact("+12125550123"))
    installation.clock.move(EVENING)
    chain = (*installation.runtime.chain, SetBack(installation.clock))
    open_gate(replace(installation.runtime, chain=chain), [message])
    with installation.runtime.db.read() as session:
        at, validity = session.execute(select(col(Attempt.gated_at), col(Attempt.validity))).one()
    assert at == TUESDAY + EVENING
    assert timedelta(seconds=validity) <= TWO_HOURS
