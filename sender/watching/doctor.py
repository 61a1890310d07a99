"""Names what is wrong with an installation, each in one sentence with its mend. `up` refuses to start for these."""

import difflib
import importlib.util
import os
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import redis
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, col

from sender.archive.packing import days as archive_days
from sender.archive.packing import size
from sender.campaigns.reports import notices
from sender.clock import clock_of
from sender.crypto import KeyFileError, key_path, load_keys
from sender.db import Database, clock_of_database, sqlite_file
from sender.delivery.wire import Wire
from sender.models import Canary, FromNumber, Installation, Message
from sender.processes import embedded
from sender.processes.drift import Watch
from sender.processes.presence import behind
from sender.providers.base import OutcomeUnknown, Retryable, SendError
from sender.providers.twilio import TwilioProvider
from sender.schema import SchemaError, has_tables, is_newer, require_current, revision
from sender.settings import Settings, is_here
from sender.watching.measures import queue_age, receipt_lag
from sender.watching.notices import standing

TIMEOUT = 3.0
SCHEDULER_SILENT, QUEUE_OLD, RECEIPTS_OLD = timedelta(minutes=5), 600, 300
MANY_TEXTS = 5_000_000
MEND_NUMBER = "buy or assign it there, or make the program with one that is"
OWN_NETWORK = "in a network that only your hosts are in, leave it."
NOT_EXPORTED = "The keys were never exported; run `tactful keys export FILE` and keep the copy elsewhere."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``fatal``: nothing can be sent like this."""

    what: str
    ok: bool
    sentence: str
    fatal: bool = False


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings, *, first_start: bool = False) -> list[Finding]:
    """Look at everything; ``first_start`` passes over what `up` makes or starts itself (home, schema, Valkey)."""
    checks: list[Check] = [_names, _home, _keys, _database, _encrypted, _port, _pages, _credentials, _clock]
    if not first_start:
        checks += [_schema, _bell]
    elif settings.redis_url:
        checks.append(_bell)
    return [finding for check in checks for finding in check(settings)]


def _good(what: str, sentence: str) -> Finding:
    return Finding(what, True, sentence)


def _bad(what: str, sentence: str) -> Finding:
    return Finding(what, False, sentence, fatal=True)


def _names(_: Settings) -> Iterator[Finding]:
    """Names in the environment and in .env that are no settings: one that is misspelt would go unheard."""
    file = Path(".env")
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    given = {*os.environ, *(line.partition("=")[0].removeprefix("export ").strip() for line in lines if "=" in line)}
    for name in sorted(given):
        plain = name.removeprefix("TACTFUL_").removesuffix("_FILE").lower()
        if name.startswith("TACTFUL_") and plain not in Settings.model_fields:
            near = difflib.get_close_matches(plain, Settings.model_fields, 1)
            meant = f"; is it TACTFUL_{near[0].upper()}?" if near else ", so nobody reads it."
            yield Finding("setting", False, f"{name} is no setting{meant}")


def _home(settings: Settings) -> Iterator[Finding]:
    nearest = next(folder for folder in (settings.home, *settings.home.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        yield _bad("home", f"{settings.home} cannot be written; set TACTFUL_HOME to a folder of yours.")
    elif settings.home.exists() and settings.home.stat().st_mode & 0o077:
        yield _bad("home", f"{settings.home} can be read by others; run chmod 700 {settings.home}.")
    else:
        yield _good("home", f"Data folder: {settings.home}")


def _keys(settings: Settings) -> Iterator[Finding]:
    path = key_path(settings.home)
    if not path.exists() and not _has_data(settings):
        yield Finding("keys", True, "No keys yet; the first start makes them.")
        return
    try:
        load_keys(settings.home)
    except KeyFileError as error:
        yield _bad("keys", str(error))
        return
    if path.stat().st_mode & 0o077:
        yield _bad("keys", f"The key file {path} can be read by others; run chmod 600 {path}.")
        return
    yield _good("keys", f"Keys: {path}")


def _has_data(settings: Settings) -> bool:
    if settings.database_url is None:
        return (settings.home / "tactful.db").exists()
    try:
        require_current(Database(settings.database))
    except (SchemaError, SQLAlchemyError):
        return False
    return True


def _database(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.database)
    file = sqlite_file(database)
    try:
        if file is not None and file.exists():
            _ask_for_lock(file)
        elif file is None:
            with database.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        yield _good("database", f"Database: {database.url.render_as_string(hide_password=True)}")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            yield _bad("database", f"Another program holds {file} locked; stop it, or copy the database away from it.")
        else:
            yield _bad("database", f"The database {file} cannot be used ({error}); put back a copy that can.")
    except OperationalError as error:
        yield _bad("database", database.silent(error))
    finally:
        database.close()


def _encrypted(settings: Settings) -> Iterator[Finding]:
    """Whether whoever stands between this machine and its database and Redis could read or answer in their place."""
    database, where = make_url(settings.database), urlsplit(settings.redis_url or "")
    mode = database.query.get("sslmode") or os.environ.get("PGSSLMODE")
    if not _stays(database.host) and mode != "verify-full":
        said = (
            f"The way to the database at {database.host} can be listened in on: add ?sslmode=verify-full to its address"
        )
        yield Finding("tls", False, f"{said}; {OWN_NETWORK}")
    if where.scheme == "redis" and not _stays(where.hostname):
        said = f"The way to Redis at {where.hostname} can be listened in on: write rediss:// in its address"
        yield Finding("tls", False, f"{said}; {OWN_NETWORK}")


def _stays(host: str | None) -> bool:
    """Whether nothing leaves the machine: a file, a socket, or a server on it."""
    return not host or host.startswith("/") or is_here(host)


def _ask_for_lock(file: Path) -> None:
    with sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=TIMEOUT) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _schema(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.database)
    try:
        require_current(database, or_newer=True)
        if is_newer(database):
            yield Finding("schema", False, "A later version has upgraded the database: upgrade this host, too.")
        else:
            yield _good("schema", "The database has the schema of this version.")
        with database.read() as session:
            noted, told = notices(session), [one.sentence for one in standing(session)]
            yield from _canary(settings, session)
            yield from _standstill(settings, session)
            yield from _growth(session)
            yield from _older(session, revision(database) or "")
        if not noted.keys_exported:
            yield Finding("keys", False, NOT_EXPORTED)
        yield from (Finding("notice", False, sentence) for sentence in told)
        if noted.halted:
            yield Finding("halt", False, f"Sending is halted ({noted.halted_why}); `tactful release` opens the gates.")
    except SchemaError as error:
        yield _bad("schema", str(error))
    except SQLAlchemyError:
        return
    finally:
        database.close()


def _canary(settings: Settings, session: Session) -> Iterator[Finding]:
    """Whether stops are known to be heard; what went wrong with the last test is among the notices."""
    every = settings.canary_minutes
    newest = session.execute(select(Canary).order_by(col(Canary.id).desc()).limit(1)).scalar()
    if not every:
        yield Finding(
            "canary", False, "No test STOP is sent (TACTFUL_CANARY_MINUTES is 0): nothing tries the way of replies."
        )
    elif newest is None:
        yield _good(
            "canary", f"No test STOP was sent yet; the first goes {every} minutes after the installation was made."
        )
    elif not newest.why:
        when = f"{newest.started_at:%Y-%m-%d %H:%M} UTC"
        yield _good("canary", f"The last test STOP ({when}) was answered after {newest.seconds:.2f} s and blocks.")


def _standstill(settings: Settings, session: Session) -> Iterator[Finding]:
    """What alerts speak of (deploy/alerts.yml) and no notice does: notices themselves come from a scheduler."""
    clock = clock_of(settings)
    seen = session.execute(select(col(Installation.seen_at))).scalar()
    if seen is not None and clock.real() - seen > SCHEDULER_SILENT:
        said = f"No scheduler has worked since {seen:%Y-%m-%d %H:%M} UTC"
        yield Finding("scheduler", False, f"{said}; start `tactful scheduler`, or all processes with `tactful up`.")
    if (waited := queue_age(session, clock.now())) > QUEUE_OLD:
        said = f"A due text has waited for {waited // 60:.0f} minutes"
        yield Finding("queue", False, f"{said}; are workers running, and does their log say why not?")
    if (waited := receipt_lag(session, clock.now())) > RECEIPTS_OLD:
        yield Finding(
            "receipts", False, f"Receipts wait to be applied for {waited // 60:.0f} minutes; see the scheduler's log."
        )


def _growth(session: Session) -> Iterator[Finding]:
    """Whether the tables grow without end; texts are counted by their ids, for counting rows reads them all."""
    texts = (session.execute(select(func.max(col(Message.id)))).scalar() or 0) - size(session).texts
    if texts >= MANY_TEXTS and archive_days(session) is None:
        said = f"About {texts / 1e6:.0f} million texts lie in the tables with all that became of them"
        yield Finding("growth", False, f"{said}; `tactful archive set 180` packs what is older than half a year.")


def _older(session: Session, at: str) -> Iterator[Finding]:
    """Who was left behind by an upgrade; a version that never said that it is there is not seen."""
    for who in behind(session, at):
        yield Finding(
            "version", False, f"{who[0].upper()}{who[1:]} is of an older version than the database: upgrade it."
        )


def _bell(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        path = embedded.socket_path(settings.home)
        if embedded.answers(path):
            yield _good("valkey", "The embedded Valkey answers.")
        else:
            yield _bad("valkey", "The embedded Valkey is not running; `tactful up` starts it.")
        return
    try:
        with redis.Redis.from_url(settings.redis_url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as client:
            client.ping()
        yield _good("valkey", "Redis answers.")
    except (redis.RedisError, ValueError):
        yield _bad("valkey", "No Redis or Valkey answers at TACTFUL_REDIS_URL; start it, or unset it to use our own.")


def _port(settings: Settings) -> Iterator[Finding]:
    running = embedded.answers(embedded.socket_path(settings.home))
    for port, name in ((settings.port, "TACTFUL_PORT"), (settings.hooks_port, "TACTFUL_HOOKS_PORT")):
        if _is_free(settings.host, port):
            yield _good("port", f"Port {port} is free.")
        elif running:
            yield _good("port", f"Port {port} is in use, and this installation is running.")
        else:
            yield _bad("port", f"Port {port} is in use by another program; set {name} to a free one.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _pages(_: Settings) -> Iterator[Finding]:
    found = importlib.util.find_spec("web")
    folder = Path(found.origin).parent / "static" / "vendor" if found and found.origin else Path("web/static/vendor")
    if any(folder.glob("**/*.css")):
        yield _good("pages", "The front-end files are there.")
    else:
        yield _bad("pages", "Front-end files are missing: run `make setup`.")


def _clock(settings: Settings) -> Iterator[Finding]:
    if settings.clock_virtual is not None:
        yield Finding("clock", False, "The clock is shifted: this installation is for trying things out.")


def from_numbers_of(settings: Settings) -> list[tuple[str, str]]:
    """Address and kind of every from_number of every program; none where there is no database yet."""
    database = Database(settings.database)
    try:
        if not has_tables(database):
            return []
        with database.read() as session:
            wanted = select(col(FromNumber.address), col(FromNumber.kind)).distinct().order_by(col(FromNumber.address))
            return [(address, kind) for address, kind in session.execute(wanted)]
    except SQLAlchemyError:
        return []
    finally:
        database.close()


def _agreement(settings: Settings, watch: Watch) -> Iterator[Finding]:
    """Whether this machine's clock, Twilio's and the database's agree: beyond 30 s workers here send nothing."""
    clock, database = clock_of(settings), Database(settings.database)
    try:
        with database.read() as session:
            watch.hear_database(clock_of_database(session), clock)
    except SQLAlchemyError:
        watch.hear_database(None, clock)
    finally:
        database.close()
    if trouble := watch.trouble(clock):
        yield Finding("clock", False, f"Workers on this machine send nothing: {trouble}; set its clock (NTP).")
    else:
        yield _good("clock", "This machine's clock is right.")


