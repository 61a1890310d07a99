"""A worker whose clock is twelve hours wrong sends nothing, says so, and goes on when its clock is right again."""

import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from sender.delivery.gate import open_gate
from sender.delivery.timekeeping import Timekeeper
from sender.delivery.wire import Wire
from sender.models import Attempt
from sender.runtime import Runtime
from sender.simulator.clock import Clock as SimulatorClock
from sender.watching import doctor, notices
from tests.chaos.house import AheadClock, House, house, runtime_of
from tests.installation import TUESDAY

TWELVE = timedelta(hours=12)


def wrong(made: House, by: timedelta) -> Runtime:
    """What a worker has whose machine's clock is wrong by so much."""
    clock = AheadClock(made.settings.clock_real or 0.0, TUESDAY, 1.0, by, by)
    return runtime_of(made.settings, clock=clock)


def standing(made: House) -> list[str]:
    """What people are told now."""
    with made.database.read() as session:
        return [one.sentence for one in notices.standing(session)]


def test_a_wrong_clock_opens_no_gate_until_it_is_right(tmp_path: Path, database_url: str, wire: Wire) -> None:
    """Its texts wait and none is given up; people are told of the machine, until its clock agrees again."""
    with house(tmp_path, database_url) as made:
        (message,) = made.messages(made.people(1), made.campaign())
        ahead, right = wrong(made, -TWELVE), wrong(made, timedelta())
        assert not Timekeeper(ahead, wire).is_right()
        assert open_gate(ahead, [message]) == []
        assert made.statuses([message]) == {"pending": 1}
        assert re.search(r"sends nothing: the clock is 43,(199|200) s behind the provider's", standing(made)[0])
        assert Timekeeper(right, wire).is_right()
        assert standing(made) == []
        for one in (ahead, right):
            wire.ask(one.provider.close())
            one.db.close()
    assert not [entry for entry in made.requests() if entry["to"]]


def test_a_gate_before_any_answer_stays_shut(tmp_path: Path, database_url: str) -> None:
    """A worker that has not heard the provider's clock yet opens no gate, however right its own is."""
    with house(tmp_path, database_url) as made:
        (message,) = made.messages(made.people(1), made.campaign())
        runtime = wrong(made, timedelta())
        assert open_gate(runtime, [message]) == []
        with made.database.read() as session:
            assert session.execute(select(col(Attempt.id))).all() == []
        runtime.db.close()


def test_the_doctor_names_a_clock_that_is_wrong(tmp_path: Path, sqlite_url: str) -> None:
    """It says by how much, and that workers on this machine send nothing until it is set."""
    with house(tmp_path, sqlite_url) as made:
        said = {one.sentence: one.ok for one in doctor.examine(made.settings) if one.what == "clock"}
        assert said.pop("This machine's clock is right.")
        made.simulator.world.clock = SimulatorClock(made.settings.clock_real or 0.0, TUESDAY - timedelta(hours=1), 1.0)
        found = [one for one in doctor.examine(made.settings) if one.what == "clock" and "Workers" in one.sentence]
    assert [one.ok for one in found] == [False]
    assert re.search(r"3,(599|600) s ahead of the provider's; set its clock \(NTP\)", found[0].sentence)
