"""The pipeline: what passes the gate, what comes back, and what each answer does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.delivery.gate import open_gate
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Attempt, Campaign, Decision, Message, Number
from sender.providers.base import (
    Accepted,
    Crowded,
    Misconfigured,
    NumberRefused,
    OptedOut,
    OutcomeUnknown,
    SendError,
)
from tests.installation import TUESDAY, Installation

NEW_YORK = "+12125550123"
LOS_ANGELES = "+13105550123"


def attempts(installation: Installation, message_id: int) -> list[Attempt]:
    """The attempts of one message, in order."""
    with installation.runtime.db.read() as session:
        mine = select(Attempt).where(col(Attempt.message_id) == message_id).order_by(col(Attempt.id))
        return list(session.execute(mine).scalars())


def test_a_cleared_text_is_sent_once_with_its_words(installation: Installation, pipeline: Pipeline) -> None:
    """A text that passes goes to the provider exactly as planned, and its message is sent."""
    message = installation.message(installation.contact(NEW_YORK))
    pipeline.deliver([message])
    pipeline.deliver([message])
    assert [sent.to for sent in installation.provider.sent] == [NEW_YORK]
    assert installation.provider.sent[0].cleared.draft.text == "Acme: Sale today. Reply STOP to opt out"
    assert installation.status(message) == "sent"
    assert [attempt.outcome for attempt in attempts(installation, message)] == ["accepted"]


def test_the_same_batch_twice_at_once_sends_once(installation: Installation, pipeline: Pipeline) -> None:
    """Ids that the bell doubles lose the gate's conditional update."""
    messages = [installation.message(installation.contact(f"+121255501{number:02}")) for number in range(20)]
    pipeline.deliver([*messages, *messages])
    pipeline.deliver(messages)
    assert len(installation.provider.sent) == 20


def test_answers_that_come_together_are_each_written_to_their_own_text(
    installation: Installation, pipeline: Pipeline
) -> None:
    """Twenty answers are one transaction: every text is sent, and its attempt has the id that the provider gave it."""
    messages = [installation.message(installation.contact(f"+121255501{number:02}")) for number in range(20)]
    pipeline.deliver(messages)
    assert {installation.status(message) for message in messages} == {"sent"}
    sids = {
        sent.callback.partition("status/")[2].partition(".")[0]: n for n, sent in enumerate(installation.provider.sent)
    }
    for message in messages:
        (attempt,) = attempts(installation, message)
        assert (attempt.outcome, attempt.sid) == ("accepted", f"SM{sids[attempt.token] + 1:032x}")


def test_nobody_without_consent_is_texted(installation: Installation, pipeline: Pipeline) -> None:
    """A contact whose consent nobody recorded is blocked, with the decision kept."""
    message = installation.message(installation.contact(NEW_YORK, consent=False))
    pipeline.deliver([message])
    assert installation.provider.sent == []
    assert installation.status(message) == "blocked"
    with installation.runtime.db.read() as session:
        decision = session.execute(select(Decision)).scalar_one()
    assert (decision.guard, decision.reason) == ("consent_check", "no_consent")


def test_a_stop_after_queueing_blocks_at_the_gate(installation: Installation, pipeline: Pipeline) -> None:
    """An opt-out that is committed before the gate opens is seen by it, though the message was queued before."""
    number = installation.contact(NEW_YORK)
    message = installation.message(number)
    act = Act(number, installation.program_id, "opt_out", Purpose.MARKETING, TUESDAY, "keyword")
    with installation.runtime.db.write() as session:
        record(session, [act], TUESDAY)
    pipeline.deliver([message])
    assert installation.provider.sent == []
    assert installation.status(message) == "blocked"


def test_outside_hours_waits_until_the_window_opens(installation: Installation, pipeline: Pipeline) -> None:
    """A text for Los Angeles at 07:59 there is put off to 08:00, to the second, and goes then."""
    installation.clock.move(timedelta(minutes=-1))
    message = installation.message(installation.contact(LOS_ANGELES))
    pipeline.deliver([message])
    with installation.runtime.db.read() as session:
        row = session.get_one(Message, message)
    assert (row.status, row.reason, row.send_after) == ("pending", "quiet_hours", TUESDAY)
    assert installation.provider.sent == []


