"""Nothing leaves a copy of a database by itself; once released, nobody is texted twice and no STOP is lost."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlmodel import col

from sender import halt
from sender.audience import erased_list, holds
from sender.audience.erased_list import ListError
from sender.audience.erasing import erase
from sender.audience.numbers import find
from sender.backup import copies
from sender.backup.catch_up import catch_up, copied_at
from sender.backup.erased_again import erase_again
from sender.backup.place import check_in, mark, place
from sender.crypto import add_generation, load_keys
from sender.db import Database
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.halt import HeldError
from sender.models import ConsentStanding, Contact, Message, Number
from sender.models import Installation as InstallationRow
from sender.providers.base import Found
from sender.runtime import Runtime
from sender.states import Status
from tests.installation import TUESDAY, Installation, install
from tests.sender.test_backup import empty
from tests.servers import Postgres

__all__ = ["empty"]
WORDS = "Acme: Sale today. Reply STOP to opt out"
PEOPLE = [f"+1212555{place:04d}" for place in range(100, 112)]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    """Twelve people, and a text that waits for each."""
    made = install(tmp_path / "home", database_url)
    for e164 in PEOPLE:
        made.message(made.contact(e164), WORDS)
    return made


def deliver(runtime: Runtime, ids: list[int]) -> None:
    """Let a worker have these messages."""
    wire = Wire()
    try:
        Pipeline(runtime, wire).deliver(ids)
    finally:
        wire.close()


def listed(installation: Installation) -> list[Found]:
    """What Twilio's list says of everything that was sent."""
    return [
        Found(f"SM{place + 1:032x}", TUESDAY, "delivered", one.cleared.draft.text, one.from_address, None, None, one.to)
        for place, one in enumerate(installation.provider.sent)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_drill(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path, seed: int, database_url: str
) -> None:
    """A backup at a random moment of a run, a disaster at another: 0 texts before the release, 0 twice after it."""
    dice, runtime, ids = random.Random(seed), installation.runtime, list(range(1, len(PEOPLE) + 1))
    dice.shuffle(ids)
    backed_up, died = sorted(dice.sample(range(len(ids)), 2))
    deliver(runtime, ids[:backed_up])
    copies.backup(runtime.db, runtime.keys, tmp_path / "copy.tactful", TUESDAY)
    deliver(runtime, ids[backed_up:died])
    stopped = PEOPLE[ids[-1] - 1]
    restored = empty("sqlite" if runtime.db.is_sqlite else "postgresql")
    copies.restore(tmp_path / "copy.tactful", runtime.keys, restored, TUESDAY)
    copy = replace(runtime, db=restored)
    deliver(copy, ids)
    assert len(installation.provider.sent) == died
    with pytest.raises(HeldError, match="tactful release"):
        halt.release(copy, "ana@example.org")
    stop = Found("SM" + "f" * 32, TUESDAY, "received", "STOP", stopped, None, None, "+12125550100", "inbound")
    installation.provider.listed = [*listed(installation), stop]
    wire = Wire()
    with restored.read() as session:
        since = copied_at(session)
    assert since == TUESDAY
    learned = catch_up(copy, wire, since, "command line")
    again = catch_up(copy, wire, since, "command line")
    wire.close()
    assert (learned.sent, learned.replies, learned.strange) == (died - backed_up, 1, 0)
    assert (again.sent, again.replies) == (0, 0)
    halt.release(copy, "command line", caught_up=True)
    with restored.write() as session:
        session.execute(update(Message).where(Message.status == "pending").values(status="queued"))
    deliver(copy, ids)
    texted = Counter(one.to for one in installation.provider.sent)
    assert set(texted.values()) == {1}
    assert set(PEOPLE) - set(texted) == {stopped}


def test_a_campaign_of_a_copy_waits_for_a_person(installation: Installation) -> None:
    """A text that left and is not in the copy is counted as strange; one from another software's number is not ours."""
    runtime = installation.runtime
    with runtime.db.write() as session:
        session.execute(update(InstallationRow).values(halted=True, copied_at=TUESDAY))
    sent = Found("SM1", TUESDAY, "sent", "Something else", "+12125550100", None, None, PEOPLE[0])
    installation.provider.listed = [sent, replace(sent, sid="SM2", from_address="+12125550199")]
    wire = Wire()
    learned = catch_up(runtime, wire, TUESDAY, "command line")
    wire.close()
    assert (learned.sent, learned.strange) == (0, 1)
    assert installation.status(1) == Status.QUEUED


def test_an_older_database_is_known(installation: Installation, tmp_path: Path) -> None:
    """A database that somebody put back by hand lacks attempts that this host has seen: it is held."""
    runtime = installation.runtime
    assert check_in(runtime) == ""
    before = (runtime.settings.home / "epoch.json").read_text()
    deliver(runtime, [1, 2])
    mark(runtime)
    assert check_in(runtime) == ""
    (runtime.settings.home / "epoch.json").write_text(before.replace('"attempt": 0', '"attempt": 3'))
    assert "older than it was" in check_in(runtime)
    deliver(runtime, [3])
    assert len(installation.provider.sent) == 2
    with runtime.db.read() as session:
        assert find(session, runtime.keys, PEOPLE[0])


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"epoch": "another"}, "another database"),
        ({"place": "elsewhere"}, "it is a copy"),
        ({"seen_at": TUESDAY - timedelta(hours=73)}, "nothing has worked"),
    ],
)
def test_a_copy_is_known_by(installation: Installation, columns: dict[str, object], why: str) -> None:
    """Another epoch, another place, or three days of silence: each holds the installation and says why."""
    runtime = installation.runtime
    assert check_in(runtime) == ""
    with runtime.db.write() as session:
        session.execute(update(InstallationRow).values(**columns))
    assert why in check_in(runtime)
    assert check_in(runtime) == ""
    with runtime.db.read() as session:
        assert halt.is_halted(session)


