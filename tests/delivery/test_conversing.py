"""Replies that are no STOP: the inbox, answers within their window, keywords, double opt-in, and the late notice."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.ledger import load_standings, standing
from sender.campaigns.programs import ProgramError
from sender.campaigns.wordings import add_wording
from sender.delivery import inbox, prepared
from sender.delivery.asking import AskingError, OptInIn, ask_to_confirm
from sender.delivery.inbox import InboxError
from sender.delivery.pipeline import Pipeline
from sender.delivery.prepared import PreparedError, Replying, set_replying
from sender.delivery.replies import InboundText, receive
from sender.models import ConsentEvent, Message, OptInRequest
from tests.installation import WORDING, Installation, line

NEW_YORK = "+12125550123"
SHORT_CODE = "25555"
ANA = "ana@example.org"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: the statements are plain ones, and STOPs run on both in test_replies.py."""
    return sqlite_url


@pytest.fixture(autouse=True)
def short_code(installation: Installation) -> None:
    """A short code, where the provider answers nothing by itself."""
    with installation.runtime.db.write() as session:
        line(session, installation.program_id, country="US", address=SHORT_CODE, kind="short_code")


def say(installation: Installation, body: str, number: int, **more: object) -> None:
    """A text from New York to the short code, a minute after the one before."""
    installation.clock.move(timedelta(minutes=1))
    receive(installation.runtime, InboundText(f"SM{number:032x}", NEW_YORK, SHORT_CODE, body, **more))  # type: ignore[arg-type]


def answers(installation: Installation) -> Counter[str | None]:
    """The answers that were planned, by what they answer."""
    with installation.runtime.db.read() as session:
        kinds = session.execute(select(col(Message.answers)).where(col(Message.kind) == "answer")).scalars()
        return Counter((one or "").partition(":")[0] for one in kinds)


def send_all(installation: Installation, pipeline: Pipeline) -> list[str]:
    """Send what is planned; the texts that left, in order."""
    with installation.runtime.db.write() as session:
        rows = list(session.execute(select(Message).where(col(Message.status) == "pending")).scalars())
        for row in rows:
            row.status = "queued"
    for row in rows:
        pipeline.deliver([row.id or 0])
    return [sent.cleared.draft.text for sent in installation.provider.sent]


def unread(installation: Installation) -> tuple[int, int]:
    """Unread replies and replies in review."""
    with installation.runtime.db.read() as session:
        return inbox.unread(session, None)


def talk(installation: Installation, number: int) -> inbox.Thread:
    """The conversation with a number."""
    with installation.runtime.db.read() as session:
        found = inbox.thread(installation.runtime, session, number)
    assert found
    return found


def consent(installation: Installation, number: int) -> tuple[str, str]:
    """State and level of the number's standing."""
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number]).get(number, [])
    found = standing(rows, installation.program_id, Purpose.MARKETING)
    return found.state, found.level


def test_a_question_is_unread_until_somebody_answers(installation: Installation, pipeline: Pipeline) -> None:
    """It stands in the inbox; the answer leaves through the gate, once however often the button is pressed."""
    number = installation.contact(NEW_YORK)
    say(installation, "What are your opening hours?", 1)
    assert unread(installation) == (1, 0)
    for _ in range(2):
        inbox.answer(installation.runtime, number, "From 9 to 5.", "press-1", ANA)
    assert send_all(installation, pipeline) == ["From 9 to 5."]
    found = talk(installation, number)
    assert [(one.ours, one.text) for one in found.said] == [
        (False, "What are your opening hours?"),
        (True, "From 9 to 5."),
    ]
    assert (found.unread, found.assigned_to) == (0, ANA)


def test_an_answer_comes_in_its_window_or_not_at_all(installation: Installation, pipeline: Pipeline) -> None:
    """One second after the program's hours are over the page says why, and the gate says the same."""
    set_replying(installation.runtime, installation.program_id, Replying(reply_hours=2), ANA)
    number = installation.contact(NEW_YORK)
    say(installation, "Do you ship to Canada?", 1)
    inbox.answer(installation.runtime, number, "We do.", "one", ANA)
    installation.clock.move(timedelta(hours=2, seconds=1))
    assert send_all(installation, pipeline) == []
    with pytest.raises(InboxError, match="time in which"):
        inbox.answer(installation.runtime, number, "We do.", "two", ANA)


def test_nobody_answers_who_said_stop_or_may_have(installation: Installation) -> None:
    """After a STOP, and while an unsure reply waits, the answer is refused in a sentence and nothing is planned."""
    number = installation.contact(NEW_YORK)
    say(installation, "Do you ship to Canada?", 1)
    say(installation, "not interested", 2)
    with pytest.raises(InboxError, match="waits for a person"):
        inbox.answer(installation.runtime, number, "Oh.", "one", ANA)
    say(installation, "STOP", 3)
    with pytest.raises(InboxError, match="said stop"):
        inbox.answer(installation.runtime, number, "Oh.", "two", ANA)
    assert talk(installation, number).closed
    assert answers(installation) == {"stop": 1}


