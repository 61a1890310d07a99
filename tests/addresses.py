"""What builds the addresses of the pages, compiled once for every application of a test process.

Each of our 280 rules is compiled twice whenever an application is made, which takes four fifths of the making, and most
tests of the pages and the API make an application of their own.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


def keep_builders() -> None:
    """Let rules of the same words share what builds their addresses: it reads the rule it is called for, and no other.

    A rule with defaults, whose builder holds values, is compiled as ever.
    """
    compiled: Any = Rule._compile_builder
    kept: dict[tuple[object, ...], Builder] = {}

    @wraps(compiled)
    def once(rule: Any, append_unknown: bool = True) -> Builder:
        if rule.defaults:
            fresh: Builder = compiled(rule, append_unknown)
            return fresh
        words = rule.rule, tuple(rule._trace), append_unknown
        if words not in kept:
            kept[words] = compiled(rule, append_unknown)
        return kept[words]

    Rule._compile_builder = once  # type: ignore[method-assign]
