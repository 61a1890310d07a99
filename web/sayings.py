"""Sentences from below the pages (refusals, findings, verdicts, notices) in the reader's language.

Guards and sender speak English: to terminals, logs and other software as well, and much of what they said is read back
from the database. So nothing is handed up but the sentence, and here it is known again by its form: where a source says
``f"The text takes {parts} parts."``, the catalogue has "The text takes %(parts)s parts.", found by :func:`extract` for
`make words`. What no form fits is shown as it came.
"""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache
from typing import IO, Any

from babel.dates import format_date
from markupsafe import Markup

from web.language import BELOW, below, language, message

_VALUE = re.compile(r"%\((\w+)\)s")
_WORDS = re.compile(r"[A-Za-z]{2,}[^A-Za-z]+[A-Za-z]{2,}")
_WORD = re.compile(r"[A-Za-z]{4,}")
_FIELD = re.compile(r"(?<!\{)\{(\w*)(?::[\w,.]*)?\}(?!\})")
_BETWEEN = re.compile(r"(?<=[.!?]) |, |; ")
_WEEKDAY = re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b(?= \d)")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TERM = re.compile(r"([a-z][a-z ]+|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)( [A-Z0-9][\w-]*)?")
_PLAIN = frozenset(
    {"log", "note", "text", "compile", "execute", "getLogger", "sub", "strftime", "info", "exists"}
    | {"sign", "signatures", "verifies", "once_more"}
)
_GREEDY = frozenset({"citation"})
"""Values that have brackets of their own."""
Form = tuple[re.Pattern[str], str]


def said(sentence: str) -> str:
    """The sentence in the reader's language; as it is where it is HTML, or nobody has translated it."""
    if isinstance(sentence, Markup) or language() == "en":
        return sentence
    return _said(language(), str(sentence))


def begun(phrase: str) -> str:
    """A phrase of ours as the words of a choice: in the reader's language, with a capital letter."""
    told = said(phrase)
    return told[:1].upper() + told[1:]


@lru_cache(maxsize=4096)
def _said(wanted: str, sentence: str) -> str:
    """The whole, else as many sentences from its beginning as one form fits, and the rest in the same way.

    What no form fits stays until the next stop or comma.
    """
    whole = _formed(wanted, sentence)
    if whole is not None:
        return whole
    gaps = list(_BETWEEN.finditer(sentence))
    for gap in reversed(gaps):
        first = _formed(wanted, sentence[: gap.start()])
        if first is not None:
            return f"{first}{gap.group()}{_said(wanted, sentence[gap.end() :])}"
    kept = sentence[: gaps[0].end()] if gaps else sentence
    return _days(wanted, kept) + (_said(wanted, sentence[len(kept) :]) if gaps else "")


def _formed(wanted: str, sentence: str) -> str | None:
    if sentence in below(wanted):
        return message(wanted, sentence).replace("%%", "%")
    for pattern, form in _forms(wanted):
        found = pattern.fullmatch(sentence)
        if found:
            values = {name: _said(wanted, value or "") for name, value in found.groupdict().items()}
            return (message(wanted, form) % values).rstrip()
    term = _TERM.fullmatch(sentence)
    return message(wanted, term[1]) + (term[2] or "") if term else None


def _days(wanted: str, text: str) -> str:
    """Days of the week before a figure, as the language writes them: 2024-01-01 was a Monday."""
    return _WEEKDAY.sub(
        lambda day: format_date(date(2024, 1, 1 + _DAYS.index(day.group())), "EEE", locale=wanted), text
    )


@cache
def _forms(wanted: str) -> tuple[Form, ...]:
    """The forms with values, those of most words first: they say most about what they fit."""
    some = [one for one in below(wanted) if _VALUE.search(one)]
    some.sort(key=lambda form: -len(_VALUE.sub("", form)))
    return tuple((_pattern(form), form) for form in some)


def _pattern(form: str) -> re.Pattern[str]:
    """What a form fits; a value at the very end may be missing, with the space before it."""
    pieces = _VALUE.split(form)
    made = [re.escape(one.replace("%%", "%")) for one in pieces]
    made[1::2] = [f"(?P<{name}>.*{'' if name in _GREEDY else '?'})" for name in pieces[1::2]]
    if len(made) > 2 and not made[-1] and made[-3].endswith("\\ "):
        made[-3:] = [made[-3].removesuffix("\\ "), f"(?:\\ {made[-2]})?"]
    return re.compile("".join(made), re.DOTALL)


def extract_told(source: IO[bytes], *_: Any, **__: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """For Babel: what the tables of a TOML file tell people, under the key ``means``."""
    for table in tomllib.loads(source.read().decode("utf-8")).values():
        yield 1, None, table["means"].replace("%", "%%"), [BELOW]


def extract(
    source: IO[bytes], keywords: object, tags: object, options: dict[str, str]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """For Babel: every sentence and phrase that a source file may say, f-strings as forms.

    The option ``but`` is a pattern of what nobody is told there: keys, patterns, and what people receive in texts.
    """
    del keywords, tags
    for line, form in sorted(set(forms(source.read().decode("utf-8"), options.get("but", "")))):
        yield line, None, form, [BELOW]


def forms(source: str, but: str = "") -> Iterator[tuple[int, str]]:
    """Line and form of each string of two words, or of a value beside a longer one; no docstring, nothing for logs."""
    spoken = _Spoken()
    spoken.visit(ast.parse(source))
    for line, form in spoken.found:
        plain = _VALUE.sub("", form)
        told = " " in form and (_WORDS.search(plain) or (plain != form and _WORD.search(plain)))
        if told and not (but and re.search(but, form)):
            yield line, form


class _Spoken(ast.NodeVisitor):
    """Collects the strings of a file that people may read."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        """Docstrings say nothing."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """What goes to logs, patterns and the database is for machines."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in _PLAIN:
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A plain string; one for ``str.format`` is a form, too."""
        if isinstance(node.value, str):
            self.found.append((node.lineno, _formatted(node.value)))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A form, and the phrases among its values."""
        self.found.append((node.lineno, _form(node)))
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)


def _form(node: ast.JoinedStr) -> str:
    said, names = "", Counter[str]()
    for value in node.values:
        if isinstance(value, ast.Constant):
            said += str(value.value).replace("%", "%%")
        elif isinstance(value, ast.FormattedValue):
            said += _placed(_name(value.value), names)
    return said


def _formatted(text: str) -> str:
    names = Counter[str]()
    return _FIELD.sub(lambda one: _placed(one[1] or "value", names), text.replace("%", "%%"))


def _placed(name: str, names: Counter[str]) -> str:
    """A value in a form; the second of one name has its number behind it."""
    names[name] += 1
    return f"%({name}_{names[name]})s" if names[name] > 1 else f"%({name})s"


def _name(value: ast.expr) -> str:
    """What a value is called: the last name in it that is not a method of strings."""
    for node in ast.walk(value):
        match node:
            case ast.Attribute(attr=name) if name not in ("join", "format", "strip", "replace"):
                return name.strip("_")
            case ast.Name(id=name) if name not in ("len", "round", "str", "sorted"):
                return name.strip("_")
    return "value"
