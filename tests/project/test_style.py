import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.trees import own_files, python_files, shown, text_of, tree_of

LONGEST_FILE = 400
UNWANTED_NAMES = {"utils", "helpers", "manager", "service"}
# In a comment: "todo" is a word people text in Spanish. Written in halves, so that this file does not hold it.
LATER = re.compile(
    r"(#|//|<!--).*\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "pragma: no " + "cover"]) + r")\b"
)
REGISTRIES = re.compile(
    "|".join(["pypi" + r"\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "yarn" + r"pkg\.com"])
)


def all_tests() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every test function of the project, with the file it is in."""
    for file in python_files("tests"):
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield file, node


def is_one_sentence(docstring: str | None) -> bool:
    """Whether it is a single paragraph that ends in a full stop."""
    return bool(docstring) and docstring.endswith(".") and "\n\n" not in docstring


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every dotted name that is called or used as a decorator or mark, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node), node.lineno


def test_every_test_says_what_it_shows() -> None:
    """Each test function has a docstring of one sentence."""
    assert [f"{shown(file)}: {t.name}" for file, t in all_tests() if not is_one_sentence(ast.get_docstring(t))] == []


def test_no_test_sleeps_or_is_skipped() -> None:
    """Tests wait on conditions, and none is left out."""
    forbidden = {"time.sleep", "asyncio.sleep", "sleep", "pytest.skip", "pytest.importorskip"} | {
        f"pytest.mark.{mark}" for mark in ("skip", "skipif", "xfail")
    }
    wrong = [
        f"{shown(f)} line {line}"
        for f in python_files("tests")
        for name, line in calls(tree_of(f))
        if name in forbidden
    ]
    assert wrong == []


def test_files_stay_short() -> None:
    """No file of the product reaches 400 lines, but for migrations, which are written once and never edited."""
    files = [file for file in python_files("guards", "sender", "web") if file.parent.name != "versions"]
    assert [shown(file) for file in files if len(text_of(file).splitlines()) >= LONGEST_FILE] == []


def test_no_file_is_a_drawer() -> None:
    """No module is named for being useful to somebody."""
    assert [
        shown(file) for file in python_files("guards", "sender", "web") if UNWANTED_NAMES & {*file.parts, file.stem}
    ] == []


def test_every_function_is_annotated() -> None:
    """Every function of the product says what it takes and returns."""
    bare = [
        f"{shown(file)}: {node.name}"
        for file in python_files("guards", "sender", "web")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is None
    ]
    assert bare == []


@pytest.mark.parametrize("words", [LATER, REGISTRIES], ids=["later", "registries"])
def test_nothing_is_left_for_later_and_no_registry_is_named(words: re.Pattern[str]) -> None:
    """No file holds a note to do it later, or the host of a package registry."""
    assert [shown(file) for file in own_files() if words.search(text_of(file))] == []
