"""Keys and webhooks on the pages: shown once, asked afresh who it is, followed up, revoked, told again."""

import re
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from sender.models import WebhookDelivery, WebhookEvent
from sender.runtime import Runtime
from tests.web.conftest import TestClock as Hands
from tests.web.conftest import browser, submit

KEYS, HOOKS = "/integrations/keys", "/integrations/webhooks"
KEY = re.compile(r"tactful_live_\w+")
WANTED: dict[str, Any] = {"name": "shop", "scope": ["messages:read", "reports:read"], "days": "30", "act": "create"}


def test_a_key_is_shown_once_followed_up_and_revoked(app: Flask, signed_in: FlaskClient, clock: Hands) -> None:
    """The new key works and stands on no later page; revoked it is refused; after ten minutes one proves who one is."""
    assert submit(signed_in, KEYS, KEYS, **{**WANTED, "scope": []}).status_code == 400
    (key,) = set(KEY.findall(submit(signed_in, KEYS, KEYS, **WANTED).text))
    assert KEY.search(signed_in.get(KEYS).text) is None
    software = browser(app)

    def asked(with_key: str) -> int:
        return software.get("/api/v1/messages", headers={"Authorization": f"Bearer {with_key}"}).status_code

    assert asked(key) == 200
    public_id = key.split("_")[2]
    (second,) = set(KEY.findall(submit(signed_in, KEYS, KEYS, act="rotate", key=public_id).text))
    said = signed_in.get(f"{KEYS}/{public_id}/revoke").text
    for sentence in ("It was last used", "0 requests of the last 24 hours", "2 rights (messages:read, reports:read)"):
        assert sentence in said
    assert f"1 other key of this name lives: {second.split('_')[2]}" in said
    submit(signed_in, f"{KEYS}/{public_id}/revoke", KEYS, act="revoke", key=public_id)
    assert signed_in.get(f"{KEYS}/{public_id}/revoke").status_code == 404
    assert "No other key has this name" in signed_in.get(f"{KEYS}/{second.split('_')[2]}/revoke").text
    assert (asked(key), asked(second)) == (401, 200)
    clock.move(timedelta(minutes=11))
    answer = submit(signed_in, KEYS, KEYS, **WANTED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/again?back=%2Fintegrations%2Fkeys")


def test_an_endpoint_is_made_and_told_again(runtime: Runtime, signed_in: FlaskClient, clock: Hands) -> None:
    """Its secret is shown once, an address inside is refused, and what happened lately is sent again on a button."""
    inside = {"url": "http://127.0.0.1/hook", "event": ["reply.received"]}
    assert submit(signed_in, HOOKS, HOOKS, **inside).status_code == 400
    made = submit(signed_in, HOOKS, HOOKS, url="https://crm.example.com/hook", event=["reply.received"])
    assert "whsec_" in made.text
    assert "whsec_" not in signed_in.get(HOOKS).text
    with runtime.db.write() as session:
        session.add(WebhookEvent(uid="evt_1", type="reply.received", body_cipher=b"", at=clock.real()))
    assert "1 sent again" in submit(signed_in, HOOKS, f"{HOOKS}/1", act="replay", hours="1").text
    page = signed_in.get(f"{HOOKS}/1").text
    assert "evt_1" in page
    with runtime.db.read() as session:
        assert session.get_one(WebhookDelivery, 1).status == "waiting"
    for fits in ("", "?state=waiting", "?endpoint=1&kind=reply.received&sort=happened"):
        assert "evt_1" in signed_in.get(f"{HOOKS}/deliveries{fits}").text
    for other in ("?state=given_up", "?endpoint=2", "?kind=consent.changed", "?page=2"):
        assert "evt_1" not in signed_in.get(f"{HOOKS}/deliveries{other}").text
    asked = signed_in.get(f"{HOOKS}/1/forget").text
    assert ("1 event waits for it and is lost" in asked, "1 kind of event" in asked) == (True, True)
    assert "forgotten" in submit(signed_in, HOOKS, f"{HOOKS}/1", act="delete").text
    assert signed_in.get(f"{HOOKS}/1").status_code == 404
