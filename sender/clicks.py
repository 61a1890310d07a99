"""Clicks on short links: where they lead, and which of them were people's.

Not counted, though led on all the same: HEAD requests ("head"); browsers that name themselves as programs, or fetch
ahead ("agent"); and whatever comes within three seconds of the hand-over ("early"), for that is how scanners of
carriers and phones behave and no reader does. Neither address nor browser is kept.
"""

import re
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from sender.crypto import unseal
from sender.models import Click, Message, Number, ShortLink
from sender.runtime import Runtime

EARLY = timedelta(seconds=3)
MOST_KEPT = 100
"""So many visits of one link are written down; nobody reads a text more often."""
_PROGRAMS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|facebot|whatsapp|telegram|skypeuri|slack|discord|linkedin"
    r"|embedly|pinterest|vkshare|quora|safe-?browsing|urlscan|virustotal|proofpoint|barracuda|mimecast|headless|lighthouse"
    r"|curl|wget|python|java/|okhttp|go-http|libwww|httpclient|axios|node-fetch|scrapy|dalvik.*messag|google-read",
    re.IGNORECASE,
)


class Visit(NamedTuple):
    """One request for a short link. ``fetches_ahead``: its headers say that nobody asked for it yet."""

    token: str
    method: str
    agent: str
    fetches_ahead: bool


class Gone(Exception):
    """The link is over, or the person's data was erased."""


def follow(runtime: Runtime, visit: Visit) -> str | None:
    """Where the link leads, counted; None where there is no such link, Gone where it leads nowhere any more."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        columns = (ShortLink, col(Number.data_key), col(Message.sent_at), func.count(col(Click.id)))
        joined = (
            select(*columns)
            .join(Number, col(Number.id) == col(ShortLink.number_id))
            .join(Message, col(Message.id) == col(ShortLink.message_id))
            .outerjoin(Click, col(Click.link_id) == col(ShortLink.id))
            .where(col(ShortLink.token) == visit.token)
            .group_by(col(ShortLink.id), col(Number.data_key), col(Message.sent_at))
        )
        found = session.execute(joined).first()
    if found is None:
        return None
    link, data_key, sent_at, visits = found
    if link.expires_at <= now or not data_key:
        raise Gone
    target = unseal(runtime.keys.unwrap(data_key), link.target_cipher).decode()
    early = sent_at is None or now - sent_at < EARLY
    if visits < MOST_KEPT:
        row = {"link_id": link.id or 0, "message_id": link.message_id, "number_id": link.number_id}
        with runtime.db.write(redoable=True) as session:
            session.add(Click(**row, at=now, not_counted=_not_counted(visit, early)))
    return target


def _not_counted(visit: Visit, early: bool) -> str:
    """Why this was no person, empty where it was one."""
    if visit.method != "GET":
        return "head"
    if visit.fetches_ahead or not visit.agent.strip() or _PROGRAMS.search(visit.agent):
        return "agent"
    return "early" if early else ""
