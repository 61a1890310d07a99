"""Every route has a rule, and every answer has its headers."""

from base64 import b64decode
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient

from sender.runtime import Runtime
from sender.settings import Settings
from tests.web.conftest import browser, submit
from web.api.doors import API_DOORS
from web.app import create_app
from web.auth import Door, peer
from web.policy import HEADERS

# Who may pass which route. A route that is not here fails the test: say first who it is for.
INBOX = ("listing", "live", "show", "live_thread", "answer", "mark_read", "assign", "answers", "keep", "retire")
OPT_IN = (
    *("listing", "new", "edit", "create", "save", "preview", "show", "publish", "ask_close", "close", "qr", "poster"),
    *("disclosure", "say", "in_person", "take_in_person"),
)
AUTOMATIONS = ("listing", "show", "edit", "save", "ask_start", "start", "pause", "move_aside", "ask_end", "end")
PROGRAMS = ("listing", "new", "create", "show", "edit", "save", "preview", "add_line", "ask_retire", "retire")
SETTINGS = ("replies", "save_replies", "preview_replies", "links", "save_links")
TEMPLATES = ("listing", "new", "create", "show", "edit", "save", "look", "move")
RULES = {
    "static.static": "anyone",
    "health.alive": "anyone",
    "health.ready": "anyone",
    "metrics.metrics": "this_machine",
    "hooks.status": "signed_by_twilio",
    "hooks.inbound": "signed_by_twilio",
    "links.lead_on": "anyone",
    "opt_out.ask": "anyone",
    "opt_out.opt_out": "anyone",
    "join.show": "anyone",
    "join.sign": "anyone",
    "preferences.show": "anyone",
    "preferences.act": "anyone",
    **dict.fromkeys((f"opt_in.{name}" for name in OPT_IN), "signed_in"),
    **dict.fromkeys((f"programs.{name}" for name in PROGRAMS), "signed_in"),
    **dict.fromkeys((f"program_settings.{name}" for name in SETTINGS), "signed_in"),
    **dict.fromkeys((f"templates.{name}" for name in TEMPLATES), "signed_in"),
    **dict.fromkeys((f"virtual_phones.{name}" for name in ("listing", "live", "show", "write")), "signed_in"),
    "sign_in.show_login": "anyone",
    "sign_in.login": "anyone",
    "sign_in.show_welcome": "anyone",
    "sign_in.welcome": "anyone",
    "sign_in.show_code": "anyone",
    "sign_in.login_code": "anyone",
    "leaving.logout": "signed_in",
    "passkey_entrance.ask_for_one": "anyone",
    "passkey_entrance.sign_in": "anyone",
    **dict.fromkeys((f"passkeys.{name}" for name in ("ask_to_make", "make", "end", "again")), "signed_in"),
    **dict.fromkeys(
        (
            f"account.{name}"
            for name in (
                ["show", "change_password", "switch_on", "switch_off", "new_codes", "end_session", "ask_again", "again"]
            )
        ),
        "signed_in",
    ),
    "users.listing": "owners",
    "users.act": "owners",
    "users.ask_close": "owners",
    "audit.show_audit": "auditors",
    "frame.choose_theme": "signed_in",
    "frame.choose_language": "signed_in",
    "frame.ask_halt": "signed_in",
    "frame.do_halt": "signed_in",
    "frame.ask_release": "signed_in",
    "frame.do_release": "signed_in",
    "home.show": "signed_in",
    **dict.fromkeys(
        (f"segments.{name}" for name in ("listing", "show", "count", "save", "ask_delete", "delete")), "signed_in"
    ),
    **dict.fromkeys(
        (
            *(f"builder.{name}" for name in ("new", "create", "basics", "save_basics", "timing", "save_timing")),
            *(f"audience_step.{name}" for name in ("show", "save", "count")),
            *(f"text_step.{name}" for name in ("show", "save", "look")),
            *(f"review.{name}" for name in ("show", "begin", "progress", "move", "ask_start", "start")),
        ),
        "signed_in",
    ),
    **dict.fromkeys((f"imports.{name}" for name in ("listing", "new", "show", "live", "check", "move")), "marketer"),
    **dict.fromkeys((f"imports.{name}" for name in ("ask_undo", "undo", "ask_refused", "refused")), "marketer"),
    **dict.fromkeys(
        (f"contacts.{name}" for name in ("listing", "find_one", "show", "ask_edit", "edit", "stop")), "signed_in"
    ),
    "contacts.ask_export": "signed_in",
    "contacts.export": "signed_in",
    **dict.fromkeys((f"proof.{act}_evidence" for act in ("ask", "take")), "signed_in"),
    **dict.fromkeys((f"proof.{act}_own_data" for act in ("ask", "take")), "signed_in"),
    **dict.fromkeys(("proof.ask_erase", "proof.do_erase"), "signed_in"),
    "uploading.upload": "marketer_with_file",
    "number_taking.take": "keeper_with_file",
    **dict.fromkeys(
        (f"number_files.{act}" for act in ("show", "ask_forget", "forget", "ask_list", "take_list")), "signed_in"
    ),
    **dict.fromkeys(
        (f"retention.{act}" for act in ("show", "ask", "change", "hold", "ask_release", "release", "archive")), "owners"
    ),
    **dict.fromkeys((f"campaigns.{name}" for name in ("show_course", "ask_cancel", "ask_copy", "copy")), "signed_in"),
    **dict.fromkeys((f"trying.{name}" for name in ("show", "send", "register", "prove")), "signed_in"),
    **dict.fromkeys(("rules.listing", "rules.show", "rules.ask_change", "rules.make_change"), "signed_in"),
    **dict.fromkeys(("rules.ask_switch", "rules.make_switch"), "signed_in"),
    **dict.fromkeys((f"unsure.{name}" for name in ("show", "live", "decide")), "signed_in"),
    **dict.fromkeys(
        (f"automations.{name}" for name in AUTOMATIONS),
        "signed_in",
    ),
    **dict.fromkeys(
        (f"integrations.{name}" for name in ("show_keys", "act_on_keys", "ask_revoke", "ask_forget")), "owners"
    ),
    **dict.fromkeys(
        (
            f"integrations.{name}"
            for name in ("show_webhooks", "create_webhook", "show_webhook", "act_on_webhook", "show_deliveries")
        ),
        "owners",
    ),
    **dict.fromkeys((f"reports.{name}" for name in ("show", "as_csv", "show_compliance", "compare")), "signed_in"),
    **dict.fromkeys((f"inbox.{name}" for name in INBOX), "signed_in"),
    "campaigns.listing": "signed_in",
    "campaigns.show": "signed_in",
    "campaigns.live": "signed_in",
    "campaigns.steer": "signed_in",
    "api_document.openapi": "anyone",
    "api_document.page": "anyone",
    **dict.fromkeys((endpoint for door in API_DOORS for endpoint in door.operations), "keyed"),
}
WITHOUT_CSRF = {"hooks.status", "hooks.inbound", "opt_out.opt_out", "join.sign", "preferences.act"}
FILL = {
    "slug": "nowhere",
    "token": "x",
    "campaign_id": 1,
    "endpoint_id": 1,
    "automation_id": 1,
    "action": "pause",
    "step": "submit",
    "change": "loosen",
    "switch": "close",
    "filename": "app.css",
    "message_id": "msg_1",
    "webhook_id": "whk_1",
    "number": "+12125550123",
    "segment_id": 1,
    "session_id": 1,
    "passkey_id": 1,
    "import_id": 1,
    "form_id": 1,
    "keyword_id": 1,
    "program_id": 1,
    "template_id": 1,
    "where": "archive",
    "number_id": 1,
    "choice": "commit",
    "code": "US",
    "reply_id": 1,
    "decision": "later",
    "kind": "suppress",
    "country": "US",
    "which": "suppressed",
    "answer_id": 1,
    "hold_id": 1,
    "user_id": 1,
    "public_id": "0000000000",
}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and a filled-in path of every route."""
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            path = app.url_for(rule.endpoint, **{name: FILL[name] for name in rule.arguments})
            for method in sorted(rule.methods or ()):
                yield rule.endpoint, method, path


def test_every_route_states_its_rule(app: Flask) -> None:
    """The rules of all routes are the ones written down here, none more and none fewer."""
    found = {}
    for rule in app.url_map.iter_rules():
        door = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        assert isinstance(door, Door), rule.endpoint
        found[rule.endpoint] = door.rule.__name__
    assert found == RULES


def test_a_route_without_a_rule_is_refused(runtime: Runtime) -> None:
    """A view that somebody hangs on the application itself cannot be reached."""
    app = create_app(runtime)
    app.add_url_rule("/forgotten", view_func=lambda: "secret")
    assert browser(app).get("/forgotten").status_code == 403


def test_strangers_reach_nothing_behind_a_rule(app: Flask) -> None:
    """Without a session every page of marketers leads to the sign-in page, and every hook and form is refused."""
    for endpoint, method, path in routes(app):
        answer = browser(app).open(path, method=method)
        if RULES[endpoint] in ("signed_in", "owners", "auditors"):
            assert answer.status_code in ((303,) if method in ("GET", "HEAD", "OPTIONS") else (403,)), (
                endpoint,
                method,
            )
        elif RULES[endpoint] == "keyed":
            assert answer.status_code == 401, (endpoint, method)
        elif RULES[endpoint] == "signed_by_twilio":
            assert answer.status_code == 403, (endpoint, method)


def test_every_answer_carries_the_headers(app: Flask) -> None:
    """Pages, files, redirects, refusals and unknown addresses alike; a body has its kind and charset, and none is for
    scripts of other sites."""
    client = browser(app)
    for _, method, path in [*routes(app), ("nowhere", "GET", "/nowhere")]:
        answer = client.open(path, method=method, headers={"Origin": "https://evil.example"})
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (method, path)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers.get("Cache-Control") == "no-store" or path.startswith("/static/")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        kind = answer.headers.get("Content-Type", "")
        assert kind or not answer.data, (method, path)
        assert "charset=utf-8" in kind or not kind.startswith("text/"), (method, path)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")], (method, path)


def test_no_hsts_without_https(runtime: Runtime, settings: Settings) -> None:
    """A demo on plain http does not lock the browser out of it."""
    plain = settings.model_copy(update={"public_url": None})
    app = create_app(Runtime(plain, runtime.db, runtime.keys, runtime.clock, runtime.chain, runtime.provider))
    answer = app.test_client().get("/login")
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.headers["Set-Cookie"].startswith("tactful=")
    assert "Secure" not in answer.headers["Set-Cookie"]


def test_the_cookie_is_bound_to_this_host(client: FlaskClient) -> None:
    """Over https its name starts with __Host-, and scripts and other sites do not get it."""
    cookie = client.get("/login").headers["Set-Cookie"]
    assert cookie.startswith("__Host-tactful=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_the_cookie_is_signed_by_sha_256(client: FlaskClient, runtime: Runtime) -> None:
    """What stands behind the last dot is an HMAC of 256 bits, and one of SHA-1 with our own key is no session."""
    client.get("/login")
    value = client.get_cookie("__Host-tactful").value  # type: ignore[union-attr]
    assert len(b64decode(value.rpartition(".")[2] + "=", altchars="-_")) == 32
    forged = SecureCookieSessionInterface().get_signing_serializer(client.application)
    assert forged is not None
    client.set_cookie("__Host-tactful", str(forged.dumps({"csrf_token": "known"})), secure=True)
    with client.session_transaction() as cookie:
        assert cookie.get("csrf_token") != "known"


def test_every_form_needs_its_token(app: Flask, signed_in: FlaskClient, campaign: int) -> None:
    """A POST without our token is refused on every page, with the owner's own cookie too."""
    assert campaign == FILL["campaign_id"]
    for endpoint, method, path in routes(app):
        if method == "POST" and endpoint not in WITHOUT_CSRF and RULES[endpoint] != "keyed":
            answer = signed_in.post(path)
            assert answer.status_code == 403, endpoint
            assert "earlier visit" in answer.text


