"""What is said about the words of a text, and the settings of a program that it depends on."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["info", "warning", "stop"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a text: ``span`` is where (start, end) in characters, ``mend`` what to do, each one sentence.

    "stop" keeps a text from leaving, "warning" wants a person to look, "info" is good to know.
    """

    code: str
    severity: Severity
    span: tuple[int, int]
    sentence: str
    mend: str


class Settings(NamedTuple):
    """What a program says about content; a tuple, because findings are remembered by it."""

    brand: str
    footer: str
    domains: tuple[str, ...]
    max_parts: int
    age_gate: bool
    countries: frozenset[str]
