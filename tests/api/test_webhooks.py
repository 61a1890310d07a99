"""Webhooks out: each thing that happens is told once to whoever wants it, signed, again after failures, never lost."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sender.audience.retention import forget_some
from sender.audience.sealer import seal_some
from sender.delivery.replies import InboundText, receive
from sender.delivery.wire import Wire
from sender.models import Audit, Campaign, Number
from sender.webhooks.deliveries import PAUSES, post_due
from sender.webhooks.events import tell
from sender.webhooks.outside import Poster, read_networks
from tests.api.conftest import Caller, allow_every_purpose, caller
from tests.installation import TUESDAY, Installation, install

NUMBER = "+12125550123"
LOOPBACK = ["127.0.0.0/8"]
EVERYTHING = ["message.updated", "reply.received", "consent.changed", "campaign.updated", "import.updated"]


@dataclass
class Listener:
    """Other software that hears; ``answers`` are given in turn, the last one for ever."""

    answers: list[int] = field(default_factory=lambda: [204])
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def told(self) -> list[dict[str, Any]]:
        """What it was told, in order."""
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A real server on loopback."""
    made = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.heard.append((dict(self.headers.items()), body))
            status = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            self.send_response(status)
            self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, that may reach loopback."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1", webhook_networks=LOOPBACK)
    allow_every_purpose(made)
    tell(made.runtime)
    yield made
    made.runtime.db.close()


def post(installation: Installation) -> int:
    """One round of the scheduler: tell, then post what is due."""
    wire, poster = Wire(), Poster(read_networks(LOOPBACK))
    seal_some(installation.runtime.db, installation.runtime.keys)
    tell(installation.runtime)
    posted = post_due(installation.runtime, poster, wire)
    wire.ask(poster.close())
    wire.close()
    return posted


def subscribe(shop: Caller, listener: Listener, *events: str) -> dict[str, Any]:
    """An endpoint that wants these events, all when none is named."""
    made = shop.post("/webhooks", {"url": listener.url, "events": list(events) or EVERYTHING})
    assert made.status_code == 201, made.json
    return dict(made.json)


def test_everything_that_happens_is_told_once(installation: Installation, listener: Listener) -> None:
    """A text's states, a reply, an opt-out, a campaign: each heard once, with the number in it, and nothing twice."""
    shop = caller(installation)
    subscribe(shop, listener)
    sent = shop.post("/messages", {"to": NUMBER, "program": "acme", "purpose": "code", "body": "Acme: 204117"}).json
    with installation.runtime.db.write() as session:
        session.add(Campaign(program_id=installation.program_id, name="Sale", status="running", created_at=TUESDAY))
    receive(installation.runtime, InboundText("SM1", NUMBER, "+12125550100", "STOP"))
    post(installation)
    told = {one["type"]: one["data"] for one in listener.told()}
    assert set(told) == {"message.updated", "reply.received", "consent.changed", "campaign.updated"}
    assert (told["message.updated"]["id"], told["message.updated"]["status"]) == (sent["id"], "pending")
    assert (told["reply.received"]["from"], told["reply.received"]["text"]) == (NUMBER, "STOP")
    assert (told["consent.changed"]["number"], told["consent.changed"]["kind"]) == (NUMBER, "opt_out")
    assert told["campaign.updated"]["status"] == "running"
    heard = len(listener.heard)
    assert post(installation) == 0
    shop.post(f"/messages/{sent['id']}/cancel", {})
    assert post(installation) == 1
    assert listener.told()[heard:][0]["data"]["status"] == "cancelled"


def test_what_nobody_heard_is_not_told_later(installation: Installation, listener: Listener) -> None:
    """What an import brings while nobody wants to hear of consent never stands before the STOP that comes after."""
    people = [installation.contact(f"+1212555{number:04}") for number in range(100, 200)]
    with installation.runtime.db.write() as session:
        for number in people:
            for days in range(3):
                installation.consent(session, number, TUESDAY - timedelta(days=60 + days))
    while seal_some(installation.runtime.db, installation.runtime.keys):
        pass
    tell(installation.runtime)
    subscribe(caller(installation), listener, "consent.changed")
    receive(installation.runtime, InboundText("SM1", "+12125550150", "+12125550100", "STOP"))
    while post(installation):
        pass
    assert [told["data"]["kind"] for told in listener.told()] == ["opt_out"]


