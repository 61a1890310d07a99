"""Passkeys (W3C WebAuthn Level 3): a key in a person's device that signs a challenge of ours, after a PIN or a finger.

It stands for password and second factor together, because the device proves both that it is there and who holds it
(user verification). A challenge lives five minutes and counts once. Functions that take a session never commit.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlmodel import Session, col
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from sender import accounts, audit
from sender.accounts import AccountError, Person, proving
from sender.crypto import Keyring
from sender.db import Database
from sender.models.accounts import LoginThrottle, Passkey, User

LASTS = timedelta(minutes=5)
MOST = 20
LONGEST = 20_000
REFUSED = "This passkey was not accepted; try again, or sign in with your password."


@dataclass(frozen=True, slots=True)
class Site:
    """Whom devices bind their keys to: the host of the public address, and the address itself."""

    host: str
    origin: str

    @classmethod
    def of(cls, address: str) -> "Site":
        """The site at this address."""
        parts = urlsplit(address)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")

    @property
    def takes_passkeys(self) -> bool:
        """Whether browsers allow them here: a name over https, or localhost; never a bare IP address."""
        try:
            ip_address(self.host)
        except ValueError:
            return self.origin.startswith("https://") or self.host == "localhost"
        return False


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a device has to sign, and until when; the browser keeps it in its signed cookie."""

    value: bytes
    until: float

    @classmethod
    def new(cls, real: datetime) -> "Challenge":
        """A fresh one."""
        return cls(secrets.token_bytes(32), (real + LASTS).timestamp())

    @classmethod
    def read(cls, text: str) -> "Challenge":
        """The one that :meth:`write` made; an empty one, which is over, for anything else."""
        value, _, until = text.partition(".")
        try:
            return cls(bytes.fromhex(value), float(until))
        except ValueError:
            return cls(b"", 0)

    def write(self) -> str:
        """As text."""
        return f"{self.value.hex()}.{self.until}"


def to_make(session: Session, site: Site, person: Person, challenge: Challenge) -> str:
    """What the browser needs to make a passkey for this person, as JSON."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name="Tactful",
        user_name=person.email,
        user_id=str(person.user_id).encode(),
        challenge=challenge.value,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=one.credential) for one in listing(session, person.user_id)
        ],
    )
    return options_to_json(options)


def to_prove(site: Site, challenge: Challenge) -> str:
    """What the browser needs to sign in with any passkey of this site, as JSON."""
    required = UserVerificationRequirement.REQUIRED
    return options_to_json(
        generate_authentication_options(rp_id=site.host, challenge=challenge.value, user_verification=required)
    )


def keep(
    session: Session, site: Site, person: Person, challenge: Challenge, answer: str, name: str, real: datetime
) -> None:
    """Keep the passkey that a device has made; AccountError where it proves nothing."""
    _spend(session, challenge, real)
    if len(listing(session, person.user_id)) >= MOST:
        raise AccountError(f"You have {MOST} passkeys already; remove one first.")
    try:
        made = verify_registration_response(
            credential=answer[:LONGEST],
            expected_challenge=challenge.value,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise AccountError(
            "This device made no passkey that we can accept; try again or use another device."
        ) from error
    if session.execute(select(col(Passkey.id)).where(col(Passkey.credential) == made.credential_id)).first():
        raise AccountError("This passkey is known already.")
    row = Passkey(
        user_id=person.user_id,
        credential=made.credential_id,
        public_key=made.credential_public_key,
        signatures=made.sign_count,
        name=name.strip()[:60] or "a passkey",
        created_at=real,
    )
    session.add(row)
    audit.note(session, real, person.actor, "user.passkey", person.email, {"name": row.name})


def sign_in(
    db: Database,
    keys: Keyring,
    site: Site,
    challenge: Challenge,
    answer: str,
    address: str,
    real: datetime,
    browser: str,
) -> str:
    """The token of a new session for whoever holds a passkey; AccountError, TooManyTriesError when guessed at."""
    with db.write() as session:
        accounts.count_try(session, keys, "", address, real)
    with db.write() as session:
        user = session.get_one(User, _proven(session, site, challenge, answer, real))
        if user.disabled_at:
            raise AccountError(REFUSED)
        return accounts.open_session(session, keys, user, real, "passkey", browser)


def confirm(
    session: Session, keys: Keyring, site: Site, person: Person, challenge: Challenge, answer: str, real: datetime
) -> str:
    """The session's new token for whoever proves with a passkey of theirs that it is still them; AccountError else."""
    if _proven(session, site, challenge, answer, real) != person.user_id:
        raise AccountError(REFUSED)
    return proving.renew(session, keys, person, real)


def listing(session: Session, user_id: int) -> list[Passkey]:
    """The passkeys of a user, oldest first."""
    mine = select(Passkey).where(col(Passkey.user_id) == user_id).order_by(col(Passkey.id))
    return list(session.execute(mine).scalars())


def forget(session: Session, person: Person, passkey_id: int, real: datetime) -> None:
    """Accept one of this person's passkeys no more; another's is left alone."""
    mine = (col(Passkey.id) == passkey_id, col(Passkey.user_id) == person.user_id)
    session.execute(delete(Passkey).where(*mine))
    audit.note(session, real, person.actor, "user.passkey_end", person.email)


def _proven(session: Session, site: Site, challenge: Challenge, answer: str, real: datetime) -> int:
    """The user whose passkey signed this challenge; the passkey's counter moves on."""
    _spend(session, challenge, real)
    try:
        told = parse_authentication_credential_json(answer[:LONGEST])
        row = session.execute(select(Passkey).where(col(Passkey.credential) == told.raw_id)).scalar()
        if row is None:
            raise AccountError(REFUSED)
        proof = verify_authentication_response(
            credential=told,
            expected_challenge=challenge.value,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.signatures,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise AccountError(REFUSED) from error
    row.signatures = proof.new_sign_count
    user_id: int = row.user_id
    return user_id


def _spend(session: Session, challenge: Challenge, real: datetime) -> None:
    """Use a challenge up, whoever else shows it at the same time; rows of the throttle go after ten minutes anyway."""
    if challenge.until <= real.timestamp():
        raise AccountError("That took longer than five minutes; try again.")
    key = f"passkey {challenge.value.hex()}"
    if session.get(LoginThrottle, key) is not None:
        raise AccountError(REFUSED)
    session.add(LoginThrottle(key=key, started_at=real, tries=1))
    session.flush()
