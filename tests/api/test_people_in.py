"""Imports, forms, keywords, segments and evidence over the API: the same ways as the pages', each step once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from sender.audience.importing import uploads
from sender.models import Audit, Contact, ImportRun, Program
from tests.api.conftest import Caller, allow_every_purpose, caller
from tests.installation import Installation, install
from web.api.document import document

NUMBER = "+12125550123"
FILE = b"phone,first_name\n+12125550123,Ana\n+12125550124,Bob\n12,Eve\n"
FORM: dict[str, Any] = {
    "slug": "club", "program": "acme", "headline": "Join", "about": "offers", "countries": ["US"], "keyword": "CLUB",
}  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn, that sends every purpose."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def checked(house: Installation, shop: Caller) -> str:
    """An import whose dry run was made; its id."""
    name: str = shop.send("POST", "/imports?name=people.csv", FILE, once="one").json["id"]
    body = document()["paths"]["/imports/{import_id}/check"]["post"]["requestBody"]["content"]["application/json"]
    assert shop.post(f"/imports/{name}/check", body["example"]).json["status"] == "checking"
    uploads.tend(house.runtime)
    return name


def test_an_import_goes_from_file_to_people_and_back(house: Installation) -> None:
    """Uploaded once however often it is sent, foretold, committed, its refused row seen with a reason, undone."""
    shop = caller(house)
    name = checked(house, shop)
    again = shop.send("POST", "/imports?name=people.csv", FILE, once="one")
    assert (again.json["id"], again.headers["Idempotency-Replayed"]) == (name, "true")
    assert shop.send("POST", "/imports?name=people.csv", FILE + b"x", once="one").json["code"] == (
        "idempotency_key_reused"
    )
    foretold = shop.get(f"/imports/{name}").json
    assert (foretold["status"], foretold["foretold"]["new"], foretold["foretold"]["refused"]) == ("checked", 2, 1)
    assert foretold["columns"]["phone"] == "number"
    assert shop.get("/contacts").json["data"] == []
    assert shop.post(f"/imports/{name}/commit", None).json["status"] == "running"
    assert shop.post(f"/imports/{name}/commit", None).json["code"] == "not_possible"
    uploads.tend(house.runtime)
    assert shop.get(f"/imports/{name}").json["counts"]["with_consent"] == 2
    (bare,) = shop.get(f"/imports/{name}/refused").json["data"]
    (row,) = shop.get(f"/imports/{name}/refused", why="to mend them").json["data"]
    assert (bare["row"], row["row"], row["line"]) == (None, "12,Eve", 4)
    assert shop.post(f"/imports/{name}/undo", None).json["status"] == "undoing"
    uploads.tend(house.runtime)
    listed = shop.get("/imports").json["data"]
    assert [one["status"] for one in listed] == ["undone"]
    with house.runtime.db.read() as session:
        assert session.execute(select(func.count()).select_from(Contact)).scalar_one() == 0
        acts = session.execute(select(Audit.action, Audit.actor)).all()
    assert {"import.commit", "import.undo", "people.export"} <= {act for act, _ in acts}
    assert all(actor.startswith("key ") or "apikey" in act for act, actor in acts), acts


def test_a_file_that_is_none_leaves_nothing(house: Installation) -> None:
    """One sentence and no row; an upload that nobody wants is forgotten; a bought list is refused."""
    shop = caller(house)
    assert shop.send("POST", "/imports", b"").json["code"] == "invalid_import"
    with house.runtime.db.read() as session:
        assert session.execute(select(ImportRun)).all() == []
    name = shop.send("POST", "/imports", FILE).json["id"]
    word = {
        "source": "bought list",
        "wording": "Yes",
        "by": "Ann",
        "at": "2026-03-01",
        "how": "paper",
        "collected_by": "us",
    }
    told = shop.post(f"/imports/{name}/check", {"program": "acme", "purpose": "marketing", "attestation": word})
    assert told.json["code"] == "invalid_import"
    assert shop.delete(f"/imports/{name}").json["status"] == "discarded"
    assert shop.get(f"/imports/{name}").json["code"] == "not_found"


def test_contacts_of_a_segment_come_by_cursor(house: Installation) -> None:
    """Conditions are kept, counted and changed; a page at a time goes through whom they mean, each once."""
    shop = caller(house)
    for last in range(5):
        shop.post("/contacts", {"number": f"+1212555012{last}", "attributes": {"tier": "gold" if last % 2 else "none"}})
    gold = {"field": "attributes.tier", "is": "gold"}
    name = shop.post("/segments", {"name": "Gold", "definition": {"all": [gold, gold]}}).json["id"]
    first = shop.get("/contacts", segment=name, limit=1).json
    rest = shop.get("/contacts", segment=name, limit=5, cursor=first["next_cursor"]).json
    assert [one["number"][-1] for one in (*first["data"], *rest["data"])] == ["1", "3"]
    assert shop.post("/segments/count", {"definition": gold, "program": "acme"}).json["none"] == 2
    changed = shop.send("PUT", f"/segments/{name}", {"name": "All", "definition": {}})
    assert (changed.json["name"], len(shop.get("/contacts", segment=name).json["data"])) == ("All", 5)
    assert shop.send("PUT", f"/segments/{name}", {"name": "x", "definition": {"field": 1}}).json["code"] == (
        "invalid_segment"
    )
    assert shop.delete(f"/segments/{name}").json["id"] == name
    assert shop.get(f"/segments/{name}").status_code == 404


def test_forms_are_drafted_and_closed_and_keywords_answered(house: Installation) -> None:
    """A draft says what it lacks; nothing is published by a key; a word of everybody's is refused."""
    shop = caller(house)
    made = shop.post("/forms", FORM).json
    assert (made["status"], made["version"], made["keyword"]) == ("draft", 0, "club")
    assert made["missing"]
    assert shop.post("/forms", FORM).json["code"] == "invalid_form"
    changed = shop.send("PUT", f"/forms/{made['id']}", {**FORM, "headline": "Join us"}).json
    assert changed["headline"] == "Join us"
    assert shop.get("/forms").json["data"] == [changed]
    assert shop.get(f"/forms/{made['id']}/versions").json["data"] == []
    assert shop.post(f"/forms/{made['id']}/close", None).json["status"] == "closed"
    word = {"program": "acme", "keyword": "HOURS", "text": "Acme: nine to five."}
    kept = shop.post("/keywords", word).json
    assert shop.post("/keywords", {**word, "keyword": "STOP"}).json["code"] == "invalid_keyword"
    assert [one["keyword"] for one in shop.get("/keywords").json["data"]] == ["hours"]
    assert shop.delete(f"/keywords/{kept['id']}").json["keyword"] == "hours"
    assert shop.delete(f"/keywords/{kept['id']}").status_code == 404


