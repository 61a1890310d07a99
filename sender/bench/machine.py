"""What the figures were measured on: without it they say nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import text

from sender.db import Database

PACKAGES = ("twilio", "aiohttp", "requests", "sqlalchemy", "dramatiq", "phonenumbers", "jinja2", "flask", "gunicorn")
SERVER = ("shared_buffers", "max_wal_size", "checkpoint_timeout", "fsync", "full_page_writes", "synchronous_commit")
"""What decides how quick a PostgreSQL is that keeps what it was given, and whether it does (docs/operations.md)."""


def describe(database_url: str | None) -> dict[str, Any]:
    """Processor, cores, memory, load before the run, system, Python, database with its settings, packages that matter.

    None stands for a file of SQLite.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "database": (database_url or "sqlite").partition(":")[0],
        "server": _server(database_url) if database_url else "",
        "packages": {name: version(name) for name in PACKAGES},
    }


def _server(database_url: str) -> str:
    """The server's version and settings as it tells them, as our own connections have them; nothing of SQLite."""
    database = Database(database_url)
    try:
        if database.is_sqlite:
            return ""
        with database.engine.connect() as connection:
            said = [(name, connection.execute(text(f"SHOW {name}")).scalar()) for name in ("server_version", *SERVER)]
    finally:
        database.close()
    return ", ".join(f"{name} {value}" for name, value in said)


def _processor() -> str:
    """The processor's own name where the system tells it."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
