"""Findings at save and in a rehearsal, with cost and forecast of a real audience."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Policy, Purpose
from sender.audience import registers
from sender.campaigns import control, findings
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.findings import FindingError, check_template, of_countries, of_template
from sender.campaigns.planning import language_of
from sender.campaigns.rehearsal import rehearse
from sender.campaigns.rendering import starter, starters
from sender.campaigns.writing import edit, written
from sender.models import Audit, FromNumber, Program
from sender.models.accounts import Role, User
from tests.installation import TUESDAY, Installation, install, line

POLICY = Policy(1, "Acme", "Reply STOP to opt out", domains=("acme.example",))


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation that records instead of sending."""
    made = install(tmp_path / "home", sqlite_url)
    yield made
    made.runtime.db.close()


def campaign(installation: Installation, template: str, **columns: object) -> int:
    """A draft with one variant for everybody."""
    variant = VariantIn("all", {}, template, {"first_name": "there"})
    return control.create(installation.runtime, CampaignIn("Sale", "acme", [variant], **columns), "ann")  # type: ignore[arg-type]


def test_a_rehearsal_names_each_do_not_call_copy_that_will_be_too_old(
    installation: Installation, tmp_path: Path
) -> None:
    """By part, for the day of the start, with how to mend it; not of countries nobody is texted in, nor for codes."""
    made, today = installation, TUESDAY.date()
    made.contact("+12125550100")
    file = tmp_path / "register.csv"
    file.write_text("+12125550199\n+447400123456\n")
    for country, covers, age in (("US", "212", 31), ("US", "646", 1), ("GB", "all", 300)):
        registers.take_in(made.runtime, file, country, today - timedelta(days=age), "ann", covers)
    sale = campaign(made, "Hi", purpose=Purpose.MARKETING)
    assert old_copies(made, sale, 0) == []
    assert old_copies(made, sale, 1) == [
        ("The copy of the National Do Not Call Registry (US, 212) is of 2026-02-07: 32 days old then, and may be 31 at "
         "most.", "Take in a newer one: “Number files”, or `tactful numbers do-not-call FILE --country US`."),
    ]  # fmt: skip
    code = control.create(
        made.runtime, CampaignIn("Code", "acme", [VariantIn("all", {}, "1234")], purpose=Purpose.INFORMATIONAL), "ann"
    )
    assert old_copies(made, code, 1) == []


def old_copies(made: Installation, campaign_id: int, days: int) -> list[tuple[str, str]]:
    """What a rehearsal for so many days later says of registers."""
    found = rehearse(made.runtime, campaign_id, TUESDAY + timedelta(days=days)).findings.values()
    return [(one.sentence, one.mend) for one, _ in found if one.code == "register_outdated"]


def test_fields_of_a_template_are_no_findings() -> None:
    """Tags stand for what contacts have; the words around them are judged, in every branch."""
    assert (
        of_template(
            "Hi {{ first_name }}, {% if x %}see https://acme.example/{{ x }}{% endif %}", Purpose.MARKETING, POLICY
        )
        == ()
    )
    hidden = of_template("Hi{% if x %} [NAME]{% endif %}", Purpose.MARKETING, POLICY)
    assert [(one.code, one.span) for one in hidden] == [("unfilled", (13, 19))]


@pytest.mark.parametrize("name", starters())
def test_the_shipped_texts_have_no_findings(name: str) -> None:
    """Nothing stops or warns about a text that comes with Tactful, under its own purpose."""
    purpose = Purpose.MARKETING if name.startswith("offer") else Purpose.TRANSACTIONAL
    assert [
        one for one in of_template(starter(name), purpose, Policy(1, "Acme", "STOP")) if one.severity != "info"
    ] == []


@pytest.mark.parametrize("template", ["Hi {name}, sale", "Sale: bit.ly/x", "Sale: https://evil.test/x"])
def test_words_that_could_never_leave_are_not_saved(template: str) -> None:
    """Open fields, shared shorteners and links off the program's domains are refused with what to mend."""
    with pytest.raises(FindingError, match=r"Template 'all': .+\. .+\."):
        check_template("all", template, Purpose.MARKETING, POLICY)


MARKETING_WORDS = "Your order shipped. Shop now for 20% off!"


