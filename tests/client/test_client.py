"""The client package: alone, typed, the same sync and async, and one effect per request whatever is lost on the way."""

import ast
import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import tactful_client
from sqlalchemy import func, select
from tactful_client import AsyncTactful, Problem, SignatureError, Tactful, verify
from tactful_client.operations import OPERATIONS
from werkzeug.serving import WSGIRequestHandler, make_server

from sender.models import Message
from sender.webhooks.signing import new_secret, signed_headers
from tests.api.conftest import make_key
from tests.installation import Installation
from tests.project.trees import ROOT
from web.app import create_app

CLIENT = ROOT / "client"
UNTIL = "2026-03-11T00:00:00Z"
TEXT: dict[str, Any] = {
    "to": "+12125550123", "program": "acme", "purpose": "transactional", "body": "Acme: your parcel left.",
}  # fmt: skip


@dataclass
class Lossy:
    """An application whose answers are lost on the way, so many of them, after the work was done."""

    app: Any
    lose: int = 0
    keys: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Do the work; answer 503 in its place while there are answers to lose."""
        self.keys.append(environ.get("HTTP_IDEMPOTENCY_KEY", ""))
        if self.lose > 0:
            self.lose -= 1
            list(self.app(environ, lambda *_: lambda _: None))
            start("503 Lost", [("Content-Length", "0"), ("Retry-After", "0")])
            return []
        answer: Iterable[bytes] = self.app(environ, start)
        return answer


class Quiet(WSGIRequestHandler):
    """Writes no addresses into a log: a number may stand in one. The real server writes routes alone."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def lossy(installation: Installation) -> Lossy:
    """The pages behind a line that can lose answers."""
    return Lossy(create_app(installation.runtime))


