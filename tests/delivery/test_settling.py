"""Sweeper and reconciler: dropped work is found, and what is unknown stays unknown until something proves it."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlmodel import col

from guards.base import Purpose
from sender.crypto import text_hash
from sender.delivery.gate import open_gate, signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.reconciler import reconcile
from sender.delivery.sweeper import expire, sweep
from sender.delivery.wire import Wire
from sender.models import Attempt, Message, Program
from sender.providers.base import Found, OutcomeUnknown, SendError
from tests.installation import Installation

NEW_YORK = "+12125550123"
TEXT = "Acme: Sale today. Reply STOP to opt out"
SID = "SM" + "b" * 32


def found(installation: Installation, **columns: object) -> Found:
    """A text in the provider's list that looks like ours."""
    values = {
        "sid": SID,
        "created_at": installation.clock.now(),
        "status": "delivered",
        "body": TEXT,
        "from_address": "+12125550100",
        "service": None,
        **columns,
    }
    return Found(**values)  # type: ignore[arg-type]


def lost(installation: Installation, pipeline: Pipeline) -> int:
    """A message whose answer was lost, old enough to be looked up."""
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    message = installation.message(installation.contact(NEW_YORK), TEXT)
    pipeline.deliver([message])
    return message


def test_a_lost_bell_is_found(installation: Installation) -> None:
    """A message that stays queued for more than ten seconds is pending again."""
    message = installation.message(installation.contact(NEW_YORK))
    assert sweep(installation.runtime) == 0
    installation.clock.move(timedelta(seconds=16))
    assert sweep(installation.runtime) == 1
    assert installation.status(message) == "pending"


def test_a_dead_worker_leaves_unconfirmed_and_nothing_else(installation: Installation) -> None:
    """`sending` without an answer becomes unconfirmed, never pending: nobody knows whether it was posted."""
    message = installation.message(installation.contact(NEW_YORK))
    open_gate(installation.runtime, [message])
    installation.clock.move(timedelta(seconds=200))
    sweep(installation.runtime)
    assert installation.status(message) == "unconfirmed"
    installation.clock.move(timedelta(hours=5))
    sweep(installation.runtime)
    assert installation.status(message) == "unconfirmed"


def test_what_waits_beyond_its_end_expires(installation: Installation) -> None:
    """A pending text whose campaign is over is expired, not sent late."""
    ends = installation.clock.now() + timedelta(hours=1)
    message = installation.message(installation.contact(NEW_YORK), status="pending", expires_at=ends)
    assert expire(installation.runtime) == 0
    installation.clock.move(timedelta(hours=1))
    assert expire(installation.runtime) == 1
    assert installation.status(message) == "expired"


