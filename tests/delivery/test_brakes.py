"""Brakes: what goes wrong stops by itself, says why, and goes on when a person says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.audience.numbers import find
from sender.audience.opt_outs import stop_on_page
from sender.campaigns import control
from sender.delivery.brakes import brake
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.gate import open_gate
from sender.delivery.pipeline import Pipeline
from sender.delivery.replies import InboundText, receive
from sender.delivery.sweeper import sweep
from sender.models import Audit, Campaign, Installation, Message, Program
from sender.providers.base import AccountFault, OutcomeUnknown
from sender.runtime import Runtime
from tests.approving import approve
from tests.installation import TUESDAY
from tests.installation import Installation as Made

SAMPLE = 10


@pytest.fixture
def campaign(installation: Made) -> int:
    """A running campaign of an installation whose brakes ask for ten texts, and for three lost answers."""
    settings = installation.runtime.settings.model_copy(update={"brake_sample": SAMPLE, "brake_unknown_run": 3})
    installation.runtime = replace(installation.runtime, settings=settings)
    with installation.runtime.db.write() as session:
        row = Campaign(program_id=installation.program_id, name="Sale", status="running", created_at=TUESDAY)
        session.add(row)
        session.flush()
        approve(session, row.id or 0)
        return row.id or 0


def sent(installation: Made, campaign: int, statuses: list[str], **columns: object) -> list[str]:
    """Texts of the campaign that came to these ends; the numbers they went to."""
    people = [f"+121255501{place:02}" for place in range(len(statuses))]
    for e164, status in zip(people, statuses, strict=True):
        number = installation.contact(e164)
        installation.message(number, campaign_id=campaign, status=status, sent_at=TUESDAY, **columns)
    return people


def paused_why(runtime: Runtime, campaign: int) -> str:
    """Why the campaign stands still; empty while it runs."""
    with runtime.db.read() as session:
        return session.get_one(Campaign, campaign).paused_why


def test_undelivered_texts_pause_until_a_person_resumes(installation: Made, campaign: int) -> None:
    """Three of ten undelivered are more than a quarter; resumed, the same three pause it no second time."""
    sent(installation, campaign, ["delivered"] * 7 + ["undelivered"] * 3)
    assert brake(installation.runtime) == 1
    why = "3 of 10 texts were not delivered, more than 25%; look at the reasons, then resume"
    assert paused_why(installation.runtime, campaign) == why
    with installation.runtime.db.write() as session:
        audit = session.execute(select(Audit).where(col(Audit.action) == "campaign.pause")).scalar_one()
        assert audit.actor == "system"
        assert audit.detail == {"why": why, "brake": "failed", "found": 3, "of": 10, "limit": 0.25}
        session.get_one(Campaign, campaign).status = "running"
        session.get_one(Campaign, campaign).watched_since = TUESDAY + timedelta(seconds=1)
    assert brake(installation.runtime) == 0


def test_a_small_sample_stops_nothing(installation: Made, campaign: int) -> None:
    """Nine texts, all of them undelivered: too few to judge by."""
    sent(installation, campaign, ["undelivered"] * (SAMPLE - 1))
    assert brake(installation.runtime) == 0


def test_filtered_texts_pause_early(installation: Made, campaign: int) -> None:
    """One in ten filtered by a carrier is enough."""
    sent(installation, campaign, ["delivered"] * 9)
    last = installation.contact("+12125550150")
    installation.message(last, campaign_id=campaign, status="undelivered", error_code=30007)
    brake(installation.runtime)
    assert "1 of 10 texts were filtered by carriers" in paused_why(installation.runtime, campaign)


def test_opt_outs_pause(installation: Made, campaign: int) -> None:
    """Two of ten people answer STOP: more than 5 % do not want this."""
    people = sent(installation, campaign, ["delivered"] * SAMPLE)
    for place, e164 in enumerate(people[:2]):
        receive(installation.runtime, InboundText(f"SM{place:032x}", e164, "+12125550100", "STOP"))
    brake(installation.runtime)
    assert "2 of 10 texts were answered with an opt-out" in paused_why(installation.runtime, campaign)


def test_opt_outs_by_link_pause_too(installation: Made, campaign: int) -> None:
    """Two of ten people use the link in the text; what a file says of others, or of another program, is not theirs."""
    people = sent(installation, campaign, ["delivered"] * SAMPLE)
    with installation.runtime.db.write() as session:
        other = Program(slug="b", brand="B", help_contact="b@b.example", created_at=TUESDAY)
        session.add(other)
        session.flush()
        for source, scope in (("import", installation.program_id), ("provider", None), ("form", other.id)):
            number = find(session, installation.runtime.keys, people[-1]) or 0
            act = Act(number, scope, "opt_out", Purpose.MARKETING, TUESDAY, source)
            record(session, [act], TUESDAY)
    assert brake(installation.runtime) == 0
    with installation.runtime.db.read() as session:
        numbers = [find(session, installation.runtime.keys, e164) or 0 for e164 in people[:2]]
    for number in numbers:
        stop_on_page(installation.runtime, number, installation.program_id, "/o/", "token")
    assert brake(installation.runtime) == 1
    assert "2 of 10 texts were answered with an opt-out" in paused_why(installation.runtime, campaign)


def test_a_look_walks_no_table(installation: Made, campaign: int) -> None:
    """A campaign's newest answers and the opt-outs are found over their own indexes (SQLite tells its plan)."""
    if not installation.runtime.db.is_sqlite:
        return
    said: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        plan = connection.connection.dbapi_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        said.extend(row[3] for row in plan)

    event.listen(installation.runtime.db.engine, "before_cursor_execute", explain)
    brake(installation.runtime)
    found = "\n".join(said)
    assert "ix_message_answered" in found
    assert "ix_consent_event_kind" in found
    assert "SCAN message" not in found


