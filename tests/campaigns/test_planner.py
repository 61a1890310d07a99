"""Campaigns from draft to finished: planning slice by slice, rehearsal, pause, cancel, and a late start."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from sender.audience.links import read_own_page_token
from sender.campaigns import control, planner, planning
from sender.campaigns.audience import members
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.campaigns.planning import variants_of
from sender.campaigns.preview import preview
from sender.campaigns.rehearsal import rehearse
from sender.campaigns.writing import with_program
from sender.crypto import unseal
from sender.db import Database
from sender.models import Campaign, Message, Number, Program, Variant
from sender.runtime import Runtime
from tests.installation import TUESDAY, Installation, install

SPANISH = VariantIn("es", {"field": "language", "is": "es"}, "Hola {{ first_name }}", {"first_name": "amiga"})
EVERYBODY = VariantIn("all", {}, "Hi {{ first_name }}", {"first_name": "there"})


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation that records instead of sending."""
    made = install(tmp_path / "home", database_url)
    yield made
    made.runtime.db.close()


def running(installation: Installation, *variants: VariantIn, **columns: object) -> int:
    """A campaign that has just started."""
    wanted = CampaignIn("Sale", "acme", variants or (EVERYBODY,), **columns)  # type: ignore[arg-type]
    campaign = control.create(installation.runtime, wanted, "ann")
    control.schedule(installation.runtime, campaign, installation.clock.now(), "ann")
    control.start_due(installation.runtime)
    return campaign


def plan_all(installation: Installation, campaign: int) -> None:
    """Plan until nothing is left."""
    while planner.plan_slice(installation.runtime, campaign):
        pass


def texts(installation: Installation) -> dict[str, str]:
    """The planned text of each variant's first message, opened with the keys."""
    found = {}
    keys = installation.runtime.keys
    with installation.runtime.db.read() as session:
        rows = session.execute(
            select(col(Variant.name), col(Message.text_cipher), col(Number.data_key))
            .join(Variant, col(Variant.id) == col(Message.variant_id))
            .join(Number, col(Number.id) == col(Message.number_id))
        )
        for name, cipher, data_key in rows:
            found[name] = unseal(keys.unwrap(data_key), cipher or b"").decode()
    return found


def statuses(installation: Installation) -> Counter[tuple[str, str]]:
    """How many messages are in which state, and why."""
    with installation.runtime.db.read() as session:
        return Counter((row[0], row[1]) for row in session.execute(select(col(Message.status), col(Message.reason))))


def test_a_slice_that_could_not_be_written_is_planned_again(installation: Installation) -> None:
    """The cursor moves with the messages or not at all: a death between the two would skip a thousand people."""
    installation.contact("+12125550101")
    installation.contact("+12125550102")
    campaign = running(installation)
    with refusing_messages(installation), pytest.raises(DBAPIError, match="no room"):
        planner.plan_slice(installation.runtime, campaign)
    with installation.runtime.db.read() as session:
        row = session.get_one(Campaign, campaign)
        assert (row.cursor, row.planned_at) == (0, None)
    plan_all(installation, campaign)
    assert statuses(installation) == {("pending", ""): 2}


