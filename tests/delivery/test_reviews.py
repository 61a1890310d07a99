"""Unsure replies: held at once, decided by a person or by the clock, and never lost between two of them."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.ledger import load_standings, standing
from sender.delivery.gate import open_gate
from sender.delivery.replies import InboundText, receive
from sender.delivery.reviews import ReviewError, decide, decide_overdue, queue
from sender.models import Audit, ConsentEvent, Program, Reply
from tests.installation import Installation

NEW_YORK = "+12125550123"
UNSURE = "not interested"


def say(installation: Installation, body: str, number: int = 1) -> None:
    """A text from New York to the program's from_number."""
    receive(installation.runtime, InboundText(f"SM{number:032x}", NEW_YORK, "+12125550100", body))


def found(installation: Installation, number_id: int, purpose: Purpose = Purpose.MARKETING) -> tuple[str, str]:
    """State and level of the number's standing."""
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number_id]).get(number_id, [])
    it = standing(rows, installation.program_id, purpose)
    return it.state, it.level


def waiting(installation: Installation) -> list[str]:
    """What the queue shows, first to be decided first."""
    with installation.runtime.db.read() as session:
        return [one.body for one in queue(installation.runtime, session)]


def test_an_unsure_reply_holds_marketing_at_once(installation: Installation) -> None:
    """No gate opens after the hook has returned, and the queue shows the words with what was matched and why."""
    number = installation.contact(NEW_YORK)
    message = installation.message(number)
    say(installation, UNSURE)
    assert open_gate(installation.runtime, [message]) == []
    with installation.runtime.db.read() as session:
        (one,) = queue(installation.runtime, session)
    assert (one.body, one.matched, one.brand) == (UNSURE, "not interested", "Acme")
    assert one.rule
    assert one.number == "+1•••••0123"
    assert one.review_by == installation.clock.now() + timedelta(hours=24)


def test_no_wish_to_stop_gives_back_exactly_what_stood(installation: Installation) -> None:
    """After "harmless" the consent has its old level and time, for informational texts too, and the gate opens."""
    number = installation.contact(NEW_YORK)
    with installation.runtime.db.read() as session:
        before = standing(load_standings(session, [number])[number], installation.program_id, Purpose.MARKETING)
    say(installation, UNSURE)
    decide(installation.runtime, 1, "harmless", "ana@example.org")
    with installation.runtime.db.read() as session:
        after = standing(load_standings(session, [number])[number], installation.program_id, Purpose.MARKETING)
    assert (after.state, after.level, after.since) == ("in", "express_written", before.since)
    assert found(installation, number, Purpose.INFORMATIONAL) == ("in", "express_written")
    assert len(open_gate(installation.runtime, [installation.message(number)])) == 1
    assert waiting(installation) == []


def test_a_stranger_without_consent_has_none_afterwards(installation: Installation) -> None:
    """Ending a hold makes no consent where there was none."""
    number = installation.contact(NEW_YORK, consent=False)
    say(installation, UNSURE)
    decide(installation.runtime, 1, "harmless", "ana@example.org")
    assert found(installation, number) == ("none", "none")


def test_an_opt_out_counts_from_when_it_was_written_and_says_who_decided(installation: Installation) -> None:
    """The ledger, the reply and the audit name the person who read it."""
    number = installation.contact(NEW_YORK)
    say(installation, UNSURE)
    written = installation.clock.now()
    installation.clock.move(timedelta(hours=2))
    decide(installation.runtime, 1, "opt_out", "ana@example.org")
    assert found(installation, number)[0] == "out"
    with installation.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).order_by(col(ConsentEvent.id).desc()).limit(1)).scalar_one()
        reply = session.get_one(Reply, 1)
        actions = session.execute(select(col(Audit.action), col(Audit.actor))).all()
    assert (event.at, event.attested_by) == (written, "ana@example.org")
    assert event.evidence["reason"] == "a person read it"
    assert (reply.decision, reply.decided_by, reply.decided_at) == (
        "opt_out",
        "ana@example.org",
        installation.clock.now(),
    )
    assert ("review.opt_out", "ana@example.org") in [tuple(row) for row in actions]


