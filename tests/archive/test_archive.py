"""The archive: what is asked about old texts has the same answer before and after they are packed."""

import hashlib
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, update
from sqlmodel import SQLModel, col, select
from typer.testing import CliRunner

from guards.base import Purpose
from sender import audit
from sender.api.outbox import show_messages
from sender.archive.checking import verify
from sender.archive.packing import Archiver, ArchiveRefused, keep_open_for, pack_next
from sender.archive.pages import ArchiveError
from sender.audience import holds
from sender.audience.dossier import Dossier
from sender.audience.erasing import erase
from sender.audience.histories import message_history
from sender.audience.importing.undoing import why_not
from sender.audience.ledger import Act, record
from sender.audience.retention import due, forget_some
from sender.audience.timeline import profile, timeline
from sender.backup import copies
from sender.campaigns.compliance import compliance, held_by_day
from sender.cli import app
from sender.db import Database
from sender.delivery.gate import open_gate, signed_token
from sender.delivery.pipeline import Pipeline
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.wire import Wire
from sender.models import ArchivePage, Attempt, Audit, Decision, ImportEntry, ImportRun, Message, Receipt
from sender.states import Status, advance
from sender.watching.doctor import examine
from tests.installation import TUESDAY, Installation, install

DAY = timedelta(days=1)
PEOPLE = [f"+1212555{place:04}" for place in range(100, 106)]
STOPPED = 5
"""The row of the number that said stop before its last text: what a report of compliance has to find."""
PACKED = (Attempt, Receipt, Decision)


@dataclass
class House:
    """An installation a year after its texts, and what anybody may ask of it."""

    made: Installation

    def answers(self) -> dict[str, Any]:
        """Everything that looks back: evidence, histories, timelines, the API's outbox, reports, what undo says."""
        runtime, since, until = self.made.runtime, TUESDAY - DAY, TUESDAY + 3 * DAY
        with runtime.db.read() as session:
            numbers = range(1, len(PEOPLE) + 1)
            ids = session.execute(select(col(Message.id)).order_by(col(Message.id))).scalars().all()
            profiles = [profile(session, runtime.keys, number) for number in numbers]
            return {
                "dossiers": [Dossier(session, runtime.keys, number).texts() for number in numbers],
                "histories": [message_history(session, one) for one in ids],
                "timelines": [timeline(session, one, None, {}) for one in profiles if one],
                "refusals": [one.refusal and one.refusal.reason for one in show_messages(session, runtime.keys, ids)],
                "compliance": [compliance(session, since, until, one) for one in (None, {self.made.program_id}, {99})],
                "days": held_by_day(session, since, until),
                "undo": why_not(session, 1),
                "watermark": session.execute(select(func.max(col(Attempt.id)))).scalar(),
            }

    def pack(self, before: Any = None, texts: int = 100) -> int:
        """Everything that is old, page by page, as the command does it; returns how many texts."""
        done, after, over = 0, 0, False
        while not over:
            packed = pack_next(self.made.runtime, before or self.made.clock.now() - 180 * DAY, after, "test", texts)
            done, after, over = done + packed.texts, packed.looked_to, packed.over
        return done

    def count(self, table: type[SQLModel], *which: Any) -> int:
        """Rows of a table."""
        with self.made.runtime.db.read() as session:
            return int(session.execute(select(func.count()).select_from(table).where(*which)).scalar_one())


def sent_and_put_off(made: Installation, pipeline: Pipeline) -> None:
    """Two texts for everybody on two days, with receipts; one put off at night; a stop that a text came after."""
    numbers = [made.contact(e164, attributes={"city": "Waco"}) for e164 in PEOPLE]
    for round_ in range(2):
        texts = [made.message(number, kind="api" if round_ else "campaign") for number in numbers]
        pipeline.deliver(texts)
        confirm(made, texts)
        made.clock.move(timedelta(hours=12))
        late = made.message(numbers[0], kind="api")
        assert open_gate(made.runtime, [late]) == []
        with made.runtime.db.write() as session:
            advance(session, [late], Status.EXPIRED, now=made.clock.now(), real=made.clock.now(), reason="too_late")
        made.clock.move(timedelta(hours=12))
    made.message(numbers[1], status="blocked", reason="no_consent")
    with made.runtime.db.write() as session:
        stop = Act(STOPPED, made.program_id, "opt_out", Purpose.MARKETING, TUESDAY, "keyword", "reply:SM9:m")
        record(session, [stop], TUESDAY)
        session.add(ImportRun(name="p.csv", file_hash="x", status="finished", started_at=TUESDAY - DAY))
        session.flush()
        session.add_all([ImportEntry(import_id=1, number_id=number, is_new=True) for number in numbers])