def test_a_limited_key_sees_its_programs_alone(house: Installation) -> None:
    """Forms and keywords of another program are not there for it, and it cannot be made for imports."""
    everything = caller(house)
    form = everything.post("/forms", FORM).json["id"]
    word = everything.post("/keywords", {"program": "acme", "keyword": "HOURS", "text": "Nine to five."}).json["id"]
    with house.runtime.db.write() as session:
        session.add(Program(slug="other", brand="Other", help_contact="x", footer="STOP", created_at=house.clock.now()))
    scopes = ("forms:write", "keywords:write")
    other = caller(house, *scopes, programs=("other",), name="other")
    assert other.get("/forms").json["data"] == other.get("/keywords").json["data"] == []
    assert other.get(f"/forms/{form}").status_code == other.delete(f"/keywords/{word}").status_code == 404
    assert other.post("/forms", FORM).json["code"] == "unknown_program"


def test_evidence_comes_by_get_on_screen_and_on_paper(house: Installation) -> None:
    """The file as JSON and as PDF, each look with a reason in the audit."""
    house.contact(NUMBER)
    shop = caller(house)
    assert shop.get(f"/evidence/{NUMBER}").json["code"] == "invalid_request"
    told = shop.get(f"/evidence/{NUMBER}", why="Doe v. Acme")
    paper = shop.get(f"/evidence/{NUMBER}/pdf", why="Doe v. Acme")
    assert len(told.json["sha256"]) == 64
    assert (paper.mimetype, paper.data[:5]) == ("application/pdf", b"%PDF-")
    with house.runtime.db.read() as session:
        acts = session.execute(select(Audit.detail).where(Audit.action.contains("evidence"))).scalars().all()  # type: ignore[attr-defined]
    assert [act["why"] for act in acts] == ["Doe v. Acme"] * 2