def test_nobody_answers_in_time_and_the_clock_opts_out(installation: Installation) -> None:
    """One second before the program's hours are over nothing happens; then it is an opt-out with its reason."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).review_hours = 4
    number = installation.contact(NEW_YORK)
    say(installation, UNSURE)
    installation.clock.move(timedelta(hours=4, seconds=-1))
    assert decide_overdue(installation.runtime) == 0
    installation.clock.move(timedelta(seconds=1))
    assert decide_overdue(installation.runtime) == 1
    assert decide_overdue(installation.runtime) == 0
    assert found(installation, number)[0] == "out"
    with installation.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).order_by(col(ConsentEvent.id).desc()).limit(1)).scalar_one()
    assert (event.attested_by, event.evidence["reason"]) == ("clock", "unanswered in time")


@pytest.mark.parametrize(("hours", "after"), [(1, 1), (240, 240), (5000, 240)])
def test_the_clock_is_the_programs_and_never_slower_than_the_law(
    installation: Installation, hours: int, after: int
) -> None:
    """It runs for the hours of the program the reply came to; hours no door would take end after 240 all the same."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).review_hours = hours
    number = installation.contact(NEW_YORK)
    say(installation, UNSURE)
    installation.clock.move(timedelta(hours=after, seconds=-1))
    assert (decide_overdue(installation.runtime), found(installation, number)[0]) == (0, "held")
    installation.clock.move(timedelta(seconds=1))
    assert (decide_overdue(installation.runtime), found(installation, number)[0]) == (1, "out")


def test_later_puts_it_behind_the_others_and_the_clock_runs_on(installation: Installation) -> None:
    """Who puts a reply off sees it last, and it is still opted out in time."""
    installation.contact(NEW_YORK)
    say(installation, UNSURE, 1)
    say(installation, "no thanks", 2)
    decide(installation.runtime, 1, "later", "ana@example.org")
    assert waiting(installation) == ["no thanks", UNSURE]
    installation.clock.move(timedelta(hours=24))
    assert decide_overdue(installation.runtime) == 2


def test_one_harmless_reply_does_not_free_a_person_whose_other_waits(installation: Installation) -> None:
    """The hold ends with the last of a person's replies."""
    number = installation.contact(NEW_YORK)
    say(installation, UNSURE, 1)
    installation.clock.move(timedelta(minutes=1))
    say(installation, "no thanks", 2)
    decide(installation.runtime, 1, "harmless", "ana@example.org")
    assert found(installation, number)[0] == "held"
    decide(installation.runtime, 2, "harmless", "ana@example.org")
    assert found(installation, number) == ("in", "express_written")


def test_a_stop_after_an_unsure_reply_is_not_undone(installation: Installation) -> None:
    """Calling the older reply harmless leaves the STOP that came since."""
    number = installation.contact(NEW_YORK)
    say(installation, UNSURE, 1)
    installation.clock.move(timedelta(minutes=1))
    say(installation, "STOP", 2)
    decide(installation.runtime, 1, "harmless", "ana@example.org")
    assert found(installation, number)[0] == "out"


def test_two_people_cannot_decide_one_reply(installation: Installation) -> None:
    """The second is told who was first; unknown replies and decisions are named."""
    installation.contact(NEW_YORK)
    say(installation, UNSURE)
    decide(installation.runtime, 1, "opt_out", "ana@example.org")
    with pytest.raises(ReviewError, match=r"settled already by ana@example\.org"):
        decide(installation.runtime, 1, "harmless", "ben@example.org")
    with pytest.raises(ReviewError, match="There is no reply 9"):
        decide(installation.runtime, 9, "harmless", "ben@example.org")
    with pytest.raises(ReviewError, match="is no decision"):
        decide(installation.runtime, 1, "maybe", "ben@example.org")


def test_a_hold_keeps_the_end_of_a_consent(installation: Installation) -> None:
    """Consent that lapses still lapses after a hold."""
    number = installation.contact(NEW_YORK)
    from sender.audience.ledger import Act, record

    now = installation.clock.now()
    lapses = now + timedelta(days=90)
    act = Act(
        number, installation.program_id, "opt_in", Purpose.MARKETING, now, "form", None, "implied", lapses_at=lapses
    )
    with installation.runtime.db.write() as session:
        record(session, [act], now)
    installation.clock.move(timedelta(minutes=1))
    say(installation, UNSURE)
    decide(installation.runtime, 1, "harmless", "ana@example.org")
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number])[number]
    after = standing(rows, installation.program_id, Purpose.MARKETING)
    assert (after.level, after.lapses_at) == ("implied", lapses)
