import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.processes.leash import held
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]

PRELUDE = """
import os, sys
from sender.processes.supervisor import Process, Supervisor

def child(name, code, **more):
    return Process(name, [sys.executable, "-c", code], **more)

STAY = "import os, signal; print('up', os.getpid()); signal.pause()"
POLITE = '''
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("bye")))
print("up")
signal.pause()
'''
def marking(mark):
    code = POLITE.replace("signal.pause()", "open(sys.argv[1], 'w'); signal.pause()")
    return Process("web", [sys.executable, "-c", code, mark], ready=lambda: os.path.exists(mark))

STUBBORN = '''
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", os.getpid())
signal.pause()
'''
PARENT = '''
import os, signal, subprocess, sys
below = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("below", below.pid)
print("up", os.getpid())
signal.pause()
'''
"""


class Stage:
    """One supervisor in a process of its own, with its output in a file."""

    def __init__(self, folder: Path, script: str) -> None:
        self.log = folder / "log"
        with self.log.open("wb") as out:
            self.popen = subprocess.Popen([sys.executable, "-c", PRELUDE + script], cwd=ROOT, stdout=out, stderr=out)

    def text(self) -> str:
        return self.log.read_text()

    def find(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.text(), re.MULTILINE)

    def await_lines(self, pattern: str, count: int = 1) -> list[str]:
        return eventually(lambda: found if len(found := self.find(pattern)) >= count else None)

    def wait(self) -> int:
        return self.popen.wait(20)

    def close(self) -> None:
        self.popen.terminate()
        self.popen.wait(30)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[[str], Stage]]:
    """Start supervisors from the script's tail; they are stopped after the test."""
    made: list[Stage] = []

    def make(script: str) -> Stage:
        made.append(Stage(tmp_path, script))
        return made[-1]

    yield make
    for each in made:
        each.close()


def gone(pid: int) -> bool:
    """Whether the process ended; a zombie that nobody has collected has ended too."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_the_next_process_starts_only_when_the_one_before_is_ready(
    stage: Callable[[str], Stage], tmp_path: Path
) -> None:
    """The second child starts after the first one says it is ready, not before."""
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    os.mkfifo(gate)
    code = f"import signal; print('waiting'); open({str(gate)!r}).read(); open({str(mark)!r}, 'w'); signal.pause()"
    running = stage(
        f"Supervisor([child('first', {code!r}, ready=lambda: os.path.exists({str(mark)!r})),"
        " child('second', STAY)]).run()"
    )
    running.await_lines("^first +. waiting")
    assert not running.find("^second")
    gate.write_text("go")
    running.await_lines("^second +. up")
    assert mark.exists()


def test_a_killed_process_is_back_within_a_second(stage: Callable[[str], Stage]) -> None:
    """kill -9 of a child brings a new one with another pid, usually within a second; ten on a busy machine."""
    running = stage("Supervisor([child('worker', STAY)]).run()")
    first = int(running.await_lines(r"worker +. up (\d+)")[0])
    killed = time.monotonic()
    os.kill(first, signal.SIGKILL)
    second = int(running.await_lines(r"worker +. up (\d+)", 2)[1])
    assert time.monotonic() - killed < 10.0
    assert second != first
    assert running.find("tactful . worker ended by signal 9; starting it again")


def test_what_a_crashed_process_had_started_goes_with_it(stage: Callable[[str], Stage]) -> None:
    """When a child is killed, the processes it had started are killed before it starts again."""
    running = stage("Supervisor([child('web', PARENT)]).run()")
    leader = int(running.await_lines(r"web +. up (\d+)")[0])
    below = int(running.find(r"web +. below (\d+)")[0])
    os.kill(leader, signal.SIGKILL)
    running.await_lines(r"web +. up (\d+)", 2)
    eventually(lambda: gone(below))


def test_it_gives_up_after_five_crashes_and_stops_the_others(stage: Callable[[str], Stage], tmp_path: Path) -> None:
    """A child that ends five times in a row ends everything, with one line and status 1."""
    mark = str(tmp_path / "mark")
    running = stage(f"sys.exit(Supervisor([marking({mark!r}), child('worker', 'raise SystemExit(3)')]).run())")
    assert running.wait() == 1
    assert len(running.find("worker ended with status 3; starting it again")) == 4
    assert len(running.find("worker ended 5 times within 30 s, the last time with status 3. Stopping everything.")) == 1
    assert running.find("web +. bye")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_in_reverse_order(stage: Callable[[str], Stage], number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM let every child finish, the last started first, and end with status 0."""
    running = stage("sys.exit(Supervisor([child('a', POLITE), child('b', POLITE), child('c', POLITE)]).run())")
    running.await_lines("up$", 3)
    running.popen.send_signal(number)
    assert running.wait() == 0
    assert running.find("^(.) .*bye$") == ["c", "b", "a"]


