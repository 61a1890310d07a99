"""The second factor: codes of an authenticator app (RFC 6238) that count once, and ten recovery codes that do too.

The secret is sealed with the master key, recovery codes are kept as keyed hashes. Functions never commit.
"""

import secrets
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from sender.crypto import Keyring
from sender.models.accounts import RecoveryCode, User

STEP_SECONDS = 30
DRIFT = 1
RECOVERY_CODES = 10
ISSUER = "Tactful"
# Without 0, O, 1, I and L: people copy these from paper.
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def new_secret() -> str:
    """A fresh secret for an authenticator app (160 bits, base32)."""
    return pyotp.random_base32()


def address(secret: str, email: str) -> str:
    """The otpauth:// address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def qr(secret: str, email: str) -> str:
    """The same address as a QR code, an SVG image in a ``data:`` address."""
    return str(segno.make(address(secret, email), error="m").svg_data_uri(scale=4, border=2))


def switch_on(
    session: Session, keys: Keyring, user_id: int, secret: str, code: str, real: datetime
) -> list[str] | None:
    """Ask for this second factor from now on, if the code shows that the app has it; the recovery codes, else None."""
    step = _step_of(secret, code, real)
    if step is None:
        return None
    sealed = keys.wrap(secret.encode())
    session.execute(update(User).where(col(User.id) == user_id).values(totp_cipher=sealed, totp_step=step))
    return new_recovery_codes(session, keys, user_id)


def switch_off(session: Session, user_id: int) -> None:
    """Ask for the password alone again."""
    session.execute(update(User).where(col(User.id) == user_id).values(totp_cipher=None))
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))


def new_recovery_codes(session: Session, keys: Keyring, user_id: int) -> list[str]:
    """Ten fresh codes, shown once; those of before end."""
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.user_id) == user_id))
    codes = ["-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(2)) for _ in range(10)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=keys.sign(f"recovery {user_id}", one)) for one in codes)
    session.flush()
    return codes


def left(session: Session, user_id: int) -> int:
    """How many recovery codes of this user were not used yet."""
    mine = (col(RecoveryCode.user_id) == user_id, col(RecoveryCode.used_at).is_(None))
    return int(session.execute(select(func.count()).select_from(RecoveryCode).where(*mine)).scalar_one())


def use(session: Session, keys: Keyring, user_id: int, code: str, real: datetime) -> bool:
    """Whether this is a code of the app that was not used yet, nor one before it, or an unused recovery code.

    It is used up by that: the database lets a step or a recovery code count once, whoever asks at the same time.
    """
    sealed = session.execute(select(col(User.totp_cipher)).where(col(User.id) == user_id)).scalar()
    tidy = code.strip().upper().replace(" ", "")
    if sealed is None:
        return False
    step = _step_of(keys.unwrap(sealed).decode(), tidy, real)
    if step is None:
        return _use_recovery(session, keys, user_id, tidy, real)
    later = update(User).where(col(User.id) == user_id, col(User.totp_step) < step).values(totp_step=step)
    return session.execute(later.returning(col(User.id))).first() is not None


def _use_recovery(session: Session, keys: Keyring, user_id: int, code: str, real: datetime) -> bool:
    unused = (
        col(RecoveryCode.user_id) == user_id,
        col(RecoveryCode.code_hash).in_(keys.signatures(f"recovery {user_id}", code)),
        col(RecoveryCode.used_at).is_(None),
    )
    spent = update(RecoveryCode).where(*unused).values(used_at=real).returning(col(RecoveryCode.id))
    return session.execute(spent).first() is not None


def _step_of(secret: str, code: str, real: datetime) -> int | None:
    """Which half minute this code is of, a step to either side allowed for clocks; None where it is of none."""
    app, now = pyotp.TOTP(secret), int(real.timestamp()) // STEP_SECONDS
    asked = code if code.isascii() else ""
    near = range(now - DRIFT, now + DRIFT + 1)
    steps = [step for step in near if secrets.compare_digest(app.generate_otp(step), asked)]
    return steps[-1] if steps else None
