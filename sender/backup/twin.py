"""Knows a second copy of this installation that runs beside it, by asking who stands at the public address.

A clone of a whole machine has the same disk, keys and identity as the first: nothing on it tells them apart. But only
one of them is at the public address. So a receipt of a text that never was is posted there, and whoever does not find
it in their own database a moment later is not the one that people's replies reach, and must not send.
"""

import secrets

from sqlalchemy import delete
from sqlmodel import col

from sender.models import Receipt
from sender.own_address import post_signed
from sender.runtime import Runtime

PATH = "/hooks/twilio/status/self.self"
SECONDS = 5.0
STORED = 204
WHY = (
    "another copy of this installation answers at the public address: stop one of the two, "
    "and release the one that people's replies reach"
)


def is_elsewhere(runtime: Runtime) -> bool:
    """Whether the public address is answered from another database than ours; False where nobody can tell.

    Nobody can where no public address is set, or it cannot be reached from here.
    """
    settings, sid = runtime.settings, f"SM{secrets.token_hex(16)}"
    if not (settings.public_url or settings.hooks_url):
        return False
    try:
        stored = post_signed(settings, PATH, {"MessageSid": sid, "MessageStatus": "sent"}, SECONDS) == STORED
    except (OSError, ValueError):
        return False
    if not stored:
        return False
    with runtime.db.write() as session:
        mine = session.execute(delete(Receipt).where(col(Receipt.sid) == sid).returning(col(Receipt.id)))
        return mine.first() is None
