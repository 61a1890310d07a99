"""Texts of the API have short links too, and their address leads on over HTTP."""

import re
from pathlib import Path

from sqlalchemy import select

from sender.campaigns.short_links import switch_on
from sender.models import Click, Program
from tests.api.conftest import allow_every_purpose, caller
from tests.installation import install

SHORT = re.compile(r"https://sms\.example\.org(/l/\w{9})")
TEXT = {
    "to": "+12125550123",
    "program": "acme",
    "purpose": "transactional",
    "body": "Acme: see acme.example/42",
}


def test_a_short_link_leads_on_over_http(tmp_path: Path, sqlite_url: str) -> None:
    """302 to what stood in the text for a GET and a HEAD, 404 for others; codes and deduplicated texts keep theirs."""
    installation = install(tmp_path / "home", sqlite_url, public_url="https://sms.example.org")
    allow_every_purpose(installation)
    with installation.runtime.db.write() as session:
        session.get_one(Program, installation.program_id).privacy_url = "https://acme.example/privacy"
    switch_on(installation.runtime, "acme", 30, False, "ann")
    shop = caller(installation)
    (path,) = SHORT.findall(shop.post("/messages", TEXT).json["text"])
    for answer in (shop.client.get(path), shop.client.head(path)):
        assert (answer.status_code, answer.headers["Location"]) == (302, "https://acme.example/42")
    assert shop.client.get(path + "x").status_code == 404
    assert shop.client.get("/l/https://evil.example").status_code == 404
    again = shop.post("/messages", {**TEXT, "dedupe": 60}).json
    assert "acme.example/42" in again["text"]
    assert shop.post("/messages", {**TEXT, "dedupe": 60}).json["id"] == again["id"]
    with installation.runtime.db.read() as session:
        assert set(session.execute(select(Click.not_counted)).scalars()) == {"early", "head"}
    installation.runtime.db.close()
