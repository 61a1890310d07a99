"""The plants follow the code they change, and the demo that is to find them can be told apart from a broken one."""

import pytest

from sender.demo.checker import CHECKS
from tests.demo.plants import PLANTS, ROOT, Outcome, Plant, check_place, is_caught

NAMES = [name for name, _, _ in CHECKS]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_every_plant_has_its_place(plant: Plant) -> None:
    """The text that each plant replaces stands in the product exactly once, and a check is named that must fail."""
    check_place(ROOT, plant)
    assert plant.caught_by in NAMES


@pytest.mark.parametrize(
    ("status", "failed", "caught"),
    [(1, ("cap",), True), (1, ("cap", "counts"), True), (1, ("counts",), False), (1, None, False), (0, (), False)],
)
def test_only_the_right_check_counts(status: int, failed: tuple[str, ...] | None, caught: bool) -> None:
    """A demo that fails for another reason, or without a verdict, has not found the bug."""
    assert is_caught(Plant("one more", "cap"), Outcome(status, failed, 1.0, "")) is caught