@contextmanager
def refusing_messages(installation: Installation) -> Iterator[None]:
    """A database that takes no message meanwhile, and everything else."""
    database = installation.runtime.db
    refusal = "CREATE TRIGGER refusal BEFORE INSERT ON message "
    if database.is_sqlite:
        make, unmake = [f"{refusal} BEGIN SELECT RAISE(ABORT, 'no room'); END"], "DROP TRIGGER refusal"
    else:
        body = "BEGIN RAISE EXCEPTION 'no room'; END"
        make = [f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"]
        make.append(f"{refusal} FOR EACH ROW EXECUTE FUNCTION refuse()")
        unmake = "DROP FUNCTION refuse() CASCADE"
    said(database, *make)
    try:
        yield
    finally:
        said(database, unmake)


def said(database: Database, *statements: str) -> None:
    """The statements, each written as it stands."""
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


def test_each_contact_gets_the_first_variant_that_matches(installation: Installation) -> None:
    """Overlapping segments make one message per number, with the first variant's words, brand and footer."""
    installation.contact("+12125550101", language="es", attributes={"first_name": "Eva"})
    installation.contact("+12125550102", language="en", attributes={})
    campaign = running(installation, SPANISH, EVERYBODY)
    plan_all(installation, campaign)
    assert texts(installation) == {
        "es": "Acme: Hola Eva\nResponde BAJA para cancelar",
        "all": "Acme: Hi there\nReply STOP to opt out",
    }
    assert statuses(installation) == {("pending", ""): 2}


def test_planning_in_slices_skips_and_repeats_nobody(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More contacts than two slices hold are planned once each, and planning then says that it is done."""
    monkeypatch.setattr(planner, "SLICE", 150)
    numbers = [installation.contact(f"+1{area}555{n:04}") for area in (212, 646, 917, 718) for n in range(100, 190)]
    campaign = running(installation)
    plan_all(installation, campaign)
    with installation.runtime.db.read() as session:
        planned = list(session.execute(select(col(Message.number_id))).scalars())
        assert session.get_one(Campaign, campaign).planned_at is not None
    assert sorted(planned) == sorted(numbers)


@pytest.mark.parametrize("trouble", ["pause", "fault"])
def test_a_slice_decided_beforehand_is_written_only_in_its_turn(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Behind a pause or a fault of the second slice nothing is written; gone on with, everybody is planned once."""
    monkeypatch.setattr(planner, "SLICE", 10)
    numbers = [installation.contact(f"+1212555{n:04}") for n in range(100, 135)]
    campaign, keep, kept = running(installation), planner._keep, []

    def troubled(runtime: Runtime, campaign_id: int, one: planner._Slice) -> bool:
        if kept and trouble == "fault":
            raise RuntimeError("the disk is full")
        kept.append(keep(runtime, campaign_id, one))
        if trouble == "pause" and len(kept) == 1:
            control.pause(runtime, campaign_id, "ann")
        return kept[-1]

    with monkeypatch.context() as amid:
        amid.setattr(planner, "_keep", troubled)
        with pytest.raises(RuntimeError, match="full") if trouble == "fault" else nullcontext():
            plan_all(installation, campaign)
    assert statuses(installation) == {("pending", ""): 10}
    if trouble == "pause":
        control.resume(installation.runtime, campaign, "ann")
    plan_all(installation, campaign)
    with installation.runtime.db.read() as session:
        assert sorted(session.execute(select(col(Message.number_id))).scalars()) == sorted(numbers)


def test_a_slice_planned_twice_at_once_counts_once(installation: Installation) -> None:
    """Of two planners that read the same cursor only one writes."""
    for n in range(100, 110):
        installation.contact(f"+1212555{n:04}")
    campaign = running(installation)
    assert planner.plan_slice(installation.runtime, campaign) == 10
    with installation.runtime.db.write() as session:
        row = session.get_one(Campaign, campaign)
        row.cursor, row.planned_at = 0, None
    planner.plan_slice(installation.runtime, campaign)
    assert statuses(installation) == {("pending", ""): 10}


def test_the_verdict_is_frozen_with_the_row(installation: Installation) -> None:
    """Without consent blocked, outside hours deferred to the opening, landlines blocked, and each with its reason."""
    installation.clock.move(timedelta(hours=-2))
    installation.contact("+12125550101")
    installation.contact("+13105550101")
    installation.contact("+12125550102", consent=False)
    campaign = running(installation)
    plan_all(installation, campaign)
    assert statuses(installation) == {("pending", ""): 1, ("pending", "quiet_hours"): 1, ("blocked", "no_consent"): 1}
    with installation.runtime.db.read() as session:
        after = session.execute(select(col(Message.send_after)).where(col(Message.reason) == "quiet_hours")).scalar()
    assert after == TUESDAY


def test_a_missing_field_blocks_one_person_not_the_campaign(installation: Installation) -> None:
    """A field without a default that a contact does not have is a row with its reason."""
    installation.contact("+12125550101", attributes={"city": "Rome"})
    installation.contact("+12125550102")
    campaign = running(installation, VariantIn("all", {}, "Hi from {{ city }}", {"city": None}))
    plan_all(installation, campaign)
    assert statuses(installation) == {("pending", ""): 1, ("blocked", "render_error"): 1}


def test_a_rehearsal_counts_what_a_start_would_plan(installation: Installation) -> None:
    """A rehearsal writes no message, and its counts are those of the plan made at the same instant."""
    for n in range(100, 120):
        installation.contact(f"+1212555{n:04}", consent=n % 4 != 0, language="es" if n % 2 else "en")
    campaign = control.create(installation.runtime, CampaignIn("Sale", "acme", (SPANISH, EVERYBODY)), "ann")
    found = rehearse(installation.runtime, campaign)
    assert (found.total, found.verdicts["allow"], found.reasons["block", "no_consent"]) == (20, 15, 5)
    assert statuses(installation) == {}
    assert found.worst_parts == 1
    assert found.samples["es"][0] == "Acme: Hola amiga\nResponde BAJA para cancelar"
    control.schedule(installation.runtime, campaign, installation.clock.now(), "ann")
    control.start_due(installation.runtime)
    plan_all(installation, campaign)
    assert statuses(installation) == {("pending", ""): 15, ("blocked", "no_consent"): 5}


def test_a_late_scheduler_asks(installation: Installation) -> None:
    """A campaign found more than 15 minutes after its start is paused with the reason; a person may resume it."""
    campaign = control.create(installation.runtime, CampaignIn("Sale", "acme", (EVERYBODY,)), "ann")
    control.schedule(installation.runtime, campaign, installation.clock.now(), "ann")
    installation.clock.move(timedelta(minutes=16))
    control.start_due(installation.runtime)
    with installation.runtime.db.read() as session:
        row = session.get_one(Campaign, campaign)
    assert (row.status, row.paused_why) == ("paused", "missed its start; resume it if it should still go")
    control.resume(installation.runtime, campaign, "ann")


def test_cancel_ends_what_waits(installation: Installation) -> None:
    """Cancelling moves every waiting message to cancelled, and the campaign cannot be resumed."""
    for n in range(100, 110):
        installation.contact(f"+1212555{n:04}")
    campaign = running(installation)
    plan_all(installation, campaign)
    control.cancel(installation.runtime, campaign, "ann")
    assert control.cancel_waiting(installation.runtime) == 10
    assert statuses(installation) == {("cancelled", "campaign_cancelled"): 10}
    with pytest.raises(ControlError, match="is cancelled; it cannot become running"):
        control.resume(installation.runtime, campaign, "ann")


def test_a_campaign_finishes_when_nothing_is_open(installation: Installation) -> None:
    """With every message in a final state or accepted, the campaign is finished."""
    installation.contact("+12125550101", consent=False)
    campaign = running(installation)
    assert control.finish_done(installation.runtime) == 0
    plan_all(installation, campaign)
    assert control.finish_done(installation.runtime) == 1


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"program": "nobody"}, "There is no program 'nobody'"),
        ({"variants": ()}, "has no variant"),
        ({"name": "Sale"}, "There is a campaign 'Sale' already"),
    ],
)
def test_a_bad_campaign_is_refused_with_one_sentence(
    installation: Installation, columns: dict[str, object], sentence: str
) -> None:
    """What is wrong is named, and nothing is kept."""
    control.create(installation.runtime, CampaignIn("Sale", "acme", (EVERYBODY,)), "ann")
    values = {"name": "Other", "program": "acme", "variants": (EVERYBODY,), **columns}
    with pytest.raises(ControlError, match=sentence):
        control.create(installation.runtime, CampaignIn(**values), "ann")  # type: ignore[arg-type]


