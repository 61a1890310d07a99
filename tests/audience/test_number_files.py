"""Files of numbers: what was given up loses its consent and never its stop; who is suppressed is not texted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from sender.audience.number_files import NumberFileError, deactivated, reassigned, suppress, unsuppress
from sender.audience.numbers import find
from sender.cli import app
from sender.models import Audit, Number
from tests.audience.test_upkeep import ANN, BOB, CAT, id_of, of, stop
from tests.installation import TUESDAY, Installation, install

ACTOR = "ana@example.org"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, with Ann in, Bob out, and a text that waits for Ann."""
    made = install(tmp_path / "home", database_url)
    made.message(made.contact(ANN))
    made.contact(BOB)
    stop(made.runtime, id_of(made, BOB), None, "email", "please stop", ACTOR)
    yield made
    made.runtime.db.close()


def file_of(tmp_path: Path, text: str) -> Path:
    """A file with this in it."""
    path = tmp_path / "numbers.csv"
    path.write_text(text)
    return path


def test_a_number_that_was_given_up_loses_its_consent_and_keeps_its_stop(house: Installation, tmp_path: Path) -> None:
    """Only consent from before that day goes; what waits is cancelled; again it changes nothing; and it is noted."""
    file = file_of(tmp_path, f"phone\n{ANN}\n{BOB}\n{CAT}\n+1999\n")
    early = deactivated(house.runtime, file, (TUESDAY - timedelta(days=400)).date(), ACTOR)
    assert (early["known"], early["consents"], early["cancelled"], of(house, ANN).state) == (2, 0, 0, "in")
    today = TUESDAY.date()
    done = deactivated(house.runtime, file, today, ACTOR)
    assert (done["read"], done["unreadable"], done["known"], done["cancelled"]) == (4, 1, 2, 1)
    assert (of(house, ANN).state, of(house, BOB).state, house.status(1)) == ("none", "out", "cancelled")
    again = deactivated(house.runtime, file, today, ACTOR)
    assert (again["consents"], again["cancelled"]) == (0, 0)
    with house.runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action) == "numbers.deactivated")).scalars().all()
    assert [act.detail["consents"] for act in acts] == [0, done["consents"], 0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_a_yes_says_that_a_number_is_somebody_elses(house: Installation, tmp_path: Path) -> None:
    """No and no data change nothing, nonsense is counted."""
    nothing = reassigned(house.runtime, file_of(tmp_path, f"{ANN},no\n{BOB},no_data\n{CAT},perhaps\n{ANN}\n"), ACTOR)
    assert (nothing["answered_no"], nothing["unreadable"], of(house, ANN).state) == (2, 2, "in")
    assert reassigned(house.runtime, file_of(tmp_path, f"{ANN},yes\n"), ACTOR)["consents"] > 0
    assert (of(house, ANN).state, house.status(1)) == ("none", "cancelled")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_is_suppressed_is_not_texted_and_gets_no_consent_back(house: Installation, tmp_path: Path) -> None:
    """Strangers too; a reason is asked for both ways; taking off the list leaves a stop where it is."""
    file = file_of(tmp_path, f"{ANN}\n{BOB}\n{CAT}\n")
    for act in (suppress, unsuppress):
        with pytest.raises(NumberFileError, match="why"):
            act(house.runtime, file, " ", ACTOR)
    assert suppress(house.runtime, file, "asked by the carrier", ACTOR)["suppressed"] == 3
    assert (states(house), house.status(1)) == ({"suppressed"}, "blocked")
    assert unsuppress(house.runtime, file, "mistaken", ACTOR)["taken_off"] == 3
    assert (states(house), of(house, BOB).state, of(house, CAT).state) == ({"ok"}, "out", "none")
    with pytest.raises(NumberFileError, match="cannot be read"):
        suppress(house.runtime, tmp_path / "none", "why", ACTOR)


def states(house: Installation) -> set[str]:
    """The states of all three numbers."""
    with house.runtime.db.read() as session:
        ids = [find(session, house.runtime.keys, e164) for e164 in (ANN, BOB, CAT)]
        return {session.get_one(Number, number_id).state for number_id in ids}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lists_go_out_for_a_reason_as_private_files(house: Installation, tmp_path: Path, monkeypatch: Any) -> None:
    """Whom nobody may text, and whom to ask about; each leaves an act; a day to come is refused."""
    monkeypatch.setenv("TACTFUL_HOME", str(house.runtime.settings.home))
    monkeypatch.setenv("TACTFUL_DATABASE_URL", str(house.runtime.db.url))
    run, out, ask = CliRunner(), tmp_path / "out.csv", tmp_path / "ask.csv"
    file = str(file_of(tmp_path, f"{CAT}\n"))
    assert run.invoke(app, ["numbers", "suppress", file, "--why", "asked"]).exit_code == 0
    assert run.invoke(app, ["numbers", "suppressed", "--out", str(out), "--why", " "]).exit_code == 1
    assert run.invoke(app, ["numbers", "suppressed", "--out", str(out), "--why", "to Telnyx"]).exit_code == 0
    assert [line.split(",")[:3] for line in out.read_text().splitlines()[1:]] == [
        [CAT, "asked", "all"],
        [BOB, "opted out", "all"],
    ]
    assert run.invoke(app, ["numbers", "ask-reassigned", "--out", str(ask), "--why", "monthly"]).exit_code == 0
    assert ask.read_text().splitlines() == ["number,consent_date", f"{ANN},{of(house, ANN).since:%Y-%m-%d}"]
    assert out.stat().st_mode & 0o777 == 0o600
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    assert run.invoke(app, ["numbers", "deactivated", file, "--on", later]).exit_code == 1
    with house.runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action) == "people.export")).scalars().all()
    assert [act.detail["why"] for act in acts] == ["to Telnyx", "monthly"]
