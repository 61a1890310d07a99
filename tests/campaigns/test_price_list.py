"""Prices fetched from Twilio's Pricing API over real HTTP: dated beside the shipped table, or nothing is changed."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from sender.campaigns.price_list import SOURCE
from sender.campaigns.prices import known, price, reserved_price, table
from sender.cli import app
from sender.models import Audit, FetchedPrice
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from tests.installation import TUESDAY, Installation, install

ACCOUNT, TOKEN = "AC" + "0" * 32, "token-of-the-account"
LISTS = {
    "US": {"local": "0.0089", "mobile": "0.0091", "toll free": "0.0079", "shortcode": "0.0075"},
    "FR": {"mobile": "0.07985"},
    "CA": {},
}
TODAY = TUESDAY.date()


@pytest.fixture(scope="module")
def twilio() -> Iterator[Running]:
    """Twilio's place, with a price list of three countries."""
    config = {"account_sid": ACCOUNT, "auth_token": TOKEN, "price_list": LISTS}
    with serve(SimulatorConfig.model_validate(config)) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation whose program texts the US, Canada, Britain, France and Germany."""
    made = install(tmp_path / "home", sqlite_url)
    yield made
    made.runtime.db.close()


def call(installation: Installation, twilio: Running, *words: str, token: str = TOKEN) -> str:
    """What `tactful prices …` prints: to standard error, behind its status, where it fails."""
    settings, database = installation.runtime.settings, installation.runtime.db.url
    environment = {
        "TACTFUL_HOME": str(settings.home), "TACTFUL_DATABASE_URL": database.render_as_string(hide_password=False),
        "TACTFUL_TWILIO_ACCOUNT_SID": ACCOUNT, "TACTFUL_TWILIO_AUTH_TOKEN": token,
        "TACTFUL_TWILIO_BASE_URL": twilio.url, "COLUMNS": "300",
    }  # fmt: skip
    result = CliRunner().invoke(app, ["prices", *words], env=environment)
    return result.stdout if result.exit_code == 0 else f"{result.exit_code} {result.stderr}"


def amounts(installation: Installation, country: str, on: date) -> list[int]:
    """What a part costs from each kind of from_number on a day."""
    with installation.runtime.db.read() as session:
        prices = known(session)
    kinds = ("long_code", "toll_free", "short_code", "alphanumeric")
    return [found.amount for kind in kinds if (found := price(country, kind, on, prices))]


def day_of_the_fetch(installation: Installation) -> date:
    """The day of the prices that were fetched."""
    with installation.runtime.db.read() as session:
        return session.execute(select(FetchedPrice)).scalars().all()[0].since


def test_the_list_of_today_counts_from_today_on(installation: Installation, twilio: Running) -> None:
    """Each kind has its least price, other kinds the least of all, rounded down; yesterday keeps the table's."""
    said = call(installation, twilio, "refresh")
    assert "for FR, US." in said
    assert "Twilio lists none for CA, DE, GB" in said
    today = day_of_the_fetch(installation)
    assert amounts(installation, "US", today) == [89, 79, 75, 75]
    assert amounts(installation, "FR", today) == [798, 798, 798, 798]
    yesterday = today - timedelta(days=1)
    for country, on in (("US", yesterday), ("FR", yesterday), ("DE", today)):
        shipped = price(country, "long_code", on)
        assert shipped is not None
        assert amounts(installation, country, on)[0] == shipped.amount
    with installation.runtime.db.read() as session:
        trail = session.execute(select(Audit).where(col(Audit.action) == "prices.refresh")).scalar_one()
    assert (trail.actor, trail.detail) == ("command line", {"countries": ["FR", "US"]})


def test_asking_again_on_the_same_day_keeps_one_row_a_kind(installation: Installation, twilio: Running) -> None:
    """A second refresh writes over the first of the day, and the list shows day and source of each price."""
    for _ in range(2):
        assert call(installation, twilio, "refresh", "us") == f"Prices of today for US.{chr(10)}"
    with installation.runtime.db.read() as session:
        rows = session.execute(select(FetchedPrice)).scalars().all()
    assert sorted(row.kind for row in rows) == ["", "long_code", "short_code", "toll_free"]
    shown = {(row["country"], *row["kinds"]): row for row in json.loads(call(installation, twilio, "list", "--json"))}
    assert (shown["US", "toll_free"]["amount"], shown["US", "toll_free"]["source"]) == (79, SOURCE)
    assert shown["GB",]["confidence"] == "low"
    assert "USD 0.0079" in call(installation, twilio, "list")


@pytest.mark.parametrize(("token", "said"), [("wrong", "1 "), (TOKEN, "nothing was changed")])
def test_what_cannot_be_taken_over_changes_nothing(installation: Installation, token: str, said: str) -> None:
    """Wrong credentials and another currency are one sentence and status 1, and no price is kept."""
    config = {"account_sid": ACCOUNT, "auth_token": TOKEN, "price_list": LISTS, "currency": "EUR"}
    with serve(SimulatorConfig.model_validate(config)) as elsewhere:
        answer = call(installation, elsewhere, "refresh", "FR", "US", token=token)
    assert answer.startswith("1 ")
    assert said in answer
    with installation.runtime.db.read() as session:
        assert session.execute(select(FetchedPrice)).all() == []


def test_without_a_list_the_shipped_table_stands(installation: Installation) -> None:
    """Where nothing was ever fetched, what is known is the shipped table, also for budgets."""
    with installation.runtime.db.read() as session:
        prices = known(session)
    assert prices == table()
    assert reserved_price("XX", "", TODAY, prices) == reserved_price("XX", "", TODAY)
