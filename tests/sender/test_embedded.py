import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from sender.processes.embedded import (
    PATH_LIMIT,
    EmbeddedError,
    answers,
    make_private,
    prepare,
    socket_path,
    socket_url,
    valkey_command,
    wait_ready,
)


@pytest.fixture
def home(short_folder: Path) -> Path:
    """A home folder of an installation, not made yet."""
    return short_folder / "home"


@pytest.fixture
def server(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The embedded Valkey of ``home``, started as the supervisor does and answering."""
    folder, socket = prepare(home)
    with (home / "log").open("wb") as log:
        popen = subprocess.Popen(valkey_command(folder, socket), stdout=log, umask=0o077)
    wait_ready(socket)
    yield popen
    popen.terminate()
    popen.wait(10)


def test_it_listens_on_a_private_socket_alone(home: Path, server: subprocess.Popen[bytes]) -> None:
    """The server has no TCP port; its socket is 0700 inside a 0700 folder."""
    socket = socket_path(home)
    assert psutil.Process(server.pid).net_connections(kind="inet") == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in (socket, socket.parent)] == [0o700, 0o700]


def test_what_was_written_survives_a_restart(home: Path, server: subprocess.Popen[bytes]) -> None:
    """The append-only file brings keys back after a stop, and nobody else can read it."""
    socket = socket_path(home)
    with redis.Redis.from_url(socket_url(socket)) as client:
        client.set("word", "kept")
    server.terminate()
    server.wait(10)
    folder, socket = prepare(home)
    with subprocess.Popen(valkey_command(folder, socket), stdout=subprocess.DEVNULL, umask=0o077) as again:
        wait_ready(socket)
        with redis.Redis.from_url(socket_url(socket)) as client:
            assert client.get("word") == b"kept"
        again.terminate()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_it_refuses_rather_than_forgets(home: Path, server: subprocess.Popen[bytes]) -> None:
    """Memory is limited, nothing is evicted, and every change reaches the disk within a second."""
    with redis.Redis.from_url(socket_url(socket_path(home)), decode_responses=True) as client:
        settings = client.config_get("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save")
    assert settings == {
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
    }


def test_a_second_one_in_the_same_home_is_refused(home: Path, server: subprocess.Popen[bytes]) -> None:
    """While one server answers, preparing the same home says so in one sentence."""
    with pytest.raises(EmbeddedError, match=r"already running in .*: stop that one first"):
        prepare(home)


def test_a_server_that_never_comes_is_reported(short_folder: Path) -> None:
    """Waiting for a socket that nobody opens ends with a sentence, not for ever."""
    assert not answers(short_folder / "none")
    with pytest.raises(EmbeddedError, match=r"does not answer at .* after 0.05 s"):
        wait_ready(short_folder / "none", timeout=0.05)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A link planted where the private folder should be is not followed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedError, match="is a link or belongs to another user"):
        make_private(tmp_path / "run")


def test_an_open_folder_is_closed(tmp_path: Path) -> None:
    """A folder that was left open to the group becomes private."""
    (tmp_path / "run").mkdir(mode=0o755)
    assert stat.S_IMODE(make_private(tmp_path / "run").stat().st_mode) == 0o700


@given(st.lists(st.text("abcö-", min_size=1, max_size=40), min_size=1, max_size=8))
def test_the_socket_path_is_always_short(parts: list[str]) -> None:
    """However deep the home folder is, the socket's path fits, and it is the same every time."""
    home = Path("/", *parts)
    assert len(os.fsencode(socket_path(home))) < PATH_LIMIT
    assert socket_path(home) == socket_path(home)
