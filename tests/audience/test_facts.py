"""Facts: the guards are shown what the database holds, and what cannot be read means that nothing is sent."""

import ast
import builtins
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from guards import CHAIN
from guards.base import Cap, Facts, Purpose
from guards.chain import VERSION
from sender.audience import facts as loading
from sender.audience.facts import Asked, FactsLoader, policy_of
from sender.campaigns import control, planner
from sender.crypto import unseal
from sender.delivery.gate import open_gate
from sender.models import Attempt, FromNumber, Message, Number, Program, Wishes
from tests.installation import FOOTER, Installation, install


def called(function: Callable[..., object]) -> set[str]:
    """Return every name of the module that a function calls: a loader that is added later is among them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return names - set(dir(builtins))


LOADERS = sorted(called(FactsLoader.load) - {"_queued"})
"""All but the one that is for those who look ahead."""


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def load(installation: Installation, number_id: int, purpose: Purpose = Purpose.MARKETING, **more: Any) -> Facts:
    """Return the facts of one text to this number now."""
    runtime, now = installation.runtime, installation.clock.now()
    asked = Asked(1, number_id, installation.program_id, purpose)
    with runtime.db.read() as session:
        loader = FactsLoader(runtime.keys, runtime.settings.address)
        return loader.load(session, [asked], now, timedelta(), **more)[1].facts


class Broken(Exception):
    """What a planted fault raises."""


def broken(*_: object, **__: object) -> None:
    """Take the place of anything and raise."""
    raise Broken


def test_a_fact_that_cannot_be_read_sends_nothing(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in any loader of facts ends the gate's transaction: nothing is cleared, and the text waits unharmed."""
    every_seven_days(installation)  # The last way out is asked only here, and hours of their own only of who has some.
    number_id, now = installation.contact("+12125550101"), installation.clock.now()
    with installation.runtime.db.write() as session:
        session.add(Wishes(number_id=number_id, hours=[0, 1440], changed_at=now))
    earlier = installation.message(number_id)
    arrived(installation, earlier)
    message_id = installation.message(number_id, reply_id=None)
    for loader in LOADERS:
        with monkeypatch.context() as planted:
            planted.setattr(loading, loader, broken)
            assert ended(installation, message_id), f"{loader} broke, and the gate went on"
        assert installation.status(message_id) == "queued"
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(Attempt.message_id))).scalars().all() == [earlier]
    assert [one.message_id for one in open_gate(installation.runtime, [message_id])] == [message_id]


def ended(installation: Installation, message_id: int) -> bool:
    """Say whether the gate ended with what was planted."""
    try:
        open_gate(installation.runtime, [message_id])
    except Broken:
        return True
    return False