def test_a_role_of_few_rights_knows_its_cluster(tmp_path: Path, pg_url: str, postgres: Postgres) -> None:
    """A role that is no superuser sees the same place; one that may not ask the cluster's name goes by its address."""
    installation = install(tmp_path / "home", pg_url)
    name = pg_url.rpartition("/")[2]
    with installation.runtime.db.write() as session:
        session.execute(text(f"CREATE ROLE {name}_plain LOGIN"))
    plain = replace(installation.runtime, db=Database(pg_url.replace("postgres@", f"{name}_plain@")))
    places = []
    for runtime in (installation.runtime, plain):
        with runtime.db.read() as session:
            places.append(place(runtime, session))
    with installation.runtime.db.write() as session:
        session.execute(text("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"))
    with plain.db.read() as session:
        places.append(place(plain, session))
    plain.db.close()
    with installation.runtime.db.write() as session:
        session.execute(text(f"DROP ROLE {name}_plain"))
    assert places[0] == places[1] != places[2]


def test_who_was_erased_since_does_not_come_back(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path
) -> None:
    """Backup, erase, restore: the copy erases them again before release, but not who was on hold or unlisted."""
    runtime, gone = installation.runtime, PEOPLE[0]
    copies.backup(runtime.db, runtime.keys, tmp_path / "copy.tactful", TUESDAY)
    with runtime.db.read() as session:
        number = find(session, runtime.keys, gone) or 0
    assert erase(runtime, number, "ana@example.org", "asked").done
    listing = erased_list.path_of(runtime.settings.home)
    assert (gone not in listing.read_text(), listing.stat().st_mode & 0o777) == (True, 0o600)
    restored = empty("sqlite" if runtime.db.is_sqlite else "postgresql")
    copies.restore(tmp_path / "copy.tactful", runtime.keys, restored, TUESDAY)
    copy = replace(runtime, db=restored)
    with restored.write() as session:
        assert session.get_one(Number, number).data_key
        holds.place(session, number, "Doe v. Acme", "ana@example.org", TUESDAY)
    with pytest.raises(ListError, match="1 people who were erased since are on legal hold"):
        erase_again(copy, "ana@example.org")
    with restored.write() as session:
        holds.release(session, number, "ana@example.org", TUESDAY)
    assert (erase_again(copy, "ana@example.org"), erase_again(copy, "ana@example.org")) == (1, 0)
    with restored.read() as session:
        assert session.get_one(Number, number).data_key == b""
        assert session.execute(select(func.count()).select_from(Contact)).scalar_one() == len(PEOPLE) - 1
        theirs = select(Message.status).where(col(Message.number_id) == number)
        assert session.execute(theirs).scalar_one() == "cancelled"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_list_outlives_rotation_and_moves_with_a_copy(installation: Installation, tmp_path: Path) -> None:
    """A backup of before a rotation is matched too; a missing or damaged list refuses; another host catches up."""
    runtime = installation.runtime
    home = runtime.settings.home
    with pytest.raises(ListError, match="missing"):
        erase_again(runtime, "ana@example.org")
    before = runtime.keys.number_key(PEOPLE[0])
    add_generation(home)
    keys = load_keys(home)
    with runtime.db.read() as session:
        number = find(session, keys, PEOPLE[0]) or 0
    erase(replace(runtime, keys=keys), number, "ana@example.org", "asked")
    assert erased_list.read(home).keys() == {before, keys.number_key(PEOPLE[0])}
    copy = tmp_path / "kept.jsonl"
    erased_list.path_of(home).rename(copy)
    assert (erased_list.list_all(runtime), erased_list.list_all(runtime)) == (1, 0)
    erased_list.take_over(copy, home)
    assert len(erased_list.read(home)) == 2
    copy.write_text("{}")
    with pytest.raises(ListError, match="damaged"):
        erased_list.take_over(copy, home)


