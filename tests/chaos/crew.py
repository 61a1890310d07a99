"""Processes for faults: forked from a warm server in 12 ms, each with its own runtime, ended by its parent.

The server imports what children need once; a child that dies with SIGKILL leaves no trace but what it did outside.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.chaos.warm"])


def start(work: Callable[..., None], *given: Any) -> ForkServerProcess:
    """A child doing this work."""
    child = CONTEXT.Process(target=work, args=given, daemon=True)
    child.start()
    return child


@contextmanager
def crew(works: list[tuple[Any, ...]]) -> Iterator[list[ForkServerProcess]]:
    """Children doing these works (function and arguments) side by side; whoever is left at the end is killed."""
    children = [start(*work) for work in works]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.join()