def test_lost_answers_in_a_row_pause(installation: Made, campaign: int, pipeline: Pipeline) -> None:
    """Three answers lost one after the other pause the campaign; a text of it that waits is not posted."""
    runtime = installation.runtime
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    ids = [installation.message(installation.contact(f"+121255501{one:02}"), campaign_id=campaign) for one in range(4)]
    pipeline.deliver(ids[:3])
    assert brake(runtime) == 1
    assert "the last 3 texts got no answer" in paused_why(runtime, campaign)
    pipeline.deliver(ids[3:])
    assert len(installation.provider.sent) == 3


def test_a_worker_that_died_is_no_silence_of_the_provider(installation: Made, campaign: int) -> None:
    """Three texts whose worker was killed are unconfirmed as well, and pause nothing: nobody was silent."""
    runtime = installation.runtime
    ids = [installation.message(installation.contact(f"+121255501{one:02}"), campaign_id=campaign) for one in range(3)]
    assert len(open_gate(runtime, ids)) == 3
    installation.clock.move(timedelta(seconds=runtime.settings.sweep_seconds + 1))
    assert sweep(runtime) == 3
    assert {installation.status(one) for one in ids} == {"unconfirmed"}
    assert brake(runtime) == 0


def test_lost_answers_without_a_campaign_halt(installation: Made, campaign: int, pipeline: Pipeline) -> None:
    """The same for texts that belong to no campaign stops the installation, and nothing more is handed over."""
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    pipeline.deliver([installation.message(installation.contact(f"+121255501{one:02}")) for one in range(3)])
    assert brake(installation.runtime) == 1
    assert halted(installation).startswith("the provider gives no answer any more")
    installation.message(installation.contact("+12125550150"), status="pending")
    assert Dispatcher(installation.runtime, lambda ids: None).hand_over() == 0
    assert brake(installation.runtime) == 0


def test_a_fault_of_the_account_halts_everything(installation: Made, campaign: int, pipeline: Pipeline) -> None:
    """Credentials that are refused stop the installation with the sentence; the text waits."""
    installation.provider.answer = lambda _: AccountFault("Twilio refused the credentials", 20003)
    message = installation.message(installation.contact("+12125550123"), campaign_id=campaign)
    pipeline.deliver([message])
    assert halted(installation) == "Twilio refused the credentials"
    assert installation.status(message) == "pending"


def halted(installation: Made) -> str:
    """Why the installation is halted."""
    with installation.runtime.db.read() as session:
        row = session.get_one(Installation, 1)
        return row.halted_why if row.halted else ""


def test_resuming_begins_the_watch_anew(installation: Made, campaign: int) -> None:
    """Whoever resumes a campaign sets from when on its brakes count."""
    control.pause(installation.runtime, campaign, "ann")
    with installation.runtime.db.write() as session:
        session.get_one(Campaign, campaign).audience_end = 1
    control.resume(installation.runtime, campaign, "ann")
    with installation.runtime.db.read() as session:
        assert session.get_one(Campaign, campaign).watched_since == TUESDAY
        assert session.execute(select(Message)).all() == []
