"""The oracle: every event of the simulated world as one JSON line, in the order it happened."""

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from sender.simulator.clock import Clock

Entry = dict[str, object]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Log:
    """Append-only JSON lines; each has ``event``, ``n`` (its place), ``real`` (epoch seconds) and ``now`` (virtual)."""

    def __init__(self, clock: Clock, path: Path | None = None, *, fsync: bool = False) -> None:
        self._clock = clock
        self._fsync = fsync
        self._file = _open_private(path) if path else None
        self._listeners: list[Callable[[Entry], None]] = []
        self._written = 0
        self.counts: Counter[str] = Counter()

    def write(self, event: str, **fields: object) -> None:
        """Append one event; the line is in the file when this returns (and on the disk with fsync)."""
        real = self._clock.real()
        now = self._clock.at(real).isoformat(timespec="milliseconds")
        self._written += 1
        entry: Entry = {"event": event, "n": self._written, "real": round(real, 6), "now": now, **fields}
        self.counts[event] += 1
        if self._file:
            self._put(self._file, _encode(entry) + "\n")
        for listener in self._listeners:
            listener(entry)

    def subscribe(self, listener: Callable[[Entry], None]) -> None:
        """Call ``listener`` with every later entry, in the server's thread."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the file; later events reach listeners only."""
        if self._file:
            self._file.close()
            self._file = None

    def _put(self, file: TextIO, line: str) -> None:
        file.write(line)
        if self._fsync:
            os.fsync(file.fileno())


def _open_private(path: Path) -> TextIO:
    """Open for appending, readable by its owner only: the lines hold numbers and texts."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
