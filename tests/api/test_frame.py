"""What holds for every operation: scope, problems by stable code, request ids, rates; nothing without a rule."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from sender.api.keys import SCOPES, list_keys
from tests.api.conftest import Caller, caller, make_key
from tests.installation import Installation
from web.api.doors import API_DOORS
from web.api.operations import ApiDoor, Operation
from web.api.problems import CODES, MIMETYPE
from web.app import create_app

# Which scope each operation wants. One that is not here fails the test: say first who may.
WANTS = {
    "api_messages.send_message": "messages:write",
    "api_messages.send_batch": "messages:write",
    "api_messages.list_all_messages": "messages:read",
    "api_messages.show_message": "messages:read",
    "api_messages.cancel": "messages:write",
    "api_checks.check_numbers": "checks:read",
    "api_people.keep_contact": "contacts:write",
    "api_people.list_contacts": "contacts:read",
    "api_people.show_contact": "contacts:read",
    "api_people.record_consent": "consents:write",
    "api_people.show_consent": "consents:read",
    "api_people.list_changes": "consents:read",
    "api_people.list_replies": "replies:read",
    "api_webhooks.create_webhook": "webhooks:write",
    "api_webhooks.list_webhooks": "webhooks:read",
    "api_webhooks.delete_webhook": "webhooks:write",
    "api_webhooks.enable_webhook": "webhooks:write",
    "api_webhooks.replay_webhook": "webhooks:write",
    "api_webhooks.list_deliveries": "webhooks:read",
    "api_automations.create_automation": "automations:write",
    "api_automations.end_automation": "automations:write",
    "api_automations.list_automations": "automations:read",
    "api_automations.pause_automation": "automations:write",
    "api_automations.show_automation": "automations:read",
    "api_automations.tell_event": "events:write",
    "api_campaigns.decide_audience": "campaigns:write",
    "api_campaigns.cancel_campaign": "campaigns:write",
    "api_campaigns.list_campaigns": "campaigns:read",
    "api_campaigns.list_programs": "programs:read",
    "api_campaigns.list_templates": "templates:read",
    "api_campaigns.pause_campaign": "campaigns:write",
    "api_campaigns.rehearse_campaign": "campaigns:read",
    "api_campaigns.resume_campaign": "campaigns:write",
    "api_campaigns.show_campaign": "campaigns:read",
    "api_proof.erase_person": "erasures:write",
    "api_proof.print_evidence": "evidence:read",
    "api_proof.show_evidence": "evidence:read",
    "api_proof.take_evidence": "evidence:read",
    "api_proof.take_own_data": "evidence:read",
    **dict.fromkeys(("api_segments.list_segments", "api_segments.show_segment"), "segments:read"),
    "api_segments.count_segment": "segments:read",
    **dict.fromkeys((f"api_segments.{act}_segment" for act in ("create", "change", "delete")), "segments:write"),
    **dict.fromkeys(("api_imports.list_imports", "api_imports.show_import"), "imports:read"),
    "api_imports.list_refused": "imports:read",
    **dict.fromkeys(
        (f"api_imports.{act}_import" for act in ("upload", "check", "commit", "undo", "discard")), "imports:write"
    ),
    **dict.fromkeys(
        (f"api_number_files.{one}" for one in ("write_suppressed", "write_to_ask", "list_registers")), "numbers:read"
    ),
    **dict.fromkeys(
        (f"api_number_files.take_{one}" for one in ("deactivated", "reassigned", "register")), "numbers:write"
    ),
    **dict.fromkeys(
        (f"api_number_files.{one}" for one in ("suppress_numbers", "unsuppress_numbers", "forget_register")),
        "numbers:write",
    ),
    **dict.fromkeys((f"api_opt_in.{one}" for one in ("list_forms", "show_form", "list_versions")), "forms:read"),
    **dict.fromkeys((f"api_opt_in.{act}_form" for act in ("create", "change", "close")), "forms:write"),
    "api_opt_in.list_keywords": "keywords:read",
    **dict.fromkeys((f"api_opt_in.{act}_keyword" for act in ("keep", "retire")), "keywords:write"),
    "api_reports.compare_variants": "reports:read",
    "api_reports.show_compliance": "reports:read",
    "api_reports.show_report": "reports:read",
}


def operations() -> Iterator[Operation]:
    """Every operation there is."""
    for door in API_DOORS:
        yield from door.operations.values()


def ask(app: Flask, operation: Operation, key: str = "") -> tuple[int, str]:
    """Status and code of a request without a body, filled in with names of nothing."""
    path = "/api/v1" + operation.path.replace("<", "x").replace(">", "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = app.test_client().open(path, method=operation.method, headers=headers)
    return answer.status_code, (answer.json or {}).get("code", "")


def test_every_operation_states_its_scope() -> None:
    """The scopes are the ones written down here, none more and none fewer, and keys can be made for each."""
    assert {one.endpoint: one.scope for one in operations()} == WANTS
    assert set(WANTS.values()) <= set(SCOPES)


def test_each_operation_opens_to_its_scope_alone(installation: Installation) -> None:
    """No key 401; a key of every scope but this and its parent 403; a key of this scope alone comes through."""
    app = create_app(installation.runtime)
    keys = {scope: make_key(installation, scope, name=scope) for scope in SCOPES}
    for one in operations():
        resource = one.scope.partition(":")[0]
        assert ask(app, one) == (401, "missing_key"), one.endpoint
        for scope, key in keys.items():
            opens = scope == one.scope or scope == f"{resource}:write"
            assert (ask(app, one, key)[0] != 403) is opens, (one.endpoint, scope)


def test_a_route_that_is_no_operation_is_refused(installation: Installation) -> None:
    """A view that somebody hangs on a door of the API without a scope cannot be reached with any key."""
    forgotten = ApiDoor("forgotten", __name__)
    forgotten.add_url_rule("/forgotten", view_func=lambda: "secret")
    app = create_app(installation.runtime)
    app.register_blueprint(forgotten)
    answer = Caller(app.test_client(), make_key(installation)).get("/forgotten")
    assert (answer.status_code, answer.json["code"]) == (403, "no_rule")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_key"),
        ({"Authorization": "Basic abc"}, "missing_key"),
        ({"Authorization": "Bearer tactful_live_x"}, "invalid_key"),
        ({"Authorization": "Bearer é"}, "invalid_key"),
    ],
)
def test_without_a_key_nothing_opens(installation: Installation, headers: dict[str, str], code: str) -> None:
    """401 as a problem, with the scheme that is wanted."""
    answer = create_app(installation.runtime).test_client().get("/api/v1/messages", headers=headers)
    assert (answer.status_code, answer.json["code"], answer.mimetype) == (401, code, MIMETYPE)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_errors_of_the_frame_are_problems_too(installation: Installation) -> None:
    """Unknown addresses, other methods, other types, broken JSON, large bodies: a code each, never a page."""
    shop = caller(installation)
    client, headers = shop.client, {"Authorization": f"Bearer {shop.key}"}

    def code(method: str, path: str, **rest: object) -> tuple[int, str]:
        answer = client.open(f"/api/v1{path}", method=method, headers=headers, **rest)  # type: ignore[arg-type]
        assert answer.mimetype == MIMETYPE
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]
        return answer.status_code, answer.json["code"]

    assert code("GET", "/nowhere") == (404, "not_found")
    assert code("GET", "/messages/msg_99") == (404, "not_found")
    assert code("GET", "/messages/msg_²") == (404, "not_found")
    assert code("DELETE", "/messages") == (405, "method_not_allowed")
    assert code("POST", "/messages", data="a=b") == (415, "not_json_type")
    json = {"content_type": "application/json"}
    assert code("POST", "/messages", data="{", **json) == (400, "invalid_json")
    assert code("POST", "/messages", data=b"\xff", **json) == (400, "invalid_json")
    assert code("POST", "/messages", data='{"to": "\\ud800"}', **json) == (400, "invalid_json")
    assert code("POST", "/messages", data="[" * 100_000, **json) == (400, "invalid_json")
    assert code("POST", "/messages", data="x" * 2_200_000, **json) == (413, "too_large")
    assert code("GET", "/messages?limit=0") == (422, "invalid_request")
    assert code("GET", "/messages?colour=red") == (422, "invalid_request")
    assert code("GET", "/messages?limit=5&limit=6") == (422, "invalid_request")


def test_every_code_says_what_to_do() -> None:
    """No problem without a sentence that helps, and none with a status of another kind."""
    for name, code in CODES.items():
        assert code.mend.endswith("."), name
        assert 400 <= code.status < 600, name
    named = {code for one in operations() for code in one.problems}
    assert named <= set(CODES)


def test_a_key_asks_no_more_often_than_it_may(installation: Installation) -> None:
    """The headers count down; then 429 says when to come again, and then it is let in again."""
    settings = installation.runtime.settings.model_copy(update={"api_rate": 3})
    app = create_app(replace(installation.runtime, settings=settings))
    shop = Caller(app.test_client(), make_key(installation, name="busy"))
    answers = [shop.get("/messages") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert (answers[3].json["code"], answers[3].headers["Retry-After"]) == ("rate_limited", "21")
    assert Caller(app.test_client(), make_key(installation, name="calm")).get("/messages").status_code == 200
    installation.clock.move(timedelta(seconds=21))
    assert shop.get("/messages").status_code == 200


def test_the_last_use_of_a_key_is_known(installation: Installation) -> None:
    """Whoever tidies keys sees which are in use."""
    caller(installation).get("/messages")
    with installation.runtime.db.read() as session:
        assert list_keys(session)[0].last_used_at == installation.clock.real()


def test_cookies_and_other_sites_play_no_part(installation: Installation) -> None:
    """A browser's page of another site may call with a key of its own; it holds no right of a person."""
    shop = caller(installation)
    shop.headers = {"Sec-Fetch-Site": "cross-site", "Cookie": "tactful=x"}
    assert shop.post("/messages/msg_1/cancel", {}).status_code == 404
