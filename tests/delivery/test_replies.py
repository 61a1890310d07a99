"""Inbound texts: a STOP is effective when its hook returns, in every race; START and HELP do no more than they may."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.facts import Asked, FactsLoader
from sender.audience.ledger import load_standings, standing
from sender.audience.opt_outs import stop_on_page
from sender.delivery.gate import open_gate
from sender.delivery.pipeline import Pipeline
from sender.delivery.replies import InboundText, receive
from sender.delivery.restoring import restore_some
from sender.delivery.wire import Wire
from sender.models import Attempt, ConsentEvent, Message, Program, Reply
from tests.installation import Installation, line

NEW_YORK = "+12125550123"
LINE = "+12125550100"


def inbound(body: str, number: int = 1, **columns: str) -> InboundText:
    """A text from New York to the program's from_number."""
    values = {"from_": NEW_YORK, "to": LINE, **columns}
    return InboundText(sid=f"SM{number:032x}", body=body, **values)


def state(installation: Installation, number_id: int, purpose: Purpose = Purpose.MARKETING) -> str:
    """The number's standing with the program."""
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number_id]).get(number_id, [])
    return standing(rows, installation.program_id, purpose).state


def come_back(installation: Installation, wire: Wire, number: int, **columns: str) -> None:
    """A START that the provider took in just now, and the scheduler's step that weighs it."""
    text = inbound("START", number, **columns)
    installation.provider.received.setdefault(text.sid, installation.clock.now())
    receive(installation.runtime, text)
    restore_some(installation.runtime, wire)


def planned_answers(installation: Installation) -> Counter[str | None]:
    """The answers that were planned, by what they answer."""
    with installation.runtime.db.read() as session:
        return Counter(session.execute(select(col(Message.answers)).where(col(Message.kind) == "answer")).scalars())


@pytest.mark.parametrize("words", ["STOP", "stop please", "Unsubscribe me", "ARRÊT", "Please remove me from your list"])
def test_a_stop_in_any_reasonable_words_is_at_once_an_opt_out(installation: Installation, words: str) -> None:
    """After the hook has returned, standing is out and what waited is blocked."""
    number = installation.contact(NEW_YORK)
    waiting = installation.message(number, status="pending")
    assert receive(installation.runtime, inbound(words))
    assert state(installation, number) == "out"
    assert state(installation, number, Purpose.INFORMATIONAL) == "out"
    assert installation.status(waiting) == "blocked"


def test_the_same_text_again_is_nothing_new(installation: Installation) -> None:
    """A repeated webhook leaves one reply and one event."""
    installation.contact(NEW_YORK)
    assert receive(installation.runtime, inbound("STOP"))
    assert not receive(installation.runtime, inbound("STOP"))
    with installation.runtime.db.read() as session:
        assert session.execute(select(func.count()).select_from(Reply)).scalar() == 1
        outs = select(func.count()).select_from(ConsentEvent).where(col(ConsentEvent.kind) == "opt_out")
        assert session.execute(outs).scalar() == 1


def test_a_stranger_who_says_stop_is_remembered(installation: Installation) -> None:
    """A number nobody imported gets its row and its opt-out, and a later import does not bring it in."""
    assert receive(installation.runtime, inbound("STOP"))
    number = installation.contact(NEW_YORK, consent=False)
    assert state(installation, number) == "out"


def test_start_gives_back_what_stop_took(installation: Installation, wire: Wire) -> None:
    """START restores the standing that this person had, at its level."""
    number = installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP", 1))
    installation.clock.move(timedelta(minutes=1))
    come_back(installation, wire, 2)
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number])[number]
    found = standing(rows, installation.program_id, Purpose.MARKETING)
    assert (found.state, found.level) == ("in", "express_written")


@pytest.mark.parametrize("words", ["yes", "ok", "Sounds good"])
def test_a_yes_restores_nothing(installation: Installation, words: str) -> None:
    """Only START and its kin lift an opt-out."""
    number = installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP", 1))
    installation.clock.move(timedelta(minutes=1))
    receive(installation.runtime, inbound(words, 2))
    assert state(installation, number) == "out"


