"""What is handed over about one number: the same in JSON and PDF, with wording, law, local time, seals and hashes."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from guards.base import Kind
from sender.audience import evidence, own_data
from sender.audience.doors import OptOutIn, opt_out
from sender.audience.erasing import erase
from sender.audience.sealer import seal_some
from sender.cli import app
from sender.delivery.gate import open_gate
from sender.delivery.replies import InboundText, receive
from sender.models import Audit
from sender.sealing import canonical
from tests.installation import WORDING, Installation, install
from tests.pdf import text_of

ANN = "+12125550123"
ACTOR = "ana@example.org"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation in which one person agreed, was texted, deferred, wrote and stopped; nothing of it is spoilt."""
    home: Path = tmp_path_factory.mktemp("evidence")
    made = install(home / "home", f"sqlite:///{home / 'home' / 'tactful.db'}")
    number = made.contact(ANN, attributes={"first_name": "Zebediah"})
    sent = made.message(number, "Acme: Sale 50% off 😀. Reply STOP to opt out", kind=Kind.CAMPAIGN.value)
    assert len(open_gate(made.runtime, [sent])) == 1
    late = made.message(number, "Acme: At night. Reply STOP to opt out")
    made.clock.move(timedelta(hours=12))
    assert open_gate(made.runtime, [late]) == []
    receive(made.runtime, InboundText(sid=f"SM{1:032x}", body="What time do you open?", from_=ANN, to="+12125550100"))
    opt_out(made.runtime, OptOutIn(ANN, "email", "acme", words="Zebediah wants out"), ACTOR)
    seal_some(made.runtime.db, made.runtime.keys)
    yield made
    made.runtime.db.close()


def file_of(house: Installation, number_id: int = 1) -> dict[str, Any]:
    """The evidence file of the one number."""
    with house.runtime.db.read() as session:
        return evidence.gather(house.runtime, session, number_id, ANN, ACTOR, "Doe v. Acme")


def test_an_evidence_file_tells_the_whole_story(house: Installation) -> None:
    """Wording, text, law and local time of what went and what waited, the reply, the stop, and the ledger's state."""
    file = file_of(house)
    agreed, stopped = file["consent"]
    assert (agreed["wording"], agreed["kind"], stopped["evidence"]["words"]) == (
        WORDING,
        "opt_in",
        "Zebediah wants out",
    )
    sent, late = file["texts"]
    (attempt,) = sent["attempts"]
    assert attempt["local"] == ["Tue 2026-03-10 11:00:00 EDT (America/New_York)"]
    assert any("64.1200" in rule["law"] for rule in attempt["laws"])
    (decision,) = late["decisions"]
    assert (decision["guard"], decision["local"]) == ("quiet_hours", ["Tue 2026-03-10 23:00:00 EDT (America/New_York)"])
    assert decision["laws"][0]["basis"]
    assert [reply["words"] for reply in file["replies"]] == ["What time do you open?"]
    assert file["ledger"]["verification"] == "The whole ledger was walked and holds: 2 sealed events."
    assert file["ledger"]["each_fits_its_seal"]
    assert file["certification"][0].startswith("DRAFT")


def test_the_manifest_names_what_is_in_each_section(house: Installation) -> None:
    """Its hashes are those of the sections as they are read back from the JSON."""
    file = json.loads(evidence.as_json(file_of(house)))
    for one in file["manifest"]:
        assert hashlib.sha256(canonical(file[one["section"]])).hexdigest() == one["sha256"]
    assert [one["section"] for one in file["manifest"]] == list(evidence.SECTIONS)


def test_the_pdf_says_what_the_json_says(house: Installation) -> None:
    """Every value of the JSON stands in the PDF, letters that PDF's fonts lack by their number."""
    file = file_of(house)
    pdf = evidence.as_pdf(file)
    assert pdf.startswith(b"%PDF")
    words = text_of(pdf)
    missing = [value for value in values_of(file) if squeezed(value) not in words]
    assert missing == []
    assert evidence.digest(file) in words


