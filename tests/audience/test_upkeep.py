"""One contact: edits, stops that came by phone, changed numbers, merged duplicates; none of them gives consent."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from guards.base import Purpose, Standing
from sender.audience.erased_list import list_all
from sender.audience.erasing import EraseError, erase
from sender.audience.importer import import_file
from sender.audience.importing.options import FileRefused, ImportOptions
from sender.audience.importing.undoing import undo
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.merging import merge
from sender.audience.numbers import find, find_or_make
from sender.audience.phone import parse
from sender.audience.upkeep import ContactIn, UpkeepError, change_number, edit, stop
from sender.backup.catch_up import catch_up
from sender.backup.erased_again import erase_again
from sender.delivery.wire import Wire
from sender.models import Audit, ConsentEvent, Contact, Message
from sender.providers.base import Found
from tests.installation import TUESDAY, Installation, install

ANN, BOB, CAT = "+14155550101", "+14155550102", "+14155550103"
ACTOR = "ana@example.org"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def of(house: Installation, e164: str) -> Standing:
    """What the ledger says of a number for marketing."""
    with house.runtime.db.read() as session:
        number_id = find(session, house.runtime.keys, e164) or 0
        rows = load_standings(session, [number_id]).get(number_id, [])
        return standing(rows, house.program_id, Purpose.MARKETING)


def contact_of(house: Installation, e164: str) -> Contact | None:
    """The contact of a number."""
    with house.runtime.db.read() as session:
        number_id = find(session, house.runtime.keys, e164) or 0
        return session.execute(select(Contact).where(col(Contact.number_id) == number_id)).scalar()


def id_of(house: Installation, e164: str) -> int:
    """The id of a contact that is there."""
    found = contact_of(house, e164)
    assert found is not None
    return found.id or 0


def test_a_new_number_has_no_standing_and_the_old_one_keeps_its_stop(house: Installation) -> None:
    """Consent does not move; what waited for the old number is cancelled, and an opt-out on the new one stays."""
    number_id = house.contact(ANN)
    message = house.message(number_id)
    change_number(house.runtime, id_of(house, ANN), "(415) 555-0102", "US", ACTOR)
    assert (of(house, ANN).state, of(house, BOB).state, house.status(message)) == ("none", "none", "cancelled")
    contact_id = id_of(house, BOB)
    stop(house.runtime, contact_id, None, "email", "please stop", ACTOR)
    change_number(house.runtime, contact_id, CAT, None, ACTOR)
    assert (of(house, BOB).state, of(house, CAT).state) == ("out", "none")
    with pytest.raises(UpkeepError, match="number already"):
        change_number(house.runtime, contact_id, CAT, None, ACTOR)
    house.contact(ANN.replace("0101", "0104"))
    with pytest.raises(UpkeepError, match="merge the two"):
        change_number(house.runtime, contact_id, ANN.replace("0101", "0104"), None, ACTOR)


def test_a_merge_keeps_the_stricter_word_of_both(house: Installation) -> None:
    """The stop to one number is a stop to the person; fields are filled in, messages follow, consent stays put."""
    house.contact(ANN, attributes={"city": "Waco"}, language="es")
    other = house.contact(BOB, attributes={"city": "Austin", "vip": True}, postal_code="76701")
    message = house.message(other, contact_id=id_of(house, BOB))
    stop(house.runtime, id_of(house, BOB), house.program_id, "phone_call", "", ACTOR)
    merge(house.runtime, id_of(house, ANN), id_of(house, BOB), ACTOR)
    assert (of(house, ANN).state, of(house, BOB).state) == ("out", "out")
    assert contact_of(house, BOB) is None
    kept = contact_of(house, ANN)
    assert kept is not None
    assert (kept.attributes, kept.postal_code) == ({"city": "Waco", "vip": True}, "76701")
    with house.runtime.db.read() as session:
        assert session.get_one(Message, message).contact_id == kept.id
        assert [act.action for act in session.execute(select(Audit)).scalars()] == ["contact.stop", "contact.merge"]


def test_consent_of_a_duplicate_does_not_move(house: Installation) -> None:
    """Who agreed on one number did not agree on the other."""
    house.contact(ANN, consent=False)
    house.contact(BOB)
    merge(house.runtime, id_of(house, ANN), id_of(house, BOB), ACTOR)
    assert (of(house, ANN).state, of(house, BOB).state) == ("none", "in")


def test_a_stop_by_phone_blocks_what_waits(house: Installation) -> None:
    """It is evidence who took it and how it came, and nothing waits any more."""
    number_id = house.contact(ANN)
    message = house.message(number_id)
    assert stop(house.runtime, id_of(house, ANN), house.program_id, "phone_call", "rang at noon", ACTOR) == 1
    assert (of(house, ANN).state, house.status(message)) == ("out", "blocked")
    with house.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).where(col(ConsentEvent.kind) == "opt_out")).scalars().one()
    assert event.evidence.keys() == {"came_by", "taken_by", "sealed"}
    for came_by, words in (("pigeon", ""), ("owl post", "rang")):
        with pytest.raises(UpkeepError):
            stop(house.runtime, id_of(house, ANN), None, came_by, words, ACTOR)


def test_an_edit_is_checked_and_named_in_the_audit(house: Installation) -> None:
    """Which fields, never their values; a phone number has no place among them."""
    house.contact(ANN, language="en")
    contact_id = id_of(house, ANN)
    edit(house.runtime, contact_id, ContactIn(language="ES", attributes={"spent": "12", "city": ""}), ACTOR)
    found = contact_of(house, ANN)
    assert found is not None
    assert (found.language, found.attributes) == ("es", {"spent": 12})
    with house.runtime.db.read() as session:
        assert session.execute(select(Audit)).scalars().one().detail == {"fields": ["language", "attributes"]}
    wrong = (
        ContactIn(language="spanish!"),
        ContactIn(zone="Mars"),
        ContactIn(region=BOB),
        ContactIn(attributes={"Big": "x"}),
        ContactIn(attributes={"note": "call +1 415 555 0109"[5:]}),
    )
    for given_ in wrong:
        with pytest.raises(UpkeepError):
            edit(house.runtime, contact_id, given_, ACTOR)


class Anybody:
    """Does random things to three people, and remembers who of them said stop last."""

    def __init__(self, house: Installation, folder: Path) -> None:
        self.house, self.file = house, folder / "people.csv"
        self.out: set[str] = set()
        self.imports: list[int] = []
        self.kept = folder / "kept.db"
        self.kept.unlink(missing_ok=True)
        house.provider.listed.clear()

    def own(self, e164: str, kind: str) -> None:
        """The person texts STOP or START."""
        now = self.house.clock.now()
        with self.house.runtime.db.write() as session:
            number_id = find_or_make(session, self.house.runtime.keys, [parse(e164, None)], now)[e164]
            level = "express_written" if kind == "opt_in" else "none"
            act = Act(number_id, self.house.program_id, kind, Purpose.MARKETING, now, "keyword", level=level)
            record(session, [act], now)
        (self.out.add if kind == "opt_out" else self.out.discard)(e164)
        if kind == "opt_out":
            sid = f"SM{len(self.house.provider.listed):x}{e164[1:]}"
            text = Found(sid, now, "received", "STOP", e164, None, None, "+12125550100", "inbound")
            self.house.provider.listed.append(text)

    def bring(self, e164: str, other: str) -> None:
        """Somebody imports a yes for two people, dated today, and an API says yes for one."""
        now = self.house.clock.now()
        self.file.write_text("phone,consent,consent_at,consent_wording\n" + "".join(
            f"{one},yes,{now.date()},Text me\n" for one in (e164, other)
        ))  # fmt: skip
        options = ImportOptions(program_id=self.house.program_id, purpose=Purpose.MARKETING)
        runtime = self.house.runtime
        self.imports.append(import_file(runtime.db, runtime.keys, runtime.clock, self.file, options).import_id or 0)
        with runtime.db.write() as session:
            number_id = find(session, runtime.keys, e164) or 0
            act = Act(number_id, self.house.program_id, "opt_in", Purpose.MARKETING, now, "api", level="express")
            record(session, [act], now)

    def take_back(self, e164: str, other: str) -> None:
        """Undo the latest import."""
        if self.imports:
            undo(self.house.runtime.db, self.house.clock, self.imports.pop(), ACTOR)

    def renumber(self, e164: str, other: str) -> None:
        """Give the first the number of the second."""
        if found := contact_of(self.house, e164):
            change_number(self.house.runtime, found.id or 0, other, None, ACTOR)

    def unite(self, e164: str, other: str) -> None:
        """Merge them."""
        one, two = contact_of(self.house, e164), contact_of(self.house, other)
        if one and two:
            merge(self.house.runtime, one.id or 0, two.id or 0, ACTOR)

    def forget(self, e164: str, other: str) -> None:
        """Erase the first, which stops everything for good."""
        with self.house.runtime.db.read() as session:
            number_id = find(session, self.house.runtime.keys, e164)
        if number_id:
            erase(self.house.runtime, number_id, ACTOR, "asked")
            self.out.add(e164)

    def keep(self, e164: str, other: str) -> None:
        """Copy the database away."""
        _copy(Path(str(self.house.runtime.db.url.database)), self.kept)

    def put_back(self, e164: str, other: str) -> None:
        """Put the copy back, and do what `tactful release` does: erase again, and ask the provider what came since."""
        if not self.kept.exists():
            return
        self.imports.clear()
        _copy(self.kept, Path(str(self.house.runtime.db.url.database)))
        list_all(self.house.runtime)
        erase_again(self.house.runtime, ACTOR)
        wire = Wire()
        catch_up(self.house.runtime, wire, TUESDAY, ACTOR)
        wire.close()


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


STEPS = ("stop", "start", "bring", "take_back", "renumber", "unite", "forget", "keep", "put_back")
PLACES = (
    "201",
    "202",
    "206",
    "212",
    "213",
    "214",
    "215",
    "301",
    "303",
    "305",
    "310",
    "312",
    "313",
    "314",
    "315",
    "316",
)
WHO = st.integers(0, 2)
SEQUENCES = st.lists(st.tuples(st.sampled_from(STEPS), WHO, WHO), min_size=3, max_size=14)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Path, Iterator[int]]]:
    """One installation for all sequences; each takes three people of its own."""
    folder = tmp_path_factory.mktemp("shared")
    made = install(folder / "home", f"sqlite:///{folder}/t.db")
    yield made, folder, itertools.count()
    made.runtime.db.close()


def live(house: Installation, folder: Path, turn: int, sequence: list[tuple[str, int, int]]) -> None:
    """Go through a sequence; after each step nobody who said stop last has standing."""
    people = [f"+1{PLACES[turn // 33 % len(PLACES)]}5550{100 + turn % 33 * 3 + n}" for n in range(3)]
    anybody = Anybody(house, folder)
    for step, one, two in sequence:
        house.clock.move(timedelta(hours=1))
        try:
            if step in ("stop", "start"):
                anybody.own(people[one], "opt_out" if step == "stop" else "opt_in")
            else:
                getattr(anybody, step)(people[one], people[two])
        except (EraseError, UpkeepError, FileRefused):
            pass
        for person in anybody.out:
            assert of(house, person).state == "out", (step, one, two)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(sequence=SEQUENCES)
def test_nothing_gives_standing_to_who_said_stop_last(
    shared: tuple[Installation, Path, Iterator[int]], sequence: list[tuple[str, int, int]]
) -> None:
    """Imports, undos, changed numbers, merges, erasures, restores in any order: only their own START lifts a STOP."""
    house, folder, turns = shared
    live(house, folder, next(turns), sequence)


@pytest.mark.nightly
@settings(max_examples=450, suppress_health_check=list(HealthCheck))
@given(sequence=SEQUENCES)
def test_hundreds_of_sequences_give_no_standing_to_who_said_stop_last(
    shared: tuple[Installation, Path, Iterator[int]], sequence: list[tuple[str, int, int]]
) -> None:
    """The same for as many as there are fictional numbers for."""
    house, folder, turns = shared
    live(house, folder, next(turns), sequence)


def test_a_restore_loses_neither_a_stop_nor_an_erasure(shared: tuple[Installation, Path, Iterator[int]]) -> None:
    """What came after the copy counts in it, a stop and erasures, of somebody too whom the copy never knew."""
    house, folder, turns = shared
    steps = ("start", 0, 0), ("bring", 1, 1), ("keep", 0, 0), ("stop", 0, 0), ("forget", 1, 1), ("bring", 2, 2)
    live(house, folder, next(turns), [*steps, ("forget", 2, 2), ("put_back", 0, 0), ("bring", 0, 1), ("bring", 2, 2)])
