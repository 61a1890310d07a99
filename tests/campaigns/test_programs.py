"""Programs: kept whole when they make sense, and refused with the one sentence that says what to mend."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Cap, Purpose, Window
from sender.campaigns.programs import FromNumberIn, ProgramError, ProgramIn, create_program
from sender.models import Audit, FromNumber, Program, Wording
from tests.installation import Installation, install

CLUB = ProgramIn(
    slug="tea-club",
    brand="Harbour Tea",
    help_contact="hello@tea.example",
    purposes=[Purpose.MARKETING],
    countries=["US", "GB"],
    from_numbers=[FromNumberIn("US", "+12125550100"), FromNumberIn("GB", "HARBOUR", "alphanumeric")],
    wordings={"help": "Harbour Tea: offers.", "stop": "No more texts."},
    caps=[Cap(1, 24)],
    hours=[Window(0, 540, 1080)],
)


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    """An empty installation."""
    return install(tmp_path, sqlite_url)


def refused(installation: Installation, **changes: Any) -> str:
    """The sentence with which the club is refused after these changes; nothing of it may be kept."""
    with pytest.raises(ProgramError) as error:
        create_program(installation.runtime, replace(CLUB, **changes), "test")
    with installation.runtime.db.read() as session:
        assert session.execute(select(Program).where(col(Program.brand) == CLUB.brand)).first() is None
    return str(error.value)


def test_a_program_is_kept_with_all_that_belongs_to_it(installation: Installation) -> None:
    """Brand, caps, hours, from_numbers and words are there, and the audit says who made it."""
    program_id = create_program(installation.runtime, CLUB, "test")
    with installation.runtime.db.read() as session:
        program = session.get_one(Program, program_id)
        lines = session.execute(select(FromNumber).where(col(FromNumber.program_id) == program_id)).scalars().all()
        words = session.execute(select(Wording).where(col(Wording.program_id) == program_id)).scalars().all()
        made = session.execute(select(Audit).where(col(Audit.action) == "program.create")).scalar_one()
    assert (program.brand, program.countries, program.hours) == ("Harbour Tea", ["GB", "US"], [[0, 540, 1080]])
    assert Cap(**program.caps[0]) == Cap(1, 24)
    assert {(line.address, line.can_receive) for line in lines} == {("+12125550100", True), ("HARBOUR", False)}
    assert {word.kind for word in words} == {"help", "stop"}
    assert (made.actor, made.subject) == ("test", f"program {program_id}")


def test_a_short_name_is_taken_once(installation: Installation) -> None:
    """A second program of that name is refused, and the first stays as it is."""
    create_program(installation.runtime, CLUB, "test")
    with pytest.raises(ProgramError, match="'tea-club' already"):
        create_program(installation.runtime, CLUB, "test")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"slug": "Tea Club"}, "small letters"),
        ({"brand": "  "}, "brand is empty"),
        ({"footer": ""}, "footer is empty"),
        ({"link_footer": "Stop here"}, "must hold {link} once"),
        ({"purposes": []}, "no purpose"),
        ({"countries": []}, "no country"),
        ({"countries": ["UK"]}, "'UK' is not a country"),
        ({"hours": [Window(7, 0, 60)]}, "make no sense"),
        ({"hours": [Window(0, 600, 540)]}, "make no sense"),
        ({"loosened": {"FR": "they like it"}}, "FR is carrier (CPCE L34-5"),
        ({"loosened": {"GB": " "}}, "needs a reason"),
        ({"loosened": {"Atlantis": "why not"}}, "no rule 'Atlantis'"),
        ({"caps": [Cap(1, 24, subject=" ")]}, "subject of a cap is empty"),
        ({"caps": [Cap(1, 121 * 24)]}, "looks back too far"),
        ({"wordings": {"hello": "Hello"}}, "must be one of opt_in, confirm, help, stop"),
        ({"opt_out_scope": "nobody"}, "must be one of program, all"),
        ({"refusals": {"Gaul": "STOP 36123"}}, "'Gaul' is not a country"),
        ({"max_parts": -1}, "count from 0"),
        ({"domains": ["https://tea.example/shop"]}, "host name alone"),
    ],
)
def test_what_makes_no_sense_is_refused(installation: Installation, changes: dict[str, Any], sentence: str) -> None:
    """Each field that is wrong has its own sentence, and nothing is half-done."""
    assert sentence in refused(installation, **changes)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (FromNumberIn("US", "2125550100"), "number in full"),
        (FromNumberIn("US", "12345", "carrier_pigeon"), "is of kind"),
        (FromNumberIn("US", "12", "short_code"), "3 to 8 digits"),
        (FromNumberIn("US", "Harbour Tea Club", "alphanumeric"), "at most 11"),
        (FromNumberIn("US", "MG1", "messaging_service"), "32 hex digits"),
        (FromNumberIn("FR", "+33612345678"), "does not text"),
        (FromNumberIn("US", "+12125550101", rate=0), "parts per second"),
    ],
)
def test_a_from_number_must_be_one(installation: Installation, line: FromNumberIn, sentence: str) -> None:
    """Addresses have the shape of their kind, a country the program texts, and a rate."""
    assert sentence in refused(installation, from_numbers=[line])


def test_one_country_takes_one_address_once(installation: Installation) -> None:
    """The same from_number twice for one country is a slip."""
    line = FromNumberIn("US", "+12125550100")
    assert "listed twice" in refused(installation, from_numbers=[line, line])
