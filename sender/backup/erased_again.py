"""A copy is older than some erasures: before it may send, everybody on the list beside the keys is erased in it again.

Whom the copy never knew gets a row with a stop and nothing else, so that no later import brings them in. Somebody who
came back by a text of their own after their erasure, and is so in the copy, stays.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from guards.base import Purpose
from sender.audience import erased_list
from sender.audience.erased_list import ListError, People
from sender.audience.erasing import EraseError, erase, erased_at
from sender.audience.ledger import Act, record
from sender.db import insert_new, upsert
from sender.models import Erasure, Number
from sender.runtime import Runtime

CHUNK = 500
WHY = "erased before this copy was put back"


def erase_again(runtime: Runtime, actor: str) -> int:
    """Erase whom the copy still knows; returns how many. ListError where that cannot be done, or not for all."""
    listed = erased_list.read(runtime.settings.home)
    with runtime.db.read() as session:
        known = _known(session, listed)
        back = [
            number_id
            for key, (number_id, lives) in known.items()
            if lives and _again(session, number_id, listed[key].at)
        ]
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
    _keep_out(runtime, _never_met(listed, known), actor)
    return len(back)


def _known(session: Session, listed: Mapping[bytes, object]) -> dict[bytes, tuple[int, bool]]:
    """Rows of the copy by key: their id, and whether the number can still be read."""
    found: dict[bytes, tuple[int, bool]] = {}
    keys, columns = sorted(listed), (col(Number.id), col(Number.key), col(Number.data_key))
    for start in range(0, len(keys), CHUNK):
        some = select(*columns).where(col(Number.key).in_(keys[start : start + CHUNK]))
        found |= {key: (number_id or 0, bool(data_key)) for number_id, key, data_key in session.execute(some)}
    return found


def _again(session: Session, number_id: int, asked_at: datetime) -> bool:
    before = erased_at(session, number_id)
    return before is None or before < asked_at


def _never_met(listed: People, known: Mapping[bytes, object]) -> dict[bytes, datetime]:
    """One key, the one that was listed first, for each person of whom the copy has no row under any of their keys."""
    met = {listed[key].person for key in known}
    one_key: dict[bytes, bytes] = {}
    for key, one in listed.items():
        if one.person not in met:
            one_key.setdefault(one.person, key)
    return {key: listed[key].at for key in one_key.values()}


def _keep_out(runtime: Runtime, never_met: Mapping[bytes, datetime], actor: str) -> None:
    now, blank = runtime.clock.now(), {"cipher": b"", "data_key": b"", "line_type": "unknown", "state": "ok"}
    more = {"key_version": runtime.keys.version, "country": None, "area_code": None, "state_reason": ""}
    with runtime.db.write() as session:
        insert_new(session, Number, [{"key": key, **blank, **more, "created_at": now} for key in never_met])
        ids = {number_id: never_met[key] for key, (number_id, _) in _known(session, never_met).items()}
        gone = {"asked_by": actor, "why": WHY, "done_at": now, "counts": {}}
        upsert(session, Erasure, [{"number_id": one, "asked_at": at, **gone} for one, at in ids.items()], ["number_id"])
        evidence = {"erased": True}
        record(
            session,
            [
                Act(one, None, "opt_out", Purpose.MARKETING, at, "operator", evidence=evidence)
                for one, at in ids.items()
            ],
            now,
        )
