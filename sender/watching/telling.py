"""Brings notices to people who are not looking at a page: by e-mail and to a webhook of the operator's own.

A notice goes out once by each way; one that could not go is tried again, later each time, for as long as it stands.
"""

import json
import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request

import structlog
from sqlalchemy import or_, select, update
from sqlmodel import col

from sender.models import Notice
from sender.no_redirects import open_here
from sender.runtime import Runtime
from sender.settings import Settings, is_here
from sender.watching.notices import page_of

log = structlog.get_logger()
SECONDS = 10.0
LONGEST_WAIT = timedelta(hours=1)
SLICE = 20
Way = Callable[[Settings, Notice], None]


def tell_people(runtime: Runtime) -> int:
    """Send what has not gone out yet, up to 20 notices; returns how many went out by at least one way.

    No transaction is open while mail server or webhook are asked.
    """
    ways, real = ways_of(runtime.settings), runtime.clock.real()
    if not ways:
        return 0
    sent = 0
    for notice in _untold(runtime, ways, real):
        told = [name for name, way in ways.items() if name not in notice.told and _try(runtime, name, way, notice)]
        _record(runtime, notice, [*notice.told, *told], len(ways), real)
        sent += bool(told)
    return sent


def ways_of(settings: Settings) -> dict[str, Way]:
    """The ways this installation has, by name."""
    ways: dict[str, Way] = {}
    if settings.smtp_url and settings.mail_to:
        ways["mail"] = send_mail
    if settings.notify_url:
        ways["webhook"] = post
    return ways


def send_mail(settings: Settings, notice: Notice) -> None:
    """One plain mail to everybody in ``mail_to``; OSError or SMTPException when it cannot be handed over.

    ``smtp_url``: smtp://user:password@host:587 (TLS is begun first, except on this machine) or smtps://host.
    """
    parts = urlsplit(settings.smtp_url.get_secret_value() if settings.smtp_url else "")
    message = EmailMessage()
    # A sentence may name a campaign; however that name was written, it stays within the subject's one line.
    message["Subject"] = " ".join(f"[Tactful {notice.severity}] {notice.sentence[:120]}".split())
    message["From"] = settings.mail_from or f"tactful@{parts.hostname}"
    message["To"] = ", ".join(settings.mail_to)
    where = link_of(notice, settings.address)
    message.set_content(f"{notice.sentence}\n\n{where}\n\nSince {notice.raised_at:%Y-%m-%d %H:%M} UTC.\n")
    with _server(parts.scheme, parts.hostname or "", parts.port) as server:
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def post(settings: Settings, notice: Notice) -> None:
    """One JSON object to ``notify_url``; OSError when it is not taken with a 2xx."""
    address = settings.notify_url.get_secret_value() if settings.notify_url else ""
    request = Request(  # noqa: S310 - the setting was checked to be http or https
        address, json.dumps(body_of(notice, settings.address)).encode(), {"Content-Type": "application/json"}
    )
    with open_here(request, SECONDS):
        pass


def body_of(notice: Notice, address: str) -> dict[str, Any]:
    """A notice as a webhook gets it; ``text`` is what chat systems show."""
    return {
        "key": notice.key,
        "severity": notice.severity,
        "text": f"{notice.severity.upper()}: {notice.sentence}",
        "raised_at": notice.raised_at.isoformat(),
        "installation": address,
        "link": link_of(notice, address),
    }


def link_of(notice: Notice, address: str) -> str:
    """The page on which it is mended, or else the first page, on which it stands."""
    return address + (page_of(notice.key) or "/")


def _server(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    secure = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=SECONDS, context=secure)
    server = smtplib.SMTP(host, port or 587, timeout=SECONDS)
    if not is_here(host):
        # Whoever stands in between could leave the offer out, and would be told the password.
        server.starttls(context=secure)
    return server


def _try(runtime: Runtime, name: str, way: Way, notice: Notice) -> bool:
    try:
        way(runtime.settings, notice)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # The kind only: a mail server's answer may repeat the password's user.
        log.warning("a notice was not told", way=name, notice=notice.key, error=type(error).__name__)
        return False
    return True


def _untold(runtime: Runtime, ways: Mapping[str, Way], real: datetime) -> list[Notice]:
    due = or_(col(Notice.next_try_at).is_(None), col(Notice.next_try_at) <= real)
    standing = select(Notice).where(col(Notice.ended_at).is_(None), due).order_by(col(Notice.id))
    with runtime.db.read() as session:
        found = list(session.execute(standing).scalars())
    return [one for one in found if set(ways) - set(one.told)][:SLICE]


def _record(runtime: Runtime, notice: Notice, told: list[str], ways: int, real: datetime) -> None:
    wait = min(timedelta(minutes=1) * 2**notice.tries, LONGEST_WAIT)
    later = None if len(told) == ways else real + wait
    values = {"told": told, "tries": min(notice.tries + 1, 10), "next_try_at": later}
    with runtime.db.write() as session:
        session.execute(update(Notice).where(col(Notice.id) == notice.id).values(**values))
