"""A copy is older than some erasures: before it may send, everybody on the list beside the keys is erased in it again.

Somebody who came back by a text of their own after their erasure, and is so in the copy, stays.
"""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from sender.audience import erased_list
from sender.audience.erased_list import ListError
from sender.audience.erasing import EraseError, erase, erased_at
from sender.models import Number
from sender.runtime import Runtime

CHUNK = 500
WHY = "erased before this copy was put back"


def erase_again(runtime: Runtime, actor: str) -> int:
    """Erase whom the copy still knows; returns how many. ListError where that cannot be done, or not for all."""
    listed = erased_list.read(runtime.settings.home)
    with runtime.db.read() as session:
        back = _known_again(session, listed)
    refused = 0
    for number_id in back:
        try:
            erase(runtime, number_id, actor, WHY)
        except EraseError:
            refused += 1
    if refused:
        raise ListError(
            f"{refused:,} people who were erased since are on legal hold in this copy; "
            "`tactful retention release` them, then release again."
        )
    return len(back)


def _known_again(session: Session, listed: dict[bytes, datetime]) -> list[int]:
    found, keys = [], sorted(listed)
    for start in range(0, len(keys), CHUNK):
        some = col(Number.key).in_(keys[start : start + CHUNK])
        for number_id, key, data_key in session.execute(
            select(col(Number.id), col(Number.key), col(Number.data_key)).where(some)
        ):
            known = erased_at(session, number_id or 0)
            if data_key and (known is None or known < listed[key]):
                found.append(number_id or 0)
    return found
