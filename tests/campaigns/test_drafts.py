"""Programs and campaigns as JSON files: what is wrong is named with its path, and nothing is kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Window
from sender.campaigns.drafts import DraftError, read_campaign, read_program
from sender.campaigns.programs import ProgramError, create_program
from sender.campaigns.wordings import add_wording
from sender.models import FromNumber, Program, Wording
from tests.installation import install

PROGRAM = {
    "slug": "summer-club",
    "brand": "Harbour",
    "help_contact": "hello@harbour.example",
    "purposes": ["marketing"],
    "countries": ["US"],
    "hours": {"mon": ["09:00-19:00"]},
    "from_numbers": [{"address": "+12125550100"}],
    "wordings": {"help": "Harbour: write to us."},
}
CAMPAIGN = {"name": "Sale", "program": "summer-club", "variants": [{"name": "all", "template": "Hi"}]}


def written(folder: Path, value: object) -> Path:
    """A JSON file with this value."""
    file = folder / "draft.json"
    file.write_text(json.dumps(value))
    return file


def test_a_program_file_makes_a_program(tmp_path: Path) -> None:
    """The example of the documentation becomes a program with its from_number, hours and words."""
    installation = install(tmp_path / "home", f"sqlite:///{tmp_path / 'x.db'}")
    wanted = read_program(written(tmp_path, PROGRAM))
    assert wanted.hours == [Window(0, 540, 1140)]
    create_program(installation.runtime, wanted, "ann")
    assert add_wording(installation.runtime, "summer-club", "help", "Harbour: call us.", "ann") == 2
    with installation.runtime.db.read() as session:
        program = session.execute(select(Program).where(col(Program.slug) == "summer-club")).scalar_one()
        line = session.execute(select(FromNumber).where(col(FromNumber.program_id) == program.id)).scalar_one()
        words = session.execute(select(col(Wording.text)).where(col(Wording.program_id) == program.id)).scalars()
        assert line.address == "+12125550100"
        assert list(words) == ["Harbour: write to us.", "Harbour: call us."]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hours": {"mon": ["9-5"]}}, "hours: mon: '9-5' is no span such as 09:00-18:00"),
        ({"hours": {"monday": []}}, "hours are given by mon"),
        ({"from_numbers": []}, "from_numbers"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"purposes": ["fun"]}, "purposes.0"),
    ],
)
def test_a_bad_program_file_is_named(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """The file, the field and the mend stand in one sentence."""
    file = written(tmp_path, {**PROGRAM, **changes})
    with pytest.raises(DraftError) as refused:
        read_program(file)
    assert str(file) in str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("read", [read_program, read_campaign])
def test_a_missing_file_is_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """A file that is not there is one sentence."""
    with pytest.raises(DraftError, match="cannot be read: No such file or directory"):
        read(tmp_path / "nothing.json")


def test_a_campaign_file_is_read(tmp_path: Path) -> None:
    """Names, segments and defaults arrive; a time without an offset is refused."""
    assert read_campaign(written(tmp_path, CAMPAIGN)).variants[0].template == "Hi"
    with pytest.raises(DraftError, match="end_at"):
        read_campaign(written(tmp_path, {**CAMPAIGN, "end_at": "2027-05-12T02:00:00"}))


def test_words_of_an_unknown_kind_are_refused(tmp_path: Path) -> None:
    """Only the kinds that are asked for of words exist."""
    installation = install(tmp_path / "home", f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(ProgramError, match="There is no wording 'farewell'"):
        add_wording(installation.runtime, "acme", "farewell", "Hello", "ann")


def test_what_waits_and_what_is_dropped_comes_from_the_file(tmp_path: Path) -> None:
    """A campaign's file says what its texts are about, and whether what would have to wait is dropped."""
    waiting = {"subject": "sale", "outside_hours": "drop"}
    campaign = read_campaign(written(tmp_path, {**CAMPAIGN, **waiting}))
    assert (campaign.subject, campaign.outside_hours, campaign.over_cap) == ("sale", "drop", "defer")


def test_what_people_are_told_before_a_yes_comes_from_files(tmp_path: Path) -> None:
    """How often texts come, the links to terms and privacy, repeated codes and the day's parts reach the program."""
    told = {
        "frequency": "up to 4 texts a month",
        "terms_url": "https://a.example/t",
        "privacy_url": "https://a.example/p",
    }
    line = PROGRAM["from_numbers"][0] | {"daily_parts": 2000}
    wanted = read_program(written(tmp_path, PROGRAM | told | {"resends": True, "from_numbers": [line]}))
    assert {name: getattr(wanted, name) for name in told} == told
    assert wanted.resends
    assert wanted.from_numbers[0].daily_parts == 2000


def test_budgets_and_content_settings_come_from_files(tmp_path: Path) -> None:
    """Money is written as people write it and kept in ten-thousandths; a program's content settings reach its row."""
    money = {"budget": "250.50", "daily_budget": 20, "second_person": "bob"}
    campaign = read_campaign(written(tmp_path, CAMPAIGN | money))
    assert (campaign.budget, campaign.daily_budget, campaign.second_person) == (2_505_000, 200_000, "bob")
    settings = {"footer_every_days": 7, "max_parts": 2, "domains": ["Acme.example"], "age_gate": True}
    installation = install(tmp_path / "home", f"sqlite:///{tmp_path / 'x.db'}")
    wanted = read_program(written(tmp_path, PROGRAM | settings | {"refusals": {"FR": "STOP au 36123"}}))
    program_id = create_program(installation.runtime, wanted, "ann")
    with installation.runtime.db.read() as session:
        row = session.get_one(Program, program_id)
        assert (row.footer_every_days, row.max_parts, row.domains, row.age_gate) == (7, 2, ["acme.example"], True)
        assert row.refusals == {"FR": "STOP au 36123"}
    installation.runtime.db.close()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"footer_every_days": 31}, "footer_every_days is 31"),
        ({"max_parts": -1}, "count from 0"),
        ({"max_parts": 11}, "max_parts is 11"),
        ({"domains": ["https://acme.example"]}, "must be a host name alone"),
        ({"refusals": {"XX": "STOP"}}, "is not a country"),
        ({"refusals": {"FR": " "}}, "is empty"),
    ],
)
def test_content_settings_that_make_no_sense(tmp_path: Path, settings: dict[str, Any], sentence: str) -> None:
    """Each is refused with one sentence, and no program is kept."""
    installation = install(tmp_path / "home", f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(ProgramError, match=sentence):
        create_program(installation.runtime, read_program(written(tmp_path, PROGRAM | settings)), "ann")
    installation.runtime.db.close()


@pytest.mark.parametrize("budget", [0, -5, "much", "1.23456"])
def test_a_budget_is_money(tmp_path: Path, budget: object) -> None:
    """Nothing, less than nothing, words and fractions of fractions are no budget."""
    with pytest.raises(DraftError, match="budget"):
        read_campaign(written(tmp_path, CAMPAIGN | {"budget": budget}))
