"""What stands between an installation and its first real text, each point looked at and said in one sentence.

It asks with the real credentials and through the real public address, and sends no text. What only a person can see in
Twilio's console is named as such.
"""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlmodel import Session, col

from sender.db import Database
from sender.delivery.wire import Wire
from sender.models import Passkey, Program, Reply, Role, User
from sender.own_address import post_signed
from sender.providers.base import Line, SendError
from sender.providers.twilio import TwilioProvider
from sender.schema import has_tables
from sender.settings import Settings
from sender.watching.doctor import Finding, examine, from_numbers_of
from sender.watching.telling import ways_of

SECONDS = 10.0
REDIRECT, REFUSED, FORBIDDEN = 300, 400, 403
INBOUND = "/hooks/twilio/inbound"
CONSOLE = ("In Twilio's console: the 10DLC campaign is approved, the toll-free number verified, before US traffic.",)


def checklist(settings: Settings) -> list[Finding]:
    """Everything the doctor sees, then what only matters with real people."""
    found = examine(settings)
    found += [_address(settings), _round_trip(settings), *_lines(settings)]
    database = Database(settings.database)
    try:
        if has_tables(database):
            with database.read() as session:
                found += _people(settings, session)
    finally:
        database.close()
    return [*found, *(Finding("console", False, one) for one in CONSOLE)]


def _address(settings: Settings) -> Finding:
    if settings.simulated:
        said = "Texts go to the simulator: unset TACTFUL_TWILIO_BASE_URL for real ones."
        return Finding("address", False, said, fatal=True)
    if not settings.address.startswith("https://"):
        said = "TACTFUL_PUBLIC_URL is not https: Twilio and people need an address that is."
        return Finding("address", False, said, fatal=True)
    return Finding("address", True, f"People and Twilio come to {settings.address}.")


def _round_trip(settings: Settings) -> Finding:
    """A request as Twilio signs it, through the public address and back; it holds no text and changes nothing."""
    address = f"{settings.hooks_address}{INBOUND}"
    form = {"MessageSid": "SM" + "0" * 32, "From": "", "To": "", "Body": ""}
    try:
        status = post_signed(settings, INBOUND, form, SECONDS)
    except ValueError as error:
        return Finding("round trip", False, str(error), fatal=True)
    except OSError as error:
        why = type(getattr(error, "reason", error)).__name__
        return Finding("round trip", False, f"{address} cannot be reached ({why}); is it up, and its name known?", True)
    if status >= REDIRECT:
        why = "see its log"
        if status < REFUSED:
            why = "a redirect, which no request of Twilio's survives: set TACTFUL_PUBLIC_URL to where it leads"
        elif status == FORBIDDEN:
            why = "the signature did not fit: does the proxy change path or query?"
        return Finding("round trip", False, f"{address} answers {status}: {why}", fatal=True)
    return Finding("round trip", True, f"A signed request came back from {address}.")


def _lines(settings: Settings) -> Iterator[Finding]:
    """Where replies to each from_number go, and whether a service is registered, as the provider has it."""
    try:
        provider = TwilioProvider(settings)
    except SendError:
        return
    wire = Wire()
    try:
        for address, kind in from_numbers_of(settings):
            line = wire.ask(provider.line(address, kind)) if kind != "alphanumeric" else None
            if line is not None:
                yield from _line(address, line, f"{settings.hooks_address}{INBOUND}")
    except SendError as error:
        yield Finding("inbound", False, f"The inbound addresses could not be asked for: {error.sentence}.")
    finally:
        wire.ask(provider.close())
        wire.close()


def _line(address: str, line: Line, ours: str) -> Iterator[Finding]:
    posted, _, overrides = line.inbound.partition("#")
    mend = f"set it to {ours}#rc=5&rp=all in Twilio's console."
    if line.by_number:
        said = f"{address} leaves replies to the address of each of its numbers; let the service take them and {mend}"
        yield Finding("inbound", False, said)
    elif posted != ours:
        where = f"go to {posted}" if posted else "go nowhere"
        yield Finding("inbound", False, f"Replies to {address} {where}, so no STOP arrives here: {mend}", fatal=True)
    elif "rp=all" not in overrides:
        yield Finding("inbound", False, f"A reply to {address} that fails is not posted again: {mend}")
    else:
        yield Finding("inbound", True, f"Replies to {address} come here.")
    if line.registered is not None:
        lacking = "is not registered for texts to the United States (10DLC): carriers there will block them."
        said = "is registered for texts to the United States." if line.registered else lacking
        yield Finding("registration", line.registered, f"{address} {said}")


def _people(settings: Settings, session: Session) -> Iterator[Finding]:
    programs = session.execute(select(func.count()).select_from(Program)).scalar_one()
    said = f"{programs} programs." if programs else "Make a program: docs/programs.md."
    yield Finding("program", bool(programs), said)
    bare = (
        select(func.count())
        .select_from(User)
        .join(Role, col(Role.user_id) == col(User.id))
        .where(col(Role.name) == "owner", col(User.totp_cipher).is_(None), col(User.disabled_at).is_(None))
        .where(~select(col(Passkey.id)).where(col(Passkey.user_id) == col(User.id)).exists())
    )
    count = session.execute(bare).scalar_one()
    bad = f"{count} owners have no second factor or passkey: under “Your account”, or TACTFUL_TWO_FACTORS=true for all."
    said = bad if count else "Owners have a second factor."
    yield Finding("second factor", not count, said)
    told = bool(ways_of(settings))
    said = "Notices go out." if told else "Set TACTFUL_NOTIFY_URL or TACTFUL_SMTP_URL for notices."
    yield Finding("notices", told, said)
    last = session.execute(select(func.max(col(Reply.received_at))).where(col(Reply.intent) == "opt_out")).scalar()
    stopped = last is not None
    said = (
        f"A STOP came in on {last:%Y-%m-%d}." if last else "Text STOP from your own phone, then START, and ask again."
    )
    yield Finding("stop", stopped, said)
