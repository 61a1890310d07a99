"""An installation of a test's own, its pages, and somebody who is signed in. Fakes only at provider and clock."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlmodel import Session

from guards import CHAIN
from sender import accounts
from sender.clock import Clock
from sender.crypto import make_keys
from sender.db import Database
from sender.models import Campaign, Installation, Message, Number, Program, Variant
from sender.providers.base import Accepted, Found, Outbound
from sender.runtime import Runtime
from sender.settings import Settings
from tests.approving import approve
from tests.tables import give_tables
from web.app import create_app
from web.signature import signature

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
EMAIL = "ana@example.org"
PASSWORD = "violet tractor under snow"
ACCOUNT = "AC" + "a" * 32
AUTH_TOKEN = "f" * 32
FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class TestClock(Clock):
    """A clock whose hands are moved by the test; both times show the same."""

    __test__ = False
    hands: list[datetime] = field(default_factory=lambda: [START])

    def now(self) -> datetime:
        """Where the hands are."""
        return self.hands[0]

    def real(self) -> datetime:
        """Where the hands are."""
        return self.hands[0]

    def move(self, by: timedelta) -> None:
        """Move the hands."""
        self.hands[0] += by


class NoProvider:
    """The web process sends nothing: whoever asks this provider has a fault."""

    async def send(self, outbound: Outbound) -> Accepted:
        """Refuse."""
        raise AssertionError(outbound)

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """Refuse."""
        raise AssertionError((to, since))

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite, but for the files that ask for both."""
    return sqlite_url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of an installation behind https, with both auth tokens of a rotation."""
    return Settings(
        _env_file=None,
        home=tmp_path,
        database_url=database_url,
        public_url="https://sms.example.org/",
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=AUTH_TOKEN,
        twilio_old_auth_token="e" * 32,
    )


@pytest.fixture
def clock() -> TestClock:
    """A clock that stands still."""
    return TestClock()


@pytest.fixture
def runtime(settings: Settings, clock: TestClock) -> Iterator[Runtime]:
    """A runtime with empty tables."""
    db = Database(settings.database)
    give_tables(db)
    yield Runtime(settings, db, make_keys(settings.home), clock, CHAIN, NoProvider())
    db.close()


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """The pages of the installation."""
    return with_compiled_pages(create_app(runtime))


class CompiledPages(BytecodeCache):
    """Compiled templates, kept for every application of this process: compiling takes longer than most tests."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was kept."""
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it; the key names template and options, the bucket its text."""
        self.kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = CompiledPages()


def with_compiled_pages(app: Flask) -> Flask:
    """The application, which does not compile a template again that another has compiled."""
    app.jinja_env.bytecode_cache = COMPILED
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that comes over https."""
    return browser(app)


def browser(app: Flask) -> FlaskClient:
    """A fresh browser."""
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    client.environ_base["HTTP_HOST"] = "sms.example.org"
    return client


def submit(client: FlaskClient, page: str, action: str, **fields: str) -> Any:
    """Send the form that stands on a page, with its own token."""
    found = FIELD.search(client.get(page).text)
    assert found, f"{page} has no form"
    return client.post(action, data={"csrf_token": found[1], **fields})


def log_in(client: FlaskClient, email: str = EMAIL, password: str = PASSWORD) -> Any:
    """Sign in on the page."""
    return submit(client, "/login", "/login", email=email, password=password)


@cache
def known_hash() -> str:
    """A hash of the password that everybody here has, with little work: some hundred tests begin with signing in."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def add_user(runtime: Runtime) -> Callable[..., int]:
    """Make a user with a role and return the id."""
    known = known_hash()

    def add(email: str = EMAIL, role: str = "owner", program_id: int = 0) -> int:
        with runtime.db.write() as session:
            user = accounts.User(email=email, password_hash=known, created_at=START)
            session.add(user)
            session.flush()
            assert user.id is not None
            session.add(accounts.Role(user_id=user.id, program_id=program_id, name=role))
            return user.id

    return add


@pytest.fixture
def signed_in(client: FlaskClient, add_user: Callable[..., int]) -> FlaskClient:
    """A browser of the owner."""
    add_user()
    assert log_in(client).status_code == 303
    return client


@pytest.fixture
def campaign(runtime: Runtime) -> int:
    """A running campaign of one variant with seven messages in six states; returns its id."""
    with runtime.db.write() as session:
        session.add(Installation(epoch="one", created_at=START))
        return make_campaign(session)


STATES = (
    ("delivered", ""),
    ("delivered", ""),
    ("sent", ""),
    ("pending", "quiet_hours"),
    ("blocked", "opted_out"),
    ("failed", "twilio_21211"),
    ("cancelled", "campaign_cancelled"),
)


def make_campaign(session: Session, name: str = "Spring sale", slug: str = "lumen") -> int:
    """A running campaign in a program of its own; returns its id."""
    program = Program(slug=slug, brand="Lumen & Co", help_contact="help@example.org", created_at=START)
    session.add(program)
    session.flush()
    assert program.id is not None
    campaign = Campaign(program_id=program.id, name=name, status="running", start_at=START, created_at=START)
    session.add(campaign)
    session.flush()
    assert campaign.id is not None
    variant = Variant(campaign_id=campaign.id, position=0, name="Everybody", template="Hi {{ first_name }}")
    session.add(variant)
    session.flush()
    for place, (status, reason) in enumerate(STATES):
        number = Number(key=f"{slug}{place}".encode(), cipher=b"c", data_key=b"k", created_at=START)
        session.add(number)
        session.flush()
        assert number.id is not None
        session.add(
            Message(
                campaign_id=campaign.id,
                variant_id=variant.id,
                program_id=program.id,
                number_id=number.id,
                kind="campaign",
                purpose="marketing",
                status=status,
                reason=reason,
                parts=2,
                deferrals=1 if status == "pending" else 0,
                send_after=START,
                created_at=START,
                changed_at=START,
                touched_at=START,
            )
        )
    approve(session, campaign.id)
    return campaign.id


def signed(path: str, parameters: dict[str, str], token: str = AUTH_TOKEN) -> dict[str, Any]:
    """The arguments of a request that Twilio would send."""
    header = signature(token, f"https://sms.example.org{path}", parameters).decode()
    return {"path": path, "data": parameters, "headers": {"X-Twilio-Signature": header}}


def post(client: FlaskClient, request: dict[str, Any]) -> Any:
    """Send it."""
    return client.post(request["path"], data=request["data"], headers=request["headers"])