def test_a_request_is_signed_by_the_standard_scheme(installation: Installation, listener: Listener) -> None:
    """Whoever has the secret can recompute the signature over id, time and body."""
    shop = caller(installation)
    secret = subscribe(shop, listener, "message.updated")["secret"]
    shop.post("/messages", {"to": NUMBER, "program": "acme", "purpose": "code", "body": "Acme: 204117"})
    post(installation)
    ((headers, body),) = listener.heard
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert secret not in json.dumps(shop.get("/webhooks").json)


def test_failures_are_tried_again_for_three_days_then_the_endpoint_is_disabled(
    installation: Installation, listener: Listener
) -> None:
    """The same id each time, pauses that grow, a notice in the audit; enabled again, it hears what waited."""
    shop = caller(installation)
    hook = subscribe(shop, listener, "message.updated")
    listener.answers = [500]
    body = {"to": NUMBER, "program": "acme", "purpose": "transactional", "body": "Your parcel left."}
    shop.post("/messages", body)
    start = installation.clock.now()
    for pause in PAUSES:
        assert post(installation) == 1
        assert post(installation) == 0
        installation.clock.move(pause)
    assert post(installation) == 1
    assert timedelta(hours=70) < installation.clock.now() - start < timedelta(hours=72)
    (shown,) = shop.get("/webhooks").json["data"]
    assert (shown["status"], "Nothing got through" in shown["disabled_why"]) == ("disabled", True)
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    with installation.runtime.db.read() as session:
        assert "webhook.disable" in session.execute(select(Audit.action)).scalars().all()
    listener.answers = [204]
    assert shop.post(f"/webhooks/{hook['id']}/replay", {"since": "2026-03-01T00:00:00Z"}).json["code"] == "gone"
    shop.post(f"/webhooks/{hook['id']}/enable", {})
    told = shop.post(f"/webhooks/{hook['id']}/replay", {"since": "2026-03-01T00:00:00Z"}).json
    assert told == {"deliveries": 1}
    assert post(installation) == 1
    (again, _) = shop.get(f"/webhooks/{hook['id']}/deliveries").json["data"]
    assert (again["status"], again["answer"], again["tries"]) == ("delivered", 204, 1)


@pytest.mark.parametrize(("answer", "status"), [(302, "live"), (410, "disabled")])
def test_redirects_are_not_followed_and_gone_means_gone(
    installation: Installation, listener: Listener, answer: int, status: str
) -> None:
    """One request each: a redirect is a failure, 410 disables at once."""
    shop = caller(installation)
    hook = subscribe(shop, listener, "message.updated")
    listener.answers = [answer]
    shop.post("/messages", {"to": NUMBER, "program": "acme", "purpose": "code", "body": "Acme: 204117"})
    post(installation)
    assert len(listener.heard) == 1
    assert shop.get("/webhooks").json["data"][0]["status"] == status
    assert shop.get(f"/webhooks/{hook['id']}/deliveries").json["data"][0]["answer"] == answer


def test_what_is_told_is_erased_with_the_person(installation: Installation, listener: Listener) -> None:
    """Without the number's data key a waiting delivery cannot be read, and is given up."""
    shop = caller(installation)
    hook = subscribe(shop, listener, "message.updated")
    shop.post("/messages", {"to": NUMBER, "program": "acme", "purpose": "code", "body": "Acme: 204117"})
    tell(installation.runtime)
    with installation.runtime.db.write() as session:
        session.execute(select(Number)).scalar_one().data_key = b""
    post(installation)
    assert listener.heard == []
    assert shop.get(f"/webhooks/{hook['id']}/deliveries").json["data"][0]["error"] == "erased"
    installation.clock.move(timedelta(days=30))
    assert forget_some(installation.runtime, "webhook_events")[0] == 1


def test_a_key_of_one_program_hears_of_it_alone(installation: Installation, listener: Listener) -> None:
    """Its endpoint is its own, nobody else's program is told to it, and inside addresses are refused when written."""
    own = caller(installation, "webhooks:write", name="own", programs=["acme"])
    hook = subscribe(own, listener)
    with installation.runtime.db.write() as session:
        session.add(Campaign(program_id=installation.program_id, name="Sale", status="draft", created_at=TUESDAY))
    post(installation)
    assert [one["type"] for one in listener.told()] == ["campaign.updated"]
    other = caller(installation, "webhooks:write", name="everything")
    assert [one["id"] for one in other.get("/webhooks").json["data"]] == [hook["id"]]
    refused = own.post("/webhooks", {"url": "https://169.254.169.254/latest", "events": ["reply.received"]})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_endpoint")
    assert other.delete(f"/webhooks/{hook['id']}").status_code == 200
    assert own.get("/webhooks").json["data"] == []
