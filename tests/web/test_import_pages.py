"""A marketer brings a file in: upload, columns, dry run, commit, undo, and the refused rows for a reason."""

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlmodel import select

from sender.audience.importing import uploads
from sender.models import Audit, ConsentEvent, ImportPreset, ImportRun, Program
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, FIELD, submit

TEXT = "Handy,Ort\n+14155550101,Waco\n+14155550102,Austin\n=1+1,Waco\n"
WORD = {
    "source": "word",
    "purpose": "marketing",
    "how": "web_form",
    "collected_by": "the shop team",
    "place": "https://shop.example/join",
    "wording": "Yes, text me offers",
    "at": "2026-02-01",
}

# As a browser never would: a name that leads elsewhere and begins a header of its own.
NAME = '../../etc/pe"ople;x=.csv'


@pytest.fixture
def campaign(runtime: Runtime, campaign: int) -> int:
    """The campaign's program is for marketing."""
    with runtime.db.write() as session:
        session.get_one(Program, 1).purposes = ["marketing"]
    return campaign


def send_file(client: FlaskClient, text: str, token: bool = True) -> str:
    """Upload a file as the browser does; where it leads to, or the page with what is wrong."""
    found = FIELD.search(client.get("/imports/new").text)
    fields = {
        "file": (io.BytesIO(text.encode()), NAME),
        **({"csrf_token": found[1]} if found and token else {}),
    }
    answer = client.post("/imports", data=fields)
    return answer.headers.get("Location") or answer.text


def test_a_file_goes_from_upload_to_undo(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Every step is on the import's own page, and each says what it will do before it does."""
    address = send_file(signed_in, TEXT)
    page = signed_in.get(address).text
    assert "No column is named" in page
    assert "Austin" in page
    columns = {"column-0": "number", "column-1": "keep", "program": "1", "preset": "Kasse", **WORD}
    answer = submit(signed_in, address, f"{address}/check", **columns)
    assert answer.status_code == 303, re.findall(r"role=.alert.*?<div>(.*?)</div>", answer.text)
    assert "Nothing is changed" in signed_in.get(address).text
    uploads.tend(runtime)
    page = signed_in.get(address).text
    for words in ("What would happen", "+1•••••0101", "ort: ", "Import 2 people, leave 1 row out"):
        assert words in page
    with runtime.db.read() as session:
        assert session.execute(select(ConsentEvent).where(ConsentEvent.source == "import")).first() is None
    submit(signed_in, address, f"{address}/commit")
    uploads.tend(runtime)
    page = signed_in.get(address).text
    for words in ("What happened", "the shop team", "Yes, text me offers", "Undo this import"):
        assert words in page
    assert "2 consents are withdrawn" in signed_in.get(f"{address}/undo").text
    submit(signed_in, address, f"{address}/undo")
    uploads.tend(runtime)
    assert "This import was undone" in signed_in.get(address).text
    with runtime.db.read() as session:
        events = session.execute(select(ConsentEvent).where(ConsentEvent.kind != "opt_out")).scalars().all()
        assert {event.attested_by for event in events if event.evidence.get("how") == "web_form"} == {EMAIL}
        assert session.execute(select(ImportPreset)).scalars().one().mapping["Handy"] == "number"
    assert "Kasse" in signed_in.get(send_file(signed_in, TEXT)).text


def test_refused_rows_leave_for_a_reason_only(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Without one nothing is handed out; with one it is in the audit, no cell is a formula, and the file has a name of
    ours, whatever was uploaded."""
    address = send_file(signed_in, TEXT.replace("Handy", "phone"))
    submit(signed_in, address, f"{address}/check", **{"column-0": "number", "column-1": "keep", "source": "none"})
    uploads.tend(runtime)
    submit(signed_in, address, f"{address}/commit")
    uploads.tend(runtime)
    asking = f"{address}/refused"
    assert submit(signed_in, asking, asking, why=" ").status_code == 422
    answer = submit(signed_in, asking, asking, why="mend the numbers")
    assert "'=1+1,Waco" in answer.text
    assert answer.headers["Content-Disposition"] == "attachment; filename=refused-1.csv"
    with runtime.db.read() as session:
        acts = session.execute(select(Audit).where(Audit.action == "people.export")).scalars().all()
    assert [(act.actor, act.detail) for act in acts] == [(EMAIL, {"why": "mend the numbers", "rows": 1})]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"how": "bought"}, "people agreed to somebody else"),
        ({"wording": ""}, "The attestation lacks wording"),
        ({"program": ""}, "Choose the program"),
        ({"source": "file"}, "which column holds the consent"),
        ({"source": ""}, "Say where the consent comes from"),
        ({"column-0": "keep"}, "No column is named"),
    ],
)
def test_what_is_missing_is_said_with_the_form(
    signed_in: FlaskClient, campaign: int, change: dict[str, str], sentence: str
) -> None:
    """Status 422, the sentence on top, and what was typed is still there."""
    address = send_file(signed_in, TEXT)
    wanted = {"column-0": "number", "column-1": "keep", "program": "1", **WORD, **change}
    answer = submit(signed_in, address, f"{address}/check", **wanted)
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert "the shop team" in answer.text


def test_a_file_that_is_none_is_not_kept(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """The sentence stands above the form; a form without its token is not even read."""
    assert "The file is a PDF" in send_file(signed_in, "%PDF-1.7")
    assert "earlier visit" in send_file(signed_in, TEXT, token=False)
    with runtime.db.read() as session:
        assert session.execute(select(ImportRun)).first() is None


def test_the_moving_part_stops_when_a_person_is_needed(signed_in: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """While the machine works the page asks every two seconds; then it is led to the whole page."""
    address = send_file(signed_in, TEXT)
    submit(signed_in, address, f"{address}/check", **{"column-0": "number", "column-1": "skip", "source": "none"})
    part = signed_in.get(f"{address}/live", headers={"HX-Request": "true"}).text
    assert re.search(r'hx-get="/imports/\d+/live"', part)
    uploads.tend(runtime)
    assert signed_in.get(f"{address}/live").headers["HX-Redirect"] == address