@pytest.mark.parametrize("second", ["", "ann", " Ann "])
@pytest.mark.parametrize("purpose", [Purpose.TRANSACTIONAL, Purpose.INFORMATIONAL, Purpose.CODE])
def test_marketing_under_another_purpose_needs_a_second_person(
    installation: Installation, purpose: Purpose, second: str
) -> None:
    """Nobody and the author are no second person: nothing is kept; as marketing the words need none."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, 1).purposes = [*Purpose]
    with pytest.raises(ControlError, match=f"second person, not ann, confirm that it is {purpose}"):
        campaign(installation, MARKETING_WORDS, purpose=purpose, second_person=second)
    assert campaign(installation, MARKETING_WORDS)


def test_who_confirmed_is_on_record(installation: Installation) -> None:
    """The audit names both persons, the purpose and the variants, once for the same words and their copies."""
    made = campaign(installation, "Your order shipped.", purpose=Purpose.INFORMATIONAL)
    with installation.runtime.db.read() as session:
        before = written(session, made)
    changed = replace(before, variants=[VariantIn("all", {}, MARKETING_WORDS)])
    with pytest.raises(ControlError, match="second person"):
        edit(installation.runtime, made, changed, "ann")
    edit(installation.runtime, made, replace(changed, second_person=" bob "), "ann")
    edit(installation.runtime, made, replace(changed, name="Same words"), "ann")
    with pytest.raises(ControlError, match="second person"):
        edit(
            installation.runtime, made, replace(changed, variants=[VariantIn("all", {}, f"{MARKETING_WORDS}!")]), "ann"
        )
    with installation.runtime.db.read() as session:
        rows = session.execute(select(Audit).where(col(Audit.action) == "campaign.words_confirmed")).scalars().all()
    assert [(row.actor, row.subject, row.detail) for row in rows] == [
        (
            "ann",
            f"campaign {made}",
            {"second_person": "bob", "purpose": "informational", "variants": ["all"]},
        )
    ]


@pytest.mark.parametrize(
    ("second", "saved"),
    [("bob@acme.example", True), ("Eve@acme.example", False), ("bob", False), ("gone@acme.example", False)],
)
def test_where_people_have_accounts_the_second_person_has_one(
    installation: Installation, second: str, saved: bool
) -> None:
    """A colleague with a role in the program may confirm; nobody else, and none whose account is closed."""
    with installation.runtime.db.write() as session:
        for number, name in enumerate(("bob", "eve"), 1):
            session.add(User(id=number, email=f"{name}@acme.example", password_hash="", created_at=TUESDAY))
        session.add(User(id=3, email="gone@acme.example", password_hash="", created_at=TUESDAY, disabled_at=TUESDAY))
        session.flush()
        session.add_all(Role(user_id=number, program_id=1, name="marketer") for number in (1, 3))
        session.add(Role(user_id=2, program_id=7, name="owner"))
    asked = {"purpose": Purpose.INFORMATIONAL, "second_person": second}
    if saved:
        assert campaign(installation, MARKETING_WORDS, **asked)
        return
    with pytest.raises(ControlError, match="has no account for this program"):
        campaign(installation, MARKETING_WORDS, **asked)


def test_a_campaign_is_saved_only_with_words_that_can_leave(installation: Installation) -> None:
    """The check stands at the door of campaigns: nothing half-done, and a second person opens it."""
    with pytest.raises(ControlError, match=r"bit\.ly"):
        campaign(installation, "Sale: bit.ly/x")
    with pytest.raises(ControlError, match="second person"):
        campaign(installation, "Flash sale, shop now", purpose=Purpose.INFORMATIONAL)
    assert campaign(installation, "Flash sale, shop now", purpose=Purpose.INFORMATIONAL, second_person="bob")


def test_what_a_country_needs_from_its_sender() -> None:
    """A sender name without the country's prefix and a missing refusal line are told, and the right ones are not."""
    plain = [FromNumber(program_id=1, country="*", address="ACME", kind="alphanumeric")]
    told = [(one.code, one.severity) for one in of_countries(["AE", "KR", "FR", "US"], plain, POLICY)]
    assert told.count(("sender_label", "warning")) == 1
    assert {("refusal_missing", "stop"), ("refusal_missing", "warning"), ("country_needs", "info")} <= set(told)
    right = [FromNumber(program_id=1, country="AE", address="AD-ACME", kind="alphanumeric")]
    lines = {"KR": "무료수신거부 080-123-4567", "FR": "STOP au 36123"}
    served = of_countries(["AE", "KR", "FR"], right, Policy(1, "Acme", "x", refusals=lines))
    assert {one.code for one in served} == {"country_needs"}


