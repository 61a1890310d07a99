"""Measures how replies are read: ``python -m tests.audience.measure_intent [set …] [--faults]``.

Prints one line for each set of ``tests/audience/data``: opt-outs heard (certain or held) and certain, harmless replies
taken for certain opt-outs, held, or taken for an opt-in, and the time a reply takes; last the median and the
99th of 100 of the processor time of single replies, each the least of five readings.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sender.audience.intent import Intent, read

DATA = Path(__file__).parent / "data"


class Labelled(NamedTuple):
    """One line of a set; ``label`` is opt_out, none, opt_in, help, or either (fair to hold, never certain)."""

    language: str
    label: str
    text: str
    note: str


class Figures(NamedTuple):
    """What one set gave: shares in percent, and the microseconds a reply took on average."""

    opt_outs: int
    heard: float
    certain: float
    harmless: int
    false_certain: float
    held: float
    false_opt_in: int
    microseconds: float


def replies(name: str) -> Iterator[Labelled]:
    """The lines of one set."""
    for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines():
        yield Labelled(**json.loads(line))


def names() -> list[str]:
    """All sets there are."""
    return sorted(path.stem for path in DATA.glob("*.jsonl"))


def measure(lines: list[Labelled]) -> Figures:
    """Read every line, once to warm up; lines that may be held or not count in neither share."""
    for line in lines:
        read(line.text)
    began = time.process_time()
    found = [(line, read(line.text)) for line in lines]
    return figures(found, (time.process_time() - began) / len(lines) * 1e6)


def figures(found: list[tuple[Labelled, Intent]], took: float) -> Figures:
    """The shares of these answers; ``took`` is the microseconds one of them took."""
    outs = [answer for line, answer in found if line.label == "opt_out"]
    others = [answer for line, answer in found if line.label not in {"opt_out", "either"}]
    false_ins = sum(answer.intent == "opt_in" for line, answer in found if line.label != "opt_in")
    return Figures(
        len(outs),
        _percent([answer.intent == "opt_out" for answer in outs]),
        _percent([answer.intent == "opt_out" and answer.certain for answer in outs]),
        len(others),
        _percent([answer.intent == "opt_out" and answer.certain for answer in others]),
        _percent([not answer.certain for answer in others]),
        false_ins,
        took,
    )


def faults(lines: list[Labelled]) -> Iterator[tuple[str, Labelled, Intent]]:
    """What is not as the label says: a wish missed or only held, a harmless reply held or stopped."""
    for line in lines:
        answer = read(line.text)
        if line.label == "opt_out" and not (answer.intent == "opt_out" and answer.certain):
            yield "held" if answer.intent == "opt_out" else "missed", line, answer
        elif line.label == "either" and not (answer.intent == "opt_out" and answer.certain):
            continue
        elif line.label not in {"opt_out", answer.intent}:
            yield "false certain" if answer.certain else "false held", line, answer


def times(texts: list[str]) -> list[float]:
    """The microseconds each reply takes, the least of five readings, in order of size."""
    least = [math.inf] * len(texts)
    for _ in range(5):
        for at, text in enumerate(texts):
            began = time.process_time()
            read(text)
            least[at] = min(least[at], (time.process_time() - began) * 1e6)
    return sorted(least)


def main() -> None:
    """Print the figures, and the faults if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=names())
    parser.add_argument("--faults", action="store_true", help="list every reply not read as labelled")
    options = parser.parse_args()
    read("warm up")
    _say(f"{'set':<22}{'opt-outs':>9}{'heard':>8}{'certain':>9}{'harmless':>10}{'certain':>9}{'held':>7}{'us':>6}")
    for name in options.sets:
        lines = list(replies(name))
        it = measure(lines)
        _say(
            f"{name:<22}{it.opt_outs:>9}{it.heard:>7.1f}%{it.certain:>8.1f}%{it.harmless:>10}"
            f"{it.false_certain:>8.1f}%{it.held:>6.1f}%{it.microseconds:>6.0f}"
            + (f"  FALSE OPT-INS: {it.false_opt_in}" if it.false_opt_in else "")
        )
        for kind, line, answer in faults(lines) if options.faults else ():
            _say(f"  {kind:<14}{line.language:<4}{line.text!r}  -> {answer.matched!r} {answer[4:]}")
    took = times([line.text for name in options.sets for line in replies(name)])
    _say(f"a reply takes {took[len(took) // 2]:.0f} us (median), {took[len(took) * 99 // 100]:.0f} us (99th of 100)")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _percent(answers: list[bool]) -> float:
    return 100 * sum(answers) / max(1, len(answers))


if __name__ == "__main__":
    main()
