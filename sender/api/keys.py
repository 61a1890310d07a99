"""Keys of other software: what one looks like, what it may do, and when it ends.

``tactful_live_`` or ``tactful_test_``, an id of ten letters, ``_``, a secret of 32 letters and a checksum of six: so a
scanner of repositories finds a leaked one, and a mistyped one is known without the database. Only a keyed hash of the
secret is kept. Every instant here is the machine's own time.
"""

import re
import secrets
import string
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlmodel import Session, col

from sender import audit
from sender.crypto import Keyring
from sender.models import ApiAnswer, ApiKey, Program, WebhookEndpoint

SCOPES = (
    "automations:read",
    "automations:write",
    "campaigns:read",
    "campaigns:write",
    "events:write",
    "messages:read",
    "messages:write",
    "checks:read",
    "contacts:read",
    "contacts:write",
    "consents:read",
    "consents:write",
    "forms:read",
    "forms:write",
    "imports:read",
    "imports:write",
    "keywords:read",
    "keywords:write",
    "numbers:read",
    "numbers:write",
    "programs:read",
    "replies:read",
    "reports:read",
    "segments:read",
    "segments:write",
    "templates:read",
    "webhooks:read",
    "webhooks:write",
    "evidence:read",
    "erasures:write",
)
"""What a key may be made for; ``write`` includes ``read`` of the same thing."""
OF_ALL_PROGRAMS = frozenset(
    {
        *("contacts:read", "contacts:write", "evidence:read", "erasures:write", "segments:write"),
        *("imports:read", "imports:write", "numbers:read", "numbers:write"),
    }
)
LIVE_PER_NAME = 2
USED_EVERY = timedelta(minutes=1)

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(r"tactful_(live|test)_([0-9A-Za-z]{10})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")


class ApiKeyError(Exception):
    """A key cannot be made or ended like this; the sentence says why and what to do."""