def test_conversations_are_given_and_listed(installation: Installation) -> None:
    """Views show what is unread, mine and nobody's."""
    number = installation.contact(NEW_YORK)
    say(installation, "Hello?", 1)
    runtime = installation.runtime

    def seen(view: str) -> int:
        with runtime.db.read() as session:
            return len(inbox.talks(runtime, session, None, view, ANA))

    assert [seen(view) for view in inbox.VIEWS] == [1, 0, 1, 1]
    inbox.assign(runtime, number, ANA, ANA)
    inbox.mark_read(runtime, number)
    assert [seen(view) for view in inbox.VIEWS] == [0, 1, 0, 1]
    with runtime.db.read() as session:
        assert inbox.talks(runtime, session, {999}, "all", ANA) == []


def test_a_keyword_is_answered_at_once_and_two_machines_come_to_rest(installation: Installation) -> None:
    """The words go once; the same keyword a minute later is not answered again."""
    installation.contact(NEW_YORK)
    prepared.keep(installation.runtime, installation.program_id, "auto", "Hours", "We are open 9 to 5.", ANA)
    for number in range(1, 6):
        say(installation, "hours!", number)
    assert answers(installation) == {"auto": 1}
    assert unread(installation) == (0, 0)


@pytest.mark.parametrize("word", ["STOP", "start", "help", "yes", "baja", "keep", " "])
def test_a_keyword_may_not_shadow_a_word_everybody_knows(installation: Installation, word: str) -> None:
    """Nobody can put an automatic answer in front of a STOP."""
    with pytest.raises(PreparedError):
        prepared.keep(installation.runtime, installation.program_id, "auto", word, "Ha.", ANA)


def test_out_of_hours_people_are_told_once(installation: Installation) -> None:
    """With words for it and a desk that is closed, the first reply is told so; when it is open nobody is."""
    installation.contact(NEW_YORK)
    add_wording(installation.runtime, "acme", "away", "Acme: we answer on weekdays from 9 to 5.", ANA)
    desk = {"zone": "America/New_York", "hours": [[day, 540, 1020] for day in range(5)]}
    set_replying(installation.runtime, installation.program_id, Replying(desk=desk), ANA)
    say(installation, "Hello?", 1)
    assert answers(installation) == {}
    installation.clock.move(timedelta(hours=8))
    say(installation, "Hello?", 2)
    say(installation, "Anybody?", 3)
    assert answers(installation) == {"away": 1}


@pytest.mark.parametrize(
    "wanted", [Replying(review_hours=241), Replying(reply_hours=0), Replying(desk={"zone": "Mars", "hours": []})]
)
def test_settings_that_make_no_sense_are_named(installation: Installation, wanted: Replying) -> None:
    """Beyond ten business days, no time at all, no such place."""
    with pytest.raises(PreparedError):
        set_replying(installation.runtime, installation.program_id, wanted, ANA)


def test_a_keyword_asks_back_and_the_yes_is_consent(installation: Installation, pipeline: Pipeline) -> None:
    """JOIN alone is nothing; the question has the five parts; a yes in time is consent with all of it as evidence."""
    number = installation.contact(NEW_YORK, consent=False)
    prepared.keep(installation.runtime, installation.program_id, "join", "JOIN", "", ANA)
    say(installation, "Join", 1)
    assert consent(installation, number) == ("none", "none")
    (asked,) = send_all(installation, pipeline)
    for part in ("Acme", "recurring", "rates", "help@acme.example", "STOP", "YES"):
        assert part in asked
    say(installation, "Yes please!", 2)
    assert consent(installation, number) == ("in", "express_written")
    with installation.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).where(col(ConsentEvent.kind) == "opt_in")).scalar_one()
    assert event.evidence["asked_with"] == asked
    assert event.evidence["confirmed_by"] == f"SM{2:032x}"
    assert event.wording
    assert answers(installation) == {"confirm": 1, "start": 1}


def test_a_yes_too_late_or_without_a_question_is_no_consent(installation: Installation) -> None:
    """Outside the window, after a STOP, or twice, a yes is an ordinary reply."""
    number = installation.contact(NEW_YORK, consent=False)
    prepared.keep(installation.runtime, installation.program_id, "join", "JOIN", "", ANA)
    say(installation, "yes", 1)
    say(installation, "JOIN", 2)
    installation.clock.move(timedelta(hours=24))
    say(installation, "yes", 3)
    say(installation, "JOIN", 4)
    say(installation, "STOP", 5)
    say(installation, "yes", 6)
    assert consent(installation, number)[0] == "out"
    with installation.runtime.db.read() as session:
        states = session.execute(select(col(OptInRequest.state)).order_by(col(OptInRequest.id))).scalars().all()
        ins = select(ConsentEvent).where(col(ConsentEvent.kind) == "opt_in")
        assert session.execute(ins).all() == []
    assert states == ["replaced", "withdrawn"]


