"""Takes a picture of every page, from a made-up installation: ``make screenshots`` writes them to build/screenshots."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

from playwright.sync_api import Page, sync_playwright
from sqlmodel import Session, SQLModel
from werkzeug.serving import make_server

from guards import CHAIN
from sender import accounts
from sender.audience.links import opt_out_token
from sender.clock import Clock
from sender.crypto import make_keys
from sender.db import Database, insert_new
from sender.models import Campaign, Installation, Message, Number, Program, Variant
from sender.runtime import Runtime
from sender.settings import Settings
from tests.web.conftest import NoProvider
from web.app import create_app

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
EMAIL = "ana@lumen.example"
PASSWORD = "violet tractor under snow"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)

Counts = dict[tuple[str, str], int]

RUNNING: Counts = {
    ("delivered", ""): 6204,
    ("sent", ""): 812,
    ("sending", ""): 40,
    ("queued", ""): 400,
    ("pending", ""): 1710,
    ("pending", "quiet_hours"): 688,
    ("pending", "frequency_cap"): 54,
    ("undelivered", "twilio_30003"): 61,
    ("undelivered", "twilio_30005"): 38,
    ("failed", "twilio_21211"): 17,
    ("unconfirmed", "answer_lost"): 2,
    ("blocked", "opted_out"): 203,
    ("blocked", "no_consent"): 91,
    ("blocked", "frequency_cap"): 34,
    ("blocked", "landline"): 12,
}
FINISHED: Counts = {
    ("delivered", ""): 4410,
    ("sent", ""): 38,
    ("undelivered", "twilio_30005"): 61,
    ("failed", "twilio_21211"): 9,
    ("blocked", "opted_out"): 118,
    ("expired", "campaign_over"): 22,
}
PAUSED: Counts = {("delivered", ""): 950, ("pending", ""): 2890, ("blocked", "opted_out"): 60}
CANCELLED: Counts = {("delivered", ""): 120, ("cancelled", "campaign_cancelled"): 1880}

WAVES = (
    ("Winter clearance", "finished", "", FINISHED, -9),
    ("Loyalty survey", "cancelled", "", CANCELLED, -4),
    ("Store opening Bridge Street", "paused", "paused by bo@lumen.example", PAUSED, -1),
    ("Spring sale", "running", "", RUNNING, 0),
    ("Summer preview", "scheduled", "", {}, 30),
)
VARIANTS = (
    (
        "Gold members",
        {"field": "attributes.tier", "is": "gold"},
        "Hi {{ first_name }}, as a gold member you shop the spring sale a day early: lumen.example/gold",
    ),
    ("Everybody else", {}, "Hi {{ first_name }}, the spring sale is on: 20% off until Sunday. lumen.example/spring"),
)


def fill(session: Session) -> None:
    """A program with five campaigns in five states."""
    session.add(Installation(epoch="pictures", created_at=NOW))
    program = Program(slug="lumen", brand="Lumen & Co", help_contact="help@lumen.example", created_at=NOW)
    session.add(program)
    most = max(sum(counts.values()) for _, _, _, counts, _ in WAVES)
    session.flush()
    rows = [{"key": str(n).encode(), "cipher": b"c", "data_key": b"k", "created_at": NOW} for n in range(most)]
    session.add_all([Number(**row) for row in rows])
    session.flush()
    for name, status, why, counts, days in WAVES:
        start = NOW + timedelta(days=days, minutes=-40)
        campaign = Campaign(program_id=program.id or 0, name=name, status=status, paused_why=why, created_at=NOW)
        campaign.start_at, campaign.end_at = start, start + timedelta(days=3)
        session.add(campaign)
        session.flush()
        insert_new(session, Message, messages(campaign, counts, variants(session, campaign)))


def variants(session: Session, campaign: Campaign) -> list[int]:
    """The two variants of a campaign; returns their ids."""
    rows = [
        Variant(campaign_id=campaign.id or 0, position=place, name=name, segment=segment, template=template)
        for place, (name, segment, template) in enumerate(VARIANTS)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id or 0 for row in rows]


def messages(campaign: Campaign, counts: Counts, variant_ids: list[int]) -> list[dict[str, object]]:
    """One row for each message of these counts; a fifth goes to the first variant."""
    states = [state for state, count in counts.items() for _ in range(count)]
    return [
        {
            "campaign_id": campaign.id,
            "variant_id": variant_ids[0 if place % 5 == 0 else 1],
            "program_id": campaign.program_id,
            "number_id": place + 1,
            "kind": "campaign",
            "purpose": "marketing",
            "status": status,
            "reason": reason,
            "parts": 1,
            "deferrals": int(status == "pending" and bool(reason)),
            "tries": 0,
            "send_after": NOW,
            "created_at": NOW,
            "changed_at": NOW,
            "touched_at": NOW,
        }
        for place, (status, reason) in enumerate(states)
    ]


@contextmanager
def served(home: Path) -> Iterator[tuple[str, str, str]]:
    """The made-up installation on loopback: its address, the path of its owner's link and of an opt-out link."""
    settings = Settings(_env_file=None, home=home, twilio_base_url="http://127.0.0.1:9")
    db = Database(settings.database)
    SQLModel.metadata.create_all(db.engine)
    runtime = Runtime(settings, db, make_keys(home), Clock(), CHAIN, NoProvider())
    with db.write() as session:
        fill(session)
        link = accounts.make_owner_link(session, runtime.keys, runtime.clock.real())
    server = make_server("127.0.0.1", 0, create_app(runtime), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", link, f"/o/{opt_out_token(runtime.keys, 1, 1)}"
    finally:
        server.shutdown()
        thread.join()
        db.close()


def visit(page: Page, folder: Path, address: str, welcome: str, opt_out: str) -> None:
    """Walk through every page and take its picture."""
    page.goto(address + welcome)
    shoot(page, folder / "welcome.png")
    page.fill("#email", EMAIL)
    page.fill("#password", PASSWORD)
    page.click("button.btn-primary")
    page.wait_for_url(address + "/")
    shoot(page, folder / "campaigns.png")
    page.click("main >> text=Spring sale")
    with page.expect_response("**/live"):
        pass
    shoot(page, folder / "campaign.png")
    page.click("text=Cancel…")
    page.wait_for_selector("#cancel.show")
    shoot(page, folder / "cancel.png", whole=False)
    page.goto(address + "/campaigns/3")
    shoot(page, folder / "paused.png", whole=False)
    page.set_viewport_size(PHONE)
    page.goto(address + "/campaigns/4")
    shoot(page, folder / "campaign-phone.png")
    page.goto(address + opt_out)
    shoot(page, folder / "opt-out.png", whole=False)
    page.set_viewport_size(SIZE)
    page.context.clear_cookies()
    page.goto(address + "/")
    shoot(page, folder / "login.png", whole=False)


def shoot(page: Page, file: Path, *, whole: bool = True) -> None:
    """One picture, of the whole page or of what is in sight."""
    page.screenshot(path=file, full_page=whole, animations="disabled")


def take_pictures(folder: Path) -> list[str]:
    """A picture of every page in ``folder``; returns what the browser complained about (a policy breach, a gap)."""
    complaints: list[str] = []
    program = next(filter(None, map(which, CHROMIUMS)), None)
    with (
        tempfile.TemporaryDirectory() as home,
        served(Path(home)) as (address, welcome, opt_out),
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        visit(page, folder, address, welcome, opt_out)
        browser.close()
    return complaints


def main() -> int:
    """Take all pictures; status 1 when the browser complained about a page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    complaints = take_pictures(FOLDER)
    sys.stderr.write("".join(f"{line}\n" for line in complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
