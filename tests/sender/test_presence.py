"""Processes say that they are there, and whoever falls silent is forgotten, with what only they could take back."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, text
from sqlmodel import col

from sender import schema
from sender.archive.packing import Archiver, ArchiveRefused, check, keep_open_for
from sender.models import Present
from sender.processes.presence import BEAT_SECONDS, SILENT_SECONDS, Attendance, beat, behind, hosts, present
from sender.runtime import Runtime
from sender.watching import notices
from sender.watching.doctor import examine
from sender.watching.watch import watch
from tests.installation import TUESDAY, Installation, install
from tests.waiting import eventually


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    """An installation on which nothing works yet."""
    return install(tmp_path / "home", database_url)


def there(runtime: Runtime) -> list[str]:
    """Kinds of processes that are known to work."""
    with runtime.db.read() as session:
        return list(session.execute(select(col(Present.kind))).scalars())


def say(runtime: Runtime, host: str, knows: str = "") -> None:
    """A worker on this host counts up."""
    row = {"name": f"{host}:1:x", "host": host, "kind": "worker", "knows": knows or schema.known()}
    with runtime.db.write() as session:
        beat(session, row)


def test_a_process_is_known_while_it_works(installation: Installation) -> None:
    """From its start until its end, with its host and the schema it knows."""
    runtime = installation.runtime
    with present(runtime.db, "hooks"):
        eventually(lambda: there(runtime) == ["hooks"], 10)
        with runtime.db.read() as session:
            assert behind(session, schema.known()) == []
            assert len(hosts(session)) == 1
    assert there(runtime) == []


def test_an_end_does_not_wait_for_a_database_that_hangs(installation: Installation) -> None:
    """A process that is told to end ends, though its last beat still waits; its row goes like that of one who died."""
    runtime = installation.runtime
    with runtime.db.write() as session:
        if not runtime.db.is_sqlite:
            session.execute(text("LOCK TABLE present"))
        with present(runtime.db, "worker"):
            beating = next(one for one in threading.enumerate() if one.name == "presence")
        assert beating.is_alive()
    beating.join(10)
    assert there(runtime) == ["worker"]


def test_who_falls_silent_is_taken_away_and_may_come_back(installation: Installation) -> None:
    """Three minutes without a beat, by the clock of whoever looks; a beat in between is a sign of life."""
    runtime, looking = installation.runtime, Attendance(installation.runtime)
    say(runtime, "web-1")
    say(runtime, "web-2")
    for _ in range(int(SILENT_SECONDS / BEAT_SECONDS)):
        assert looking.step() == 0
        installation.clock.move(timedelta(seconds=BEAT_SECONDS))
        say(runtime, "web-2")
    assert looking.step() == 1
    with runtime.db.read() as session:
        assert hosts(session) == {"web-2"}
    say(runtime, "web-1")
    assert looking.step() == 0
    assert len(there(runtime)) == 2


def test_the_notice_of_a_clock_ends_with_its_host(installation: Installation) -> None:
    """While a process of the machine works it stands, and ends with the next look once the machine is gone."""
    runtime, looking = installation.runtime, Attendance(installation.runtime)
    say(runtime, "web-1")
    with runtime.db.write() as session:
        notices.begin(session, "clock:web-1", "alarm", "web-1 sends nothing.", TUESDAY)

    def stands() -> bool:
        looking.step()
        watch(runtime)
        with runtime.db.read() as session:
            return "clock:web-1" in [one.key for one in notices.standing(session)]

    assert stands()
    installation.clock.move(timedelta(seconds=SILENT_SECONDS - 1))
    assert stands()
    installation.clock.move(timedelta(seconds=1))
    assert not stands()


def test_nothing_is_archived_while_an_older_version_works(installation: Installation) -> None:
    """Scheduler and command wait until the last of them is gone, and the doctor names them from any host."""
    runtime = installation.runtime
    say(runtime, "web-1")
    say(runtime, "Old-2", knows="0021")
    with runtime.db.write() as session:
        keep_open_for(session, 180, "ana@example.org", TUESDAY)
    archiver = Archiver(runtime)
    long_ago = TUESDAY - timedelta(days=200)
    with runtime.db.read() as session, pytest.raises(ArchiveRefused, match="still works: the worker on Old-2; upgrade"):
        check(session, long_ago, TUESDAY)
    assert archiver.step() == 0
    assert archiver.waits
    settings = runtime.settings.model_copy(update={"database_url": runtime.db.url.render_as_string(False)})
    said = [one.sentence for one in examine(settings) if one.what == "version"]
    assert said == ["The worker on Old-2 is of an older version than the database: upgrade it."]
    with runtime.db.write() as session:
        session.execute(delete(Present).where(col(Present.host) == "Old-2"))
        check(session, long_ago, TUESDAY)
    installation.clock.move(timedelta(minutes=2))
    archiver.step()
    assert not archiver.waits
