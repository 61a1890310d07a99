"""Receipts: stored once, applied in any order with the same result, and proof of what became of a lost answer."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlmodel import col

from sender.delivery import receipts
from sender.delivery.gate import signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import SLICE, ReceiptIn, apply, store
from sender.delivery.wire import Wire
from sender.models import Attempt, ConsentStanding, Number, Receipt
from sender.providers.base import OutcomeUnknown
from tests.installation import Installation, install

NEW_YORK = "+12125550123"
SID = "SM" + "a" * 32
ORDER = ("queued", "sent", "failed", "undelivered", "delivered")


def token_of(installation: Installation, message_id: int) -> str:
    """The signed token in the callback address of a message's attempt."""
    with installation.runtime.db.read() as session:
        token = session.execute(select(col(Attempt.token)).where(col(Attempt.message_id) == message_id)).scalar_one()
    return signed_token(installation.runtime.keys, token)


def lost(installation: Installation, pipeline: Pipeline) -> int:
    """A message whose answer was lost."""
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    message = installation.message(installation.contact(NEW_YORK))
    pipeline.deliver([message])
    return message


def test_a_receipt_settles_a_lost_answer(installation: Installation, pipeline: Pipeline) -> None:
    """A receipt with the attempt's token proves that the text was accepted, and under which id."""
    message = lost(installation, pipeline)
    store(installation.runtime, [ReceiptIn(token_of(installation, message), SID, "delivered")])
    assert apply(installation.runtime) == 1
    assert installation.status(message) == "delivered"
    with installation.runtime.db.read() as session:
        attempt = session.execute(select(Attempt)).scalar_one()
    assert (attempt.sid, attempt.outcome) == (SID, "accepted")


def test_a_receipt_may_come_before_our_own_record(installation: Installation, pipeline: Pipeline) -> None:
    """While the request is still on the wire, a receipt already moves the message, and the record does not undo it."""
    installation.provider.answer = lambda _: (store_early(), None)[1]
    message = installation.message(installation.contact(NEW_YORK))

    def store_early() -> None:
        store(installation.runtime, [ReceiptIn(token_of(installation, message), f"SM{1:032x}", "delivered")])
        apply(installation.runtime)

    pipeline.deliver([message])
    assert installation.status(message) == "delivered"


def test_the_same_receipt_again_is_nothing_new(installation: Installation, pipeline: Pipeline) -> None:
    """A repeated callback is stored once."""
    message = lost(installation, pipeline)
    receipt = ReceiptIn(token_of(installation, message), SID, "sent")
    store(installation.runtime, [receipt, receipt])
    store(installation.runtime, [receipt])
    with installation.runtime.db.read() as session:
        assert session.execute(select(func.count()).select_from(Receipt)).scalar() == 1


def test_a_backlog_is_worked_off_at_once(installation: Installation) -> None:
    """More than a slice waits for no next turn of the scheduler: 200 a turn would be a thousand a second at most."""
    store(installation.runtime, [ReceiptIn("", f"SM{one:032x}", "delivered") for one in range(2 * SLICE + 1)])
    assert apply(installation.runtime) == 2 * SLICE + 1
    assert apply(installation.runtime) == 0


def test_a_receipt_counts_when_it_was_applied_whole(
    installation: Installation, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What broke off while receipts were applied leaves them open, and the next turn applies them."""
    message = lost(installation, pipeline)
    store(installation.runtime, [ReceiptIn(token_of(installation, message), SID, "delivered")])

    def break_off(*_: object) -> None:
        raise ConnectionError("broken off")

    with monkeypatch.context() as broken:
        broken.setattr(receipts, "_settle", break_off)
        with pytest.raises(ConnectionError):
            apply(installation.runtime)
    assert apply(installation.runtime) == 1
    assert installation.status(message) == "delivered"


def test_a_forged_token_settles_nothing(installation: Installation, pipeline: Pipeline) -> None:
    """A token whose signature is not ours does not move a message."""
    message = lost(installation, pipeline)
    token = token_of(installation, message).split(".")[0]
    store(installation.runtime, [ReceiptIn(f"{token}.AAAAAAAAAAAAAAAAAAAAAA", SID, "delivered")])
    apply(installation.runtime)
    assert installation.status(message) == "unconfirmed"


def test_an_opt_out_known_to_the_provider_comes_by_receipt(installation: Installation, pipeline: Pipeline) -> None:
    """With a Messaging Service a refusal comes after 201: 21610 becomes an opt-out here too."""
    number = installation.contact(NEW_YORK)
    message = installation.message(number)
    pipeline.deliver([message])
    store(installation.runtime, [ReceiptIn(token_of(installation, message), f"SM{1:032x}", "failed", 21610)])
    apply(installation.runtime)
    assert installation.status(message) == "failed"
    with installation.runtime.db.read() as session:
        states = session.execute(select(col(ConsentStanding.state)).where(col(ConsentStanding.number_id) == number))
        assert set(states.scalars()) == {"out"}


def test_a_landline_comes_by_receipt(installation: Installation, pipeline: Pipeline) -> None:
    """30006 marks the number, so that nothing more is sent to it."""
    number = installation.contact(NEW_YORK)
    message = installation.message(number)
    pipeline.deliver([message])
    store(installation.runtime, [ReceiptIn(token_of(installation, message), f"SM{1:032x}", "undelivered", 30006)])
    apply(installation.runtime)
    with installation.runtime.db.read() as session:
        assert session.get_one(Number, number).state == "invalid"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One installation for many orders of receipts."""
    home: Path = tmp_path_factory.mktemp("receipts")
    return install(home / "home", f"sqlite:///{home / 'tactful.db'}")


_numbers = itertools.count()


@settings(max_examples=40)
@given(st.lists(st.sampled_from(ORDER), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_receipts_commute(shared: Installation, statuses: list[str], shuffle: object) -> None:
    """Whatever the order and repetition, the message ends where the furthest of its receipts says."""
    number = next(_numbers)
    sid = f"SM{number:032x}"
    wire = Wire()
    shared.provider.answer = lambda _: OutcomeUnknown("cut")
    message = shared.message(shared.contact(f"+1212555{number % 100 + 100:04}" if number < 100 else _spread(number)))
    Pipeline(shared.runtime, wire).deliver([message])
    wire.close()
    token = token_of(shared, message)
    mixed = list(statuses)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    for status in mixed:
        store(shared.runtime, [ReceiptIn(token, sid, status)])
        apply(shared.runtime)
    furthest = max(statuses, key=ORDER.index)
    assert shared.status(message) == {"queued": "sent"}.get(furthest, furthest)


def _spread(number: int) -> str:
    return f"+1{(212, 646, 917, 718)[number % 4]}555{100 + number // 4 % 100:04}"
