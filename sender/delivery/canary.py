"""A STOP of our own, every hour, signed and sent to the very address Twilio posts to: does it block, and in time?

The test number is fictional (NPA-555-0100 to 0199), so nobody is meant by it. Whatever stands between Twilio and the
database (proxy, certificate, signature, route, transaction) is asked with it.
"""

import secrets
from datetime import timedelta
from typing import NamedTuple
from urllib.error import URLError

import structlog
from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience.checks import check
from sender.audience.ledger import load_standings
from sender.audience.numbers import find
from sender.models import Canary, ConsentEvent, FromNumber, Installation, Program
from sender.own_address import post_signed
from sender.runtime import Runtime
from sender.watching import notices

log = structlog.get_logger()
PATH = "/hooks/twilio/inbound"
NOTICE = "canary"
SENTENCE = (
    "The last test STOP was not heard: {why}. People's may be lost: does the hooks process run, and does `tactful "
    "golive` reach it? `tactful halt` until it does."
)
IN_TIME = 5.0
"""Seconds within which the hook must have answered."""
OK = 200


class Target(NamedTuple):
    """The from_number whose route is tried, and its program."""

    address: str
    kind: str
    program: str
    program_id: int


def is_due(runtime: Runtime) -> bool:
    """Whether the last canary, or the installation itself, is older than the setting says; never where it is 0."""
    every = runtime.settings.canary_minutes
    if not every or runtime.settings.twilio_auth_token is None:
        return False
    with runtime.db.read() as session:
        founded = session.execute(select(col(Installation.created_at))).scalar()
        newest = session.execute(select(col(Canary.started_at)).order_by(col(Canary.id).desc()).limit(1)).scalar()
    since = newest or founded
    return since is not None and runtime.clock.real() - since >= timedelta(minutes=every)


def fly_if_due(runtime: Runtime) -> int:
    """The scheduler's step: one canary where one is due; where they are switched off, none is left to tell of."""
    if not runtime.settings.canary_minutes:
        _forget(runtime)
        return 0
    return int(is_due(runtime) and fly(runtime) is not None)


def _forget(runtime: Runtime) -> None:
    with runtime.db.read() as session:
        stands = any(one.key == NOTICE for one in notices.standing(session))
    if stands:
        with runtime.db.write() as session:
            notices.end(session, NOTICE, runtime.clock.real())


def fly(runtime: Runtime) -> Canary | None:
    """Send one STOP through the real route and say what came of it; None where no from_number can receive."""
    with runtime.db.read() as session:
        target = _target(session)
    if target is None:
        return None
    sid, started, began = f"SM{secrets.token_hex(16)}", runtime.clock.real(), runtime.clock.elapsed()
    why = _post(runtime, target, sid)
    seconds = runtime.clock.elapsed() - began
    why = why or (f"the hook took {seconds:.1f} s to answer" if seconds > IN_TIME else _unblocked(runtime, target, sid))
    with runtime.db.write() as session:
        flown = Canary(sid=sid, started_at=started, seconds=seconds, why=why)
        session.add(flown)
        if why:
            notices.begin(session, NOTICE, "alarm", SENTENCE.format(why=why), started)
        else:
            notices.end(session, NOTICE, started)
    if why:
        log.error("a test STOP was not heard", why=why)
    return flown


def _target(session: Session) -> Target | None:
    columns = col(FromNumber.address), col(FromNumber.kind), col(Program.slug), col(Program.id)
    statement = select(*columns).join(Program, col(Program.id) == col(FromNumber.program_id))
    found = session.execute(
        statement.where(col(FromNumber.can_receive), col(FromNumber.retired_at).is_(None))
        .order_by(col(FromNumber.id))
        .limit(1)
    ).first()
    return Target(*found) if found else None


def _post(runtime: Runtime, target: Target, sid: str) -> str:
    """Post it as Twilio would; returns what went wrong."""
    settings = runtime.settings
    service = {"MessagingServiceSid": target.address} if target.kind == "messaging_service" else {}
    form = {
        "MessageSid": sid,
        "From": settings.canary_number,
        "To": target.address,
        "Body": "STOP",
        "NumMedia": "0",
        **service,
    }
    try:
        status = post_signed(settings, PATH, form, 2 * IN_TIME)
    except URLError as error:
        return f"the hook could not be reached ({error})"
    except OSError as error:
        return f"the hook did not answer ({type(error).__name__})"
    return "" if status == OK else f"the hook answered {status}"


def _unblocked(runtime: Runtime, target: Target, sid: str) -> str:
    """What is missing of the block once the hook has answered; empty where this very STOP stands."""
    number = runtime.settings.canary_number
    with runtime.db.read() as session:
        number_id = find(session, runtime.keys, number)
        heard = select(col(ConsentEvent.id)).where(col(ConsentEvent.source_ref).startswith(f"reply:{sid}:"))
        if number_id is None or session.execute(heard.limit(1)).scalar() is None:
            return "the hook answered, but the ledger has no event of it"
        rows = load_standings(session, [number_id]).get(number_id, [])
        answer = check(runtime, session, number, target.program, Purpose.MARKETING)
    if not any(row.state == "out" for row in rows) or answer.verdict != "block":
        return "the ledger has it, but the chain would still let a text pass"
    return ""
