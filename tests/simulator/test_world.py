"""The clock, the log, the control endpoints and the process itself."""

import ast
import json
import os
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.rest import Client

from sender.simulator.clock import Clock
from sender.simulator.config import ConfigError, load_config
from sender.simulator.parts import count_parts
from sender.simulator.server import Running

ROOT = Path(__file__).parents[2]
SHOP, POOLED, ANN, BOB = "+12025550100", "+12025550111", "+12125550101", "+12125550102"
ACCOUNT, SERVICE = "AC" + "0" * 31 + "1", "MG" + "0" * 31 + "1"
MARCH = datetime(2027, 3, 1, 15, tzinfo=UTC)


def clock_at(virtual: datetime, speed: float) -> Clock:
    """A clock that shows ``virtual`` now."""
    return Clock(Clock.unshifted().real_anchor, virtual, speed)


@given(st.floats(0.01, 10000), st.integers(-(10**6), 10**6))
def test_virtual_time_is_a_line_through_the_anchor(speed: float, seconds: int) -> None:
    """virtual = anchor + (real - anchor) × speed, both ways."""
    clock = Clock(1_000_000.0, MARCH, speed)
    assert clock.at(1_000_000.0) == MARCH
    assert abs((clock.at(1_000_000.0 + seconds) - MARCH).total_seconds() - seconds * speed) < 0.001
    assert clock.real_seconds(speed) == pytest.approx(1.0)


def test_a_clock_needs_a_speed_and_a_zone() -> None:
    """A clock that stands still, runs backwards or has no zone is refused."""
    with pytest.raises(ValueError, match="speed"):
        Clock(0.0, MARCH, 0)
    with pytest.raises(ValueError, match="time zone"):
        Clock(0.0, MARCH.replace(tzinfo=None))


def test_dates_filters_and_log_lines_use_virtual_time(
    start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """With a shifted clock the API, its DateSent filter and its Date header live in the virtual year."""
    simulator = start(clock=clock_at(MARCH, 1.0))
    client = connect(simulator)
    answer = client.messages.create_with_http_info(to=ANN, from_=SHOP, body="x")
    assert abs(answer.data.date_created - MARCH) < timedelta(minutes=1)
    assert "01 Mar 2027" in answer.headers["Date"]
    line = simulator.wait_for("status", status="delivered")[0]
    assert str(line["now"]).startswith("2027-03-01T15:0")
    assert abs(float(str(line["real"])) - simulator.world.clock.real()) < 60
    assert len(client.messages.list(date_sent_after=MARCH)) == 1
    assert client.messages.list(date_sent_before=MARCH - timedelta(days=1)) == []


def test_validity_runs_out_in_virtual_time(start: Callable[..., Running], connect: Callable[..., Client]) -> None:
    """What waits in the sender's queue beyond its ValidityPeriod fails with 30036 and reaches no handset."""
    simulator = start(clock=clock_at(MARCH, 3600.0), numbers=[{"number": SHOP, "rate": 1}], services=[])
    client = connect(simulator)
    client.messages.create(to=ANN, from_=SHOP, body="x" * 1600)
    late = client.messages.create(to=BOB, from_=SHOP, body="x", validity_period=600)
    simulator.wait_for("status", sid=late.sid, status="failed", error_code=30036)
    assert simulator.seen("handset", to=BOB) == []


def test_a_scheduled_message_leaves_at_its_virtual_time(
    start: Callable[..., Running], connect: Callable[..., Client]
) -> None:
    """SendAt is an instant of the virtual clock."""
    simulator = start(clock=clock_at(MARCH, 3600.0))
    soon = simulator.world.clock.now() + timedelta(minutes=30)
    connect(simulator).messages.create(
        to=ANN, messaging_service_sid=SERVICE, body="x", schedule_type="fixed", send_at=soon
    )
    arrived = datetime.fromisoformat(str(simulator.wait_for("handset")[0]["now"]))
    assert soon <= arrived < soon + timedelta(hours=2)


def test_a_sender_keeps_its_pace(start: Callable[..., Running], connect: Callable[..., Client]) -> None:
    """Segments leave at the sender's rate; a long text takes the time of its parts."""
    simulator = start(numbers=[{"number": SHOP, "rate": 20}], services=[])
    client = connect(simulator)
    for length in (400, 10, 10):
        client.messages.create(to=ANN, from_=SHOP, body="x" * length)
    begun = float(str(simulator.seen("accepted")[0]["real"]))
    times = [float(str(line["real"])) - begun for line in simulator.wait_for("status", count=3, status="sent")]
    assert times[1] > 0.14
    assert times[2] > 0.19


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", 1), ("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("a" * 152 + "€" + "a" * 152, 3),
     ("é" * 160, 1), ("ê" * 70, 1), ("ê" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2), ("a" * 306, 2), ("a" * 307, 3)],
)  # fmt: skip
def test_parts_are_counted_as_billed(text: str, parts: int) -> None:
    """GSM-7 160/153, UCS-2 70/67, extension characters and surrogate pairs never split."""
    assert count_parts(text) == parts


