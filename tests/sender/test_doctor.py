"""What the doctor says of ways that leave the machine: to the database and to Redis."""

from pathlib import Path

import pytest

from sender.settings import Settings
from sender.watching.doctor import examine

# A spelling of 127.0.0.1 that stands for a name elsewhere; nobody listens on port 1.
AWAY = "2130706433:1"


@pytest.mark.parametrize(
    ("database", "redis", "told"),
    [
        (None, "unix:///run/valkey.sock", []),
        ("postgresql+psycopg://ann@127.0.0.1:1/x", "redis://localhost:1/0", []),
        (f"postgresql+psycopg://ann@{AWAY}/x", f"rediss://{AWAY}/0", ["database"]),
        (f"postgresql+psycopg://ann@{AWAY}/x?sslmode=require", f"redis://:word@{AWAY}/0", ["database", "Redis"]),
        (f"postgresql+psycopg://ann@{AWAY}/x?sslmode=verify-full", f"rediss://{AWAY}/0", []),
    ],
)
def test_a_way_that_can_be_listened_in_on_is_named(
    tmp_path: Path, database: str | None, redis: str, told: list[str]
) -> None:
    """What leaves the machine has to be encrypted and its other end known; files, sockets and loopback stay here."""
    settings = Settings(_env_file=None, home=tmp_path, database_url=database, redis_url=redis)
    said = [one.sentence for one in examine(settings) if one.what == "tls"]
    assert len(said) == len(told)
    assert all(name in sentence for name, sentence in zip(told, said, strict=True))
    assert not any("word" in sentence for sentence in said)