@pytest.mark.parametrize("guard", CHAIN, ids=lambda guard: guard.name)
def test_a_guard_that_breaks_sends_nothing(
    installation: Installation, guard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in any guard blocks the text with the guard's name on record, and no attempt is made."""
    message_id = installation.message(installation.contact("+12125550101"))
    monkeypatch.setattr(guard, "check", broken)
    assert open_gate(installation.runtime, [message_id]) == []
    assert installation.status(message_id) == "blocked"
    with installation.runtime.db.read() as session:
        assert session.execute(select(Attempt)).all() == []


def test_queued_texts_count_only_for_those_who_look_ahead(installation: Installation) -> None:
    """A queued text is sent "now" for planning, and not there for the gate; what waits for later is not counted."""
    number_id = installation.contact("+12125550101")
    installation.message(number_id)
    installation.message(number_id, status="pending", send_after=installation.clock.now() + timedelta(days=1))
    assert load(installation, number_id).sends == ()
    ahead = load(installation, number_id, waiting=True).sends
    assert [(one.at, one.purpose) for one in ahead] == [(installation.clock.now(), Purpose.MARKETING)]


def test_what_is_on_the_wire_counts(installation: Installation) -> None:
    """A text that passed the gate counts at once, before the provider said anything."""
    number_id = installation.contact("+12125550101")
    open_gate(installation.runtime, [installation.message(number_id)])
    assert [one.at for one in load(installation, number_id).sends] == [installation.clock.now()]


def test_a_laxer_purpose_is_judged_by_the_programs_own(installation: Installation) -> None:
    """In a program of offers and news, a "code" is asked for consent to news, its least strict purpose."""
    facts = load(installation, installation.contact("+12125550101"), Purpose.CODE)
    assert (facts.policy.least, facts.standing.state) == (Purpose.INFORMATIONAL, "in")


@pytest.mark.parametrize(
    ("purposes", "least"),
    [
        (["marketing"], Purpose.MARKETING),
        (["marketing", "code"], Purpose.CODE),
        (["informational", "marketing"], Purpose.INFORMATIONAL),
        ([], Purpose.MARKETING),
    ],
)
def test_the_least_strict_purpose_of_a_program(installation: Installation, purposes: list[str], least: Purpose) -> None:
    """It is the laxest the program was made for, and the strictest of all where it names none."""
    with installation.runtime.db.write() as session:
        program = session.get_one(Program, installation.program_id)
        program.purposes = purposes
        assert policy_of(program).least is least


def test_caps_are_read_with_purpose_and_subject(installation: Installation) -> None:
    """Caps of a program may name a purpose and a subject; those written before name neither."""
    with installation.runtime.db.write() as session:
        program = session.get_one(Program, installation.program_id)
        kept = {"limit": 1, "hours": 24, "scope": "installation", "purpose": "code", "subject": "*"}
        program.caps = [{"limit": 2, "hours": 24, "scope": "program"}, kept]
        assert policy_of(program).caps == (Cap(2, 24), Cap(1, 24, "installation", Purpose.CODE, "*"))


@pytest.mark.parametrize(
    ("number", "most"), [("+12125550101", 220), ("+18505550101", 240), ("+18005550101", 380), ("+447400123456", 210)]
)
def test_a_million_decisions_fit_into_a_gigabyte(installation: Installation, number: str, most: int) -> None:
    """What is kept beside one attempt is a line or two, even for somebody who may be anywhere in the country."""
    runtime, number_id = installation.runtime, installation.contact(number)
    with runtime.db.read() as session:
        asked = [Asked(1, number_id, installation.program_id, Purpose.MARKETING)]
        loader = FactsLoader(runtime.keys, runtime.settings.address)
        known = loader.load(session, asked, installation.clock.now(), timedelta())
    assert len(json.dumps({"chain": VERSION, **known[1].record()})) < most


def every_seven_days(installation: Installation) -> None:
    """Have the program say its way out in the first text and then every seven days."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).footer_every_days = 7


def arrived(installation: Installation, message_id: int, status: str = "delivered") -> None:
    """Take this message through the gate, and have the provider say how it ended."""
    assert [one.message_id for one in open_gate(installation.runtime, [message_id])] == [message_id]
    with installation.runtime.db.write() as session:
        session.execute(update(Attempt).where(col(Attempt.message_id) == message_id).values(outcome="accepted"))
        session.get_one(Message, message_id).status = status


def test_the_last_way_out_is_the_newest_text_that_said_it(installation: Installation) -> None:
    """What was sent with the way out counts from its gate on; a later text without it does not."""
    number_id, said_at = installation.contact("+12125550101"), installation.clock.now()
    assert load(installation, number_id).last_footer_at is None
    arrived(installation, installation.message(number_id))
    assert load(installation, number_id).last_footer_at is None
    every_seven_days(installation)
    assert load(installation, number_id).last_footer_at == said_at
    installation.clock.move(timedelta(days=1))
    arrived(installation, installation.message(number_id, "Acme: beans.", expires_at=said_at + timedelta(days=2)))
    assert load(installation, number_id).last_footer_at == said_at
    installation.clock.move(timedelta(days=6))
    assert load(installation, number_id).last_footer_at is None


@pytest.mark.parametrize("status", ["undelivered", "failed", "unconfirmed"])
def test_a_text_that_may_not_have_arrived_said_nothing(installation: Installation, status: str) -> None:
    """The way out is due again where the text that said it was not delivered, or nobody knows."""
    every_seven_days(installation)
    number_id = installation.contact("+12125550101")
    arrived(installation, installation.message(number_id), status)
    assert load(installation, number_id).last_footer_at is None


def test_another_persons_or_programs_text_said_nothing(installation: Installation) -> None:
    """Only what this number got from this program counts, and a text that cannot be opened counts as silent."""
    every_seven_days(installation)
    number_id, other = installation.contact("+12125550101"), installation.contact("+12125550102")
    arrived(installation, installation.message(other))
    assert load(installation, number_id).last_footer_at is None
    message_id = installation.message(number_id)
    arrived(installation, message_id)
    with installation.runtime.db.write() as session:
        session.get_one(Message, message_id).text_cipher = b"0" * 60
    assert load(installation, number_id).last_footer_at is None


def test_planner_and_gate_agree_on_the_way_out(installation: Installation) -> None:
    """The second campaign of a week goes without the footer; one that outlasts the week or has no end goes with it."""
    every_seven_days(installation)
    number_id = installation.contact("+12125550101")
    texts = []
    for name, days in (("first", 1), ("second", 5), ("third", 9), ("fourth", None)):
        end = installation.clock.now() + timedelta(days=days) if days else None
        message_id, text = planned(installation, name, end)
        texts.append(text)
        installation.clock.move(timedelta(days=1))
        arrived(installation, message_id)
    said = f"Acme: Beans.\n{FOOTER}"
    assert texts == [said, "Acme: Beans.", said, said]
    assert load(installation, number_id).last_footer_at is not None


def planned(installation: Installation, name: str, end: datetime | None) -> tuple[int, str]:
    """Plan one campaign to everybody; returns its only message, queued, and the words it was frozen with."""
    runtime = installation.runtime
    wanted = control.CampaignIn(name, "acme", (control.VariantIn("all", {}, "Beans."),), end_at=end)
    campaign = control.create(runtime, wanted, "ann")
    control.schedule(runtime, campaign, installation.clock.now(), "ann")
    control.start_due(runtime)
    while planner.plan_slice(runtime, campaign):
        pass
    with runtime.db.write() as session:
        row = session.execute(select(Message).where(col(Message.campaign_id) == campaign)).scalar_one()
        row.status = "queued"
        data_key = session.get_one(Number, row.number_id).data_key
        return row.id or 0, unseal(runtime.keys.unwrap(data_key), row.text_cipher or b"").decode()


def test_the_queue_of_a_from_number_grows_with_its_parts(installation: Installation) -> None:
    """Ninety parts queued or on the wire at three a second are half a minute, or five on a clock ten times as fast."""
    number_id = installation.contact("+12125550101")
    with installation.runtime.db.write() as session:
        session.get_one(FromNumber, installation.line_id).rate = 3.0
    for status, parts in (("queued", 60), ("sending", 29), ("sending", 0), ("pending", 500), ("sent", 500)):
        installation.message(number_id, status=status, parts=parts)
    seconds = timedelta(seconds=1)
    assert busy(installation, number_id, 3 * seconds) == 30 * seconds
    assert busy(installation, number_id, 30 * seconds) == 300 * seconds
    assert busy(installation, number_id, 3 * seconds, line=None) == timedelta()


def busy(installation: Installation, number_id: int, margin: timedelta, line: int | None = 1) -> timedelta:
    """Return the queue that the facts tell of, with the gate's margin."""
    runtime = installation.runtime
    asked = Asked(1, number_id, installation.program_id, Purpose.MARKETING, installation.line_id if line else None)
    with runtime.db.read() as session:
        loader = FactsLoader(runtime.keys, runtime.settings.address)
        return loader.load(session, [asked], installation.clock.now(), margin)[1].facts.queue


def test_the_gate_puts_off_what_would_stand_in_line_past_the_window(installation: Installation) -> None:
    """Ten minutes before nine in the evening a text goes; with a quarter of an hour of parts before it, it waits."""
    number_id = installation.contact("+12125550101")
    installation.clock.move(timedelta(hours=9, minutes=50))
    first, second = installation.message(number_id), installation.message(number_id)
    with installation.runtime.db.write() as session:
        session.get_one(FromNumber, installation.line_id).rate = 1.0
    assert [one.message_id for one in open_gate(installation.runtime, [first])] == [first]
    installation.message(installation.contact("+12125550102"), status="sending", parts=900)
    assert open_gate(installation.runtime, [second]) == []
    with installation.runtime.db.read() as session:
        row = session.get_one(Message, second)
        assert (row.status, row.reason) == ("pending", "quiet_hours")
        assert row.send_after == datetime(2026, 3, 11, 12, tzinfo=UTC)
