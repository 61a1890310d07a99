"""Ends a supervisor's process groups when the supervisor itself is gone, however it went.

Runs as a process of its own, in its own session, with its standard input on a pipe that the supervisor alone holds
open. Lines on it are "+GROUP" and "-GROUP"; the end of the pipe is the supervisor's end. Unlike PR_SET_PDEATHSIG this
reaches grandchildren, lets the processes finish properly, and works on macOS too.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE = 20.0


def held(lines: Iterable[str]) -> list[int]:
    """The groups still held when the lines end, in the order of their start."""
    groups: dict[int, None] = {}
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups[group] = None
        else:
            groups.pop(group, None)
    return list(groups)


def lives(group: int) -> bool:
    """Whether the leader of ``group`` still exists."""
    with suppress(ProcessLookupError):
        os.kill(group, 0)
        return True
    return False


def end(groups: list[int], grace: float) -> None:
    """Ask every leader to stop, newest first, and after ``grace`` seconds kill whatever is left of each group.

    Only leaders are asked: a second SIGTERM makes Dramatiq's workers drop what they hold.
    """
    for group in reversed(groups):
        with suppress(ProcessLookupError):
            os.kill(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while any(map(lives, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    end(held(sys.stdin), float(sys.argv[1]) if len(sys.argv) > 1 else GRACE)