def test_a_process_that_will_not_stop_is_killed_after_its_grace(stage: Callable[[str], Stage]) -> None:
    """A child that ignores SIGTERM is killed when its own grace is over, and a line says so."""
    running = stage("sys.exit(Supervisor([child('worker', STUBBORN, grace=0.2)]).run())")
    pid = int(running.await_lines(r"worker +. up (\d+)")[0])
    running.popen.terminate()
    assert running.wait() == 0
    assert running.find("worker did not stop; killing it")
    assert gone(pid)


def test_a_second_signal_does_not_wait_for_the_grace(stage: Callable[[str], Stage]) -> None:
    """Ctrl-C twice kills a child that would have had a long grace."""
    running = stage("sys.exit(Supervisor([child('a', STUBBORN, grace=600), child('b', POLITE)]).run())")
    pid = int(running.await_lines(r"a +. up (\d+)")[0])
    running.await_lines("b +. up")
    running.popen.terminate()
    running.await_lines("b +. bye")
    running.popen.terminate()
    assert running.wait() == 0
    assert gone(pid)


def test_killing_the_supervisor_leaves_nothing_behind(stage: Callable[[str], Stage]) -> None:
    """kill -9 of the supervisor ends its children and what those had started."""
    running = stage("Supervisor([child('web', PARENT, grace=0.3), child('worker', STUBBORN, grace=0.3)]).run()")
    pids = [int(pid) for pid in running.await_lines(r"(?:up|below) (\d+)", 3)]
    running.popen.kill()
    eventually(lambda: all(map(gone, pids)))


def test_a_killed_leash_is_replaced(stage: Callable[[str], Stage]) -> None:
    """Even when the process that guards against kill -9 was killed first, nothing is left behind."""
    running = stage("Supervisor([child('web', STAY)]).run()")
    pid = int(running.await_lines(r"web +. up (\d+)")[0])
    first = eventually(lambda: leash_of(running.popen.pid))
    os.kill(first, signal.SIGKILL)
    eventually(lambda: leash_of(running.popen.pid) not in (None, first))
    running.popen.kill()
    eventually(lambda: gone(pid))


def leash_of(supervisor: int) -> int | None:
    """The process id of a supervisor's living leash."""
    for below in psutil.Process(supervisor).children():
        with suppress(psutil.Error):
            if any(word.endswith("leash.py") for word in below.cmdline()):
                return below.pid
    return None


def test_the_end_of_a_process_that_is_not_restarted_ends_all(stage: Callable[[str], Stage]) -> None:
    """A child without restart passes its exit status on, and the others are stopped."""
    script = "sys.exit(Supervisor([child('web', POLITE), child('demo', 'raise SystemExit(4)', restart=False)]).run())"
    running = stage(script)
    assert running.wait() == 4
    assert running.find("tactful") == []


def test_a_command_that_does_not_exist_is_one_sentence(stage: Callable[[str], Stage]) -> None:
    """A program that cannot be started stops everything and is named."""
    running = stage("sys.exit(Supervisor([child('web', POLITE), Process('worker', ['/nowhere/worker'])]).run())")
    assert running.wait() == 1
    assert running.find("worker cannot be started: .*No such file.* Stopping everything.")


def test_a_process_that_is_never_ready_is_not_waited_for_forever(stage: Callable[[str], Stage]) -> None:
    """A child that does not become ready in its time stops everything and is named."""
    running = stage(
        "sys.exit(Supervisor([child('web', STAY, ready=lambda: False, ready_within=0.1), child('b', STAY)]).run())"
    )
    assert running.wait() == 1
    assert running.find("web is not ready after 0.1 s. Stopping everything.")
    assert not running.find("^b ")


def test_names_are_coloured_on_a_terminal_only(stage: Callable[[str], Stage]) -> None:
    """A terminal sees coloured names, a file plain ones, and a last line without its end is shown."""
    script = PRELUDE + "Supervisor([child('web', 'print(\"no end\", end=\"\")', restart=False)]).run()"
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000).decode().strip() == "\x1b[36mweb     |\x1b[0m no end"
    os.close(ours)
    plain = stage("Supervisor([child('web', 'print(\"no end\", end=\"\")', restart=False)]).run()")
    plain.wait()
    assert plain.text() == "web     | no end\n"


def test_files_of_children_are_private(stage: Callable[[str], Stage], tmp_path: Path) -> None:
    """What a child writes can be read by its own user alone."""
    file = tmp_path / "key"
    stage(f"Supervisor([child('web', \"open({str(file)!r}, 'w')\", restart=False)]).run()").wait()
    assert file.stat().st_mode & 0o777 == 0o600


@given(st.lists(st.integers(2, 9), unique=True), st.sets(st.integers(2, 9)))
def test_the_leash_holds_what_was_not_dropped(started: list[int], ended: set[int]) -> None:
    """Whatever starts and ends, the leash ends up with the groups that did not end, in the order of their start."""
    lines = [f"+{group}\n" for group in started] + [f"-{group}\n" for group in ended]
    assert held(lines) == [group for group in started if group not in ended]
