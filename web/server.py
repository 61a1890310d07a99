"""One web process: gunicorn with threads, inside ours, on a socket that was bound before anything was started."""

import errno
import socket
from contextlib import ExitStack
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from sender.audience import intent
from sender.processes.presence import present
from sender.runtime import Runtime
from sender.settings import Settings
from web.app import create_app
from web.assets import require_assets

THREADS = 16


class AddressTakenError(RuntimeError):
    """Where the web process should listen, something else does or nothing can; the sentence names the setting."""


def run(runtime: Runtime) -> None:
    """Serve until SIGTERM; MissingAssetsError or AddressTakenError before anything was started."""
    require_assets()
    # Loaded before the fork, so that these words are in memory once.
    intent.load()
    listener = bind(runtime.settings)
    # Connections of the database do not survive the fork into gunicorn's worker; it opens its own.
    runtime.db.close()
    _Server(runtime, listener).run()


def bind(settings: Settings) -> socket.socket:
    """The listening socket of the settings; AddressTakenError with one sentence when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise AddressTakenError(_sentence(settings, error)) from error
    listener.set_inheritable(True)
    return listener


def _sentence(settings: Settings, error: OSError) -> str:
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Another process listens on {where} already; stop it or set TACTFUL_PORT to a free port."
    if error.errno == errno.EACCES:
        return f"This user may not listen on {where}; set TACTFUL_PORT to a port above 1023."
    return f"Nothing can listen on {where} ({error.strerror}); set TACTFUL_HOST to an address of this machine."


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn without a command line and without a configuration file."""

    def __init__(self, runtime: Runtime, listener: socket.socket) -> None:
        self._runtime = runtime
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        """One worker of sixteen threads. Its own access log is off: it would write addresses with tokens in them."""
        options: dict[str, Any] = {
            "bind": f"fd://{self._listener.fileno()}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 30,
            "graceful_timeout": 15,
            "keepalive": 5,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
            "limit_request_line": 4094,
            "limit_request_fields": 100,
            "proc_name": "tactful-web",
            "worker_exit": self._close,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, made in the worker: threads and connections do not survive a fork."""
        self._open = ExitStack()
        self._open.enter_context(present(self._runtime.db, "web"))
        return create_app(self._runtime)

    def _close(self, _arbiter: object, _worker: object) -> None:
        self._open.close()