def test_a_text_holds_the_link_to_the_persons_own_page(installation: Installation) -> None:
    """What is planned leads to the person's page; what a colleague looks at beforehand leads nowhere."""
    number_id = installation.contact("+12125550101", attributes={})
    campaign = running(
        installation, VariantIn("all", {}, "Your choices: {{ preferences_link }}", {"preferences_link": None})
    )
    with installation.runtime.db.read() as session:
        row = session.get_one(Campaign, campaign)
        plan = planning.load_plan(session, row)
        some = members(session, plan.audience, TUESDAY, 0, 10, 10)
        looked_at = planning.decide(installation.runtime, session, plan, some, TUESDAY)[0].text
    plan_all(installation, campaign)
    keys, found = installation.runtime.keys, []
    for words in (looked_at, texts(installation)["all"]):
        token = words.partition("/p/")[2].split()[0]
        found.append(read_own_page_token(keys, token, TUESDAY))
    assert found == [0, number_id]


def test_the_editor_sees_people_on_either_database(installation: Installation) -> None:
    """The words in the editor are shown as the first people of the audience would get them."""
    installation.contact("+12125550101", attributes={"first_name": "Ada"})
    campaign = control.create(installation.runtime, CampaignIn("Sale", "acme", (EVERYBODY,)), "ann")
    with installation.runtime.db.read() as session:
        row, program = with_program(session, campaign) or (Campaign(), Program())
        rows = variants_of(session, campaign)
        now = installation.clock.now()
        seen = preview(installation.runtime, session, row, program, rows, 0, "Dear {{ first_name }}", {}, now)
    assert [look.text.splitlines()[0] for look in seen.looks] == ["Acme: Dear Ada"]