def test_start_without_any_consent_gives_none(installation: Installation, wire: Wire) -> None:
    """A stranger's START is no consent to marketing, and is not answered as if it were."""
    number = installation.contact(NEW_YORK, consent=False)
    come_back(installation, wire, 1)
    assert planned_answers(installation) == {}
    assert state(installation, number) == "none"


def test_an_old_start_delivered_again_lifts_nothing(installation: Installation, wire: Wire) -> None:
    """A replayed START is the same act again, whatever came since."""
    number = installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP", 1))
    installation.clock.move(timedelta(minutes=1))
    come_back(installation, wire, 2)
    installation.clock.move(timedelta(minutes=1))
    receive(installation.runtime, inbound("STOP", 3))
    come_back(installation, wire, 2)
    assert state(installation, number) == "out"


def test_scope_all_stops_every_program_and_start_lifts_it(installation: Installation, wire: Wire) -> None:
    """With the policy "all" a STOP reaches other programs and transactional texts, and START gives them back."""
    number = installation.contact(NEW_YORK)
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).opt_out_scope = "all"
        other = Program(slug="other", brand="Other", help_contact="x", created_at=installation.clock.now())
        session.add(other)
        session.flush()
        other_id = other.id or 0
    receive(installation.runtime, inbound("STOP", 1))
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number])[number]
    assert standing(rows, other_id, Purpose.TRANSACTIONAL).state == "out"
    installation.clock.move(timedelta(minutes=1))
    come_back(installation, wire, 2)
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number])[number]
    assert standing(rows, other_id, Purpose.TRANSACTIONAL).state != "out"
    assert standing(rows, installation.program_id, Purpose.MARKETING).state == "in"


def test_no_answer_where_the_provider_answers(installation: Installation) -> None:
    """On a long code Twilio confirms its own words itself: ours would be refused, so none is planned."""
    installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP"))
    assert planned_answers(installation) == {}


@pytest.mark.parametrize(
    ("words", "planned"), [("STOP", {}), ("stop ", {}), ("BAJA", {"stop": 1}), ("please stop", {"stop": 1})]
)
def test_words_twilio_does_not_react_to_are_confirmed_by_us(
    installation: Installation, words: str, planned: dict[str, int]
) -> None:
    """Twilio matches one exact English word; whoever said it otherwise still gets the one confirmation, from us."""
    installation.contact(NEW_YORK)
    receive(installation.runtime, inbound(words))
    assert planned_answers(installation) == planned


def test_on_toll_free_only_the_networks_words_are_answered(installation: Installation) -> None:
    """The toll-free network knows STOP, not CANCEL: that one we confirm."""
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address="+18885550100", kind="toll_free")
    installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP", 1, to="+18885550100"))
    assert planned_answers(installation) == {}
    receive(installation.runtime, inbound("CANCEL", 2, to="+18885550100"))
    assert planned_answers(installation) == {"stop": 1}


def short_code(session: Session, installation: Installation) -> int:
    """A standalone short code, where the provider answers nothing."""
    return line(
        session, installation.program_id, country="US", address="25555", kind="short_code", answers_keywords=False
    )


def test_one_confirmation_on_a_short_code_and_none_after_five_minutes(
    installation: Installation, pipeline: Pipeline
) -> None:
    """A short code confirms a STOP once per inbound text, outside hours too, and never later than five minutes."""
    with installation.runtime.db.write() as session:
        short_code(session, installation)
    installation.contact(NEW_YORK)
    installation.clock.move(timedelta(hours=11))
    receive(installation.runtime, inbound("STOP", 1, to="25555"))
    receive(installation.runtime, inbound("STOP", 1, to="25555"))
    assert planned_answers(installation) == {"stop": 1}
    with installation.runtime.db.write() as session:
        answer = session.execute(select(Message).where(col(Message.kind) == "answer")).scalar_one()
        answer.status = "queued"
    pipeline.deliver([answer.id or 0])
    assert [sent.cleared.draft.text for sent in installation.provider.sent] == ["Acme: this is the stop answer."]
    receive(installation.runtime, inbound("STOP", 2, to="25555"))
    installation.clock.move(timedelta(minutes=5, seconds=1))
    with installation.runtime.db.write() as session:
        late = session.execute(select(Message).where(col(Message.reply_id) == 2)).scalar_one()
        late.status = "queued"
    pipeline.deliver([late.id or 0])
    assert len(installation.provider.sent) == 1