def test_the_list_settles_a_lost_answer(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """Exactly one text in the provider's list with these words and this from_number is ours."""
    message = lost(installation, pipeline)
    installation.provider.listed = [found(installation), found(installation, sid="SM" + "c" * 32, body="Other words")]
    installation.clock.move(timedelta(seconds=30))
    assert reconcile(installation.runtime, wire) == 1
    assert installation.status(message) == "delivered"


def test_an_empty_list_proves_nothing_yet(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """One empty list, or two before validity and an hour are over, leave the text unconfirmed."""
    message = lost(installation, pipeline)
    for _ in range(3):
        installation.clock.move(timedelta(seconds=30))
        reconcile(installation.runtime, wire)
    assert installation.status(message) == "unconfirmed"


def test_two_empty_lists_after_its_time_close_it_as_unproven(
    installation: Installation, pipeline: Pipeline, wire: Wire
) -> None:
    """After validity and an hour, two lists without it close the text; it is never sent again."""
    message = lost(installation, pipeline)
    installation.clock.move(timedelta(hours=12))
    for _ in range(2):
        installation.clock.move(timedelta(seconds=30))
        reconcile(installation.runtime, wire)
    assert installation.status(message) == "unproven"
    assert len(installation.provider.sent) == 1


def test_a_list_that_cannot_be_had_changes_nothing(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """An error of the provider while listing is no empty list."""
    message = lost(installation, pipeline)

    class Away(type(installation.provider)):  # type: ignore[misc]
        """A provider that cannot be asked."""

        async def messages_to(self, to: str, since: object) -> list[Found]:
            """Refuse."""
            raise SendError("unavailable")

    object.__setattr__(installation.runtime, "provider", Away())
    installation.clock.move(timedelta(hours=12))
    for _ in range(3):
        installation.clock.move(timedelta(seconds=30))
        reconcile(installation.runtime, wire)
    assert installation.status(message) == "unconfirmed"


def test_changed_words_are_never_sent(installation: Installation, pipeline: Pipeline) -> None:
    """A text whose hash is not the planned one is blocked at the gate."""
    message = installation.message(installation.contact(NEW_YORK), text_hash=text_hash("other words"))
    pipeline.deliver([message])
    assert installation.provider.sent == []
    with installation.runtime.db.read() as session:
        assert session.get_one(Message, message).reason == "text_changed"


def test_words_the_chain_would_change_are_never_sent(installation: Installation, pipeline: Pipeline) -> None:
    """A marketing text that was frozen without its footer is blocked, not edited, at the gate."""
    message = installation.message(installation.contact(NEW_YORK), "Acme: Sale today.", purpose=Purpose.MARKETING.value)
    pipeline.deliver([message])
    assert installation.provider.sent == []
    with installation.runtime.db.read() as session:
        assert session.get_one(Message, message).reason == "words_outdated"


def test_a_code_may_go_once_more_where_the_program_says_so(
    installation: Installation, pipeline: Pipeline, wire: Wire
) -> None:
    """Two lists without it, ten minutes after its gate, send it a second time and never a third."""
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    message = installation.message(installation.contact(NEW_YORK), TEXT)
    pipeline.deliver([message])
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).resends = True
        session.get_one(Message, message).purpose = Purpose.TRANSACTIONAL.value
    seen = []
    for _ in range(12):
        installation.clock.move(timedelta(minutes=4))
        reconcile(installation.runtime, wire)
        seen.append(installation.status(message))
        with installation.runtime.db.write() as session:
            session.execute(update(Message).where(col(Message.status) == "pending").values(status="queued"))
            session.execute(update(Message).values(purpose=Purpose.MARKETING.value))
        pipeline.deliver([message])
        with installation.runtime.db.write() as session:
            session.execute(update(Message).values(purpose=Purpose.TRANSACTIONAL.value))
    assert seen[:3] == ["unconfirmed", "unconfirmed", "pending"]
    assert seen.count("pending") == 1
    assert len(installation.provider.sent) == 2


def test_a_late_receipt_of_the_first_try_holds_up_no_other(installation: Installation, pipeline: Pipeline) -> None:
    """A code that went again after two empty lists: the receipt of its first try is applied, and so are all others."""
    runtime = installation.runtime
    message = lost(installation, pipeline)
    with runtime.db.write() as session:
        session.execute(update(Attempt).values(outcome="refuted"))
        session.execute(update(Message).values(status="queued"))
    open_gate(runtime, [message])
    with runtime.db.read() as session:
        first, second = session.execute(select(Attempt).order_by(col(Attempt.id))).scalars()
    store(runtime, [ReceiptIn(signed_token(runtime.keys, first.token), SID, "delivered", None)])
    assert apply(runtime) == 1
    assert installation.status(message) == "delivered"
    with runtime.db.read() as session:
        kept = session.execute(select(col(Attempt.outcome), col(Attempt.sid)).order_by(col(Attempt.id))).all()
    assert [tuple(row) for row in kept] == [("refuted", SID), (second.outcome, None)]


def test_marketing_never_goes_again(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """A lost marketing text stays unknown, whatever the program allows for codes."""
    message = lost(installation, pipeline)
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).resends = True
    for _ in range(6):
        installation.clock.move(timedelta(minutes=4))
        reconcile(installation.runtime, wire)
    assert installation.status(message) == "unconfirmed"
