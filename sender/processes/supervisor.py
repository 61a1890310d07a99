"""All processes of ``tactful up`` in one terminal: started in order, brought back after a crash, stopped together.

    Supervisor([valkey, web, worker], sys.stdout).run()      # until Ctrl-C; returns the exit status

Each child leads a process group of its own, so Ctrl-C reaches the supervisor alone and nothing a child started
outlives it. Should the supervisor be killed, `sender/processes/leash.py` ends the groups in its place.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

CRASHES = 5
CRASH_WINDOW = 30.0
BACK_OFF = (0.05, 0.2, 0.5, 1.0)
TICK = 0.05
LONGEST_LINE = 65536
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Process:
    """One child. ``env`` is added to the supervisor's own; times are seconds.

    ``ready`` is asked every 50 ms and must answer quickly; the next process starts once it says True. A process with
    ``restart`` False ends all others when it ends, and its exit status becomes the supervisor's.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    restart: bool = True
    ready_within: float = 90.0
    grace: float = 20.0


@dataclass(slots=True)
class Child:
    """What the supervisor knows of one process while it runs, and between two runs."""

    process: Process
    label: str
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    ready: bool = False
    tail: bytes = b""
    crashes: deque[float] = field(default_factory=deque)


class Leash:
    """The process that ends all groups if this one dies; started anew when somebody killed it."""

    def __init__(self, grace: float) -> None:
        self._command = [sys.executable, "-I", str(Path(__file__).with_name("leash.py")), str(grace)]
        self._groups: dict[int, None] = {}
        self._popen = self._spawn()

    def hold(self, group: int) -> None:
        """End ``group`` too."""
        self._groups[group] = None
        self._tell(f"+{group}\n")

    def drop(self, group: int) -> None:
        """``group`` has ended."""
        self._groups.pop(group, None)
        self._tell(f"-{group}\n")

    def renew(self) -> None:
        """Replace a leash that has died."""
        if self._popen.poll() is not None:
            self._popen = self._spawn()
            for group in self._groups:
                self._tell(f"+{group}\n")

    def close(self) -> None:
        """Let go; whatever is still held is ended."""
        self._popen.communicate()

    def _spawn(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own file
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )

    def _tell(self, line: str) -> None:
        pipe = self._popen.stdin
        with suppress(BrokenPipeError):
            if pipe is not None:
                pipe.write(line)
                pipe.flush()


