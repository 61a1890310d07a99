"""Processes that reckon for another: who gets them, that their work is the same, and that none is left behind."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sender.ahead import Lanes, lanes
from sender.clock import Clock
from sender.reckoners import Reckoner, Reckoners, as_many_as
from sender.runtime import Runtime
from sender.settings import Settings
from tests.installation import Installation, install
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
OWN = os.getpid()


def lives(runtime: Runtime) -> list[bool]:
    """Whether each of those that are lent lives; nobody gets any while they are being ended."""
    with runtime.reckoners.lent(10) as some:
        return [one.lives for one in some]


@pytest.fixture
def runtime(tmp_path: Path, sqlite_url: str) -> Iterator[Runtime]:
    """An installation with two reckoners, for work on ten people already."""
    made = install(tmp_path / "home", sqlite_url, reckoners=2)
    yield (runtime := with_reckoners(made))
    runtime.reckoners.end()
    made.runtime.db.close()


def with_reckoners(installation: Installation, rests: float = 30.0) -> Runtime:
    """The runtime of a process that may have reckoners for ten people."""
    own = installation.runtime
    return replace(own, reckoners=Reckoners(own.settings, own.clock, many=10, rests=rests))


def await_both(beside: Lanes) -> None:
    """Expect ten people, and wait until both reckoners are ready."""
    beside.expect(10)
    eventually(lambda: beside.width == 3)


def where(_: Runtime, piece: int) -> tuple[int, int]:
    """The process that worked on a piece."""
    return piece, os.getpid()


def dies_once(runtime: Runtime, piece: int) -> int:
    """The second piece ends the process that works on it, unless it is ours."""
    if piece == 2 and os.getpid() != int((runtime.settings.home / "own").read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    return piece


def refuses(_: Runtime, piece: int) -> int:
    """The second piece cannot be done anywhere."""
    if piece == 2:
        raise ValueError("the second piece")
    return piece


def test_large_work_is_done_in_both_in_order_once_they_are_up(runtime: Runtime) -> None:
    """Until then it is done here, so that nobody waits for a process to start."""
    with lanes(runtime) as beside:
        beside.expect(10)
        [(_, first)] = beside.ahead([0], where)
        await_both(beside)
        done = list(beside.ahead(range(20), where))
    assert first == OWN
    assert [piece for piece, _ in done] == list(range(20))
    assert (len({process for _, process in done}), OWN in {process for _, process in done}) == (2, False)


def test_few_people_are_not_worth_them_and_two_do_not_share_them(runtime: Runtime) -> None:
    """Who comes while somebody has them works alone, and nobody waits."""
    with runtime.reckoners.lent(9) as few, runtime.reckoners.lent(10) as first, runtime.reckoners.lent(10) as second:
        assert (len(few), len(first), len(second)) == (0, 2, 0)
    with runtime.reckoners.lent(10) as again:
        assert again == first


def test_what_a_reckoner_dies_over_is_done_here(runtime: Runtime) -> None:
    """Nothing is lost and the order stays; the next to ask works alone for a while."""
    (runtime.settings.home / "own").write_text(str(OWN))
    with lanes(runtime) as beside:
        await_both(beside)
        assert list(beside.ahead(range(6), dies_once)) == list(range(6))
    with runtime.reckoners.lent(10) as after:
        assert list(after) == []


def test_where_none_can_be_started_the_work_is_done_here(runtime: Runtime) -> None:
    """A machine without room for another process plans and rehearses as before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with lanes(runtime) as beside:
        resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds(), hard))
        try:
            beside.expect(10)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert list(beside.ahead(range(3), where)) == [(piece, OWN) for piece in range(3)]


def test_what_goes_wrong_in_a_reckoner_goes_wrong_here(runtime: Runtime) -> None:
    """With its own fault, where its result is asked for."""
    with lanes(runtime) as beside:
        await_both(beside)
        made = beside.ahead((1, 2, 3, 4, 5), refuses)
        assert next(made) == 1
        with pytest.raises(ValueError, match="the second piece"):
            next(made)


def test_they_end_when_nobody_has_asked_for_a_while(tmp_path: Path, sqlite_url: str) -> None:
    """And are started again for who asks then."""
    installation = install(tmp_path / "home", sqlite_url, reckoners=1)
    runtime = with_reckoners(installation, rests=0.05)
    with runtime.reckoners.lent(10) as first:
        process = first[0].process
    eventually(lambda: not process.is_alive())
    assert eventually(lambda: lives(runtime)) == [True]
    runtime.reckoners.end()
    installation.runtime.db.close()


def test_they_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """However it went: nobody is left to hold a database open."""
    code = (
        "import os, signal, time\n"
        "from pathlib import Path\n"
        "from sender.clock import Clock\n"
        "from sender.crypto import make_keys\n"
        "from sender.reckoners import Reckoner\n"
        "from sender.settings import Settings\n"
        "from tests.waiting import eventually\n"
        "if __name__ == '__main__':\n"
        f"    home = Path({str(tmp_path)!r})\n"
        "    make_keys(home)\n"
        "    reckoner = Reckoner(Settings(_env_file=None, home=home), Clock(), time.time())\n"
        "    eventually(lambda: reckoner.up)\n"
        "    print(reckoner.process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "starts.py"
    script.write_text(code)
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, env=path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    eventually(lambda: not psutil.pid_exists(int(ended.stdout)))


def test_one_with_newer_code_than_who_asks_does_not_come_up(tmp_path: Path) -> None:
    """After an upgrade a process that still runs decides by itself, by the rules it has, until it is restarted."""
    reckoner = Reckoner(Settings(_env_file=None, home=tmp_path), Clock(), 0.0)  # type: ignore[call-arg]
    eventually(lambda: not reckoner.lives)
    assert not reckoner.up
    reckoner.end()


def test_there_is_one_for_each_core_but_for_the_only_one() -> None:
    """At most four, as many as were asked for, and none in a process without settings."""
    assert [as_many_as(None, cores) for cores in (1, 2, 3, 16)] == [0, 2, 3, 4]
    assert (as_many_as(0), as_many_as(7), Reckoners().count) == (0, 7, 0)
