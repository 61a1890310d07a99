"""The consent ledger: standing moves forward in time, imports never revive, and the chain shows every change."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from guards.base import Purpose, Standing
from sender import sealing
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.sealer import seal_some, verify
from sender.sealing import BrokenChain
from tests.installation import TUESDAY, Installation, install

NEW_YORK = "+12125550123"
KINDS = ("opt_in", "opt_out", "hold")
_serials = itertools.count(1)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def act(installation: Installation, number: int, kind: str, minutes: int, source: str = "form", **more: object) -> Act:
    """One act on marketing, so many minutes after Tuesday."""
    level = "express_written" if kind == "opt_in" else "none"
    values = {"source_ref": None, "level": level, **more}
    at = TUESDAY + timedelta(minutes=minutes)
    return Act(number, installation.program_id, kind, Purpose.MARKETING, at, source, **values)  # type: ignore[arg-type]


def after(installation: Installation, number: int, *acts: Act, purpose: Purpose = Purpose.MARKETING) -> Standing:
    """The standing once these acts are recorded, each in a transaction of its own."""
    for one in acts:
        with installation.runtime.db.write() as session:
            record(session, [one], TUESDAY)
    with installation.runtime.db.read() as session:
        return standing(load_standings(session, [number]).get(number, []), installation.program_id, purpose)


def test_marketing_includes_informational_but_not_the_other_way(installation: Installation) -> None:
    """Consent to marketing covers informational texts; consent to informational texts covers nothing else."""
    number = installation.contact(NEW_YORK, consent=False)
    yes = Act(number, installation.program_id, "opt_in", Purpose.INFORMATIONAL, TUESDAY, "form", None, "express")
    assert after(installation, number, yes).state == "none"
    assert (
        after(installation, number, act(installation, number, "opt_in", 1), purpose=Purpose.INFORMATIONAL).state == "in"
    )


def test_an_older_yes_never_lifts_a_newer_no(installation: Installation) -> None:
    """Order is by the time of the act, not of its arrival; a tie goes to the opt-out."""
    number = installation.contact(NEW_YORK, consent=False)
    no, older, same, newer = (
        act(installation, number, kind, minute)
        for kind, minute in (("opt_out", 5), ("opt_in", 3), ("opt_in", 5), ("opt_in", 6))
    )
    assert after(installation, number, no, older).state == "out"
    assert after(installation, number, same).state == "out"
    assert after(installation, number, newer).state == "in"


def test_an_import_never_revives(installation: Installation) -> None:
    """An imported yes does not lift an opt-out, whenever it claims to have been said, and is not even written."""
    number = installation.contact(NEW_YORK, consent=False)
    yes = act(installation, number, "opt_in", 10_000, "import")
    assert after(installation, number, act(installation, number, "opt_out", 0), yes).state == "out"
    with installation.runtime.db.write() as session:
        assert record(session, [yes], TUESDAY) == []


def test_in_one_call_a_no_beats_an_imported_yes_behind_it(installation: Installation) -> None:
    """Acts of one call are judged in order, each after the one before."""
    number = installation.contact(NEW_YORK, consent=False)
    both = [act(installation, number, "opt_out", 0, "import"), act(installation, number, "opt_in", 10, "import")]
    with installation.runtime.db.write() as session:
        assert [one.kind for one in record(session, both, TUESDAY)] == ["opt_out"]
    assert after(installation, number).state == "out"


def test_an_imported_no_counts_for_somebody_who_is_held(installation: Installation) -> None:
    """Held is no reason to lose an opt-out."""
    number = installation.contact(NEW_YORK, consent=False)
    held = act(installation, number, "hold", 1, "keyword")
    assert after(installation, number, held, act(installation, number, "opt_out", 2, "import")).state == "out"


def test_one_act_is_one_event(installation: Installation) -> None:
    """The same source_ref again is the same act."""
    number = installation.contact(NEW_YORK, consent=False)
    one = act(installation, number, "opt_out", 1, source_ref="reply:SM1")
    with installation.runtime.db.write() as session:
        assert len(record(session, [one, one], TUESDAY)) == 1
        assert record(session, [one], TUESDAY) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One installation for many histories."""
    home: Path = tmp_path_factory.mktemp("ledger")
    return install(home / "home", f"sqlite:///{home / 'tactful.db'}")


@settings(max_examples=60)
@given(history=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 8)), min_size=1, max_size=7))
def test_an_opt_out_holds_until_a_later_yes(shared: Installation, history: list[tuple[str, int]]) -> None:
    """Whatever the order of arrival: somebody who said no is never in unless they said yes at a later minute."""
    serial = next(_serials)
    number = shared.contact(f"+1212{200 + serial // 10_000:03}{serial % 10_000:04}", consent=False)
    found = after(shared, number, *(act(shared, number, kind, minute) for kind, minute in history))
    refusals = [minute for kind, minute in history if kind == "opt_out"]
    yeses = [minute for kind, minute in history if kind == "opt_in"]
    if refusals and (not yeses or max(yeses) <= max(refusals)):
        assert found.state != "in"


def test_the_chain_shows_a_changed_event(installation: Installation) -> None:
    """Events are sealed in order; changing one, even behind the triggers, is found."""
    number = installation.contact(NEW_YORK)
    after(installation, number, *(act(installation, number, kind, minute) for minute, kind in enumerate(KINDS)))
    while seal_some(installation.runtime.db, installation.runtime.keys):
        pass
    with installation.runtime.db.read() as session:
        assert verify(session, installation.runtime.keys) == 4
    with installation.runtime.db.write() as session:
        for statement in _without_triggers(installation):
            session.execute(text(statement))
        session.execute(text("UPDATE consent_event SET kind = 'opt_in' WHERE kind = 'opt_out'"))
    with installation.runtime.db.read() as session, pytest.raises(BrokenChain, match="was changed"):
        verify(session, installation.runtime.keys)


def test_events_sealed_by_another_meanwhile_keep_their_places(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sealer that had read and linked events before another sealed them takes up behind those; the chain is whole."""
    number = installation.contact(NEW_YORK)
    after(installation, number, *(act(installation, number, kind, minute) for minute, kind in enumerate(KINDS)))
    known = sealing.head

    def slow(chain: sealing.Chain, session: Session) -> sealing.End:
        found = known(chain, session)
        monkeypatch.setattr(sealing, "head", known)
        assert seal_some(installation.runtime.db, installation.runtime.keys) == 4
        return found

    monkeypatch.setattr(sealing, "head", slow)
    assert seal_some(installation.runtime.db, installation.runtime.keys) == 0
    after(installation, number, act(installation, number, "opt_out", 9))
    assert seal_some(installation.runtime.db, installation.runtime.keys) == 1
    with installation.runtime.db.read() as session:
        assert verify(session, installation.runtime.keys) == 5


def test_the_database_itself_refuses_changes(installation: Installation) -> None:
    """UPDATE of what was written and DELETE are refused by trigger on both databases."""
    installation.contact(NEW_YORK)
    while seal_some(installation.runtime.db, installation.runtime.keys):
        pass
    for statement in (
        "UPDATE consent_event SET kind = 'opt_out'",
        "DELETE FROM consent_event",
        "UPDATE consent_event SET hash = NULL",
    ):
        with pytest.raises(DBAPIError, match="append-only"), installation.runtime.db.write() as session:
            session.execute(text(statement))


def _without_triggers(installation: Installation) -> list[str]:
    names = ("consent_event_kept", "consent_event_sealed")
    on = "" if installation.runtime.db.is_sqlite else " ON consent_event"
    return [f"DROP TRIGGER {name}{on}" for name in names]
