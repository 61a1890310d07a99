"""Undoing an import: what was there comes back, consent is withdrawn in the ledger, opt-outs stay."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import select

from sender.audience.importing.options import FileRefused
from sender.audience.importing.undoing import Undone, begin_undo, undo, undo_slice, why_not
from sender.audience.numbers import find
from sender.audience.sealer import seal_some, verify
from sender.models import Attempt, Audit, ConsentEvent, Contact, ImportEntry, ImportRun, Message
from tests.audience.test_importer import ANN, BOB, CAT, KEYS, NOW, Desk, Mortal, desk_at

EDITOR = "ana@example.org"


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on each database in turn."""
    made = desk_at(database_url, tmp_path)
    yield made
    made.db.close()


def take_back(desk: Desk, import_id: int | None, days: int = 1) -> Undone:
    """Undo an import some days later."""
    return undo(desk.db, Mortal(at=NOW + timedelta(days=days)), import_id or 0, EDITOR)


def test_an_undo_gives_back_what_was_there(desk: Desk) -> None:
    """New contacts go, changed fields return, consent is withdrawn by events, and the chain still holds."""
    desk.run(f"phone,city,zip\n{ANN},Waco,76701\n{BOB},Austin,\n", purpose=None)
    before = desk.rows(Contact, "attributes", "postal_code", "import_id")
    report = desk.run(f"phone,city,vip,consent\n{ANN},Dallas,true,yes\n{ANN},Houston,,\n{BOB},,,yes\n{CAT},Waco,,yes\n")
    assert desk.standing().state == desk.standing(CAT).state == "in"
    assert take_back(desk, report.import_id) == Undone(removed=1, restored=1, kept=0, withdrawn=3)
    assert desk.rows(Contact, "attributes", "postal_code", "import_id") == before
    assert desk.standing().state == desk.standing(BOB).state == desk.standing(CAT).state == "none"
    assert sorted(kind for (kind,) in desk.rows(ConsentEvent, "kind")) == ["opt_in"] * 3 + ["withdrawal"] * 3
    assert desk.rows(ImportRun, "id", "status")[1] == (2, "undone")
    assert desk.rows(ImportEntry, "import_id") == [(1,), (1,)]
    assert desk.rows(Audit, "actor", "action", "subject") == [(EDITOR, "import.undo", "import 2")]
    while seal_some(desk.db, KEYS):
        pass
    with desk.db.read() as session:
        assert verify(session, KEYS) == 6


def test_earlier_consent_counts_again_and_later_edits_stay(desk: Desk) -> None:
    """Only what the import itself did is taken back."""
    desk.consent(f"{ANN},Ann,yes,2026-01-05,,,\n")
    report = desk.consent(f"{ANN},Anna,yes,2026-02-05,Text me,,\n{BOB},Bob,yes,2026-02-05,Text me,,\n")
    assert desk.standing().level == "express_written"
    with desk.db.write() as session:
        for contact in session.execute(select(Contact)).scalars():
            contact.attributes = {**contact.attributes, "city": "Waco"}
            contact.changed_at = NOW + timedelta(hours=1)
    assert take_back(desk, report.import_id) == Undone(removed=0, restored=1, kept=1, withdrawn=2)
    assert (desk.standing().state, desk.standing().level) == ("in", "express")
    assert desk.rows(Contact, "attributes") == [
        ({"first_name": "Ann", "city": "Waco"},),
        ({"first_name": "Bob", "city": "Waco"},),
    ]


def test_opt_outs_of_an_undone_import_stay(desk: Desk) -> None:
    """A mapping may have been wrong; that somebody said stop is never taken back."""
    report = desk.consent(f"{ANN},Ann,,,,yes,\n{BOB},Bob,yes,2026-01-05,Text me,,\n")
    take_back(desk, report.import_id)
    assert (desk.standing().state, desk.standing(BOB).state) == ("out", "none")


def test_the_same_file_counts_again_after_an_undo(desk: Desk) -> None:
    """Withdrawn consent is a new act when the file is imported anew, but no opt-out between the two is lifted."""
    text = f"{ANN},Ann,yes,2026-01-05,Text me,,\n{BOB},Bob,yes,2026-01-05,Text me,,\n"
    take_back(desk, desk.consent(text).import_id)
    desk.act("opt_out", "keyword", NOW, BOB)
    again = desk.consent(text)
    assert (again.counts["new"], again.counts["kept_out"]) == (2, 1)
    assert (desk.standing().state, desk.standing(BOB).state) == ("in", "out")


def test_nothing_is_undone_once_a_text_has_gone(desk: Desk) -> None:
    """One text to one person in it is enough, and the sentence counts it."""
    report = desk.consent(f"{ANN},Ann,yes,2026-01-05,Text me,,\n")
    with desk.db.write() as session:
        number_id = find(session, KEYS, ANN) or 0
        kinds = {"number_id": number_id, "program_id": 1, "purpose": "marketing", "kind": "campaign"}
        times = {"created_at": NOW, "changed_at": NOW, "touched_at": NOW}
        message = Message(status="sent", send_after=NOW, **kinds, **times)
        session.add(message)
        session.flush()
        session.add(Attempt(message_id=message.id or 0, token="t", gated_at=NOW, touched_at=NOW, **kinds))
    with pytest.raises(FileRefused, match="1 text has gone"):
        take_back(desk, report.import_id)
    assert desk.standing().state == "in"


def test_messages_are_not_read_before_the_archive_has_grown(desk: Desk) -> None:
    """Ten million take seconds; whether an import can be undone is told without them where nothing was packed since."""
    report = desk.consent(f"{ANN},Ann,yes,2026-01-05,Text me,,\n")
    asked: list[str] = []
    event.listen(desk.db.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with desk.db.read() as session:
        assert why_not(session, report.import_id or 0) == ""
    assert [words for words in asked if "FROM message" in words] == []


def test_a_killed_undo_goes_on(desk: Desk) -> None:
    """Slices that are done stay done, and the rest follows whenever somebody goes on."""
    body = "".join(f"+1415{200 + n // 100}{1000 + n},,yes,2026-01-05,Text me,,\n" for n in range(250))
    report = desk.consent(body)
    clock = Mortal(at=NOW + timedelta(days=1))
    begin_undo(desk.db, clock, report.import_id or 0, EDITOR)
    undo_slice(desk.db, clock, report.import_id or 0, EDITOR)
    assert len(desk.rows(Contact, "id")) == 150
    assert take_back(desk, report.import_id).withdrawn == 150
    assert desk.rows(Contact, "id") == []
    with pytest.raises(FileRefused, match="is undone"):
        take_back(desk, report.import_id)
