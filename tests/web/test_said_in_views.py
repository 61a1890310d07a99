"""What views say to people goes through the catalogues, as what templates say does (test_language.py)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.trees import ROOT

WEB = ROOT / "web"
# The API, its problems and the logs speak English; so does whoever starts a process.
VIEWS = [*sorted((WEB / "pages").glob("*.py")), WEB / "frame.py", WEB / "rehearsing.py", WEB / "context.py"]
SENTENCE = re.compile(r"[A-Za-z]{2,}[,.:;!?]? [A-Za-z]{2,}|\d [a-z]{3,}")
# Addresses, headers, commands, and the first words of what people receive, which a program changes.
MACHINE = re.compile(r"^/|filename=|^tactful \w|^Reply STOP")
# Keys, and what is stored in the audit, in the log or as evidence.
STORED = {
    "all contacts", "by status", "halted by ", "join page", "numbers to ask about", "passkey, again", "password, again",
    "suppressed numbers", "watch held", "watch keys",
}  # fmt: skip
SAID = ("gettext", "ngettext", "later")


def unsaid(tree: ast.Module) -> Iterator[str]:
    """English sentences that no catalogue knows; docstrings are for readers of the code."""
    known = {id(one) for part in ast.walk(tree) for one in _known(part)}
    for part in ast.walk(tree):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in known:
            words = part.value
            if SENTENCE.search(words) and not MACHINE.search(words) and words not in STORED:
                yield f"{part.lineno}: {words}"


def _known(part: ast.AST) -> Iterator[ast.AST]:
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
        yield part.value
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in SAID:
        for argument in part.args:
            yield from ast.walk(argument)


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.name)
def test_views_say_nothing_by_themselves(file: Path) -> None:
    """Every sentence in a view is handed to gettext, ngettext or later."""
    assert list(unsaid(ast.parse(file.read_text("utf-8")))) == []


def test_a_sentence_that_is_not_handed_on_is_found() -> None:
    """The guard finds bare words, also in a part of an f-string, and lets catalogued ones and docstrings pass."""
    code = (
        'def f(n):\n    """Give two words."""\n    a = gettext("Two words.")\n    return f"{n} bare words", "30 days"\n'
    )
    assert sorted(unsaid(ast.parse(code))) == ["4:  bare words", "4: 30 days"]
