"""Plans the answer that a reply is due: one of each kind per reply, through the same gate as every other text."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from guards import sizes
from guards.base import Kind, Purpose
from sender.audience import disclosure
from sender.audience.links import PLACEHOLDER, own_page_link
from sender.crypto import seal, text_hash
from sender.db import insert_new
from sender.delivery.lines import Line
from sender.models import Message, Number, Program, Wording
from sender.runtime import Runtime
from sender.states import Status

CONFIRM_WITHIN = timedelta(minutes=5)
AUTOMATIC = ("auto", "away")
AUTOMATIC_EVERY = timedelta(minutes=10)
AUTOMATIC_A_DAY = 5
DAY = timedelta(days=1)


def plan(
    runtime: Runtime,
    session: Session,
    number_id: int,
    line: Line,
    answers: str,
    words: str,
    reply_id: int | None,
    lasts: timedelta = CONFIRM_WITHIN,
) -> None:
    """Plan one answer from the from_number that was texted; a second one of its kind for the reply is passed over."""
    if not words or not line.from_number.can_receive:
        return
    now = runtime.clock.now()
    if PLACEHOLDER in words:
        words = words.replace(PLACEHOLDER, own_page_link(runtime.keys, runtime.settings.address, number_id, now))
    row = {
        "program_id": line.program_id,
        "number_id": number_id,
        "from_number_id": line.from_number.id,
        "kind": Kind.ANSWER.value,
        "purpose": Purpose.INFORMATIONAL.value,
        "status": Status.PENDING.value,
        "reason": "",
        "text_cipher": sealed(runtime, session, number_id, words)[0],
        "text_hash": text_hash(words),
        "parts": sizes.parts(words),
        "send_after": now,
        "expires_at": now + lasts,
        "deferrals": 0,
        "tries": 0,
        "reply_id": reply_id,
        "answers": answers,
        "created_at": now,
        "changed_at": now,
        "touched_at": runtime.clock.real(),
    }
    insert_new(session, Message, [row])


def sealed(runtime: Runtime, session: Session, number_id: int, *words: str) -> list[bytes]:
    """Each of these words under the number's own data key; half a character that came alone is kept as a mark."""
    data_key = session.execute(select(col(Number.data_key)).where(col(Number.id) == number_id)).scalar_one()
    plain = runtime.keys.unwrap(data_key)
    return [seal(plain, one.encode("utf-8", "replace")) for one in words]


def words_of(session: Session, program: Program, kind: str) -> str:
    """The program's newest words of a kind, else plain ones made of its brand and contact where the kind has such."""
    statement = select(col(Wording.text)).where(col(Wording.program_id) == program.id, col(Wording.kind) == kind)
    found = session.execute(statement.order_by(col(Wording.version).desc()).limit(1)).scalar()
    return found or plain_words(program, kind)


def is_quiet(session: Session, number_id: int, now: datetime) -> bool:
    """Whether an automatic answer may go: none within ten minutes, four a day, so that two machines come to rest."""
    statement = select(func.count(), func.max(col(Message.created_at))).where(
        col(Message.number_id) == number_id,
        col(Message.answers).in_(AUTOMATIC),
        col(Message.created_at) > now - DAY,
    )
    count, last = session.execute(statement).one()
    return count < AUTOMATIC_A_DAY and (last is None or _aware(last, now) <= now - AUTOMATIC_EVERY)


def _aware(instant: datetime, like: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=like.tzinfo)


def plain_words(program: Program, kind: str) -> str:
    """Neutral words (47 CFR 64.1200(a)(12)), the help answer of CTIA 5.1, and its five parts of an opt-in (5.1.2.1)."""
    brand, contact = program.brand, program.help_contact
    often = program.frequency.capitalize() or "Msg frequency varies"
    return {
        "stop": f"{brand}: you are opted out and will get no more texts from us.",
        "help": f"{brand}: for help, {contact}. Reply STOP to stop.",
        "confirm": (
            f"{brand}: reply YES to get our recurring automated texts. {often}. Msg & data rates may "
            f"apply. Consent is no condition of purchase. Help: {contact}. Reply STOP to stop."
        ),
        "welcome": disclosure.welcome(program),
    }.get(kind, "")
