"""Whatever step a process dies at: nothing doubled, nothing lost, nothing acknowledged that is not kept."""

import pytest

from tests.chaos import steps
from tests.chaos.rounds import Place
from tests.chaos.scenarios import SCENARIOS

EVERY = 13


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_death_at_any_step_changes_nothing(place: Place, name: str) -> None:
    """A process that dies at each thirteenth step of its work leaves nothing that recovery does not mend."""
    result = steps.die_through(place, name, first=len(name) % EVERY + 1, every=EVERY)
    assert result.broken == []
    assert result.counts["deaths"] >= 1
