"""Lines that programs can read: one JSON object an event, with the names that join the lines of different processes."""

import json
import subprocess
import sys
from pathlib import Path

from tests.leaks import leaks

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.logs import speak
from sender.models import Message
from tests.api.conftest import allow_every_purpose, caller
from tests.installation import install

home = Path(sys.argv[1])
made = install(home / "home", f"sqlite:///{home}/t.db", twilio_base_url="http://127.0.0.1:1",
               log_format=sys.argv[2], log_level="DEBUG")
speak(made.runtime.settings, "web")
allow_every_purpose(made)
body = {"to": "+12125550123", "program": "acme", "purpose": "transactional", "body": "Your parcel left."}
answer = caller(made).post("/messages", body)
print(answer.headers["X-Request-Id"])
speak(made.runtime.settings, "worker")
with made.runtime.db.write() as session:
    session.get_one(Message, 1).status = "queued"
wire = Wire()
Pipeline(made.runtime, wire).deliver([1])
wire.close()
try:
    with made.runtime.db.write() as session:
        session.add(Message(program_id="+12125550123"))
except Exception as error:
    import logging
    logging.getLogger("tactful.web").error("a fault", exc_info=error)
"""


def test_a_text_is_followed_from_request_to_provider(tmp_path: Path) -> None:
    """By the request's name to the message, by the message's to the provider's; a fault's trace tells no values."""
    done = _run(tmp_path, "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    kept = next(line for line in lines if line["event"] == "texts kept")
    assert (kept["process"], kept["request"], kept["messages"]) == ("web", done.stdout.strip(), ["msg_1"])
    access = next(line for line in lines if "POST /api/v1/messages 201" in line["event"])
    assert access["request"] == kept["request"]
    assert (access["who"][:4], access["at"][-1]) == ("key ", "Z")
    sent = next(line for line in lines if line["event"] == "accepted")
    assert (sent["process"], sent["message"], sent["sid"][:2]) == ("worker", "msg_1", "SM")
    assert "Traceback" in next(line for line in lines if line["event"] == "a fault")["exception"]
    assert leaks(done.stderr.encode()) == []


def test_a_trace_for_people_tells_no_values_either(tmp_path: Path) -> None:
    """The lines a terminal shows name the frames of a fault, and nothing that their variables hold."""
    said = _run(tmp_path, "lines").stderr
    assert "Traceback (most recent call last)" in said
    assert leaks(said.encode()) == []


def _run(home: Path, log_format: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", SCRIPT, str(home), log_format]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
