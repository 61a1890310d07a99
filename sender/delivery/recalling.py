"""Takes back what lies at the provider for somebody who has said stop: texts it has accepted and not sent yet.

We schedule nothing there ourselves, but an account's own quiet hours (Twilio's compliance toolkit) hold a text
back until the morning, and Twilio knows nothing of a stop in words other than its own. Every door is served.
Source: Twilio, "Message Scheduling": a scheduled message is called off by an update to status "canceled".
"""

from collections.abc import Iterator
from typing import NamedTuple

import structlog
from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from guards.base import Kind
from sender.audience.opt_outs import STOPPED, STOPPED_BY_ALL
from sender.delivery.wire import Wire
from sender.models import Attempt, ConsentEvent, Message, Receipt
from sender.providers.base import Rejected, SendError
from sender.runtime import Runtime
from sender.states import Status

log = structlog.get_logger()
SLICE = 100
LOOKS_BACK = 1000
"""So many events of the ledger are looked at again when a scheduler begins; asking twice does no harm."""
ON_ITS_WAY = ("sending", "sent")


class Stop(NamedTuple):
    """One opt-out of the ledger; without a program it ends everything."""

    id: int
    number_id: int
    program_id: int | None


class Recaller:
    """Walks along the ledger, from opt-out to opt-out; each is looked at once in the life of a scheduler."""

    def __init__(self, runtime: Runtime, wire: Wire) -> None:
        self._runtime = runtime
        self._wire = wire
        self._seen: int | None = None

    def step(self) -> int:
        """Take back what waits for up to 100 people; returns how many texts that were.

        Where the provider cannot be asked, or the answer is lost, it is asked again at the next step.
        """
        with self._runtime.db.read() as session:
            stops = _stops(session, self._begin(session))
            waiting = {stop.id: list(_at_provider(session, stop)) for stop in stops}
        taken = 0
        for stop_id, sids in waiting.items():
            try:
                taken += sum(self._take_back(sid) for sid in sids)
            except SendError as error:
                log.warning("the provider could not be asked to take a text back", why=error.sentence)
                break
            self._seen = stop_id
        return taken

    def _begin(self, session: Session) -> int:
        if self._seen is None:
            newest = session.execute(select(func.max(col(ConsentEvent.id)))).scalar() or 0
            self._seen = newest - LOOKS_BACK
        return self._seen

    def _take_back(self, sid: str) -> bool:
        try:
            return self._wire.ask(self._runtime.provider.cancel(sid))
        except Rejected as error:
            log.warning("a text to somebody who said stop could not be taken back", sid=sid, why=error.sentence)
            return False


def _stops(session: Session, after: int) -> list[Stop]:
    columns = [getattr(ConsentEvent, name) for name in Stop._fields]
    wanted = select(*columns).where(col(ConsentEvent.id) > after, col(ConsentEvent.kind) == "opt_out")
    return [Stop(*row) for row in session.execute(wanted.order_by(col(ConsentEvent.id)).limit(SLICE))]


def _at_provider(session: Session, stop: Stop) -> Iterator[str]:
    """The provider's ids of texts within the opt-out's scope that it has accepted, and as far as we know not sent."""
    gone = exists().where(col(Receipt.sid) == col(Attempt.sid), col(Receipt.status).in_(ON_ITS_WAY))
    wanted = (
        select(col(Attempt.sid))
        .join(Message, col(Message.id) == col(Attempt.message_id))
        .where(
            col(Message.number_id) == stop.number_id,
            col(Message.status) == Status.SENT.value,
            col(Message.kind) != Kind.ANSWER.value,
            col(Message.purpose).in_(STOPPED if stop.program_id else STOPPED_BY_ALL),
            col(Attempt.sid).is_not(None),
            ~gone,
        )
    )
    if stop.program_id is not None:
        wanted = wanted.where(col(Message.program_id) == stop.program_id)
    return (sid for sid in session.execute(wanted).scalars() if sid)
