"""Disks that are full or fail, under a database that works: by a limit on the size of files, a small disk, or strace.

The limit needs no rights, hits every write of a process from that offset on, and both databases treat its refusal (file
too large) as they treat a full disk's. A small disk is mounted for PostgreSQL where the tests run as root. A failing
fsync needs strace and the right to use it. What a machine cannot do is left out and counted.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psutil
import psycopg

from tests.chaos.rounds import Place
from tests.servers import Postgres
from tests.waiting import eventually

MEBIBYTE = 1 << 20
DISK_BYTES = 192 * MEBIBYTE
LASTS = 0.4
LIMITS = (0, 2 * MEBIBYTE, 8 * MEBIBYTE)
"""A segment of PostgreSQL's log has 16 MiB and SQLite's file soon a few: the limit falls before, in or behind them."""
LEFT = (0, 64 << 10, MEBIBYTE)
FELT = ("File too large", "No space left on device", "Input/output error")


@contextmanager
def small_disk(place: Place) -> Iterator[Place]:
    """PostgreSQL on a disk of its own that can be filled, where one can be mounted; else the place as it is."""
    if place.postgres is None or os.geteuid() != 0:
        yield place
        return
    folder = Path(tempfile.mkdtemp(prefix="d-", dir="/tmp"))
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        folder.rmdir()
        yield place
        return
    try:
        server = Postgres.make(folder)
        try:
            yield Place(place.folder, server.create("chaos"), server)
        finally:
            server.kill()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(postgres: Postgres, dice: Random) -> bool:
    """Fill the small disk for a moment, up to a little; False where PostgreSQL has none of its own."""
    folder = postgres.folder.parent
    if not os.path.ismount(folder):
        return False
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(MEBIBYTE)):
            pass
    os.truncate(ballast, max(0, ballast.stat().st_size - dice.choice(LEFT)))
    _pass()
    ballast.unlink()
    return True


def limit(pids: Sequence[int], dice: Random) -> bool:
    """Let no file of these processes be written beyond some offset for a moment; False without the program prlimit."""
    if shutil.which("prlimit") is None:
        return False
    room = dice.choice(LIMITS)
    for pid in pids:
        _set_limit(pid, str(room))
    _pass()
    for pid in pids:
        _set_limit(pid, "unlimited")
    return True


def fail_fsync(pids: Sequence[int]) -> bool:
    """Let every fsync of these processes fail with EIO for a moment; False without strace or the right to use it."""
    strace = shutil.which("strace")
    if strace is None or not pids:
        return False
    which = [word for pid in pids for word in ("-p", str(pid))]
    words = [strace, "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync,fdatasync", "-e"]
    tracing = subprocess.Popen([*words, "inject=fsync,fdatasync:error=EIO", *which], stderr=subprocess.DEVNULL)
    _pass()
    was_allowed = tracing.poll() is None
    tracing.terminate()
    tracing.wait()
    return was_allowed


def processes_of(postgres: Postgres) -> list[int]:
    """The server's process and all that it has started; none while it is down."""
    with suppress(OSError, psutil.NoSuchProcess):
        first = psutil.Process(int((postgres.folder / "postmaster.pid").read_text().split()[0]))
        if first.status() == psutil.STATUS_ZOMBIE:
            return []
        return [first.pid, *(child.pid for child in first.children(recursive=True))]
    return []


def bring_back(postgres: Postgres, patience: float = 15.0) -> None:
    """Wait until the server answers again; one that gave up is started, as whoever runs it would.

    One that stands still for ``patience`` seconds is ended first: after a failed fsync, PostgreSQL 18 was seen to wait
    for ever for a recovery whose process had died.
    """
    silent_since = time.monotonic()

    def answers() -> bool:
        nonlocal silent_since
        with suppress(psycopg.OperationalError):
            postgres.execute("SELECT 1")
            return True
        if time.monotonic() - silent_since > patience:
            postgres.kill()
            silent_since = time.monotonic()
        if not processes_of(postgres):
            with suppress(RuntimeError):
                postgres.start()
        return False

    try:
        eventually(answers, 60)
    except AssertionError as silent:
        told = [line for line in _log(postgres).splitlines() if "the database system is" not in line]
        raise AssertionError("\n".join(["PostgreSQL did not come back. Its log ends so:", *told[-40:]])) from silent


def felt(postgres: Postgres) -> int:
    """How often the server's own log names such a fault."""
    said = _log(postgres)
    return sum(said.count(words) for words in FELT)


def _log(postgres: Postgres) -> str:
    return (postgres.folder.parent / "postgres.log").read_text(errors="replace")


def _set_limit(pid: int, room: str) -> None:
    """The soft limit; asked for by the process's own user, who always may, even where root may not."""
    with suppress(psutil.NoSuchProcess):
        user, group = psutil.Process(pid).uids().real, psutil.Process(pid).gids().real
        words = ["prlimit", f"--pid={pid}", f"--fsize={room}:"]
        other = {"user": user, "group": group, "extra_groups": []} if user != os.getuid() else {}
        subprocess.run(words, capture_output=True, check=False, cwd="/", **other)  # type: ignore[call-overload]


def _pass() -> None:
    threading.Event().wait(LASTS)
