"""No answer before the commit, batches under load, and a clear no when there is no room."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from web.receipt_writer import BATCH_AT_MOST, ReceiptsRefusedError, ReceiptWriter


class Store:
    """Keeps batches, and waits where a test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, batch: list[int]) -> None:
        """Keep one batch."""
        self.entered.set()
        assert self.may_go_on.wait(10)
        self.batches.append(batch)


def test_a_request_waits_for_its_own_commit() -> None:
    """While the store is busy nobody is answered; afterwards everybody is, and what gathered went in one batch."""
    store = Store()
    writer = ReceiptWriter(store)
    with ThreadPoolExecutor(40) as pool:
        first = pool.submit(writer.write, 0)
        assert store.entered.wait(10)
        others = [pool.submit(writer.write, number) for number in range(1, 40)]
        while writer.waiting < 39:
            threading.Event().wait(0.001)
        assert not any(one.done() for one in (first, *others))
        store.may_go_on.set()
        for one in (first, *others):
            one.result(10)
    assert store.batches[0] == [0]
    assert sorted(store.batches[1]) == list(range(1, 40))


def test_a_full_queue_says_no_at_once() -> None:
    """The third of three finds no room and does not wait."""
    store = Store()
    writer = ReceiptWriter(store, room=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(writer.write, 1)
        assert store.entered.wait(10)
        second = pool.submit(writer.write, 2)
        while writer.waiting < 1:
            threading.Event().wait(0.001)
        with pytest.raises(ReceiptsRefusedError, match="more receipts"):
            writer.write(3)
        store.may_go_on.set()
        first.result(10)
        second.result(10)
    assert store.batches == [[1], [2]]


def test_a_failed_commit_is_told_and_the_next_one_works() -> None:
    """The requests of a failed batch hear of it, and the next one is stored."""
    kept: list[int] = []

    def store(batch: list[int]) -> None:
        if batch == [1]:
            raise OSError("disk full")
        kept.extend(batch)

    writer = ReceiptWriter(store)
    with pytest.raises(ReceiptsRefusedError, match="OSError"):
        writer.write(1)
    writer.write(2)
    assert kept == [2]


def test_a_request_does_not_wait_for_ever() -> None:
    """A commit that hangs costs the others their time limit and no more; what they brought goes with the next."""
    store = Store()
    writer = ReceiptWriter(store)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(writer.write, 1)
        assert store.entered.wait(10)
        with pytest.raises(ReceiptsRefusedError, match="in time"):
            writer.write(2, within=0.05)
        store.may_go_on.set()
        first.result(10)
    writer.write(3)
    assert store.batches == [[1], [2, 3]]


def test_a_batch_has_an_end() -> None:
    """However much waits, at most five hundred go into one transaction."""
    store = Store()
    writer = ReceiptWriter(store)
    count = BATCH_AT_MOST + 2
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(writer.write, number) for number in range(count)]
        assert store.entered.wait(10)
        while writer.waiting < count - 1:
            threading.Event().wait(0.001)
        store.may_go_on.set()
        for one in waiting:
            one.result(10)
    assert max(map(len, store.batches)) <= BATCH_AT_MOST
    assert sum(map(len, store.batches)) == count
