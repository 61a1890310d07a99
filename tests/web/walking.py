"""Every page that can be looked at, with addresses that lead somewhere, and what each asks of the database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import event

from sender.runtime import Runtime

MOST_QUERIES = 15
FOR_PROGRAMS = frozenset({"static", "health", "metrics", "hooks"})


def addresses(app: Flask, known: Mapping[str, object]) -> dict[str, str]:
    """The address of every page (GET) for people, by its endpoint and rule; ``known`` gives arguments their values.

    An argument that nobody has named gets 1, which may lead to something.
    """
    found = {}
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if "GET" not in (rule.methods or ()) or blueprint in FOR_PROGRAMS or blueprint.startswith("api_"):
            continue
        built = rule.build({name: known.get(name, 1) for name in rule.arguments})
        assert built is not None
        found[f"{rule.endpoint} {rule.rule}"] = built[1]
    return found


@contextmanager
def counted(runtime: Runtime) -> Iterator[list[str]]:
    """Every statement that the database is asked meanwhile."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        del connection, cursor, rest
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append(statement)

    event.listen(runtime.db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(runtime.db.engine, "before_cursor_execute", note)