def confirm(made: Installation, texts: list[int]) -> None:
    """Two receipts for each of these texts."""
    with made.runtime.db.read() as session:
        tried = session.execute(select(Attempt).where(col(Attempt.message_id).in_(texts))).scalars().all()
    for status in ("sent", "delivered"):
        store(
            made.runtime, [ReceiptIn(signed_token(made.runtime.keys, one.token), str(one.sid), status) for one in tried]
        )
        apply(made.runtime)


def built(home: Path, url: str) -> Installation:
    """The installation a year later, with young texts that are the newest of everything."""
    made, wire = install(home, url), Wire()
    pipeline = Pipeline(made.runtime, wire)
    sent_and_put_off(made, pipeline)
    made.clock.move(365 * DAY)
    young = made.message(1)
    pipeline.deliver([young])
    confirm(made, [young])
    made.clock.move(timedelta(hours=12))
    assert open_gate(made.runtime, [made.message(1)]) == []
    wire.close()
    return made


@pytest.fixture(scope="module")
def old_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One that is copied for each test that spoils it."""
    folder = tmp_path_factory.mktemp("old")
    made = built(folder / "home", f"sqlite:///{folder / 'tactful.db'}")
    yield made
    made.runtime.db.close()


@pytest.fixture
def house(old_house: Installation, tmp_path: Path) -> Iterator[House]:
    """A copy of its SQLite file, with clocks of its own."""
    old, new = str(old_house.runtime.db.url.database), tmp_path / "copy.db"
    with closing(sqlite3.connect(old)) as source, closing(sqlite3.connect(new)) as copy:
        source.backup(copy)
    clock = replace(old_house.clock, hands=dict(old_house.clock.hands))
    runtime = replace(old_house.runtime, db=Database(f"sqlite:///{new}"), clock=clock)
    yield House(replace(old_house, runtime=runtime, clock=clock))
    runtime.db.close()


@pytest.fixture
def fresh(tmp_path: Path, database_url: str) -> Iterator[House]:
    """The house on each database in turn."""
    made = built(tmp_path / "home", database_url)
    yield House(made)
    made.runtime.db.close()


def test_every_answer_is_the_same_after_packing(fresh: House) -> None:
    """Evidence, histories, timelines, outbox, compliance, undo and the watermark do not know where the rows lie;
    who is erased has no words left anywhere; decisions leave the pages by their rule, and no hold is passed over."""
    before = fresh.answers()
    report = before["compliance"][0]
    assert (report.stops.late, report.held[0].decisions, report.held[0].texts) == (1, 2, 2)
    assert before["refusals"].count("quiet_hours") == 3
    assert before["undo"].startswith("13 texts have gone")
    assert fresh.pack() == 15
    assert [fresh.count(table) for table in PACKED] == [1, 2, 1]
    assert fresh.answers() == before
    assert fresh.pack() == 0
    with fresh.made.runtime.db.read() as session:
        assert verify(session).texts == 15
    forget_in(fresh)


def forget_in(house: House) -> None:
    """Erase somebody whose texts are packed, and let the decisions' days go by."""
    runtime = house.made.runtime
    erase(runtime, 1, "ana@example.org", "asked by phone")
    texts = house.answers()["dossiers"][0]
    assert {text["words"] for text in texts} == {"(no longer kept)"}
    assert texts[0]["attempts"][0]["receipts"][0]["status"] == "sent"
    house.made.clock.move(1_827 * DAY - 365 * DAY)
    with runtime.db.write() as session:
        assert due(runtime, session, "decisions", 1_827) == 2
        hold = holds.place(session, 2, "Doe v. Acme", "ana@example.org", house.made.clock.now())
    assert hold
    assert forget_some(runtime, "archived_decisions")[0] == 0
    with runtime.db.write() as session:
        holds.release(session, 2, "ana@example.org", house.made.clock.now())
    assert forget_some(runtime, "archived_decisions")[0] == 1
    assert [house.answers()["dossiers"][0][place]["decisions"] for place in (1, 3)] == [[], []]
    with runtime.db.read() as session:
        assert (verify(session).pages, verify(session).forgotten) == (1, 1)


