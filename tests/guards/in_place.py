"""The quick way to ask about what ran while modules were imported: spoilt data and functions put into living modules.

The spoilt file is run apart from the others, and what differs in its plain data takes the place of what the module and
all that imported it by name hold; a spoilt function gets its code in place; then every cache is emptied. Only a test
that fails is believed: whatever is left is asked the slow way (mutation.py).
"""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType

import pytest

from tests.guards.quick import Outcome, function_code, in_child, live_function, module_code, passes
from tests.guards.spoiling import Mutant

PLAIN_DATA = (str, int, float, bytes, type(None), re.Pattern, date, timedelta)
HOLDERS = (tuple, list, set, frozenset)
Data = Mapping[str, object]


def answers(
    items: Sequence[pytest.Item], path: Path, name: str, wanted: Sequence[Mutant]
) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield those mutants of module ``name`` that some test notices, each in a process of its own."""
    importlib.import_module(name)
    plain = data_of(module_code(path.read_text("utf-8"), path), name)
    for mutant in wanted:
        put = _put_code if mutant.function else _put_data
        outcome, _ = in_child(
            lambda pipe, mutant=mutant, put=put: _ask(items, put(mutant, path, name, plain))  # type: ignore[misc]
        )
        if outcome is not Outcome.SURVIVED:
            yield mutant, outcome


def _ask(items: Sequence[pytest.Item], put: bool) -> int:
    if not put:
        return 0
    for module in _ours():
        forget(module)
    return 0 if all(passes(item) for item in items) else 1


def _put_code(mutant: Mutant, path: Path, name: str, plain: Data) -> bool:
    del name, plain
    spoilt = function_code(mutant.code, mutant.function)
    live = live_function((str(path), spoilt.co_qualname)) if spoilt else None
    if spoilt is None or live is None or len(live.__code__.co_freevars) != len(spoilt.co_freevars):
        return False
    live.__code__ = spoilt
    return True


def _put_data(mutant: Mutant, path: Path, name: str, plain: Data) -> bool:
    """Let the module and whoever imported this data by name hold the changed; an error ends the child: noticed."""
    del path
    spoilt = data_of(mutant.code, name)
    changed = {key: value for key, value in spoilt.items() if key in plain and plain[key] != value}
    before = {key: vars(sys.modules[name])[key] for key in changed}
    for module in _ours():
        for key, value in changed.items():
            if vars(module).get(key) is before[key]:
                setattr(module, key, value)
    return bool(changed)


def _ours() -> list[ModuleType]:
    return [module for module in list(sys.modules.values()) if module.__name__.split(".")[0] in ("guards", "tests")]


def data_of(code: CodeType, name: str) -> Data:
    """Run a module apart from all others, and return its plain data by name."""
    apart = ModuleType(name)
    vars(apart).update(__file__=sys.modules[name].__file__, __package__=sys.modules[name].__package__)
    exec(code, apart.__dict__)  # noqa: S102 - this is what the tool is for
    return {key: value for key, value in vars(apart).items() if not key.startswith("__") and _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping) and isinstance(value, dict | MappingProxyType):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, HOLDERS):
        return all(_is_plain(part) for part in value)
    return isinstance(value, PLAIN_DATA)


def forget(module: ModuleType) -> None:
    """Empty the caches of a module's functions and of its classes' methods."""
    for held in list(vars(module).values()):
        for one in (held, *(vars(held).values() if isinstance(held, type) else ())):
            clear = getattr(getattr(one, "__func__", one), "cache_clear", None)
            if clear is not None:
                clear()