@given(st.text(max_size=700), st.characters())
def test_a_longer_text_never_takes_fewer_parts(text: str, more: str) -> None:
    """Adding a character never lowers the count."""
    assert count_parts(text + more) >= count_parts(text)


def test_the_log_file_is_private_complete_and_ordered(
    start: Callable[..., Running], connect: Callable[..., Client], tmp_path: Path
) -> None:
    """Every event is in the file, numbered in order, readable by its owner only, with both times."""
    path = tmp_path / "events.jsonl"
    path.touch(mode=0o644)
    simulator = start(log_path=path)
    connect(simulator).messages.create(to=ANN, from_=SHOP, body="Grüße", validity_period=700)
    simulator.wait_for("status", status="delivered")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    events = [line["event"] for line in lines]
    assert events[:4] == ["started", "request", "accepted", "response"]
    assert set(events[4:]) == {"status", "handset"}
    request, accepted = lines[1], lines[2]
    assert (request["to"], request["from"], request["body"]) == (ANN, SHOP, "Grüße")
    assert (request["validity_period"], accepted["validity_period"]) == ("700", 700)
    assert all(datetime.fromisoformat(line["now"]).tzinfo and line["real"] > 0 for line in lines)


def test_control_shows_messages_and_counts(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """Summary, messages, wait and healthz look behind the scenes."""
    client.messages.create(to=ANN, from_=SHOP, body="x")
    ask(simulator, "wait?event=handset&count=1")
    ask(simulator, "wait")
    summary = ask(simulator, "summary")
    assert (summary["statuses"], summary["idle"]) == ({"delivered": 1}, True)
    assert [message["to"] for message in ask(simulator, "messages")["messages"]] == [ANN]
    assert ask(simulator, f"messages?to=%2B{BOB[1:]}")["messages"] == []
    assert ask(simulator, "healthz")["ok"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("inbound", {"from": ANN}, 400),
        ("faults", {"shares": {"nonsense": 1}}, 400),
        ("faults", {"callbacks": {"lost": 2}}, 400),
        ("phones", {"number": ANN, "phone": {"outcome": "undelivered"}}, 400),
        ("wait?event=handset&timeout=0.02", None, 408),
        ("wait?count=x", None, 400),
        ("messages?limit=x", None, 400),
    ],
)
def test_control_refuses_nonsense_with_a_sentence(
    simulator: Running, ask: Callable[..., Any], path: str, body: dict[str, Any] | None, status: int
) -> None:
    """A bad control request changes nothing and is answered with one sentence."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(simulator, path, body)
    assert caught.value.code == status
    assert json.load(caught.value)["error"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"account_sid": "AC1"}, "account_sid"),
        ({"colour": 1}, "colour"),
        ({"services": [{"sid": SERVICE, "senders": [SHOP]}]}, "not among the numbers"),
        ({"numbers": [{"number": SHOP}, {"number": SHOP}]}, "twice"),
        ({"callbacks": {"early": 0.6, "reversed": 0.6}}, "exclusive"),
        ({"faults": {"shares": {"503": 0.6, "hang": 0.6}}}, "more than 1"),
    ],
)
def test_a_bad_configuration_is_refused_in_one_sentence(tmp_path: Path, parts: dict[str, Any], says: str) -> None:
    """What is wrong and where comes as one line."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"account_sid": ACCOUNT, "auth_token": "t", **parts}))
    with pytest.raises(ConfigError, match=says) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)


def test_the_process_serves_until_sigterm(tmp_path: Path) -> None:
    """The command prints one ready line, serves, and ends with 0 on SIGTERM, its log closed in order."""
    config, log = tmp_path / "config.json", tmp_path / "events.jsonl"
    config.write_text(json.dumps({"account_sid": ACCOUNT, "auth_token": "t", "numbers": [{"number": SHOP}]}))
    command = [sys.executable, "-m", "sender.simulator", "--port", "0", "--config", str(config), "--log", str(log),
               "--clock-real", "0", "--clock-virtual", "2027-03-01T15:00:00Z", "--clock-speed", "0.001"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().removeprefix("simulator ready at ").strip()
        client = Client(ACCOUNT, "t")
        client.api.base_url = url
        client.messages.create(to=ANN, from_=SHOP, body="x")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0
    assert json.loads(log.read_text().splitlines()[-1])["event"] == "stopped"


def test_the_process_refuses_a_missing_configuration(tmp_path: Path) -> None:
    """Without its configuration the command ends with 2 and one sentence."""
    command = [sys.executable, "-m", "sender.simulator", "--port", "0", "--config", str(tmp_path / "none.json")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_the_simulator_stands_alone() -> None:
    """No file of the simulator imports anything else of ours."""
    for path in (ROOT / "sender" / "simulator").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.split(".")[0] in ("sender", "guards", "web", "templates")]
            assert all(name.startswith("sender.simulator.") for name in ours), f"{path.name}: {ours}"
