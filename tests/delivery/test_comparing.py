"""The daily comparison: whatever only the provider or only we know of is shown to people, and nothing is sent."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import col
from twilio.rest import Client

from sender.delivery.comparing import compare
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Attempt, Comparison
from sender.watching import notices
from tests.chaos.house import ACCOUNT, LINE, TOKEN, House, house

TOMORROW = timedelta(days=1)


def foreign(made: House) -> str:
    """A text from our from_number that somebody else sent; its id."""
    client = Client(ACCOUNT, TOKEN, environment={"TEST": "1"})
    client.api.base_url = made.simulator.url
    return str(client.messages.create(to="+12125550177", from_=LINE, body="Not ours").sid)


def standing(made: House) -> list[str]:
    """What people are told."""
    with made.database.read() as session:
        return [one.sentence for one in notices.standing(session)]


@pytest.fixture
def made(tmp_path: Path, database_url: str, wire: Wire) -> Iterator[House]:
    """A house that has sent three texts today."""
    with house(tmp_path, database_url) as built:
        with built.runtime() as runtime:
            Pipeline(runtime, wire).deliver(built.messages(built.people(3), built.campaign()))
            wire.ask(runtime.provider.close())
        yield built


def compared(made: House, wire: Wire) -> int:
    """What the comparison finds the day after."""
    with made.runtime(ahead=TOMORROW) as runtime:
        found = compare(runtime, wire)
        wire.ask(runtime.provider.close())
    return found


def test_a_day_on_which_both_agree_is_quiet(made: House, wire: Wire) -> None:
    """Three texts on both sides: kept as compared, once, and nobody is troubled."""
    assert compared(made, wire) == 0
    assert compared(made, wire) == 0
    with made.database.read() as session:
        assert session.execute(select(Comparison)).scalar_one().agreed == 3
    assert standing(made) == []


def test_what_only_one_side_knows_is_shown(made: House, wire: Wire) -> None:
    """One text of somebody else and one of ours that the list lacks: both ids are kept, and a notice says so."""
    theirs, before = foreign(made), made.arrived()
    ours = "SM" + "f" * 32
    with made.database.write() as session:
        first = session.execute(select(col(Attempt.id)).limit(1)).scalar_one()
        session.execute(update(Attempt).where(col(Attempt.id) == first).values(sid=ours))
    assert compared(made, wire) == 3
    with made.database.read() as session:
        row = session.execute(select(Comparison)).scalar_one()
    assert (row.agreed, row.ours_alone, len(row.theirs_alone)) == (2, [ours], 2)
    assert theirs in row.theirs_alone
    said = standing(made)[0]
    assert "lists 2 texts from our from_numbers that were not sent here" in said
    assert f"lacks 1 that were sent (such as {ours})" in said
    assert made.arrived() == before
