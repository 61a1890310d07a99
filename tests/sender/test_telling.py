"""What people have to know stands as a notice until it is over, and reaches them by mail and webhook, once each."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from sender import halt
from sender.models import Campaign, Canary, Notice, Reply, Spend
from sender.runtime import Runtime
from sender.settings import Settings, SettingsFileError
from sender.watching import notices
from sender.watching.telling import body_of, tell_people
from sender.watching.watch import watch
from tests.installation import TUESDAY, Installation, install

PASSWORD = "only-for-the-mail-server"


@pytest.fixture
def installation(tmp_path: Path, sqlite_url: str) -> Installation:
    """An installation where nothing is wrong but that its keys were not exported."""
    return install(tmp_path / "home", sqlite_url)


class Mailbox(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand a mail over."""

    def handle(self) -> None:
        """Take one mail."""
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            self.server.asked.append(line)  # type: ignore[attr-defined]
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = []
                while (text := self.rfile.readline()) != b".\r\n":
                    body.append(text)
                self.server.taken.append(b"".join(body).decode())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")


class Hook(BaseHTTPRequestHandler):
    """Takes notices, or refuses them while ``server.refusing``."""

    def do_POST(self) -> None:
        """Keep the body; what refuses leads elsewhere."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append(body)  # type: ignore[attr-defined]
        self.send_response(302 if self.server.refusing else 204)  # type: ignore[attr-defined]
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        """What a client would ask that follows a redirect."""
        self.server.taken.append("followed")  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[socketserver.TCPServer]:
    """Run a server on loopback meanwhile."""
    server.taken, server.asked, server.refusing = [], [], False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told_by(runtime: Runtime, **settings: object) -> Runtime:
    """The same runtime with ways to tell people."""
    values = {**runtime.settings.model_dump(), **settings}
    return replace(runtime, settings=Settings(_env_file=None, **values))  # type: ignore[arg-type]


def standing(runtime: Runtime) -> dict[str, str]:
    """The notices that stand, with their severity."""
    watch(runtime)
    with runtime.db.read() as session:
        return {one.key.removeprefix("watch "): one.severity for one in notices.standing(session)}


def test_what_is_wrong_stands_until_it_is_over(installation: Installation) -> None:
    """Each trouble makes one notice, which ends when its cause is gone; what a person did by hand makes none."""
    runtime, now = installation.runtime, TUESDAY
    assert standing(runtime) == {"keys": "warning"}
    halt.halt(runtime, "a wrong list", "ana@example.org")
    with runtime.db.write() as session:
        made = [
            ("Waits", "submitted", ""),
            ("Stopped", "paused", "ran into error 30034"),
            ("By hand", "paused", "paused by ana@example.org"),
            ("Dear", "running", ""),
        ]
        for name, status, why in made:
            session.add(
                Campaign(program_id=installation.program_id, name=name, status=status, paused_why=why, created_at=now)
            )
        session.flush()
        session.add(Spend(campaign_id=4, day="", reserved=85, cap=100))
        session.add(Canary(sid="SM1", started_at=now - timedelta(hours=2)))
    assert standing(runtime) == {
        "keys": "warning",
        "held": "alarm",
        "campaign 1 approval": "info",
        "campaign 2 paused": "alarm",
        "campaign 4 spend": "warning",
        "canary": "alarm",
    }
    halt.release(runtime, "ana@example.org")
    with runtime.db.write() as session:
        session.execute(update(Campaign).values(status="finished"))
        session.add(Canary(sid="SM2", started_at=now, seconds=0.1))
    assert standing(runtime) == {"keys": "warning"}


def test_what_passes_by_itself_ends_by_itself(installation: Installation) -> None:
    """A used budget stands for its day, a crowded form for its hour, a day that did not agree for a week."""
    runtime = installation.runtime
    with runtime.db.write() as session:
        for key in ("budget", "form 3", "comparison:2026-03-09", "register outdated"):
            notices.begin(session, key, "warning", "Look.", TUESDAY)
    left = ("keys", "register outdated")
    for hours, stands in (
        (0.9, (*left, "budget", "comparison:2026-03-09", "form 3")),
        (1, (*left, "budget", "comparison:2026-03-09")),
        (9, (*left, "comparison:2026-03-09")),
        (7 * 24, left),
    ):
        installation.clock.hands["now"] = TUESDAY + timedelta(hours=hours)
        assert sorted(standing(runtime)) == sorted(stands)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("watch campaign 12 paused", "/campaigns/12"),
        ("watch automation 3 aside", "/automations/3"),
        ("form 4", "/opt-in/4"),
        ("watch review", "/inbox/review"),
        ("register outdated", "/numbers"),
        ("watch disk", "/"),
    ],
)
def test_each_notice_leads_to_where_it_is_mended(key: str, path: str) -> None:
    """Mail and webhook name the page of the trouble, or the first one, where every notice stands."""
    one = Notice(key=key, severity="warning", sentence="Look.", raised_at=TUESDAY)
    assert body_of(one, "https://texts.example.org")["link"] == f"https://texts.example.org{path}"


def test_the_review_clock_is_told_a_day_before(installation: Installation) -> None:
    """A reply that a clock will decide within a day is a notice; one with more time is not."""
    runtime, number = installation.runtime, installation.contact("+12125550101")
    with runtime.db.write() as session:
        values = {"number_id": number, "body_cipher": b"", "matched_cipher": b"", "intent": "opt_out"}
        session.add(
            Reply(
                sid="SM1",
                certain=False,
                language="en",
                state="review",
                received_at=TUESDAY,
                review_by=TUESDAY + timedelta(days=3),
                **values,
            )
        )
    assert "review" not in standing(runtime)
    installation.clock.move(timedelta(days=2, hours=1))
    assert standing(runtime)["review"] == "warning"


def test_a_notice_goes_out_once_by_each_way(installation: Installation) -> None:
    """Mail and webhook get each notice once; a way that refuses, or leads elsewhere, is asked again later where it
    was, and the other is left in peace."""
    with (
        serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)) as mail,
        serving(HTTPServer(("127.0.0.1", 0), Hook)) as hook,
    ):
        runtime = told_by(
            installation.runtime,
            smtp_url=f"smtp://127.0.0.1:{mail.server_address[1]}",
            mail_to=["ops@example.org"],
            notify_url=f"http://127.0.0.1:{hook.server_address[1]}/x",
        )
        hook.refusing = True  # type: ignore[attr-defined]
        watch(runtime)
        assert [tell_people(runtime), tell_people(runtime)] == [1, 0]
        hook.refusing = False  # type: ignore[attr-defined]
        installation.clock.move(timedelta(minutes=1))
        assert [tell_people(runtime), tell_people(runtime)] == [1, 0]
        assert len(mail.taken) == 1  # type: ignore[attr-defined]
        assert [one["key"] for one in hook.taken] == ["watch keys", "watch keys"]  # type: ignore[attr-defined]
        assert "[Tactful warning] The keys are not backed up" in mail.taken[0]  # type: ignore[attr-defined]
        assert "To: ops@example.org" in mail.taken[0]  # type: ignore[attr-defined]


def test_a_campaigns_name_stays_within_the_subject(installation: Installation) -> None:
    """Lines in a name neither end the subject nor add somebody the mail would go to."""
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)) as mail:
        address = f"smtp://127.0.0.1:{mail.server_address[1]}"
        runtime = told_by(installation.runtime, smtp_url=address, mail_to=["ops@example.org"])
        with runtime.db.write() as session:
            said = "Campaign A\r\nBcc: eve@example.org\n\nB was paused.\r\n.\r\nMAIL FROM:<eve@example.org>"
            notices.begin(session, "watch held", "alarm", said, TUESDAY)
        assert tell_people(runtime) == 1
    (taken,) = mail.taken  # type: ignore[attr-defined]
    head, _, _ = taken.partition("\r\n\r\n")
    fields = [row.partition(":")[0] for row in head.split("\r\n") if not row.startswith(" ")]
    assert fields == ["Subject", "From", "To", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    assert "\r\n..\r\n" in taken


def test_no_password_goes_to_a_mail_server_without_tls(installation: Installation) -> None:
    """A server elsewhere that does not offer TLS hears a greeting and nothing more."""
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)) as mail:
        # This spelling of 127.0.0.1 is a name like any other.
        where = f"2130706433:{mail.server_address[1]}"
        runtime = told_by(installation.runtime, smtp_url=f"smtp://ann:{PASSWORD}@{where}", mail_to=["ops@example.org"])
        watch(runtime)
        assert tell_people(runtime) == 0
    words = {line[:4].upper() for line in mail.asked}  # type: ignore[attr-defined]
    assert words <= {b"EHLO", b"HELO", b"QUIT"}
    assert words


def test_nobody_is_told_where_there_is_no_way(installation: Installation) -> None:
    """Without mail and webhook notices stand on the pages alone; an unreachable mail server stops nothing."""
    watch(installation.runtime)
    assert tell_people(installation.runtime) == 0
    dead = told_by(installation.runtime, smtp_url="smtp://127.0.0.1:1", mail_to=["ops@example.org"])
    assert tell_people(dead) == 0


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TACTFUL_…_FILE names the file a secret lies in, before the environment; a missing file is named, not guessed."""
    secret = tmp_path / "token"
    secret.write_text("f" * 32 + "\n")
    monkeypatch.setenv("TACTFUL_TWILIO_AUTH_TOKEN", "e" * 32)
    monkeypatch.setenv("TACTFUL_TWILIO_AUTH_TOKEN_FILE", str(secret))
    monkeypatch.setenv("TACTFUL_MAIL_TO_FILE", str(tmp_path / "to"))
    (tmp_path / "to").write_text('["ops@example.org"]')
    made = Settings(_env_file=None)  # type: ignore[call-arg]
    assert made.twilio_auth_token is not None
    assert made.twilio_auth_token.get_secret_value() == "f" * 32
    assert made.mail_to == ["ops@example.org"]
    secret.unlink()
    with pytest.raises(SettingsFileError, match=r"TWILIO_AUTH_TOKEN_FILE: .*token cannot be read\.$"):
        Settings(_env_file=None)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "setting",
    [{"twilio_auth_token": "ChangeMe"}, {"smtp_url": f"mailto:{PASSWORD}"}, {"proxies": ["everybody"]}],
)
def test_sample_values_and_misspelt_ones_are_refused(setting: dict[str, object]) -> None:
    """A setting left at its sample, or of another kind, stops the start, and a secret in it is not repeated."""
    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, **setting)  # type: ignore[arg-type]
    assert PASSWORD not in str(refused.value.errors()[0]["msg"])
