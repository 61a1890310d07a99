"""The project's own files, as text and as syntax trees, for the tests that look at them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("guards", "sender", "web", "templates")
FOLDERS = (*PACKAGES, "tests", "docs", "requirements", ".ci")
BROUGHT = {"__pycache__", "vendor", "node_modules", "screenshots"}


def python_files(*folders: str) -> list[Path]:
    """Every Python file below these folders of the project, sorted."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def own_files() -> list[Path]:
    """Every file that is written here rather than fetched or generated: the folders above and the top's files."""
    below = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*")]
    return sorted(file for file in [*ROOT.iterdir(), *below] if file.is_file() and not BROUGHT & set(file.parts))


def text_of(file: Path) -> str:
    """The file's text."""
    return file.read_text(errors="replace")


@cache
def tree_of(file: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(file.read_text(), str(file))


def module_of(file: Path) -> str:
    """The dotted name a file is imported by."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path) -> Iterator[str]:
    """Every module a file imports, anywhere in it, by its full dotted name; "from a import b" gives "a" and "a.b"."""
    package = module_of(file).split(".")
    if file.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def inside(module: str, package: str) -> bool:
    """Whether ``module`` is ``package`` or below it."""
    return module == package or module.startswith(f"{package}.")


def shown(file: Path) -> str:
    """The file's path as a reader would write it."""
    return str(file.relative_to(ROOT))
