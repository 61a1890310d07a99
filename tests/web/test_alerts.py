"""Each alert rule for Prometheus fires when its trouble stands, and is silent while all is well.

The rules are reckoned by a small reading of PromQL: names, labels, `offset`, `or`, arithmetic and one comparison.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client import generate_latest
from sqlalchemy import select, update
from sqlmodel import Session

from sender.group_commit import GroupCommit
from sender.models import Attempt, Canary, Installation, Message, Notice, Receipt
from sender.runtime import Runtime
from sender.watching.doctor import examine
from tests.project.trees import ROOT
from tests.web.conftest import START, TestClock
from web.receiver import Receiver

RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
SAMPLE = re.compile(r"(?P<name>tactful_\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
ASKED = re.compile(r"(tactful_\w+)(?:\{([^}]*)\})?( offset 1h)?")
QUANTILE = re.compile(r"histogram_quantile\(0\.99, sum by \(le\) \(rate\((tactful_\w+)\[15m\]\)\)\)")
Scrape = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Vector:
    """Values by their labels, with PromQL's arithmetic: one to one, and ``|`` for its ``or``."""

    values: dict[str, float]

    def _with(self, other: "Vector | float", act: Callable[[float, float], float]) -> "Vector":
        if not isinstance(other, Vector):
            return Vector({label: act(value, other) for label, value in self.values.items()})
        both = self.values.keys() & other.values.keys()
        return Vector({label: act(self.values[label], other.values[label]) for label in both})

    def __sub__(self, other: "Vector | float") -> "Vector":
        return self._with(other, lambda one, two: one - two)

    def __mul__(self, other: "Vector | float") -> "Vector":
        return self._with(other, lambda one, two: one * two)

    def __truediv__(self, other: "Vector | float") -> "Vector":
        return self._with(other, lambda one, two: one / two)

    def __or__(self, other: "Vector") -> "Vector":
        return Vector({**other.values, **self.values})

    def fires(self, sign: str, limit: float) -> bool:
        """Whether the comparison leaves any value."""
        compare: dict[str, Callable[[float], bool]] = {
            ">": lambda value: value > limit,
            "<": lambda value: value < limit,
            "==": lambda value: value == limit,
        }
        return any(compare[sign](value) for value in self.values.values())


def scrape(client: FlaskClient, receiver: Receiver) -> Scrape:
    """What both processes show now: labels and value by name."""
    found: Scrape = {}
    for line in (client.get("/metrics").text + generate_latest(receiver.registry).decode()).splitlines():
        if match := SAMPLE.fullmatch(line):
            found.setdefault(match["name"], {})[match["labels"] or ""] = float(match["value"])
    return found


def fires(rule: dict[str, Any], now: Scrape, before: Scrape) -> bool:
    """Whether the rule's expression holds, an hour after ``before``."""
    words, sign, limit = re.fullmatch(r"(.+) (>|<|==) ([\d.]+)", rule["expr"]).groups()  # type: ignore[union-attr]
    found: list[Vector] = []

    def named(match: re.Match[str]) -> str:
        values = (before if match[3] else now).get(match[1], {})
        found.append(Vector({label: one for label, one in values.items() if not match[2] or match[2] in label}))
        return f"found[{len(found) - 1}]"

    def quantile(match: re.Match[str]) -> str:
        found.append(Vector({"": p99(now[match[1]], before[match[1]])}))
        return f"found[{len(found) - 1}]"

    python = ASKED.sub(named, QUANTILE.sub(quantile, words)).replace(" or ", " | ")
    result = eval(python, {"found": found})  # noqa: S307 - our own rule file
    assert isinstance(result, Vector)
    return result.fires(sign, float(limit))


def p99(now: dict[str, float], before: dict[str, float]) -> float:
    """The bucket's end under which 99 % of what came since lies; 0 where nothing came."""
    grown = {float(label[4:-1]): count - before.get(label, 0.0) for label, count in now.items()}
    total = grown[float("inf")]
    return min((end for end, count in grown.items() if count >= 0.99 * total), default=0.0) if total else 0.0


@pytest.fixture
def receiver(runtime: Runtime) -> Receiver:
    """The hooks process, as far as it counts."""
    return Receiver(runtime, GroupCommit(runtime.db, lambda _session, _some: None))


def test_every_alert_fires_for_its_trouble_alone(
    client: FlaskClient, runtime: Runtime, campaign: int, clock: TestClock, receiver: Receiver
) -> None:
    """All is well: none of them. Everything is wrong: each of them."""
    with runtime.db.write() as session:
        session.execute(update(Installation).values(seen_at=START))
        session.add(Canary(sid="SM1", started_at=START, seconds=0.1, why=""))
    receiver.inbound_seconds.observe(0.02)
    calm = scrape(client, receiver)
    assert [rule["alert"] for rule in RULES if fires(rule, calm, calm)] == []
    clock.move(timedelta(hours=3))
    with runtime.db.write() as session:
        break_everything(session, clock)
    receiver.inbound_seconds.observe(5)
    wrong = scrape(client, receiver)
    doctored = {one.what for one in examine(runtime.settings.model_copy(update=shifted(clock))) if not one.ok}
    assert doctored >= {"scheduler", "queue", "receipts", "notice", "halt"}, (
        "the doctor is silent where an alert is not"
    )
    wrong["tactful_disk_free_bytes"] = {"": wrong["tactful_disk_bytes"][""] * 0.01}
    assert [rule["alert"] for rule in RULES if not fires(rule, wrong, calm)] == []


def shifted(clock: TestClock) -> dict[str, object]:
    """Settings under which a command reads the same time as the test's clock."""
    return {"clock_virtual": clock.now(), "clock_real": time.time(), "clock_speed": 1.0}


def break_everything(session: Session, clock: TestClock) -> None:
    """Halted, a canary that did not block, old receipts, unknown outcomes, failures of a code, an alarm."""
    session.execute(update(Installation).values(halted=True))
    session.add(Canary(sid="SM2", started_at=clock.now() - timedelta(hours=2.5), seconds=0.1, why="not heard"))
    session.add(Receipt(token="t", sid="SM1", status="sent", state="open", received_at=START))
    session.add(Notice(key="x", severity="alarm", sentence="Look.", raised_at=START))
    one = session.execute(select(Message).limit(1)).scalar_one().model_dump(exclude={"id", "campaign_id", "number_id"})
    texts = [Message(**{**one, "status": "failed", "error_code": 30007}, number_id=1) for _ in range(51)]
    for text in texts:
        text.changed_at = clock.now()
        session.add(text)
    session.flush()
    shared = {"number_id": 1, "program_id": one["program_id"], "purpose": "marketing", "kind": "campaign", "facts": {}}
    for text in texts[:30]:
        times = {"gated_at": clock.now(), "touched_at": clock.now()}
        unknown = Attempt(message_id=text.id, token=str(text.id), outcome="unconfirmed", **times, **shared)
        session.add(unknown)