def test_help_is_answered_even_after_a_stop(installation: Installation, pipeline: Pipeline) -> None:
    """A person's own later HELP gets its answer."""
    with installation.runtime.db.write() as session:
        short_code(session, installation)
    installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("STOP", 1, to="25555"))
    receive(installation.runtime, inbound("HELP", 2, to="25555"))
    with installation.runtime.db.write() as session:
        answer = session.execute(select(Message).where(col(Message.answers) == "help")).scalar_one()
        answer.status = "queued"
    pipeline.deliver([answer.id or 0])
    assert [sent.cleared.draft.text for sent in installation.provider.sent] == ["Acme: this is the help answer."]


def test_the_link_is_as_good_as_a_stop(installation: Installation) -> None:
    """The opt-out page of a from_number that cannot receive ends marketing and informational texts of the program."""
    number = installation.contact(NEW_YORK)
    waiting = installation.message(number, status="pending")
    stop_on_page(installation.runtime, number, installation.program_id, "/o/", "token")
    assert state(installation, number) == "out"
    assert installation.status(waiting) == "blocked"


def test_nothing_of_a_reply_is_stored_in_the_open(installation: Installation) -> None:
    """Neither the words nor the number of a reply can be read in its row."""
    receive(installation.runtime, inbound("Please stop, says Zebediah"))
    with installation.runtime.db.read() as session:
        row = repr(session.execute(select(Reply)).scalar_one().model_dump())
    assert "Zebediah" not in row
    assert "5550123" not in row


def test_a_stop_beats_every_gate_that_opens_after_it(installation: Installation) -> None:
    """STOPs race gates for the same numbers: no attempt is ever gated after the STOP of its number returned."""
    numbers = {f"+1212555{n:04}": installation.contact(f"+1212555{n:04}") for n in range(100, 160)}
    messages = [installation.message(number) for number in numbers.values()]
    done: list[int] = []

    def stop_all() -> None:
        for index, number in enumerate(numbers):
            receive(installation.runtime, inbound("STOP", index + 1, from_=number))
            done.append(index)

    stopping = threading.Thread(target=stop_all)
    stopping.start()
    opened = []
    for start in range(0, len(messages), 6):
        opened += open_gate(installation.runtime, messages[start : start + 6])
    stopping.join()
    later = open_gate(installation.runtime, messages)
    assert later == []
    assert len(done) == len(numbers)
    with installation.runtime.db.read() as session:
        events = {
            row[0]: row[1]
            for row in session.execute(
                select(col(ConsentEvent.number_id), func.max(col(ConsentEvent.id))).group_by(
                    col(ConsentEvent.number_id)
                )
            )
        }
        facts = session.execute(select(col(Attempt.number_id), col(Attempt.facts))).all()
    assert len(facts) == len(opened)
    assert all(found["consent_event"] < events[number] for number, found in facts)


def test_facts_of_an_answer_know_how_old_the_question_is(installation: Installation) -> None:
    """The chain is told the age of the inbound text that an answer replies to."""
    number = installation.contact(NEW_YORK)
    receive(installation.runtime, inbound("HELP"))
    installation.clock.move(timedelta(minutes=3))
    asked = Asked(1, number, installation.program_id, Purpose.INFORMATIONAL, reply_id=1)
    with installation.runtime.db.read() as session:
        known = FactsLoader(installation.runtime.keys, "http://x").load(
            session, [asked], installation.clock.now(), timedelta()
        )
    assert known[1].facts.answered_within == timedelta(minutes=3)
