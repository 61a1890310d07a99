"""The page behind a text's link: one look, one press, out."""

from typing import Any

from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import func, select

from sender.audience.links import opt_out_token
from sender.models import ConsentEvent, Message
from sender.runtime import Runtime


def link(runtime: Runtime) -> str:
    """The address in a text to the fourth number (whose message waits) from the first program."""
    return f"/o/{opt_out_token(runtime.keys, 4, 1)}"


def events(runtime: Runtime) -> Any:
    """How many lines the consent ledger has."""
    with runtime.db.read() as session:
        return session.execute(select(func.count()).select_from(ConsentEvent)).scalar_one()


def test_looking_changes_nothing(client: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """A phone that fetches the link for a preview does not opt anybody out."""
    del campaign
    page = client.get(link(runtime))
    assert page.status_code == 200
    assert "Stop texts from Lumen &amp; Co?" in page.text
    assert events(runtime) == 0


def test_one_press_is_enough(client: FlaskClient, runtime: Runtime, campaign: int) -> None:
    """Without cookies and without a token of ours: out, and what waited is held back."""
    del campaign
    answer = client.post(link(runtime), headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert "no more texts from Lumen &amp; Co" in answer.text
    with runtime.db.read() as session:
        waiting = session.execute(select(Message).where(Message.number_id == 4)).scalar_one()
        assert (waiting.status, waiting.reason) == ("blocked", "opted_out")
    assert events(runtime) == 1
    assert client.post(link(runtime)).status_code == 200


@settings(max_examples=50)
@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_é", min_size=1, max_size=30))
def test_an_invented_link_stops_nobody(client: FlaskClient, runtime: Runtime, token: str) -> None:
    """Whatever is put in the place of a token is not found, looked at or pressed."""
    assert client.get(f"/o/{token}").status_code == 404
    assert client.post(f"/o/{token}").status_code == 404
    assert events(runtime) == 0
