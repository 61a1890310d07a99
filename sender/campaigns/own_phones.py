"""The phones of people who work here: registered, proven by a code, and the only ones that test texts go to.

The code passes the same gate as every text. Where its program needs consent, registering gives one that lapses with the
code: the owner has seen the program's words. Entering the code makes it last. Nobody who said stop is revived by it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from guards.base import Kind, Purpose, Standing
from guards.purposes import TERMS, stricter
from sender.audience.ledger import Act, load_standings, record, standing
from sender.audience.numbers import SealedNumber, erased_among, find_or_make
from sender.audience.phone import PhoneError, mask, parse
from sender.campaigns.moves import ControlError
from sender.campaigns.single import Single, keep
from sender.crypto import Keyring
from sender.locks import lock_numbers
from sender.models import Audit, Message, Number, OwnPhone, Program, Wording
from sender.runtime import Runtime

GOOD_FOR = timedelta(minutes=15)
MOST_TRIES = 5
MOST_CODES = 5
"""Codes and test texts to one number in 24 hours, so that nobody can be pestered by being registered."""
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Phone:
    """One registered phone as its owner sees it; the number is masked."""

    id: int
    program_id: int
    number: str
    label: str
    verified_at: datetime | None


def register(runtime: Runtime, number: str, program: str, owner: str, label: str = "") -> int:
    """Register a phone of one's own for a program and text it a code; returns its id. ControlError says what to mend.

    Registering again sends another code.
    """
    try:
        phone = parse(number, None)
    except PhoneError as error:
        raise ControlError(error.sentence) from error
    now, code = runtime.clock.now(), f"{secrets.randbelow(10**6):06}"
    with runtime.db.write() as session:
        row = session.execute(select(Program).where(col(Program.slug) == program)).scalar()
        if row is None:
            raise ControlError(f"There is no program {program!r}; `tactful program list` shows them.")
        number_id = find_or_make(session, runtime.keys, [phone], now)[phone.e164]
        lock_numbers(session, [number_id])
        _refuse_too_many(session, number_id, now)
        if erased_among(session, [number_id]):
            raise ControlError("Whoever has this number had their data erased; they come back by texting START.")
        mine = _found_or_made(session, owner, number_id, row.id or 0, label, now)
        _consent(session, mine, row, now, lapses_at=now + GOOD_FOR)
        words = f"{code} is your code for test texts; it is good for 15 minutes."
        keep(runtime, session, Single(row.id or 0, number_id, phone.region, words, _least(row), now + GOOD_FOR))
        mine.code_hash, mine.code_at, mine.tries = _hashes(runtime.keys, mine, code)[0], now, 0
        session.add(mine)
        _audit(session, now, owner, "own_phone.register", mine)
        return mine.id or 0


def confirm(runtime: Runtime, phone_id: int, code: str, owner: str) -> None:
    """Prove a phone by the code it got; five tries, 15 minutes. ControlError says what is wrong."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        phone = _mine(session, phone_id, owner)
        if phone.code_at is None or now >= phone.code_at + GOOD_FOR or phone.tries >= MOST_TRIES:
            raise ControlError("This code is no longer good; register the phone again for another one.")
        right = any(compare_digest(phone.code_hash, known) for known in _hashes(runtime.keys, phone, code.strip()))
        if right:
            lock_numbers(session, [phone.number_id])
            program = session.get_one(Program, phone.program_id)
            _consent(session, phone, program, now, lapses_at=None)
            phone.verified_at, phone.code_at = now, None
            _audit(session, now, owner, "own_phone.verify", phone)
        else:
            phone.tries += 1
        session.add(phone)
    if not right:
        raise ControlError("This is not the code that was texted; look again.")


def forget(runtime: Runtime, phone_id: int, owner: str) -> None:
    """No test text goes to this phone any more, until it is registered and proven again."""
    with runtime.db.write() as session:
        phone = _mine(session, phone_id, owner)
        session.execute(update(OwnPhone).where(col(OwnPhone.id) == phone.id).values(verified_at=None, code_at=None))
        _audit(session, runtime.clock.now(), owner, "own_phone.forget", phone)


