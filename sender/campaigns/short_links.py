"""Short links of a program that wants its clicks counted: one for each recipient and link, on our own domain.

Only words whose links the guards let through are shortened; others are left as they are, so that the chain refuses them
with the true address in its sentence. A short link leads to what stood in the text and nowhere else.
"""

import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from sqlalchemy import insert, select
from sqlmodel import Session, col

from guards import content, content_links
from guards.base import Policy, Purpose
from sender import audit
from sender.crypto import seal
from sender.db import run_below
from sender.models import Program, ShortLink
from sender.runtime import Runtime

PATH = "/l/"
LETTERS = string.ascii_letters + string.digits
LENGTH = 9
"""62**9 is ten thousand million million: a guess meets no link."""
LONGEST_TARGET = 2000
MOST_DAYS = 365


class LinkRefused(Exception):
    """Links cannot be counted like this; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a program shortens links: for how many days they lead on, and whether UTM parameters name ``campaign``."""

    days: int
    utm: bool
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Shortened:
    """Words with short links in them, and the target of each by its token."""

    words: str
    targets: Mapping[str, str] = field(default_factory=dict)


class Kept(NamedTuple):
    """The links of one text that was kept: whose it is, the key that seals its targets, the targets by token."""

    message_id: int
    number_id: int
    data_key: bytes
    targets: Mapping[str, str]


def rule_of(program: Program, campaign: str = "") -> Rule | None:
    """The program's rule; None where its links stay as they are written."""
    links = program.links
    return Rule(int(links["days"]), bool(links["utm"]), campaign) if links else None


def shorten(words: str, purpose: Purpose, policy: Policy, rule: Rule | None, address: str) -> Shortened:
    """Put a fresh short link in the place of each link; codes, and words that a guard would stop, stay as they are."""
    if rule is None or purpose is Purpose.CODE:
        return Shortened(words)
    found = content_links.links(words)
    own = urlsplit(address).hostname or ""
    found = [link for link in found if link.host != own and len(link.text) <= LONGEST_TARGET]
    if not found or _stopped(words, purpose, policy):
        return Shortened(words)
    targets: dict[str, str] = {}
    for link in reversed(found):
        token = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        targets[token] = _target(link.text, rule)
        words = f"{words[: link.span[0]]}{address}{PATH}{token}{words[link.span[1] :]}"
    return Shortened(words, targets)


def keep(session: Session, kept: Iterable[Kept], days: int, now: datetime) -> None:
    """Write the links of texts that were just written, in the same transaction."""
    rows = [
        {
            "token": token,
            "message_id": one.message_id,
            "number_id": one.number_id,
            "target_cipher": seal(one.data_key, target.encode()),
            "created_at": now,
            "expires_at": now + timedelta(days=days),
        }
        for one in kept
        for token, target in one.targets.items()
    ]
    if rows:
        run_below(session, insert(ShortLink.__table__), rows)  # type: ignore[attr-defined]


def switch_on(runtime: Runtime, slug: str, days: int, utm: bool, actor: str) -> None:
    """Shorten and count the links of a program from now on; what was planned before stays as it is.

    LinkRefused without a public name to put into texts, or a privacy notice that tells people of it.
    """
    host = urlsplit(runtime.settings.address).hostname or ""
    if runtime.settings.public_url is None or not any(char.isalpha() for char in host.rpartition(".")[2]):
        raise LinkRefused("Short links need a public name: set TACTFUL_PUBLIC_URL to https://your.domain first.")
    if not 1 <= days <= MOST_DAYS:
        raise LinkRefused(f"Links may lead on for 1 to {MOST_DAYS} days, not {days}.")
    _set(runtime, slug, {"days": days, "utm": utm}, actor)


def switch_off(runtime: Runtime, slug: str, actor: str) -> None:
    """Leave links as they are written from now on; those that are out lead on until their end."""
    _set(runtime, slug, None, actor)


def _set(runtime: Runtime, slug: str, links: dict[str, int | bool] | None, actor: str) -> None:
    with runtime.db.write() as session:
        program = session.execute(select(Program).where(col(Program.slug) == slug)).scalar_one_or_none()
        if program is None:
            raise LinkRefused(f"There is no program {slug!r}; `tactful program list` shows them.")
        if links is not None and not program.privacy_url.strip():
            raise LinkRefused(
                f"Program {slug!r} has no privacy_url: people must be able to read that their clicks are counted. Give "
                "the program the address of that notice first."
            )
        program.links = links
        action = "program.links" if links else "program.links_off"
        audit.note(session, runtime.clock.now(), actor, action, f"program {program.id}", dict(links or {}))


def _stopped(words: str, purpose: Purpose, policy: Policy) -> bool:
    return any(one.severity == "stop" for one in content_links.find(words, purpose, content.settings_of(policy)))


def _target(text: str, rule: Rule) -> str:
    """The whole address, with UTM parameters where the rule wants them and the address has none of its own."""
    target = text if "://" in text else f"https://{text}"
    there = urlsplit(target)
    if not rule.utm or any(name.lower().startswith("utm_") for name, _ in parse_qsl(there.query)):
        return target
    values = {"utm_source": "tactful", "utm_medium": "sms"} | ({"utm_campaign": rule.campaign} if rule.campaign else {})
    query = "&".join(filter(None, (there.query, urlencode(values, quote_via=quote))))
    return there._replace(query=query).geturl()
