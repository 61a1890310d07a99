"""The story of the demo makes sense: the day, the program, the campaigns, the phones."""

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest

from sender.campaigns import control
from sender.campaigns.programs import create_program
from sender.demo import scenario
from sender.demo.checker import AUDIENCES
from sender.demo.people import Person, invent
from sender.demo.phones import LATE_HOURS, PLAIN_STOPS, UNCLEAR_STOPS, simulator_config
from sender.demo.places import CITIES, SHARES
from sender.simulator.config import Outcome, SimulatorConfig
from tests.installation import install

SPEED = 1440.0


@pytest.fixture(scope="module")
def people() -> tuple[Person, ...]:
    """Everybody of a full demo."""
    return invent(10_000, scenario.SEED).people


@pytest.fixture(scope="module")
def phones(people: tuple[Person, ...]) -> SimulatorConfig:
    """The simulator's configuration for them, read as the simulator reads it."""
    made = simulator_config(people, "token", "AC" + "0" * 32, "http://127.0.0.1:1", SPEED)
    return SimulatorConfig.model_validate(made)


def test_the_day_is_an_ordinary_tuesday() -> None:
    """It begins at 07:30 in New York, and neither it nor the next day is a holiday in any place of the demo."""
    begins = scenario.START.astimezone(ZoneInfo("America/New_York"))
    assert f"{begins:%A %H:%M}" == "Tuesday 07:30"
    days = {scenario.START.date(), scenario.SECOND_END.date()}
    for country in SHARES:
        places = [None, *{city.state for city in CITIES if city.country == country and city.country in ("US", "CA")}]
        for place in places:
            assert not days & set(holidays.country_holidays(country, subdiv=place, years=2027)), (country, place)


def test_program_and_campaigns_are_accepted(tmp_path: Path, sqlite_url: str) -> None:
    """The product takes program and campaigns as they are, and each campaign's word is one the checker knows."""
    runtime = install(tmp_path, sqlite_url).runtime
    create_program(runtime, scenario.program(), "test")
    for wanted, code in (
        (scenario.first_campaign(), scenario.FIRST_CODE),
        (scenario.second_campaign(), scenario.SECOND_CODE),
    ):
        assert control.create(runtime, wanted, "test")
        assert code in AUDIENCES
        assert all(code in variant.template for variant in wanted.variants)


@pytest.mark.parametrize(("preparations", "day"), [(1.0, 70.0), (25.0, 87.5), (100.0, 120.0)])
def test_a_day_takes_one_to_two_minutes(preparations: float, day: float) -> None:
    """A slow machine gets a slower day, within what one likes to watch."""
    assert 86_400 / scenario.speed_for(preparations) == pytest.approx(day)


def test_two_in_a_hundred_say_stop(people: tuple[Person, ...], phones: SimulatorConfig) -> None:
    """About 2 % of those who can be texted answer with a stop, a few of them come back, and nobody in France can."""
    reached = [person for person in people if person.may_be_texted]
    stopping = {number for number, phone in phones.phones.known.items() if phone.reply}
    assert 0.018 <= len(stopping) / len(reached) <= 0.022
    assert not any(person.number in stopping for person in people if person.city.country == "FR")
    assert 0 < sum(phone.then is not None for phone in phones.phones.known.values()) < len(stopping) / 10


def test_some_say_stop_hours_later_in_unclear_words(phones: SimulatorConfig) -> None:
    """Late stops of both kinds of words come after the second campaign is planned and before it is sent."""
    late = [phone for phone in phones.phones.known.values() if phone.reply_delay is not None]
    words = Counter(phone.reply in UNCLEAR_STOPS for phone in late)
    assert min(words[True], words[False]) >= 20
    planned = (scenario.SECOND_START - scenario.START).total_seconds() / 3600
    assert planned < LATE_HOURS[0] < LATE_HOURS[1] < scenario.CAP_HOURS
    assert all(LATE_HOURS[0] <= (phone.reply_delay or 0) * SPEED / 3600 <= LATE_HOURS[1] + 0.01 for phone in late)


def test_every_stop_is_known_to_the_simulator(phones: SimulatorConfig) -> None:
    """The checker reads from the configuration which replies are stops; none is missing there."""
    said = {phone.reply for phone in phones.phones.known.values() if phone.reply}
    assert said <= set(phones.phones.stop_texts) == {*PLAIN_STOPS, *UNCLEAR_STOPS}


def test_the_provider_refuses_some(phones: SimulatorConfig) -> None:
    """Some numbers are refused by the provider, with the service by callback."""
    assert any(phone.outcome is Outcome.REFUSED for phone in phones.phones.known.values())
    assert phones.services[0].sid == scenario.SERVICE