def test_a_page_that_was_touched_is_named(house: House) -> None:
    """A changed, an exchanged, an emptied and a missing page are each found, and none is read as if it were whole."""
    house.pack()
    with house.made.runtime.db.read() as session:
        page = session.get_one(ArchivePage, 1)
        whole = {name: getattr(page, name) for name in ("passages", "passages_hash", "decisions", "decision_count")}
    other = b"x" * len(whole["passages"])
    for columns, says in (
        ({"passages": other}, "Page 1 of the archive is not what was written"),
        ({"passages": other, "passages_hash": hashlib.sha256(other).digest()}, "was changed after it was written"),
        ({"decisions": b"", "decision_count": 0}, "have no decisions"),
    ):
        change(house, **columns)
        with house.made.runtime.db.read() as session, pytest.raises(ArchiveError, match=says):
            verify(session)
        if columns == {"passages": other}:
            with house.made.runtime.db.read() as session, pytest.raises(ArchiveError, match="Page 1"):
                message_history(session, 1)
        change(house, **whole)
    with house.made.runtime.db.write() as session:
        session.execute(delete(ArchivePage))
    with house.made.runtime.db.read() as session, pytest.raises(ArchiveError, match="Page 1 of the archive is missing"):
        verify(session)


def change(house: House, **columns: Any) -> None:
    """Write over columns of the one page, as somebody with the database could."""
    with house.made.runtime.db.write() as session:
        session.execute(update(ArchivePage).values(**columns))


def test_a_process_that_dies_between_any_two_statements_loses_nothing(house: House) -> None:
    """Whichever statement of a page is the last: every answer is as before, and the next run packs the same."""
    before, deaths = house.answers(), 0
    engine = house.made.runtime.db.engine
    for last in itertools.count(1):
        left = itertools.count(-last)

        def die(*_: Any, left: Iterator[int] = left) -> None:
            if next(left) == 0:
                raise KeyboardInterrupt

        event.listen(engine, "before_cursor_execute", die)
        try:
            house.pack()
            break
        except KeyboardInterrupt:
            deaths += 1
        finally:
            event.remove(engine, "before_cursor_execute", die)
        assert (house.answers(), house.count(ArchivePage)) == (before, 0)
    assert deaths > 10
    assert (house.answers(), house.count(ArchivePage)) == (before, 1)


@settings(max_examples=8)
@given(cuts=st.lists(st.integers(0, 3), max_size=3), size=st.integers(1, 6))
def test_in_whatever_steps_and_pages(house: House, cuts: list[int], size: int) -> None:
    """Packed up to any days, one after the other, in pages of any size: the answers stay the same."""
    before = house.answers()
    for days in cuts:
        house.pack(TUESDAY + days * DAY, size)
        assert house.answers() == before


def test_a_backup_brings_the_pages_along(house: House, tmp_path: Path) -> None:
    """What was packed is told out of the restored copy, and its pages hold there too."""
    house.pack()
    before, runtime = house.answers(), house.made.runtime
    copies.backup(runtime.db, runtime.keys, tmp_path / "copy.tactful", house.made.clock.now())
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}")
    copies.restore(tmp_path / "copy.tactful", runtime.keys, restored, house.made.clock.now())
    again = House(replace(house.made, runtime=replace(runtime, db=restored)))
    assert again.answers() == before
    with restored.read() as session:
        assert verify(session).texts == 15
    restored.close()


def test_what_is_unsettled_stays(house: House) -> None:
    """Open texts, unproven ones, attempts of unknown outcome and receipts that wait keep their rows."""
    with house.made.runtime.db.write() as session:
        session.get_one(Message, 1).status = "unconfirmed"
        session.get_one(Message, 2).status = "unproven"
        of_third = select(Attempt).where(col(Attempt.message_id) == 3)
        session.execute(of_third).scalar_one().outcome = "unproven"
        of_fourth = select(col(Attempt.sid)).where(col(Attempt.message_id) == 4)
        waits = select(Receipt).where(col(Receipt.sid).in_(of_fourth), col(Receipt.status) == "sent")
        session.execute(waits).scalar_one().state = "open"
    before = house.answers()
    assert house.pack() == 11
    assert house.answers() == before
    with house.made.runtime.db.read() as session:
        left = select(col(Message.id)).where(col(Message.archive_page).is_(None)).order_by(col(Message.id))
        assert session.execute(left.limit(4)).scalars().all() == [1, 2, 3, 4]