def test_the_provider_may_not_hold_a_text_beyond_the_window(installation: Installation, pipeline: Pipeline) -> None:
    """The validity period of a text handed over at 20:50 in New York ends before 21:00."""
    number = installation.contact(NEW_YORK)
    installation.clock.move(timedelta(hours=9, minutes=50))
    pipeline.deliver([installation.message(number)])
    (sent,) = installation.provider.sent
    assert 120 <= sent.validity <= 600


def test_a_window_that_is_about_to_close_is_not_used(installation: Installation, pipeline: Pipeline) -> None:
    """With less than two minutes left the text waits for the next morning, 08:00 in New York."""
    number = installation.contact(NEW_YORK)
    installation.clock.move(timedelta(hours=9, minutes=58, seconds=30))
    message = installation.message(number)
    pipeline.deliver([message])
    with installation.runtime.db.read() as session:
        row = session.get_one(Message, message)
    assert installation.provider.sent == []
    assert (row.status, row.send_after) == ("pending", TUESDAY + timedelta(hours=21))


def test_a_cap_counts_texts_of_unknown_outcome(installation: Installation, pipeline: Pipeline) -> None:
    """Two texts a day are allowed; one accepted and one of unknown outcome use the day up."""
    number = installation.contact(NEW_YORK)
    installation.provider.answer = lambda _: None if len(installation.provider.sent) == 1 else OutcomeUnknown("cut")
    first, second, third = (installation.message(number, text=f"Acme: {word}. Reply STOP to opt out") for word in "abc")
    for message in (first, second, third):
        pipeline.deliver([message])
    assert [installation.status(message) for message in (first, second, third)] == ["sent", "unconfirmed", "pending"]


def test_two_texts_to_one_number_in_one_batch_are_taken_one_by_one(
    installation: Installation, pipeline: Pipeline
) -> None:
    """The second text of a batch to the same number goes back to pending, so that the cap sees the first."""
    number = installation.contact(NEW_YORK)
    messages = [installation.message(number) for _ in range(3)]
    pipeline.deliver(messages)
    assert [installation.status(message) for message in messages] == ["sent", "pending", "pending"]


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        (Crowded("busy", 20429), "pending", "refuted"),
        (NumberRefused("landline", 21614), "failed", "refused"),
        (OptedOut("opted out", 21610), "failed", "refused"),
        (Misconfigured("wrong from_number", 21606), "pending", "refuted"),
        (OutcomeUnknown("cut"), "unconfirmed", "unconfirmed"),
        (RuntimeError("a bug of ours after the request left"), "unconfirmed", "unconfirmed"),
    ],
)
def test_what_each_answer_does(
    installation: Installation, pipeline: Pipeline, answer: Exception, status: str, outcome: str
) -> None:
    """Only what is proven not created may be tried again; the unknown is never called anything else."""
    installation.provider.answer = lambda _: answer
    message = installation.message(installation.contact(NEW_YORK))
    pipeline.deliver([message])
    assert installation.status(message) == status
    assert [attempt.outcome for attempt in attempts(installation, message)] == [outcome]


def test_a_refuted_attempt_may_be_followed_by_another(installation: Installation, pipeline: Pipeline) -> None:
    """After a 429 the message asks again later and is sent once."""
    answers: list[SendError | Accepted] = [Crowded("busy", 20429), Accepted("SM" + "1" * 32)]
    installation.provider.answer = lambda _: answers[len(installation.provider.sent) - 1]
    message = installation.message(installation.contact(NEW_YORK))
    pipeline.deliver([message])
    with installation.runtime.db.write() as session:
        session.get_one(Message, message).status = "queued"
    pipeline.deliver([message])
    assert [attempt.outcome for attempt in attempts(installation, message)] == ["refuted", "accepted"]
    assert installation.status(message) == "sent"


def test_the_database_refuses_a_second_live_attempt(installation: Installation, pipeline: Pipeline) -> None:
    """Even code that put a sent message back into the queue fails before its request, by constraint."""
    message = installation.message(installation.contact(NEW_YORK))
    pipeline.deliver([message])
    with installation.runtime.db.write() as session:
        session.get_one(Message, message).status = "queued"
    with pytest.raises(IntegrityError):
        pipeline.deliver([message])
    assert len(installation.provider.sent) == 1


