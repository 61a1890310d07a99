"""Death at the n-th step of a process: a database statement, a commit (before and after) or a call on its sockets."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session


class Countdown:
    """Counts the steps of this process and kills it with SIGKILL at the ``fatal`` one."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal
        self._lock = threading.Lock()

    def step(self, *_: Any) -> None:
        """One step is about to be taken, or has just been."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def die_at(fatal: int) -> None:
    """From now on, in this process, the ``fatal``-th step is the last."""
    countdown = Countdown(fatal)
    event.listen(Engine, "before_cursor_execute", countdown.step)
    event.listen(Engine, "commit", countdown.step)
    event.listen(Session, "after_commit", countdown.step)
    for name in ("connect", "send", "sendmsg"):
        _watch(name, countdown.step, countdown.step)
    _watch("recv", countdown.step, None)


def _watch(name: str, before: Callable[[], None], after: Callable[[], None] | None) -> None:
    """Count calls of this socket method; an event loop's own pipe to itself is no network."""
    call = getattr(socket.socket, name)

    def counted(line: socket.socket, *given: Any) -> Any:
        if line.family != socket.AF_INET:
            return call(line, *given)
        before()
        answer = call(line, *given)
        if after is not None:
            after()
        return answer

    setattr(socket.socket, name, counted)
