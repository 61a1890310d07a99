"""The list before the first real text: it comes through the public address as Twilio would."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator

from sender.settings import Settings
from sender.watching.golive import checklist
from tests.installation import install

TOKEN, ACCOUNT = "f" * 32, "AC" + "0" * 32


class Public(BaseHTTPRequestHandler):
    """Stands at the public address and checks the signature as Twilio's own library does."""

    def do_POST(self) -> None:
        """200 where the request is signed for exactly this address, else 403; or a redirect where it is to lead on."""
        if self.server.leads_on:  # type: ignore[attr-defined]
            self.send_response(301)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True))
        address = f"http://127.0.0.1:{self.server.server_address[1]}{self.path}{self.server.added}"  # type: ignore
        fits = RequestValidator(TOKEN).validate(address, form, self.headers["X-Twilio-Signature"])
        self.send_response(200 if fits else 403)
        self.end_headers()

    def do_GET(self) -> None:
        """What a client would ask that follows a redirect."""
        self.server.followed = True  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("added", "leads_on", "said_of_it"),
    [("", False, ""), ("/prefix", False, "does the proxy change path"), ("", True, "answers 301: a redirect")],
)
def test_a_signed_request_goes_round(
    tmp_path: Path, sqlite_url: str, added: str, leads_on: bool, said_of_it: str
) -> None:
    """The round trip succeeds where the path is passed on unchanged, and says why where a proxy changes it or leads
    elsewhere, whither nothing goes."""
    made = install(tmp_path / "home", sqlite_url)
    server = HTTPServer(("127.0.0.1", 0), Public)
    server.added, server.leads_on, server.followed = added, leads_on, False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    values = {
        **made.runtime.settings.model_dump(),
        "public_url": f"http://127.0.0.1:{server.server_address[1]}",
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_base_url": "http://127.0.0.1:1",
    }
    found = checklist(Settings(_env_file=None, **values))  # type: ignore[arg-type]
    server.shutdown()
    thread.join()
    server.server_close()
    said = {one.what: one for one in found}
    assert said["round trip"].ok == (not said_of_it)
    assert said_of_it in said["round trip"].sentence
    assert not server.followed  # type: ignore[attr-defined]
    assert said["address"].fatal
    assert "simulator" in said["address"].sentence
    assert not said["stop"].ok
    assert "STOP from your own phone" in said["stop"].sentence