class Supervisor:
    """Runs the given processes until a signal, a crash too many, or the end of one that is not restarted."""

    def __init__(self, processes: Sequence[Process], out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colours = self._out.isatty()
        self._width = max(len(name) for name in ["tactful", *(process.name for process in processes)])
        self._children = [
            Child(process, self._label(process.name, COLOURS[place % len(COLOURS)]))
            for place, process in enumerate(processes)
        ]
        self._selector = selectors.DefaultSelector()
        self._status: int | None = None
        self._hurry = False

    def run(self) -> int:
        """Start everything, watch over it, stop everything; call it from the main thread, once.

        Returns 0 after Ctrl-C or SIGTERM, 1 after giving up, else the status of the process that is not restarted. A
        second Ctrl-C kills at once.
        """
        self._leash = Leash(max((child.process.grace for child in self._children), default=0.0))
        with self._signals():
            try:
                while self._status is None:
                    self._step()
            finally:
                self._stop_all()
        return self._status or 0

    def _step(self) -> None:
        self._start_due(time.monotonic())
        self._check_ready(time.monotonic())
        self._pump(TICK if self._waiting() else 1.0)
        self._reap(time.monotonic())
        self._leash.renew()

    def _waiting(self) -> bool:
        return any(child.popen is None or not child.ready for child in self._children)

    def _start_due(self, now: float) -> None:
        """Start what is due, in order: nobody starts while an earlier one is not ready."""
        for child in self._children:
            if child.popen is None and child.due <= now and self._status is None:
                self._start(child, now)
            if not child.ready:
                return

    def _start(self, child: Child, now: float) -> None:
        process = child.process
        try:
            child.popen = subprocess.Popen(  # noqa: S603 - commands are ours
                list(process.command),
                env={**os.environ, "PYTHONUNBUFFERED": "1", **process.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
                umask=0o077,
            )
        except OSError as error:
            self._give_up(f"{process.name} cannot be started: {error}.")
            return
        self._leash.hold(child.popen.pid)
        child.started = now
        self._listen(child, child.popen)

    def _listen(self, child: Child, popen: subprocess.Popen[bytes]) -> None:
        if popen.stdout is not None:
            os.set_blocking(popen.stdout.fileno(), False)
            self._selector.register(popen.stdout, selectors.EVENT_READ, child)

    def _check_ready(self, now: float) -> None:
        for child in self._children:
            if child.popen is None or child.ready:
                continue
            process = child.process
            child.ready = process.ready is None or process.ready()
            if not child.ready and now - child.started > process.ready_within:
                self._give_up(f"{process.name} is not ready after {process.ready_within:g} s.")

    def _reap(self, now: float) -> None:
        for child in self._children:
            if child.popen is not None and child.popen.poll() is not None:
                self._ended(child, child.popen.returncode, now)

    def _ended(self, child: Child, code: int, now: float) -> None:
        name = child.process.name
        self._clear(child)
        if self._status is not None:
            return
        if not child.process.restart:
            self._status = code if code >= 0 else 128 - code
            return
        child.crashes.append(now)
        while now - child.crashes[0] > CRASH_WINDOW:
            child.crashes.popleft()
        if len(child.crashes) >= CRASHES:
            self._give_up(f"{name} ended {CRASHES} times within {CRASH_WINDOW:g} s, the last time {how(code)}.")
            return
        child.due = now + BACK_OFF[len(child.crashes) - 1]
        self._say(f"{name} ended {how(code)}; starting it again.")

    def _give_up(self, why: str) -> None:
        if self._status is None:
            self._say(f"{why} Stopping everything.")
            self._status = 1

    def _stop_all(self) -> None:
        for child in reversed(self._children):
            if child.popen is not None:
                self._stop(child, child.popen)
        self._leash.close()
        self._selector.close()

    def _stop(self, child: Child, popen: subprocess.Popen[bytes]) -> None:
        """Ask the leader alone (it stops its own children), wait, then kill what is left of its group."""
        popen.terminate()
        deadline = time.monotonic() + child.process.grace
        while popen.poll() is None and time.monotonic() < deadline and not self._hurry:
            self._pump(TICK)
        if popen.poll() is None:
            self._say(f"{child.process.name} did not stop; killing it.")
        self._clear(child)

    def _clear(self, child: Child) -> None:
        """Kill the group, show its last lines, forget the run."""
        popen, child.popen, child.ready = child.popen, None, False
        if popen is None:
            return
        # On macOS a group of zombies answers EPERM.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        self._leash.drop(popen.pid)
        if popen.stdout is not None:
            while self._read(child, popen.stdout.fileno()):
                pass
            with suppress(KeyError):
                self._selector.unregister(popen.stdout)
            popen.stdout.close()
        if child.tail:
            self._write(child.label, child.tail)
            child.tail = b""

    def _pump(self, timeout: float) -> None:
        """Show lines for up to ``timeout`` seconds; a signal or a child's end wakes it at once."""
        for key, _ in self._selector.select(timeout):
            if not isinstance(key.data, Child):
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            elif not self._read(key.data, key.fd):
                self._selector.unregister(key.fileobj)

    def _read(self, child: Child, pipe: int) -> bool:
        """Take what the pipe holds and write whole lines; False at its end, and when it holds nothing now."""
        try:
            got = os.read(pipe, LONGEST_LINE)
        except BlockingIOError:
            return False
        *lines, child.tail = (child.tail + got).split(b"\n")
        if len(child.tail) >= LONGEST_LINE:
            lines, child.tail = [*lines, child.tail], b""
        for line in lines:
            self._write(child.label, line)
        return bool(got)

    def _label(self, name: str, colour: int) -> str:
        padded = f"{name:<{self._width}} |"
        return f"\x1b[{colour}m{padded}\x1b[0m" if self._colours else padded

    def _say(self, sentence: str) -> None:
        self._write(self._label("tactful", 1), sentence.encode())

    def _write(self, label: str, line: bytes) -> None:
        """A terminal that went away is no reason to leave children behind: it stops everything quietly."""
        try:
            self._out.write(f"{label} {line.decode(errors='replace').rstrip()}\n")
            self._out.flush()
        except (OSError, ValueError):
            self._status = self._status if self._status is not None else 0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """While inside, stop on SIGINT, SIGTERM and SIGHUP, and wake up for them and for a child's end."""
        inbox, outbox = socket.socketpair()
        inbox.setblocking(False)
        outbox.setblocking(False)
        self._selector.register(inbox, selectors.EVENT_READ)
        # Under nohup SIGHUP arrives ignored and stays so.
        heard = [
            number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP
        ]
        before = {number: signal.signal(number, self._stop_on) for number in heard}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            inbox.close()
            outbox.close()

    def _stop_on(self, *_: object) -> None:
        self._hurry = self._status is not None
        self._status = self._status if self._status is not None else 0


def how(code: int) -> str:
    """A return code in words: "with status 3" or "by signal 9"."""
    return f"with status {code}" if code >= 0 else f"by signal {-code}"
