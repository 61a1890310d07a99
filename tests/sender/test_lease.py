"""One holds the lease, the other stands by; whoever falls silent loses it, and notices."""

import threading
from collections.abc import Iterator

import pytest

from sender.db import Database
from sender.processes.lease import SILENT_SECONDS, Turn
from tests.tables import give_tables


class Hand:
    """Monotonic seconds that a test lets pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """What has passed."""
        return self.seconds


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with our tables."""
    made = Database(database_url)
    give_tables(made)
    yield made
    made.close()


def test_the_second_takes_over_when_the_first_is_silent(database: Database) -> None:
    """While the first beats the second stands by for ever; six silent seconds later it holds the lease, alone."""
    hand = Hand()
    first, second = Turn(database, "scheduler", hand), Turn(database, "scheduler", hand)
    for _ in range(5):
        assert first.mine()
        assert not second.mine()
        hand.seconds += SILENT_SECONDS - 1
    second.mine()
    hand.seconds += SILENT_SECONDS
    assert second.mine()
    assert not first.mine()


def test_who_gives_up_is_followed_at_once(database: Database) -> None:
    """A scheduler that ends properly leaves no gap."""
    hand = Hand()
    first, second = Turn(database, "scheduler", hand), Turn(database, "scheduler", hand)
    assert first.mine()
    assert not second.mine()
    first.give_up()
    assert second.mine()


def test_of_many_one_takes_it(database: Database) -> None:
    """Eight that see the same silence at the same moment: one gets the lease."""
    hand = Hand()
    turns = [Turn(database, "scheduler", hand) for _ in range(9)]
    assert turns[0].mine()
    for turn in turns[1:]:
        turn.mine()
    hand.seconds += SILENT_SECONDS
    had: list[bool] = []
    threads = [threading.Thread(target=lambda turn=turn: had.append(turn.mine())) for turn in turns[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(had) == 1