class KeyRefusedError(Exception):
    """A request's key does not open anything: ``code`` for programs, the sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class KeyIn:
    """A key as it is asked for. ``programs`` are short names (none: every program); ``lasts`` None: until revoked."""

    name: str
    scopes: Sequence[str]
    programs: Sequence[str] = ()
    is_test: bool = False
    lasts: timedelta | None = None


def create_key(session: Session, keys: Keyring, wanted: KeyIn, actor: str, real: datetime) -> str:
    """Make a key and return it, the only time that anybody sees it. ApiKeyError says what to mend."""
    _check(wanted)
    programs = _program_ids(session, wanted.programs)
    live = [row for row in list_keys(session) if row.name == wanted.name and _is_live(row, real)]
    if len(live) >= LIVE_PER_NAME:
        ids = " and ".join(row.public_id for row in live)
        raise ApiKeyError(f"{wanted.name!r} has two live keys, {ids}; revoke the older one before you make a third.")
    public_id, secret = _letters(10), _letters(32)
    row = ApiKey(
        public_id=public_id,
        secret_hash=keys.sign("api key", secret),
        name=wanted.name,
        is_test=wanted.is_test,
        created_by=actor,
        created_at=real,
        expires_at=real + wanted.lasts if wanted.lasts else None,
    )
    row.scopes, row.programs = sorted(set(wanted.scopes)), programs
    session.add(row)
    detail = {"name": row.name, "scopes": row.scopes, "programs": list(wanted.programs), "test": row.is_test}
    audit.note(session, real, actor, "apikey.create", f"key {public_id}", detail)
    plain = f"tactful_{'test' if wanted.is_test else 'live'}_{public_id}_{secret}"
    return plain + _checksum(plain)


def list_keys(session: Session) -> list[ApiKey]:
    """Every key there ever was, oldest first."""
    return list(session.execute(select(ApiKey).order_by(col(ApiKey.id))).scalars())


def rotate_key(session: Session, keys: Keyring, public_id: str, actor: str, real: datetime) -> str:
    """A second key that may do the same for as long again; the first lives until it is revoked. Returns the new one."""
    row = session.execute(select(ApiKey).where(col(ApiKey.public_id) == public_id)).scalar_one_or_none()
    if row is None or not _is_live(row, real):
        raise ApiKeyError(f"There is no live key {public_id!r} to follow; make a new one.")
    slugs = session.execute(select(col(Program.slug)).where(col(Program.id).in_(row.programs))).scalars().all()
    lasts = row.expires_at - row.created_at if row.expires_at else None
    return create_key(session, keys, KeyIn(row.name, row.scopes, slugs, row.is_test, lasts), actor, real)


def revoke_key(session: Session, public_id: str, actor: str, real: datetime) -> None:
    """End a key at once: the next request with it is refused. ApiKeyError where there is no such live key."""
    which = (col(ApiKey.public_id) == public_id, col(ApiKey.revoked_at).is_(None))
    ended = session.execute(update(ApiKey).where(*which).values(revoked_at=real).returning(col(ApiKey.id))).all()
    if not ended:
        raise ApiKeyError(f"There is no key {public_id!r} that could be revoked; `tactful apikey list` shows them.")
    audit.note(session, real, actor, "apikey.revoke", f"key {public_id}")


@dataclass(frozen=True, slots=True)
class Ending:
    """What revoking a key ends: the key, what it asked for in the last 24 hours under an Idempotency-Key, the ids of
    other live keys of its name, and endpoints for webhooks that it made (which go on)."""

    key: ApiKey
    asked: int
    heirs: Sequence[str]
    endpoints: int


def ending(session: Session, public_id: str, real: datetime) -> Ending | None:
    """The figures of a live key for whoever may be about to revoke it; None where there is no such key."""
    found = list_keys(session)
    row = next((one for one in found if one.public_id == public_id and _is_live(one, real)), None)
    if row is None:
        return None
    answered = col(ApiAnswer.key_id) == row.id, col(ApiAnswer.created_at) > real - timedelta(days=1)
    asked = select(func.count()).select_from(ApiAnswer).where(*answered).scalar_subquery()
    made = select(func.count()).select_from(WebhookEndpoint).where(col(WebhookEndpoint.created_by) == row.actor)
    counts = session.execute(select(asked, made.scalar_subquery())).one()
    heirs = [one.public_id for one in found if one.name == row.name and one is not row and _is_live(one, real)]
    return Ending(row, counts[0], heirs, counts[1])


def key_of(session: Session, keys: Keyring, text: str, real: datetime) -> ApiKey:
    """The live key that a request carries; KeyRefusedError otherwise."""
    found = _SHAPE.fullmatch(text)
    if found is None or _checksum(text[:-6]) != found[4]:
        raise KeyRefusedError("invalid_key", "This is no key of ours, or it was not copied whole.")
    which = select(ApiKey).where(col(ApiKey.public_id) == found[2])
    row: ApiKey | None = session.execute(which).scalar_one_or_none()
    fits = keys.verifies("api key", found[3], row.secret_hash if row else "")
    if row is None or not fits or row.is_test != (found[1] == "test"):
        raise KeyRefusedError("invalid_key", "This is no key of this installation.")
    if row.revoked_at is not None:
        raise KeyRefusedError("revoked_key", f"This key was revoked on {row.revoked_at:%Y-%m-%d}.")
    if row.expires_at is not None and row.expires_at <= real:
        raise KeyRefusedError("expired_key", f"This key ended on {row.expires_at:%Y-%m-%d}.")
    return row


def is_stale(key: ApiKey, real: datetime) -> bool:
    """Whether the time of the key's last use should be written again: once a minute is enough."""
    return key.last_used_at is None or key.last_used_at <= real - USED_EVERY


def note_use(session: Session, key_id: int, real: datetime) -> None:
    """Write down that the key was used, unless another request has just done so."""
    stale = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) <= real - USED_EVERY)
    session.execute(update(ApiKey).where(col(ApiKey.id) == key_id, stale).values(last_used_at=real))


def _check(wanted: KeyIn) -> None:
    if not wanted.name.strip():
        raise ApiKeyError("A key needs a name that says who uses it.")
    unknown = sorted(set(wanted.scopes) - set(SCOPES))
    if unknown or not wanted.scopes:
        known = ", ".join(SCOPES)
        raise ApiKeyError(
            f"A key needs scopes, and {', '.join(unknown) or 'none'} is no list of them; take of {known}."
        )
    wide = sorted(OF_ALL_PROGRAMS.intersection(wanted.scopes))
    if wanted.programs and wide:
        raise ApiKeyError(f"People and segments belong to every program: a limited key cannot have {wide[0]}.")


def _program_ids(session: Session, slugs: Collection[str]) -> list[int]:
    found = dict(session.execute(select(col(Program.slug), col(Program.id)).where(col(Program.slug).in_(slugs))).all())
    missing = sorted(set(slugs) - set(found))
    if missing:
        raise ApiKeyError(f"There is no program {missing[0]!r}; `tactful program list` shows them.")
    return sorted(program_id or 0 for program_id in found.values())


def _is_live(key: ApiKey, real: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > real)


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def _checksum(plain: str) -> str:
    """CRC-32 in six letters: it finds slips of copying and says nothing of the secret."""
    rest, letters = zlib.crc32(plain.encode()), ""
    for _ in range(6):
        rest, place = divmod(rest, len(_LETTERS))
        letters = _LETTERS[place] + letters
    return letters
