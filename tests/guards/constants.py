"""The quick way to ask about what stands outside of functions: the data of a spoilt module put into the living one.

The spoilt file is run apart from the others, and what differs in its plain data takes the place of what the module and
all that imported it by name hold, with every cache emptied. Only a test that fails is believed: whatever is left, and
whatever is no plain data, is asked the slow way (mutation.py).
"""

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType

import pytest

from tests.guards.quick import Outcome, in_child, module_code, passes
from tests.guards.spoiling import Mutant

PLAIN_DATA = (str, int, float, bytes, type(None), re.Pattern, date, timedelta)
HOLDERS = (tuple, list, set, frozenset)
Data = Mapping[str, object]


def answers(
    items: Sequence[pytest.Item], path: Path, name: str, wanted: Sequence[Mutant]
) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield those mutants of module ``name`` whose spoilt data some test notices, each in a process of its own."""
    importlib.import_module(name)
    plain = data_of(module_code(path.read_text("utf-8"), path), name)
    for mutant in wanted:
        if mutant.function:
            continue
        outcome, _ = in_child(lambda pipe, mutant=mutant: _ask(items, mutant.code, name, plain))  # type: ignore[misc]
        if outcome is not Outcome.SURVIVED:
            yield mutant, outcome


def _ask(items: Sequence[pytest.Item], code: CodeType, name: str, plain: Data) -> int:
    try:
        spoilt = data_of(code, name)
    except Exception:
        return 1
    changed = {key: value for key, value in spoilt.items() if key in plain and plain[key] != value}
    if not changed:
        return 0
    put(name, changed)
    return 0 if all(passes(item) for item in items) else 1


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


def put(name: str, changed: Data) -> None:
    """Let the module and whoever imported this data by name hold the changed, and forget what was reckoned with it."""
    before = {key: vars(sys.modules[name])[key] for key in changed}
    for module in list(sys.modules.values()):
        if module.__name__.split(".")[0] in ("guards", "tests"):
            for key, value in changed.items():
                if vars(module).get(key) is before[key]:
                    setattr(module, key, value)
            forget(module)


def forget(module: ModuleType) -> None:
    """Empty the caches of a module's functions and of its classes' methods."""
    for held in list(vars(module).values()):
        for one in (held, *(vars(held).values() if isinstance(held, type) else ())):
            clear = getattr(getattr(one, "__func__", one), "cache_clear", None)
            if clear is not None:
                clear()