def test_join_does_not_undo_a_stop(installation: Installation) -> None:
    """Whoever said stop is not even asked: only START brings them back."""
    number = installation.contact(NEW_YORK)
    prepared.keep(installation.runtime, installation.program_id, "join", "JOIN", "", ANA)
    say(installation, "STOP", 1)
    say(installation, "JOIN", 2)
    say(installation, "yes", 3)
    assert consent(installation, number)[0] == "out"
    assert answers(installation) == {"stop": 1}
    with pytest.raises(AskingError, match="START"):
        ask_to_confirm(installation.runtime, OptInIn(NEW_YORK, "acme", WORDING, "form-1"))


def test_a_form_is_asked_back_by_text(installation: Installation, pipeline: Pipeline) -> None:
    """The same sign-up twice asks once; the yes is express written consent to the words of the form."""
    number = installation.contact(NEW_YORK, consent=False)
    shown = "I agree to get offers. Consent is no condition of purchase."
    wanted = OptInIn(NEW_YORK, "acme", shown, "form-1", evidence={"page": "https://acme.example/club"})
    assert ask_to_confirm(installation.runtime, wanted)
    assert not ask_to_confirm(installation.runtime, wanted)
    assert len(send_all(installation, pipeline)) == 1
    say(installation, "YES", 1)
    assert consent(installation, number) == ("in", "express_written")
    with installation.runtime.db.read() as session:
        event = session.execute(select(ConsentEvent).where(col(ConsentEvent.kind) == "opt_in")).scalar_one()
    assert (event.source, event.wording, event.evidence["page"]) == ("form", shown, "https://acme.example/club")


def test_the_question_of_an_opt_in_must_say_what_ctia_wants(installation: Installation) -> None:
    """A wording without contact, rates or the way out is refused, and what is missing is named."""
    with pytest.raises(ProgramError, match="rates"):
        add_wording(installation.runtime, "acme", "confirm", "Acme: reply YES. help@acme.example STOP", ANA)


def test_a_clarification_keeps_updates_only_for_those_who_answer(installation: Installation) -> None:
    """The confirmation asks; silence is a stop of everything; KEEP within a day keeps informational texts alone."""
    number = installation.contact(NEW_YORK)
    add_wording(installation.runtime, "acme", "clarify", "Acme: no more texts. To keep order updates, reply KEEP.", ANA)
    say(installation, "STOP", 1)
    assert consent(installation, number)[0] == "out"
    say(installation, "Keep", 2)
    with installation.runtime.db.read() as session:
        rows = load_standings(session, [number])[number]
    assert standing(rows, installation.program_id, Purpose.INFORMATIONAL).state == "in"
    assert standing(rows, installation.program_id, Purpose.MARKETING).state == "out"
    with installation.runtime.db.read() as session:
        (stop,) = session.execute(select(Message).where(col(Message.answers) == "stop")).scalars()
    assert stop is not None


def test_no_answer_where_advanced_opt_out_has_answered(installation: Installation) -> None:
    """A service's own word (OptOutType) is confirmed by the provider, on any kind of number."""
    installation.contact(NEW_YORK)
    say(installation, "ALTO", 1, opt_out_type="STOP")
    say(installation, "AYUDA", 2, opt_out_type="HELP")
    assert answers(installation) == {}


@pytest.mark.parametrize("body", ["", "   ", "x" * 1600, "\u200f\u202eشكرا", "\x00\ud800", "🛑" * 800])
def test_whatever_is_written_is_kept(installation: Installation, body: str) -> None:
    """Empty, long, right to left, a null, half a character, pictures alone: the reply is there and can be read."""
    number = installation.contact(NEW_YORK)
    say(installation, body, 1, num_media=1)
    found = talk(installation, number)
    assert found.said[0].text == body.encode("utf-8", "replace").decode()
    assert found.said[0].note == "with 1 picture or file"


@pytest.mark.parametrize("sender", ["25556", "INFO", "+1999", "+99912345678", "whatsapp:+12125550123"])
def test_a_sender_of_a_strange_shape_is_not_lost(installation: Installation, sender: str) -> None:
    """A STOP from a short code, a name or a range nobody knows is kept and counts, and is not answered."""
    assert receive(installation.runtime, InboundText("SM" + "a" * 32, sender, SHORT_CODE, "STOP"))
    with installation.runtime.db.read() as session:
        assert session.execute(select(col(ConsentEvent.kind))).scalars().all() == ["opt_out"]
    assert answers(installation) == {}


@pytest.mark.parametrize("sender", ["+1 (212) 555-0123", "+1-212-555-0123", "\uff0b12125550123", "rcs:+12125550123"])
def test_other_spellings_are_the_same_person(installation: Installation, sender: str) -> None:
    """Blanks, brackets, wide digits and RCS make no other number."""
    number = installation.contact(NEW_YORK)
    assert receive(installation.runtime, InboundText("SM" + "b" * 32, sender, SHORT_CODE, "STOP"))
    assert consent(installation, number)[0] == "out"
