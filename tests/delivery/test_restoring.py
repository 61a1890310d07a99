"""START and STOP in every order: whatever comes late or twice, the newer word by the provider's time stands."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.doors import OptOutIn, opt_out
from sender.audience.ledger import load_standings, standing
from sender.delivery.replies import InboundText, receive
from sender.delivery.restoring import restore_some
from sender.delivery.wire import Wire
from sender.models import Message, Reply
from sender.providers.base import Retryable
from sender.providers.recording import RecordingProvider
from tests.installation import Installation, install, line, with_provider

LINE = "+12125550100"
_people = itertools.count(1000)
_sids = itertools.count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all orders: each takes a person of its own."""
    folder: Path = tmp_path_factory.mktemp("restoring")
    made = install(folder / "home", f"sqlite:///{folder / 'x.db'}")
    yield made
    made.runtime.db.close()


def state(made: Installation, number_id: int) -> str:
    """The number's standing with the program's marketing."""
    with made.runtime.db.read() as session:
        rows = load_standings(session, [number_id]).get(number_id, [])
    return standing(rows, made.program_id, Purpose.MARKETING).state


def text(made: Installation, person: str, body: str, sent_at: datetime | None = None, to: str = LINE) -> InboundText:
    """One text of a person, which the provider took in at that time."""
    sid = f"SM{next(_sids):032x}"
    if sent_at is not None:
        made.provider.received[sid] = sent_at
    return InboundText(sid, person, to, body)


@given(
    said=st.lists(st.tuples(st.sampled_from(["STOP", "START"]), st.integers(0, 6)), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
    weighed=st.sets(st.integers(0, 12)),
)
@settings(max_examples=25)
def test_in_any_order_a_newer_stop_stands(
    shared: Installation, wire: Wire, said: list[tuple[str, int]], order: Random, weighed: set[int]
) -> None:
    """STOPs and STARTs come in any order, some twice: if the newest sent is a STOP, the person is out."""
    person = f"+1212555{next(_people):04}"
    number = shared.contact(person)
    start = shared.clock.now()
    texts = [text(shared, person, word, start + timedelta(seconds=second)) for word, second in said]
    arriving = [*texts, *texts[:2]]
    order.shuffle(arriving)
    for place, one in enumerate(arriving):
        shared.clock.move(timedelta(seconds=1))
        receive(shared.runtime, one)
        if place in weighed:
            restore_some(shared.runtime, wire)
    restore_some(shared.runtime, wire)
    newest = max(second for _, second in said)
    if ("STOP", newest) in said:
        assert state(shared, number) == "out"


@given(st.lists(st.sampled_from(["STOP", "START"]), min_size=1, max_size=6))
@settings(max_examples=8)
def test_in_order_the_last_word_stands(shared: Installation, wire: Wire, said: list[str]) -> None:
    """What comes in the order in which it was sent ends as the person last said."""
    person = f"+1212555{next(_people):04}"
    number = shared.contact(person)
    for word in said:
        shared.clock.move(timedelta(seconds=2))
        receive(shared.runtime, text(shared, person, word, shared.clock.now()))
        restore_some(shared.runtime, wire)
    assert state(shared, number) == ("out" if said[-1] == "STOP" else "in")


def test_a_start_the_provider_cannot_date_waits(installation: Installation, wire: Wire) -> None:
    """While the provider cannot be asked the STOP stands; later the START is weighed."""
    number = installation.contact("+12125550123")
    receive(installation.runtime, text(installation, "+12125550123", "STOP", installation.clock.now()))
    installation.clock.move(timedelta(seconds=9))
    receive(installation.runtime, text(installation, "+12125550123", "START", installation.clock.now()))
    assert restore_some(with_provider(installation, _Away()), wire) == 0
    assert state(installation, number) == "out"
    assert restore_some(installation.runtime, wire) == 1
    assert state(installation, number) == "in"


class _Away(RecordingProvider):
    """A provider that cannot be reached."""

    async def received_at(self, sid: str) -> NoReturn:
        """Fail."""
        raise Retryable("away")


def test_a_start_the_provider_never_heard_lifts_nothing(installation: Installation, wire: Wire) -> None:
    """What the provider has no record of is settled without effect."""
    number = installation.contact("+12125550123")
    receive(installation.runtime, text(installation, "+12125550123", "STOP"))
    receive(installation.runtime, text(installation, "+12125550123", "START"))
    assert restore_some(installation.runtime, wire) == 1
    assert state(installation, number) == "out"


def test_a_start_beats_an_older_phone_call_but_no_newer_one(installation: Installation, wire: Wire) -> None:
    """Opt-outs by other doors are weighed by the time at which they were said."""
    number = installation.contact("+12125550123")
    opt_out(installation.runtime, OptOutIn("+12125550123", "phone_call"), "ana@example.org")
    old = text(installation, "+12125550123", "START", installation.clock.now() - timedelta(minutes=1))
    receive(installation.runtime, old)
    restore_some(installation.runtime, wire)
    assert state(installation, number) == "out"
    installation.clock.move(timedelta(minutes=1))
    receive(installation.runtime, text(installation, "+12125550123", "START", installation.clock.now()))
    restore_some(installation.runtime, wire)
    assert state(installation, number) == "in"


def test_a_start_is_answered_when_it_counts(installation: Installation, wire: Wire) -> None:
    """On a short code, where the provider says nothing, the words of welcome are planned once it is sure."""
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address="25555", kind="short_code")
    installation.contact("+12125550123")
    receive(installation.runtime, text(installation, "+12125550123", "STOP", installation.clock.now(), to="25555"))
    installation.clock.move(timedelta(seconds=5))
    receive(installation.runtime, text(installation, "+12125550123", "START", installation.clock.now(), to="25555"))
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(Reply.state)).order_by(col(Reply.id))).scalars().all() == ["done", "asking"]
    restore_some(installation.runtime, wire)
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(Message.answers)).order_by(col(Message.id))).scalars().all() == [
            "stop",
            "start",
        ]
