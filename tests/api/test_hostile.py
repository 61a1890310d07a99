"""Requests of every shape against the served document: none is a fault of ours, and every answer keeps its promise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import allow_every_purpose, make_key
from tests.installation import Installation, install
from web.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@pytest.fixture
def busy(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, whose keys may ask as often as they like."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1", api_rate=1_000_000)
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def throw_at_all(installation: Installation, cases: int) -> int:
    """Ask every operation so often in each mode, right and wrong; returns how many requests that were."""
    app = create_app(installation.runtime)
    headers = {"Authorization": f"Bearer {make_key(installation)}"}
    thrown = 0
    for found in schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).get_all_operations():
        operation = found.ok()
        for mode in MODES:

            @seed(cases)
            @settings(
                max_examples=cases,
                phases=[Phase.generate],
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def throw(case: Case) -> None:
                nonlocal thrown
                thrown += 1
                case.validate_response(case.call(headers=headers), checks=CHECKS)

            throw()
    return thrown


def test_no_request_breaks_the_document(busy: Installation) -> None:
    """A few requests of each kind to each operation: no 5xx, no answer that the document does not know."""
    assert throw_at_all(busy, 2) > 100


@pytest.mark.nightly
def test_ten_thousand_requests_break_nothing(busy: Installation) -> None:
    """The same with ten thousand cases and more."""
    assert throw_at_all(busy, 100) >= 10_000