def test_a_21610_becomes_our_own_opt_out(installation: Installation, pipeline: Pipeline) -> None:
    """What the provider knows of a STOP blocks the next text here, without asking the provider again."""
    installation.provider.answer = lambda _: OptedOut("opted out", 21610)
    number = installation.contact(NEW_YORK)
    pipeline.deliver([installation.message(number)])
    later = installation.message(number)
    pipeline.deliver([later])
    assert len(installation.provider.sent) == 1
    assert installation.status(later) == "blocked"


def test_an_invalid_number_is_not_asked_again(installation: Installation, pipeline: Pipeline) -> None:
    """A number the provider calls invalid is marked, and the next text to it is blocked."""
    installation.provider.answer = lambda _: NumberRefused("not a mobile", 21614)
    number = installation.contact(NEW_YORK)
    pipeline.deliver([installation.message(number)])
    with installation.runtime.db.read() as session:
        assert session.get_one(Number, number).state == "invalid"
    later = installation.message(number)
    pipeline.deliver([later])
    assert installation.status(later) == "blocked"


def test_a_misconfiguration_pauses_the_campaign(installation: Installation, pipeline: Pipeline) -> None:
    """A wrong from_number stops the campaign with the sentence, and its texts wait."""
    with installation.runtime.db.write() as session:
        campaign = Campaign(
            program_id=installation.program_id, name="Sale", status="running", created_at=TUESDAY, start_at=TUESDAY
        )
        session.add(campaign)
        session.flush()
        campaign_id = campaign.id
    installation.provider.answer = lambda _: Misconfigured("the from_number is not yours", 21606)
    message = installation.message(installation.contact(NEW_YORK), campaign_id=campaign_id)
    pipeline.deliver([message])
    with installation.runtime.db.read() as session:
        paused = session.get_one(Campaign, campaign_id)
    assert (paused.status, paused.paused_why) == ("paused", "the from_number is not yours")
    assert installation.status(message) == "pending"


def test_a_paused_campaign_opens_no_gate(installation: Installation, pipeline: Pipeline) -> None:
    """Messages of a paused campaign go back to pending, those of a cancelled one are cancelled."""
    with installation.runtime.db.write() as session:
        ids = []
        for name, status in (("Paused", "paused"), ("Cancelled", "cancelled")):
            row = Campaign(program_id=installation.program_id, name=name, status=status, created_at=TUESDAY)
            session.add(row)
            session.flush()
            ids.append(row.id)
    paused = installation.message(installation.contact(NEW_YORK), campaign_id=ids[0])
    cancelled = installation.message(installation.contact("+12125550124"), campaign_id=ids[1])
    pipeline.deliver([paused, cancelled])
    assert (installation.status(paused), installation.status(cancelled)) == ("pending", "cancelled")
    assert installation.provider.sent == []


def test_a_gate_that_aged_is_not_used(installation: Installation, pipeline: Pipeline) -> None:
    """When more than two seconds pass between gate and request, the owner refutes its own attempt."""
    message = installation.message(installation.contact(NEW_YORK))
    opened = open_gate(installation.runtime, [message])
    installation.clock.move(timedelta(seconds=2.1))
    pipeline.post_and_record(opened)
    assert installation.provider.sent == []
    assert installation.status(message) == "pending"
    assert [attempt.outcome for attempt in attempts(installation, message)] == ["refuted"]


def test_a_text_of_a_test_key_never_reaches_a_real_provider(installation: Installation, wire: Wire) -> None:
    """Neither Twilio nor another server in its place gets it; a simulator on this machine does."""
    number = installation.contact("+12125550101")

    def deliver(base_url: str | None) -> str:
        message = installation.message(number, is_test=True)
        settings = installation.runtime.settings.model_copy(update={"twilio_base_url": base_url})
        Pipeline(replace(installation.runtime, settings=settings), wire).deliver([message])
        return installation.status(message)

    for elsewhere in (None, "https://api.dublin.ie1.twilio.com", "https://127.0.0.1.example.org", "http://10.0.0.1"):
        assert deliver(elsewhere) == "blocked"
    assert installation.provider.sent == []
    assert deliver("http://127.0.0.1:1") == "sent"