@pytest.fixture
def url(lossy: Lossy) -> Iterator[str]:
    """A real server on loopback."""
    server = make_server("127.0.0.1", 0, lossy, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def count(installation: Installation) -> int:
    """How many messages there are."""
    with installation.runtime.db.read() as session:
        return int(session.execute(select(func.count()).select_from(Message)).scalar_one())


def test_lost_answers_have_one_effect(installation: Installation, lossy: Lossy, url: str) -> None:
    """The request is repeated under one key until its answer arrives: one text, and the first answer."""
    with Tactful(url, make_key(installation)) as tactful:
        lossy.lose = 2
        sent = tactful.send(**TEXT)
        assert (len(set(lossy.keys)), len(lossy.keys), count(installation)) == (1, 3, 1)
        lossy.lose = 1
        assert tactful.cancel(sent["id"])["status"] == "cancelled"
        again = tactful.send(**TEXT, once="order-1042")
        assert tactful.send(**TEXT, once="order-1042")["id"] == again["id"]
    assert count(installation) == 2


def test_everything_has_its_method(installation: Installation, url: str) -> None:
    """Texts, batches, checks, people, their yes, the ledger and replies; lists go on by cursor."""
    at = installation.clock.now().isoformat()
    yes = {"number": "+12125550123", "program": "acme", "kind": "opt_in", "level": "express_written", "at": at}
    with Tactful(url, make_key(installation)) as tactful:
        assert (
            tactful.keep_contact("+12125550123", attributes={"first_name": "Ana"})["attributes"]["first_name"] == "Ana"
        )
        assert tactful.consent(**yes, wording="Yes, text me.", where="https://shop.example.com")["changed"]
        assert tactful.check(["+12125550123"], "acme")[0]["verdict"] == "allow"
        items = tactful.send_batch([{**TEXT, "to": f"+1212555012{last}"} for last in range(3)])  # type: ignore[typeddict-item]
        first, cursor = tactful.messages(limit=2)
        rest, _ = tactful.messages(cursor, limit=2)
        assert {one["id"] for one in (*first, *rest)} == {item["message"]["id"] for item in items if item["message"]}
        assert tactful.message(first[0]["id"]) == first[0]
        assert tactful.changes()[0] == []
        assert tactful.replies() == ([], None)


def test_every_operation_is_there(installation: Installation, url: str) -> None:
    """The names, methods and addresses are those of the served document, none more and none fewer."""
    document = create_app(installation.runtime).test_client().get("/api/v1/openapi.json").json
    assert document is not None
    served = {
        one["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    assert served == dict(OPERATIONS)


def test_any_operation_can_be_asked(installation: Installation, lossy: Lossy, url: str) -> None:
    """Addresses, queries, files and files in answers; pages follow each other, and a lost upload is one import."""
    key = make_key(installation)
    with Tactful(url, key) as tactful:
        for last in range(3):
            tactful.keep_contact(f"+1212555012{last}")
        numbers = [one["number"] for one in tactful.everything("list_contacts", limit=2)]
        assert numbers == [f"+1212555012{last}" for last in range(3)]
        lossy.lose = 1
        made = tactful.ask("upload_import", b"phone\n+12125550123\n", name="spring.csv")
        assert [one["id"] for one in tactful.everything("list_imports")] == [made["id"]]
        assert tactful.ask("discard_import", import_id=made["id"])["status"] == "discarded"
        assert tactful.ask("print_evidence", number="+12125550120", why="Doe v. Acme")[:5] == b"%PDF-"
        with pytest.raises(LookupError):
            tactful.ask("no_such_operation")

    async def collect() -> list[str]:
        async with AsyncTactful(url, key) as tactful:
            return [one["number"] async for one in tactful.everything("list_contacts", limit=2)]

    assert asyncio.run(collect()) == numbers


def test_what_cannot_be_done_is_a_problem(installation: Installation, lossy: Lossy, url: str) -> None:
    """It has the stable code and is not repeated; a wrong key too."""
    with Tactful(url, make_key(installation)) as tactful, pytest.raises(Problem) as refused:
        tactful.send(**{**TEXT, "program": "acne"})
    assert (refused.value.code, refused.value.status, len(lossy.keys)) == ("unknown_program", 422, 1)
    assert refused.value.mend
    with Tactful(url, "wrong") as tactful, pytest.raises(Problem, match="invalid_key"):
        tactful.message("msg_1")


def test_the_async_client_does_the_same(installation: Installation, lossy: Lossy, url: str) -> None:
    """Many at once, answers lost, one effect each; and each method of the sync client is there."""
    lossy.lose = 3

    async def send() -> list[str]:
        async with AsyncTactful(url, make_key(installation)) as tactful:
            texts = [tactful.send(**{**TEXT, "body": f"Acme: parcel {place} left."}) for place in range(6)]
            return [one["id"] for one in await asyncio.gather(*texts)]

    assert len(set(asyncio.run(send()))) == count(installation) == 6
    names = {name for name in vars(Tactful) if not name.startswith("_")}
    assert names == {name for name in vars(AsyncTactful) if not name.startswith("_")}


def test_a_webhook_is_verified(installation: Installation) -> None:
    """What we sign verifies; a changed body, another secret or an old time does not."""
    secret, body = new_secret(), b'{"type": "reply.received"}'
    now = int(installation.clock.now().timestamp())
    headers = signed_headers(secret, "evt_1", now, body)
    assert verify(secret, headers, body, now=now) == json.loads(body)
    for wrong in (
        (secret, headers, body + b" ", now),
        (new_secret(), headers, body, now),
        (secret, headers, body, now + 301),
    ):
        with pytest.raises(SignatureError):
            verify(*wrong[:3], now=wrong[3])


def test_the_examples_of_the_readme_run(installation: Installation, url: str) -> None:
    """Each block of its Python does what it says against a real server."""
    key = make_key(installation)
    blocks = re.findall(r"```python\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("https://sms.example.org", url).replace("tactful_live_…", key), names)  # noqa: S102
    assert names["sent"]["verdict"]["verdict"] == "accepted"
    assert count(installation) == 1
    with Tactful(url, key) as tactful:
        assert tactful.tell(id="order-1042-shipped", type="order_shipped", program="acme", to="+12125550123")[
            "repeated"
        ]
        assert (tactful.automations(), [line["name"] for line in tactful.report("program", until=UNTIL)]) == (
            [],
            ["Acme"],
        )
        with pytest.raises(Problem, match="not_found"):
            tactful.steer("cmp_9", "cancel")


def test_the_package_stands_alone() -> None:
    """It imports the standard library and httpx, nothing of ours, and its types are strict."""
    for file in (CLIENT / "tactful_client").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [module] if module else []
            for name in names:
                top = name.split(".")[0]
                assert top in {"httpx", "tactful_client"} or top in sys.stdlib_module_names, (file.name, name)
    assert (CLIENT / "tactful_client" / "py.typed").exists()
    assert set(tactful_client.__all__) <= set(dir(tactful_client))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "tactful_client"], cwd=CLIENT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
