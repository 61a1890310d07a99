"""The figures an operator watches: name, help and value; alerts and dashboard ask for none but these."""

import json
import re
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import update

from sender.models import Installation, Message, Receipt
from sender.runtime import Runtime
from tests.project.trees import ROOT
from tests.web.conftest import START, TestClock

ELSEWHERE = {"tactful_inbound_seconds_bucket", "tactful_requests_total"}
LATER = {"tactful_canary_failed", "tactful_canary_age_seconds", "tactful_canary_every_seconds"}


def values(client: FlaskClient) -> dict[str, float]:
    """Name with labels, and value, of everything that is shown."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_the_figures_say_how_it_goes(client: FlaskClient, runtime: Runtime, campaign: int, clock: TestClock) -> None:
    """Queue, receipts, failures, the brake: each as the database has it."""
    with runtime.db.write() as session:
        session.add(Receipt(token="t", sid="SM1", status="sent", state="open", received_at=START))
        session.execute(update(Message).where(Message.status == "failed").values(error_code=30007))
        session.execute(update(Installation).values(halted=True, seen_at=START))
    clock.move(timedelta(minutes=5))
    found = values(client)
    assert found['tactful_messages{status="delivered"}'] == 2
    assert found["tactful_queue_age_seconds"] == 300
    assert found["tactful_receipt_lag_seconds"] == 300
    assert found['tactful_failed_day{code="30007"}'] == 1
    assert found["tactful_held"] == 1
    assert found["tactful_scheduler_age_seconds"] == 300
    assert found["tactful_disk_free_bytes"] > 0


def test_alerts_and_dashboard_ask_for_figures_there_are(client: FlaskClient, campaign: int) -> None:
    """Every name in the rule file and in the dashboard is one that the processes show, with a help."""
    asked = set()
    for name in ("alerts.yml", "grafana.json"):
        asked |= set(re.findall(r"\btactful_[a-z_]+", (ROOT / "deploy" / name).read_text()))
    shown = set(re.findall(r"^# HELP (tactful_[a-z_]+) \S", client.get("/metrics").text, re.MULTILINE))
    assert asked - shown - ELSEWHERE - LATER == set()
    assert len(json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]) == 12
