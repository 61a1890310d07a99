"""The servers and folders every test may ask for. Both databases are real; nothing here knows our tables."""

import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.addresses import keep_builders
from tests.leaks import leaks, leaks_below
from tests.servers import Postgres, Valkey, make_base, private, shared

# A busy machine is no fault of the code, and fixtures are spoilt by no example: each makes people of its own.
settings.register_profile(
    "tactful",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tactful")
# Read once, when the command line is first imported: tables must not break lines here.
os.environ["COLUMNS"] = "300"
keep_builders()

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails when what was logged in this process meanwhile holds a number, a text or a secret."""
    report = yield
    said = [line for title, text in report.sections if "log" in title for line in leaks(text.encode())]
    if said and report.passed:
        report.outcome, report.longrepr = "failed", "\n".join(["The log tells too much:", *said[:5]])
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What processes of this run logged below pytest's own folders is read once, at the end."""
    yield
    _refuse_leaks(tmp_path_factory.getbasetemp())


def _refuse_leaks(folder: Path) -> None:
    said = leaks_below(folder)
    assert not said, "\n".join(["The log of a process tells too much:", *said[:5]])


@pytest.fixture(scope="session")
def test_run() -> str:
    """A short name that all processes of this test run share and no other run has."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return hashlib.sha256(run.encode()).hexdigest()[:8]


@pytest.fixture(scope="session")
def worker() -> str:
    """The name of this xdist process, "gw0" without xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """An empty folder of this test whose path leaves room for a unix socket in it; logs in it are read at the end."""
    make_base()
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    yield folder
    try:
        _refuse_leaks(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(test_run: str) -> Iterator[Postgres]:
    """The PostgreSQL server of this test run, shared by all its processes: do not stop it."""
    with shared(Postgres, test_run) as server:
        yield server


@pytest.fixture(scope="session")
def database_names(worker: str) -> Iterator[str]:
    """Names for databases that no other process of this test run uses."""
    return (f"{worker}_{number}" for number in itertools.count())


@pytest.fixture
def pg_url(postgres: Postgres, database_names: Iterator[str]) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    name = next(database_names)
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite database of this test's own; the file is not there yet."""
    return f"sqlite:///{tmp_path / 'tactful.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database on each engine in turn: the test runs twice."""
    name = "sqlite_url" if request.param == "sqlite" else "pg_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def valkey(test_run: str) -> Iterator[Valkey]:
    """The Valkey server of this test run, shared by all its processes: do not stop it."""
    with shared(Valkey, test_run) as server:
        yield server


@pytest.fixture
def valkey_url(valkey: Valkey, worker: str) -> str:
    """The address of an empty Valkey database that belongs to this process."""
    url = valkey.url.replace("db=0", f"db={int(worker.removeprefix('gw')) % 16}")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this file's own, to crash and restart."""
    with private(Postgres) as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """A Valkey server of this test's own, to crash and restart."""
    with private(Valkey) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium program for browser tests."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        raise RuntimeError("Browser tests need Chromium: install the package chromium.")
    return found