def test_a_receipt_that_comes_years_late_is_kept_and_told(house: House) -> None:
    """Its text is packed: the message stays as it was, and evidence has the receipt beside the packed ones."""
    house.pack()
    store(house.made.runtime, [ReceiptIn("", f"SM{1:032x}", "undelivered")])
    apply(house.made.runtime)
    told = house.answers()["dossiers"][0][0]["attempts"][0]["receipts"]
    assert [one["status"] for one in told] == ["sent", "delivered", "undelivered"]
    assert house.made.status(1) == "delivered"


def test_the_scheduler_archives_once_somebody_says_when(house: House) -> None:
    """Off as shipped; on it packs a page a step, then rests; days that caps need are refused; all is in the audit."""
    runtime, now = house.made.runtime, house.made.clock.now()
    archiver = Archiver(runtime, 10)
    assert archiver.step() == 0
    for wrong in (0, 120):
        with pytest.raises(ArchiveRefused, match="caps look back over 120 days"), runtime.db.write() as session:
            keep_open_for(session, wrong, "ana@example.org", now)
    with runtime.db.write() as session:
        keep_open_for(session, 180, "ana@example.org", now)
    house.made.clock.move(timedelta(minutes=2))
    assert [archiver.step() for _ in range(4)] == [10, 5, 0, 0]
    assert [Archiver(runtime).step() for _ in range(2)] == [0, 0]
    with runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action).startswith("archive."))).scalars().all()
    assert [(act.actor, act.action) for act in acts] == [
        ("ana@example.org", "archive.set"), ("scheduler", "archive.page"), ("scheduler", "archive.page")
    ]  # fmt: skip
    assert acts[0].detail == {"days": 180, "before": None}


def test_the_doctor_asks_for_it_once_there_are_millions(house: House) -> None:
    """Nothing is said of a few texts, nor where archiving is on."""
    settings = house.made.runtime.settings.model_copy(update={"database_url": str(house.made.runtime.db.url)})

    def said() -> list[str]:
        return [one.sentence for one in examine(settings) if one.what == "growth"]

    assert said() == []
    house.made.message(1, id=5_100_000)
    assert "About 5 million texts lie in the tables" in said()[0]
    with house.made.runtime.db.write() as session:
        keep_open_for(session, 180, "ana@example.org", house.made.clock.now())
    assert said() == []


def test_the_commands_say_what_they_do(house: House, monkeypatch: Any) -> None:
    """A day that caps need is refused, `--dry-run` counts and changes nothing, and what was packed verifies."""
    runtime = house.made.runtime
    monkeypatch.setenv("TACTFUL_HOME", str(runtime.settings.home))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", str(runtime.db.url))
    for line, says, status in (
        ("set 100", "give 121 to 36,500", 1),
        ("set soon", "is no number of days", 1),
        ("set 200", "Texts are archived after 200 days.", 0),
        ("run --before 2099-01-01", "Caps look back over 120 days", 1),
        ("run --before soon", "is no day", 1),
        ("run --before 2026-03-20 --dry-run", "15 texts of before 2026-03-20 would be archived", 0),
        ("show", "0 texts lie on 0 pages", 0),
        ("run --before 2026-03-20", "Archived 15 texts of before 2026-03-20", 0),
        ("set off", "Nothing more is archived.", 0),
        ("show", "15 texts lie on 1 pages", 0),
    ):
        done = CliRunner().invoke(app, ["archive", *line.split()])
        assert (says in " ".join(done.output.split()), done.exit_code) == (True, status), done.output
    audit.seal_some(runtime.db, runtime.keys)
    done = CliRunner().invoke(app, ["archive", "verify"])
    assert "The archive holds: 15 texts on 1 pages." in done.output
    change(house, passages=b"")
    for line in ("archive verify", "message show +12125550100"):
        done = CliRunner().invoke(app, line.split())
        assert ("Page 1 of the archive is not what" in done.output, done.exit_code) == (True, 1), done.output
