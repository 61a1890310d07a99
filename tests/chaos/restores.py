"""A copy of the database is put back while texts leave: nothing goes before a person releases it, nothing twice after.

SQLite only: the file is copied while workers write, and put back when they are dead, as somebody would do by hand.
"""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

from sqlalchemy import update
from sqlmodel import col

from sender import halt
from sender.backup.catch_up import catch_up, copied_at
from sender.backup.place import check_in
from sender.delivery.wire import Wire
from sender.models import Campaign
from tests.approving import approve
from tests.chaos.crew import CONTEXT, crew
from tests.chaos.crowd import deliver
from tests.chaos.house import House, house, token_of
from tests.chaos.rounds import Place, Round
from tests.chaos.settle import recover
from tests.waiting import eventually

TEXTS = 60
PAUSE = 0.5
SLOW = {"connections": 8, "workers": 2}
"""Few places on the wire: texts are gated one handful after the other, so that a copy falls in between."""


def play(place: Place, size: int, dice: Random) -> Round:
    """``size`` copies, each put back a random number of texts later."""
    result = Round()
    with house(place.folder, place.database_url, latency=0.05, settings=SLOW) as made:
        for _ in range(size):
            _one(made, dice, result)
    return result


def _one(made: House, dice: Random, result: Round) -> None:
    campaign = made.campaign()
    ids, copy = made.messages(made.people(TEXTS), campaign), made.settings.home / "copy.db"
    _check_in(made)
    before = made.arrived()
    told = CONTEXT.Event()
    work = (deliver, made.settings, ids, dice.randrange(1000), 2, told)
    with crew([work, work]):
        eventually(lambda: made.arrived() >= before + dice.randrange(1, TEXTS // 2))
        _copy(_file(made), copy)
        since = made.arrived()
        eventually(lambda: made.arrived() >= min(since + dice.randrange(1, TEXTS // 2), before + TEXTS))
    # What the dead had posted may be read by the simulator only now: it is known by the attempt's token.
    posted = set(made.messages_of_tokens())
    made.database.close()
    _put_back(copy, _file(made))
    why, held = _check_in(made), made.arrived()
    with crew([work, work]):
        threading.Event().wait(PAUSE)
    left = [entry for entry in made.requests()[held:] if token_of(entry) not in posted]
    if left:
        result.broken.append(f"{len(left)} texts left before the release; held because {why!r}")
    learned = release_copy(made, campaign)
    recover(made)
    times = Counter(entry["to"] for entry in made.accepted())
    result.broken += [f"somebody got {count} texts" for count in times.values() if count > 1]
    result.broken += [] if len(times) == before + TEXTS else [f"{len(times)} of {before + TEXTS} people got a text"]
    result.counts += {"restores": 1, "texts": TEXTS, "learned of": learned, "held": int(bool(why))}


def _check_in(made: House) -> str:
    with made.runtime() as runtime:
        return check_in(runtime)


def release_copy(made: House, campaign: int) -> int:
    """What a person does: `tactful release`, a look, and resume."""
    with made.runtime() as runtime:
        wire = Wire()
        with runtime.db.read() as session:
            ago = runtime.clock.real() - (copied_at(session) or runtime.clock.real())
        learned = catch_up(runtime, wire, runtime.clock.now() - ago, "ann")
        halt.release(runtime, "ann", caught_up=True)
        with runtime.db.write() as session:
            approve(session, campaign)
            session.execute(update(Campaign).where(col(Campaign.id) == campaign).values(status="running"))
        wire.ask(runtime.provider.close())
        wire.close()
    return learned.sent


def _file(made: House) -> Path:
    return Path(made.settings.database.removeprefix("sqlite:///"))


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as living, closing(sqlite3.connect(target)) as copy:
        living.backup(copy)


def _put_back(copy: Path, file: Path) -> None:
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    file.write_bytes(copy.read_bytes())