def _credentials(settings: Settings) -> Iterator[Finding]:
    watch = Watch()
    if settings.twilio_account_sid and not re.fullmatch(r"AC[0-9a-f]{32}", settings.twilio_account_sid):
        yield _bad(
            "twilio", "TACTFUL_TWILIO_ACCOUNT_SID is no account's: it begins with AC and has 34 letters and digits."
        )
        return
    try:
        provider = TwilioProvider(settings, watch.hear)
    except SendError as error:
        yield _bad("twilio", f"{error.sentence}.")
        return
    wire = Wire()
    try:
        wire.ask(provider.check_credentials())
        yield _good("twilio", "The simulator answers." if settings.simulated else "Twilio accepts the credentials.")
        yield from _agreement(settings, watch)
        for address, kind in from_numbers_of(settings):
            if wire.ask(provider.holds(address, kind)):
                yield _good("from_number", f"{address} is the account's.")
            else:
                yield _bad("from_number", f"{address} ({kind}) is not of this Twilio account; {MEND_NUMBER}.")
    except (Retryable, OutcomeUnknown):
        where = settings.twilio_base_url or "Twilio"
        yield Finding("twilio", False, f"{where} cannot be reached from here; texts wait until it can.")
    except SendError as error:
        yield _bad("twilio", f"{error.sentence}.")
    finally:
        wire.ask(provider.close())
        wire.close()