def test_people_erased_in_one_instant_are_people_apart(
    installation: Installation, empty: Callable[[str], Database], tmp_path: Path
) -> None:
    """A copy that never met them bars each by a row of their own, and a person with several keys by one alone."""
    runtime = installation.runtime
    home = runtime.settings.home
    copies.backup(runtime.db, runtime.keys, tmp_path / "copy.tactful", TUESDAY)
    add_generation(home)
    late = ["+12125550190", "+12125550191"]
    for e164 in late:
        assert erase(runtime, installation.contact(e164), "ana@example.org", "asked").done
    lines = [json.loads(line) for line in erased_list.path_of(home).read_text().splitlines()]
    assert [len({line[name] for line in lines}) for name in ("number", "person", "at")] == [4, 2, 1]
    restored = empty("sqlite" if runtime.db.is_sqlite else "postgresql")
    copies.restore(tmp_path / "copy.tactful", runtime.keys, restored, TUESDAY)
    copy = replace(runtime, db=restored)
    assert (erase_again(copy, "ana@example.org"), erase_again(copy, "ana@example.org")) == (0, 0)
    with restored.read() as session:
        assert session.execute(select(func.count()).select_from(Number)).scalar_one() == len(PEOPLE) + len(late)
        barred = [find(session, runtime.keys, e164) for e164 in late]
        assert len(set(barred)) == 2
        assert [session.get_one(Number, one).data_key for one in barred] == [b"", b""]
        stopped = select(ConsentStanding.state).where(col(ConsentStanding.number_id).in_(barred))
        assert set(session.execute(stopped).scalars()) == {"out"}


KEYS = st.sampled_from([bytes([n]) * 4 for n in range(6)])


@given(groups=st.lists(st.lists(KEYS, min_size=1, max_size=3, unique=True), max_size=5), again=st.integers(0, 4))
def test_whoever_shares_a_key_is_one_person_whatever_was_listed_first(groups: list[list[bytes]], again: int) -> None:
    """Hosts that know one key or all of them, in any order: joined as the keys are, and what is known adds no line."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        for keys in groups[again:] + groups[:again]:
            erased_list.add(home, erased_list.under(keys, TUESDAY))
        assert [erased_list.add(home, erased_list.under(keys, TUESDAY)) for keys in groups] == [0] * len(groups)
        found = erased_list.read(home) if groups else {}
    people: list[set[bytes]] = []
    for keys in groups:
        sharing = [one for one in people if one & set(keys)]
        people = [one for one in people if one not in sharing] + [set(keys).union(*sharing)]
    assert {
        frozenset(key for key in found if found[key].person == who) for who in {f.person for f in found.values()}
    } == {frozenset(one) for one in people}


def test_a_list_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """A line without a person is a person by itself, until one with all their keys comes."""
    old = {"number": "aa", "at": TUESDAY.isoformat()}
    erased_list.path_of(tmp_path).write_text(f"{json.dumps(old)}\n{json.dumps({**old, 'number': 'bb'})}\n")
    assert len({one.person for one in erased_list.read(tmp_path).values()}) == 2
    assert erased_list.add(tmp_path, erased_list.under([b"\xbb", b"\xaa"], TUESDAY)) == 1
    assert len({one.person for one in erased_list.read(tmp_path).values()}) == 1
