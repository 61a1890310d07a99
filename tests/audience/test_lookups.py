"""Look-ups and lists of given-up numbers: asked once, kept with their day, and only where somebody switched it on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from sender.audience.lookups import fetch_given_up, look_up, tend
from sender.cli import app
from sender.delivery.wire import Wire
from sender.models import Audit, Notice, Number
from sender.providers.absent import AbsentProvider
from sender.runtime import Runtime
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from tests.audience.test_upkeep import ANN, BOB, CAT, of
from tests.installation import TUESDAY, Installation, install

ACTOR = "ana@example.org"
ACCOUNT, TOKEN = "AC" + "0" * 32, "token-of-the-account"
YESTERDAY = TUESDAY.date() - timedelta(days=1)
SOME_DAY = date(2026, 3, 2)


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """Ann and Bob said yes, Cat did not; a text waits for Ann."""
    made = install(tmp_path / "home", database_url)
    made.message(made.contact(ANN))
    made.contact(BOB)
    made.contact(CAT, consent=False)
    yield made
    made.runtime.db.close()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """An event loop for requests."""
    made = Wire()
    yield made
    made.close()


def lines(house: Installation) -> list[tuple[str, bool]]:
    """The line type of each number, and whether it was looked up."""
    with house.runtime.db.read() as session:
        rows = session.execute(select(Number).order_by(col(Number.id))).scalars()
        return [(row.line_type, row.looked_up_at is not None) for row in rows]


def switched_on(house: Installation, **settings: Any) -> Runtime:
    """The same installation with other settings."""
    return replace(house.runtime, settings=house.runtime.settings.model_copy(update=settings))


def test_a_line_is_looked_up_once_in_half_a_year(house: Installation, wire: Wire) -> None:
    """Only of those with consent, by the batch; what the provider does not know stays as it was; all is noted."""
    house.provider.lines = {ANN: "landline", BOB: "unknown"}
    done = look_up(house.runtime, wire.ask, 10, ACTOR)
    assert done == {"asked": 2, "landline": 1, "unknown": 1}
    assert lines(house) == [("landline", True), ("fixed_line_or_mobile", True), ("fixed_line_or_mobile", False)]
    assert look_up(house.runtime, wire.ask, 10, ACTOR) == {}
    house.clock.move(timedelta(days=181))
    house.provider.lines = {ANN: "mobile", BOB: "nonFixedVoip"}
    assert look_up(house.runtime, wire.ask, 1, ACTOR) == {"asked": 1, "mobile": 1}
    assert look_up(house.runtime, wire.ask, 10, ACTOR) == {"asked": 1, "nonfixedvoip": 1}
    assert house.provider.looked_up == [[ANN, BOB], [ANN], [BOB]]
    with house.runtime.db.read() as session:
        acts = session.execute(select(Audit).where(col(Audit.action) == "numbers.look_up")).scalars().all()
    assert [act.detail["asked"] for act in acts] == [2, 1, 1]


def test_nothing_is_asked_until_somebody_switches_it_on(house: Installation, wire: Wire) -> None:
    """Then so many a day and no more, and each day's list once, whoever took it in."""
    house.provider.given_up = {YESTERDAY: [ANN, "+1999"]}
    assert (tend(house.runtime, wire.ask), house.provider.looked_up) == (0, [])
    assert of(house, ANN).state == "in"
    runtime = switched_on(house, lookups_daily=1, deactivations=True)
    assert tend(runtime, wire.ask) == 2
    assert (of(house, ANN).state, of(house, BOB).state, house.status(1)) == ("none", "in", "cancelled")
    assert tend(runtime, wire.ask) == 0
    house.clock.move(timedelta(days=1))
    assert (tend(runtime, wire.ask), house.provider.looked_up) == (1, [[ANN], [BOB]])
    assert fetch_given_up(runtime, wire.ask, SOME_DAY, ACTOR) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_provider_that_refuses_is_told_until_it_works(house: Installation, wire: Wire) -> None:
    """One notice for each, which ends with the first answer, or once it is switched off."""
    runtime = switched_on(house, lookups_daily=5, deactivations=True)
    silent = replace(runtime, provider=AbsentProvider())
    assert (tend(silent, wire.ask), tend(silent, wire.ask)) == (0, 0)
    assert [ended for _, ended in notices(house)] == [False, False]
    assert "Lookups cannot be asked of the provider" in notices(house)[0][0]
    tend(runtime, wire.ask)
    assert [ended for _, ended in notices(house)] == [True, True]
    tend(silent, wire.ask)
    assert not all(ended for _, ended in notices(house))
    tend(switched_on(house, lookups_daily=0, deactivations=False), wire.ask)
    assert all(ended for _, ended in notices(house))


def notices(house: Installation) -> list[tuple[str, bool]]:
    """Each notice about the provider, and whether it is over."""
    with house.runtime.db.read() as session:
        rows = session.execute(select(Notice).where(col(Notice.key).like("provider %")).order_by(col(Notice.id)))
        return [(one.sentence, one.ended_at is not None) for one in rows.scalars()]


@pytest.fixture(scope="module")
def twilio() -> Iterator[Running]:
    """Twilio's place: Ann has a landline, of Bob nothing is known, and on one day Bob gave his number up."""
    config = {
        "account_sid": ACCOUNT, "auth_token": TOKEN, "line_types": {ANN: "landline", BOB: None},
        "deactivations": {SOME_DAY.isoformat(): [BOB]},
    }  # fmt: skip
    with serve(SimulatorConfig.model_validate(config)) as running:
        yield running


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_both_are_asked_of_twilio_by_command(house: Installation, twilio: Running) -> None:
    """Over real requests: the file lies at another address, which gets no credentials; a day without a list is told."""
    environment = {
        "TACTFUL_HOME": str(house.runtime.settings.home), "TACTFUL_DATABASE_URL": str(house.runtime.db.url),
        "TACTFUL_TWILIO_ACCOUNT_SID": ACCOUNT, "TACTFUL_TWILIO_AUTH_TOKEN": TOKEN,
        "TACTFUL_TWILIO_BASE_URL": twilio.url, "COLUMNS": "300",
    }  # fmt: skip

    def call(*words: str, **more: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["numbers", *words], env={**environment, **more})
        return result.exit_code, result.stdout + result.stderr

    assert call("look-up", "--most", "5") == (0, "asked: 2, landline: 1, unknown: 1\n")
    assert lines(house)[0] == ("landline", True)
    status, said = call("fetch-deactivated", "--on", SOME_DAY.isoformat())
    assert (status, "known: 1" in said) == (0, True)
    assert (of(house, ANN).state, of(house, BOB).state) == ("in", "none")
    assert call("fetch-deactivated", "--on", "2026-03-03") == (0, "Twilio has no list of 2026-03-03.\n")
    wrong = call("look-up", "--most", "5", "--older-than", "1", TACTFUL_TWILIO_AUTH_TOKEN="wrong")
    assert wrong == (0, "No numbers.\n")
    status, said = call("fetch-deactivated", "--on", SOME_DAY.isoformat(), TACTFUL_TWILIO_AUTH_TOKEN="wrong")
    assert (status, said.count("\n")) == (1, 1)
