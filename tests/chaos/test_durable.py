"""What must not be undone by a power cut waits for the disk: permissions, opt-outs, and whatever gets a 2xx."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from sender.delivery.gate import open_gate
from sender.delivery.receipts import ReceiptIn, store
from sender.delivery.replies import InboundText, receive
from tests.chaos.house import LINE
from tests.installation import Installation

PERSON = "+12125550123"
ASKS = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
WAITS = {"sqlite": 2, "postgresql": "on"}
"""FULL on SQLite."""


@contextmanager
def commits(installation: Installation) -> Iterator[list[object]]:
    """How each commit meanwhile treats the disk, as the database itself says just before it."""
    engine, seen = installation.runtime.db.engine, []

    def look(connection: Any) -> None:
        asked = connection.connection.dbapi_connection.execute(ASKS[engine.dialect.name])
        seen.append(asked.fetchone()[0])

    event.listen(engine, "commit", look)
    yield seen
    event.remove(engine, "commit", look)


def test_a_gate_waits_for_the_disk(installation: Installation) -> None:
    """The commit that lets texts be posted is on the disk before the first of them leaves."""
    message = installation.message(installation.contact(PERSON))
    with commits(installation) as seen:
        assert open_gate(installation.runtime, [message])
    assert seen == [WAITS[installation.runtime.db.engine.dialect.name]]


def test_a_stop_waits_for_the_disk(installation: Installation) -> None:
    """The commit of a STOP is on the disk before its request is answered."""
    installation.contact(PERSON)
    with commits(installation) as seen:
        receive(installation.runtime, InboundText("SM" + "a" * 32, PERSON, LINE, "STOP"))
    assert seen == [WAITS[installation.runtime.db.engine.dialect.name]]


def test_a_receipt_waits_for_the_disk(installation: Installation) -> None:
    """The commit of a receipt is on the disk before it is answered."""
    with commits(installation) as seen:
        store(installation.runtime, [ReceiptIn("", "SM" + "a" * 32, "delivered")])
    assert seen == [WAITS[installation.runtime.db.engine.dialect.name]]
