#!/usr/bin/env python3
"""Check an export of a Tactful consent ledger with Python 3.9 or later and nothing else.

    python3 verify_ledger.py ledger.jsonl [SEQUENCE:HASH …]

It recomputes every hash, so an event that was edited, removed, added, swapped or cut off shows. Each SEQUENCE:HASH is
an end of the ledger that somebody wrote down earlier (every evidence file names one): it must still be in the chain,
which shows also a ledger that was written anew from some event on. What only the installation can check with its keys
is the signature in the last line: `tactful ledger verify --file ledger.jsonl`.

Each line is JSON: {"format": …}; then {"event": {"sequence": 1, …}, "previous": hex, "hash": hex} with
hash = SHA-256(previous hash as bytes + the event as UTF-8 JSON with sorted keys and no spaces), the first previous
being 32 zero bytes; last {"end": {"sequence", "hash", "sha256" of all lines before, "signature"}}.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from typing import Any

FORMAT = "tactful-ledger-1"
SHAPES = ({"format", "exported_at"}, {"event", "previous", "hash"}, {"end"})
END = {"sequence", "hash", "sha256", "signature"}


class Tampered(Exception):
    """The export is not what was written; the sentence names the first line that shows it."""


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check(lines: Iterable[bytes], anchors: dict[int, str]) -> dict[str, Any]:
    """The end of a whole export, from its lines without their line ends; Tampered names the line that is wrong."""
    whole, previous, sequence = hashlib.sha256(), bytes(32), 0
    end: dict[str, Any] = {}
    for number, line in enumerate(lines, start=1):
        said = _read(line, number)
        if end:
            raise Tampered(f"Line {number} stands behind the end.")
        if (number == 1) != (said.get("format") == FORMAT):
            raise Tampered(f"Line {number} is not what the format {FORMAT} has there.")
        if "end" in said:
            end = said["end"]
            if end.get("sha256") != whole.hexdigest() or end.keys() != END:
                raise Tampered(f"The lines before the end (line {number}) are not those that were written.")
        elif "event" in said:
            sequence += 1
            previous = _linked(said, previous, sequence, number)
            if anchors.get(sequence, previous.hex()) != previous.hex():
                raise Tampered(f"Event {sequence} is not the one that was written down: {anchors[sequence]}.")
        whole.update(line + b"\n")
    if not end:
        raise Tampered("The export was cut: its end is missing.")
    if (end["sequence"], end["hash"]) != (sequence, previous.hex()) or max(anchors, default=0) > sequence:
        raise Tampered(f"The export was cut: it ends with event {sequence}.")
    return dict(end)


def _read(line: bytes, number: int) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.keys() not in SHAPES or canonical(said) != line:
        raise Tampered(f"Line {number} is not as it was written.")
    return said


def _linked(said: dict[str, Any], previous: bytes, sequence: int, number: int) -> bytes:
    found = hashlib.sha256(previous + canonical(said["event"])).digest()
    if said["event"].get("sequence") != sequence:
        raise Tampered(f"Line {number} should hold event {sequence}.")
    if said["previous"] != previous.hex() or said["hash"] != found.hex():
        raise Tampered(f"Event {sequence} (line {number}) was changed after it was sealed.")
    return found


def main(path: str, *written: str) -> int:
    """Check the file; 0 where it holds, 1 where it does not."""
    anchors = {int(number): mark for number, _, mark in (one.partition(":") for one in written)}
    with open(path, "rb") as file:
        try:
            end = check((line.rstrip(b"\n") for line in file), anchors)
        except Tampered as error:
            sys.stdout.write(f"{error}\n")
            return 1
    sys.stdout.write(f"The ledger holds: {end['sequence']} events, ending in {end['sequence']}:{end['hash']}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else __doc__)
