"""One installation of a test's own, keys for it, and the pages that answer them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sender.api.keys import SCOPES, KeyIn, create_key
from sender.models import Program
from tests.installation import Installation, install
from web.app import create_app

EVERY_PURPOSE = ["marketing", "informational", "transactional", "code"]


@dataclass
class Caller:
    """Other software with a key: asks in JSON and says what came back."""

    client: FlaskClient
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **query: object) -> TestResponse:
        """Ask for something."""
        return self.client.get(f"/api/v1{path}", query_string=query, headers=self._headers())

    def post(self, path: str, body: Any, once: str = "") -> TestResponse:
        """Make something, under an idempotency key where one is given."""
        more = {"Idempotency-Key": once} if once else {}
        return self.client.post(f"/api/v1{path}", json=body, headers={**self._headers(), **more})

    def send(self, method: str, path: str, body: Any, once: str = "") -> TestResponse:
        """Send a file (bytes or text) or JSON by any method."""
        more = {"Idempotency-Key": once} if once else {}
        content: Any = {"data": body} if isinstance(body, str | bytes) else {"json": body}
        return self.client.open(f"/api/v1{path}", method=method, headers={**self._headers(), **more}, **content)

    def delete(self, path: str) -> TestResponse:
        """End something."""
        return self.client.delete(f"/api/v1{path}", headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **self.headers}


def make_key(installation: Installation, *scopes: str, **wanted: Any) -> str:
    """A key for these scopes, for all when none is named."""
    lasts = wanted.pop("lasts", timedelta(days=365))
    with installation.runtime.db.write() as session:
        asked = KeyIn(wanted.pop("name", "shop"), scopes or SCOPES, lasts=lasts, **wanted)
        return create_key(session, installation.runtime.keys, asked, "ann", installation.clock.real())


def caller(installation: Installation, *scopes: str, **wanted: Any) -> Caller:
    """Software with a key of its own, in a process of its own."""
    return Caller(create_app(installation.runtime).test_client(), make_key(installation, *scopes, **wanted))


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Iterator[Installation]:
    """An installation whose program sends texts of every purpose, with the simulator behind it."""
    made = install(tmp_path / "home", sqlite_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def allow_every_purpose(installation: Installation) -> None:
    """Let the program send codes and transactional texts too."""
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).purposes = EVERY_PURPOSE