def phones(session: Session, keys: Keyring, owner: str, program_id: int | None = None) -> list[Phone]:
    """The phones of one person, for one program or all, oldest first."""
    statement = (
        select(OwnPhone, col(Number.cipher), col(Number.data_key))
        .join(Number, col(Number.id) == col(OwnPhone.number_id))
        .where(col(OwnPhone.owner) == owner)
        .order_by(col(OwnPhone.id))
    )
    if program_id is not None:
        statement = statement.where(col(OwnPhone.program_id) == program_id)
    return [
        Phone(row.id or 0, row.program_id, mask(SealedNumber(cipher, key).open(keys)), row.label, row.verified_at)
        for row, cipher, key in session.execute(statement)
    ]


def proven(session: Session, phone_id: int, owner: str, program_id: int) -> OwnPhone:
    """A phone that test texts of this program may go to; ControlError where it is not the owner's or not proven."""
    phone = _mine(session, phone_id, owner)
    if phone.program_id != program_id:
        raise ControlError("This phone is registered for another program; register it for this one too.")
    if phone.verified_at is None:
        raise ControlError("This phone is not proven yet; enter the code that was texted to it.")
    return phone


def _mine(session: Session, phone_id: int, owner: str) -> OwnPhone:
    found: OwnPhone | None = session.get(OwnPhone, phone_id, populate_existing=True)
    if found is None or found.owner != owner:
        raise ControlError("You have no such phone; register it first.")
    return found


def _found_or_made(
    session: Session, owner: str, number_id: int, program_id: int, label: str, now: datetime
) -> OwnPhone:
    same = (col(OwnPhone.owner) == owner, col(OwnPhone.number_id) == number_id, col(OwnPhone.program_id) == program_id)
    found: OwnPhone | None = session.execute(select(OwnPhone).where(*same)).scalar()
    if found is None:
        found = OwnPhone(owner=owner, number_id=number_id, program_id=program_id, created_at=now)
    found.label = label or found.label
    session.add(found)
    session.flush()
    return found


def _refuse_too_many(session: Session, number_id: int, now: datetime) -> None:
    lately = (col(Message.number_id) == number_id, col(Message.created_at) > now - _DAY)
    tests = select(func.count()).select_from(Message).where(*lately, col(Message.kind) == Kind.TEST.value)
    if session.execute(tests).scalar_one() >= MOST_CODES:
        raise ControlError("This phone got several codes and test texts today; wait until tomorrow.")


def _consent(session: Session, phone: OwnPhone, program: Program, now: datetime, lapses_at: datetime | None) -> None:
    """The owner's own yes to the strictest purpose of this program, where that needs one and none stands."""
    purpose = max((Purpose(name) for name in program.purposes), key=list(Purpose).index)
    if not TERMS[purpose].consent:
        return
    stands = _standing(session, phone, purpose)
    if stands.state in ("out", "held"):
        raise ControlError("This number said stop to the program; text START from it first.")
    if stands.state == "in" and stands.lapses_at is None:
        return
    wording = select(col(Wording.text)).where(col(Wording.program_id) == program.id, col(Wording.kind) == "opt_in")
    shown = session.execute(wording.order_by(col(Wording.version).desc()).limit(1)).scalar() or ""
    evidence = {"own_phone": phone.id, "code": "confirmed" if lapses_at is None else "sent"}
    act = Act(
        phone.number_id, program.id, "opt_in", purpose, now, "operator", None, "express_written", shown,
        phone.owner, lapses_at, evidence,
    )  # fmt: skip
    record(session, [act], now)


def _standing(session: Session, phone: OwnPhone, purpose: Purpose) -> Standing:
    rows = load_standings(session, [phone.number_id]).get(phone.number_id, [])
    return standing(rows, phone.program_id, purpose)


def _least(program: Program) -> Purpose:
    """The laxest purpose the program sends: what the chain holds a code of it to."""
    least = next((purpose for purpose in Purpose if purpose in program.purposes), Purpose.MARKETING)
    return stricter(Purpose.CODE, least)


def _hashes(keys: Keyring, phone: OwnPhone, code: str) -> list[str]:
    return keys.signatures("own phone", f"{phone.id} {code}")


def _audit(session: Session, now: datetime, actor: str, action: str, phone: OwnPhone) -> None:
    session.add(Audit(at=now, actor=actor, action=action, subject=f"own phone {phone.id}", detail={}))