@pytest.mark.parametrize(
    ("segment", "language"),
    [
        ({"field": "language", "is": "es"}, "es"),
        ({"any": [{"field": "language", "is": "es"}, {"field": "language", "starts_with": "es-"}]}, "es"),
        ({"any": [{"field": "language", "is": "es"}, {"field": "language", "is": "fr"}]}, ""),
        ({"any": [{"field": "language", "is": "es"}, {"field": "country", "is": "US"}]}, ""),
        ({"all": [{"field": "country", "is": "US"}, {"field": "language", "is": "pt-BR"}]}, "pt"),
        ({"not": {"field": "language", "is": "es"}}, ""),
        ({}, ""),
    ],
)
def test_a_segment_tells_the_language_of_its_text(segment: dict[str, object], language: str) -> None:
    """Where a variant takes the speakers of one language, that is its text's language."""
    assert language_of(segment) == language


def test_a_rehearsal_tells_cost_findings_and_hours(installation: Installation) -> None:
    """Parts times price by country, what is unpriced, the words' findings, and who leaves in which hour."""
    for n in range(100, 110):
        installation.contact(f"+1212555{n:04}")
    installation.contact("+447400123456")
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).domains = ["acme.example"]
    found = rehearse(installation.runtime, campaign(installation, "Hi {{ first_name }}, BEST BEANS OF THE WHOLE TOWN"))
    assert (found.costs["US"].texts, found.costs["US"].amount) == (10, 790)
    assert (found.cost, found.unpriced) == (790 + 400, ())
    assert [key[0] for key in found.findings] == ["all_capitals"]
    assert found.forecast.per_hour() == {TUESDAY: 11}


def test_a_rehearsal_says_who_will_not_make_it(installation: Installation) -> None:
    """With a slow from_number and an end in ten seconds, the rest of the audience is counted as lost."""
    for n in range(100, 120):
        installation.contact(f"+1212555{n:04}")
    with installation.runtime.db.write() as session:
        session.get_one(FromNumber, installation.line_id).rate = 1.0
    ends = TUESDAY + timedelta(seconds=10)
    found = rehearse(installation.runtime, campaign(installation, "Hi {{ first_name }}", end_at=ends))
    assert found.forecast.per_hour() == {TUESDAY: 10}
    assert found.forecast.lost.total() == 10


def test_tomorrows_windows_are_in_the_forecast(installation: Installation) -> None:
    """Those who are asleep are projected into the hour in which their window opens."""
    installation.contact("+12125550101")
    installation.contact("+13105550101")
    installation.clock.move(timedelta(hours=-2))
    found = rehearse(installation.runtime, campaign(installation, "Hi {{ first_name }}"))
    assert found.forecast.per_hour() == {TUESDAY - timedelta(hours=2): 1, TUESDAY: 1}


def test_a_deferred_text_is_stopped_for_its_words_at_once(installation: Installation) -> None:
    """Somebody asleep whose text has an open field is blocked when it is planned, not next morning."""
    installation.clock.move(timedelta(hours=-8))
    installation.contact("+12125550101", attributes={"first_name": "{name}"})
    found = rehearse(installation.runtime, campaign(installation, "Hi {{ first_name }}"))
    assert found.reasons == {("block", "content_unfilled"): 1}


def test_unpriced_countries_are_named(installation: Installation) -> None:
    """A country that the table does not know is in no sum and is told by name."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).countries = ["US", "UY"]
        line(session, installation.program_id, country="UY", address="+12125550199")
    installation.contact("+12125550101")
    installation.contact("+59894231234")
    found = rehearse(installation.runtime, campaign(installation, "Hi {{ first_name }}"))
    assert found.unpriced == ("UY",)
    assert found.cost == 79


def test_a_policy_holds_what_the_program_says() -> None:
    """The program's content settings reach the findings."""
    program = Program(
        slug="acme", brand="Acme", help_contact="x", created_at=TUESDAY, max_parts=2, age_gate=True, domains=["a.test"]
    )
    policy = findings.policy_for(program)
    assert (policy.max_parts, policy.age_gate, policy.domains) == (2, True, ("a.test",))