def test_a_form_from_another_site_is_refused(signed_in: FlaskClient, campaign: int) -> None:
    """Even with the right token: the browser says where it was sent from."""
    signed_in.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    answer = submit(signed_in, "/", f"/campaigns/{campaign}/pause")
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize("header", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}])
def test_metrics_stay_on_this_machine(client: FlaskClient, header: dict[str, str]) -> None:
    """Whatever a proxy passes on came from elsewhere; so did an address that is not loopback."""
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers=header).status_code == 403
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403


@pytest.mark.parametrize(
    ("asks", "header", "believed"),
    [
        ("203.0.113.5", "192.0.2.1", "203.0.113.5"),
        ("10.0.0.9", "192.0.2.1", "10.0.0.9"),
        ("127.0.0.1", "192.0.2.7, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_only_a_proxy_of_ours_says_who_asks(app: Flask, asks: str, header: str, believed: str) -> None:
    """Whoever else sends the header is known by their own address; of a proxy counts what it added last."""
    with app.test_request_context(environ_base={"REMOTE_ADDR": asks}, headers={"X-Forwarded-For": header}):
        assert peer() == believed


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    """More than 256 KiB is not read."""
    answer = client.post("/hooks/twilio/inbound", data={"Body": "x" * 300_000})
    assert answer.status_code == 413


def test_health_and_readiness(client: FlaskClient, runtime: Runtime) -> None:
    """The process is alive without its database, but not ready."""
    assert client.get("/readyz").status_code == 200
    with runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE installation RENAME TO gone")
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
