"""Opt-outs by form, e-mail, call and the like: effective at once, with who heard it and what was said."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.doors import DoorError, OptOutIn, opt_out
from sender.audience.ledger import Act, load_standings, record, standing
from sender.models import Audit, ConsentEvent
from tests.installation import Installation, install

NEW_YORK = "+12125550123"


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation with one program."""
    made = install(tmp_path / "home", sqlite_url)
    yield made
    made.runtime.db.close()


def state(installation: Installation, number_id: int, purpose: Purpose = Purpose.MARKETING) -> str:
    """The number's standing with the program."""
    with installation.runtime.db.read() as session:
        return standing(load_standings(session, [number_id])[number_id], installation.program_id, purpose).state


def test_an_email_somebody_pasted_stops_the_program(installation: Installation) -> None:
    """What waits is blocked, the agent is named, and the words are kept sealed."""
    number = installation.contact(NEW_YORK)
    waiting = installation.message(number)
    words = "Please take Zebediah off."
    came = opt_out(
        installation.runtime,
        OptOutIn("(212) 555-0123 ".replace("(", "+1 ("), "email", "acme", words=words),
        "ana@example.org",
    )
    assert (came.number_id, came.counts, came.blocked) == (number, True, 1)
    assert state(installation, number) == "out"
    assert installation.status(waiting) == "blocked"
    with installation.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).where(col(ConsentEvent.kind) == "opt_out")).scalar_one()
        audit = session.execute(select(Audit)).scalar_one()
    assert (event.source, event.attested_by, event.evidence["door"]) == ("operator", "ana@example.org", "email")
    assert "Zebediah" not in str(event.evidence)
    assert audit.detail == {"door": "email", "program": "acme", "blocked": 1}


def test_without_a_program_everything_stops(installation: Installation) -> None:
    """An opt-out from all reaches transactional texts too, for a number nobody had met before."""
    came = opt_out(installation.runtime, OptOutIn(NEW_YORK, "phone_call"), "ana@example.org")
    assert state(installation, came.number_id, Purpose.TRANSACTIONAL) == "out"


def test_the_same_request_twice_is_one_opt_out(installation: Installation) -> None:
    """A reference makes a repeated call the same act."""
    installation.contact(NEW_YORK)
    wanted = OptOutIn(NEW_YORK, "api", "acme", reference="req-1")
    opt_out(installation.runtime, wanted, "key 1")
    opt_out(installation.runtime, wanted, "key 1")
    with installation.runtime.db.read() as session:
        outs = select(func.count()).select_from(ConsentEvent).where(col(ConsentEvent.kind) == "opt_out")
        assert session.execute(outs).scalar() == 1


def test_a_call_of_last_week_does_not_undo_a_later_own_yes(installation: Installation) -> None:
    """It is written down, and the answer says that it does not count."""
    number = installation.contact(NEW_YORK)
    now = installation.clock.now()
    again = Act(number, installation.program_id, "opt_in", Purpose.MARKETING, now, "form", None, "express_written")
    inform = Act(number, installation.program_id, "opt_in", Purpose.INFORMATIONAL, now, "form", None, "express")
    with installation.runtime.db.write() as session:
        record(session, [again, inform], now)
    said = OptOutIn(NEW_YORK, "phone_call", "acme", said_at=now - timedelta(days=7))
    assert not opt_out(installation.runtime, said, "ana@example.org").counts
    assert state(installation, number) == "in"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (OptOutIn("hello", "form"), "not one phone number"),
        (OptOutIn(NEW_YORK, "pigeon"), "no door 'pigeon'"),
        (OptOutIn(NEW_YORK, "form", "nothing"), "no program 'nothing'"),
    ],
)
def test_what_cannot_be_written_down_is_named(installation: Installation, wanted: OptOutIn, sentence: str) -> None:
    """A wrong number, door or program is one sentence, and nothing is written."""
    with pytest.raises(DoorError, match=sentence):
        opt_out(installation.runtime, wanted, "ana@example.org")
    with installation.runtime.db.read() as session:
        assert session.execute(select(func.count()).select_from(Audit)).scalar() == 0


def test_nobody_says_stop_in_the_future(installation: Installation) -> None:
    """A time to come is a slip of the pen."""
    wanted = OptOutIn(NEW_YORK, "letter", said_at=installation.clock.now() + timedelta(days=1))
    with pytest.raises(DoorError, match="in the future"):
        opt_out(installation.runtime, wanted, "ana@example.org")