def values_of(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from values_of(one)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def squeezed(words: str) -> str:
    """Without gaps, which a page breaks elsewhere."""
    from sender.audience.evidence_pdf import written

    return "".join(written(words).split())


def test_a_persons_own_data_is_all_there_and_its_taking_is_noted(house: Installation) -> None:
    """Contact, consent, texts and replies; who took it and why stands in the audit."""
    with house.runtime.db.write() as session:
        found = own_data.export(house.runtime, session, 1, ACTOR, "asked by mail")
    assert found["contact"]["attributes"] == {"first_name": "Zebediah"}
    assert (len(found["consent"]), len(found["texts"]), len(found["replies"])) == (2, 2, 1)
    with house.runtime.db.read() as session:
        act = session.execute(select(Audit).where(col(Audit.action) == "people.export")).scalars().one()
    assert (act.actor, act.subject, act.detail["why"]) == (ACTOR, "number 1", "asked by mail")


def test_the_commands_write_private_files_for_a_reason(house: Installation, tmp_path: Path, monkeypatch: Any) -> None:
    """Both forms of evidence and the export need a reason and are private; an erasure names no number in its own."""
    monkeypatch.setenv("TACTFUL_HOME", str(house.runtime.settings.home))
    monkeypatch.chdir(tmp_path)
    run = CliRunner()
    for name in ("e.json", "e.pdf"):
        done = run.invoke(app, ["evidence", ANN, "--why", "Doe v. Acme", "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "e.pdf").stat().st_mode & 0o777 == 0o600
    assert run.invoke(app, ["evidence", "+12125550199", "--why", "x", "--out", "no.json"]).exit_code == 1
    assert run.invoke(app, ["export", ANN, "--why", "asked", "--out", str(tmp_path / "p.json")]).exit_code == 0
    assert run.invoke(app, ["export", ANN, "--why", " ", "--out", str(tmp_path / "q.json")]).exit_code == 1
    assert not (tmp_path / "q.json").exists()
    assert run.invoke(app, ["retention", "hold", ANN, "--why", "Doe v. Acme"]).exit_code == 0
    assert "Doe v. Acme" in run.invoke(app, ["retention", "show"]).output
    held = run.invoke(app, ["erase", ANN, "--why", "asked", "--yes"])
    assert (held.exit_code, "legal hold" in held.output) == (1, True)
    assert run.invoke(app, ["retention", "release", ANN]).exit_code == 0
    assert run.invoke(app, ["retention", "release", "--all"]).exit_code == 1
    refused = run.invoke(app, ["erase", ANN, "--why", f"call {ANN}", "--yes"])
    assert (refused.exit_code, "Leave the number out" in refused.output) == (1, True)


def test_of_an_erased_number_the_file_tells_what_is_kept(tmp_path: Path, sqlite_url: str) -> None:
    """No words and no number of its own, but each event, each text's hash, and the proof that nothing changed."""
    made = install(tmp_path / "home", sqlite_url)
    number = made.contact(ANN, attributes={"first_name": "Zebediah"})
    made.message(number, "Acme: Hi Zebediah. Reply STOP to opt out", status="delivered")
    erase(made.runtime, number, ACTOR, "asked")
    seal_some(made.runtime.db, made.runtime.keys)
    file = file_of(made, number)
    assert "Zebediah" not in json.dumps(file)
    assert file["identity"]["number"] == "erased"
    assert [event["kind"] for event in file["consent"]] == ["opt_in", "opt_out"]
    assert (file["texts"][0]["words"], len(file["texts"][0]["text_hash"])) == ("(no longer kept)", 64)
    assert "holds: 2 sealed events" in file["ledger"]["verification"]
    assert evidence.as_pdf(file).startswith(b"%PDF")
    made.runtime.db.close()
