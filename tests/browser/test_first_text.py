"""A new installation in a real browser: from the one-use owner link to the first text, and the STOP that answers it."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from sender import accounts
from sender.cli.common import build
from sender.crypto import make_keys
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.halt import found
from sender.runtime import Runtime
from sender.settings import Settings
from sender.simulator.clock import Clock
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from tests.browser.screenshots import SIZE, sign_in, watch
from tests.browser.test_pages import violations
from tests.browser.world import Quiet
from tests.servers import free_port
from tests.tables import give_tables
from web.app import create_app

ACCOUNT, TOKEN, LINE, PHONE = "AC" + "0" * 32, "journey-token", "+12025550100", "+12125550123"
TUESDAY = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
"""11:00 in New York."""


@contextmanager
def new_house(home: Path) -> Iterator[tuple[Runtime, Running, str]]:
    """An installation with nothing in it but an owner's link, its simulator, and that link."""
    port, real = free_port(), time.time()
    address = f"http://127.0.0.1:{port}"
    config = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [{"number": LINE, "inbound_url": f"{address}/hooks/twilio/inbound"}],
        "phones": {"choosing_delay": [0, 0], "sent_delay": [0, 0.01], "delivery_delay": [0, 0.01]},
    }
    with serve(SimulatorConfig.model_validate(config), clock=Clock(real, TUESDAY)) as simulator:
        settings = Settings(
            _env_file=None, home=home, public_url=address, twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN,
            twilio_base_url=simulator.url, clock_real=real, clock_virtual=TUESDAY,
        )  # type: ignore[call-arg]  # fmt: skip
        make_keys(home)
        runtime = build(settings)
        give_tables(runtime.db)
        with runtime.db.write() as session:
            found(session)
            link = accounts.make_owner_link(session, runtime.keys, runtime.clock.real())
        server = make_server("127.0.0.1", port, create_app(runtime), threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield runtime, simulator, link
        finally:
            server.shutdown()
            thread.join()
            runtime.db.close()


def test_from_the_owner_s_link_to_the_first_text_and_its_stop(tmp_path: Path, browser: Browser, axe: str) -> None:
    """The checklist leads to a program, a proven phone and the text on it; a STOP from there stands in the profile."""
    with new_house(tmp_path) as (runtime, simulator, link):
        wire = Wire()
        pipeline = Pipeline(runtime, wire)
        scheduler = Dispatcher(runtime, pipeline.deliver)
        address, complaints = runtime.settings.address, list[str]()
        page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
        watch(page, address, complaints)
        sign_in(page, address, link)

        page.get_by_role("link", name="Describe a program").click()
        page.get_by_label("Short name").fill("lumen")
        page.get_by_label("Brand", exact=True).fill("Lumen & Co")
        page.get_by_label("Help", exact=True).first.fill("help@lumen.example")
        page.get_by_label("Sending number", exact=True).fill(LINE)
        expect(page.locator("#answers")).to_contain_text("Lumen & Co: you are opted out")
        page.get_by_role("button", name="Make the program").click()
        expect(page.get_by_role("heading", name="Lumen & Co", level=1)).to_be_visible()

        page.goto(address + "/")
        page.get_by_role("link", name="Write a campaign").click()
        page.get_by_label("Name", exact=True).fill("Spring sale")
        page.get_by_role("button", name="Save and go on").click()
        page.goto(address + "/")
        page.get_by_role("link", name="Prove a phone of yours").click()
        page.get_by_label("Number", exact=True).fill(PHONE)
        page.get_by_role("button", name="Text me a code").click()
        test_page = page.url
        scheduler.hand_over()
        simulator.wait_for("handset", count=1)
        page.get_by_label("Code").fill(code_on_phone(page))
        page.get_by_role("button", name="Prove it").click()
        page.get_by_role("button", name="Send me the text").click()
        expect(page.get_by_text("None yet")).to_have_count(0)

        page.get_by_role("link", name="Look at the virtual phones").click()
        page.get_by_role("link", name=PHONE).click()
        scheduler.hand_over()
        expect(page.locator(".talk li").last).to_contain_text("Hi there")
        expect(page.locator(".talk li").last).to_contain_text("STOP")
        assert violations(page, axe) == []
        page.get_by_role("button", name="STOP").click()
        expect(page.get_by_text("It said STOP")).to_be_visible()
        simulator.wait_for("inbound", http=200)
        page.get_by_role("link", name="What we know of it").click()
        expect(page.locator(".timeline")).to_contain_text("STOP")
        page.goto(address + "/")
        expect(page.get_by_text("Your way to a first text")).to_have_count(0)
        page.goto(test_page)
        page.get_by_role("button", name="Send me the text").click()
        expect(page.get_by_role("alert")).to_be_visible()
        pipeline.finish(5)
        wire.close()
        page.close()
    assert [one for one in complaints if "422" not in one] == []


def code_on_phone(page: Page) -> str:
    """The code that stands on the virtual phone, read in the browser; comes back to the page it left."""
    here = page.url
    page.get_by_role("link", name="Look at the virtual phones").click()
    page.get_by_role("link", name=PHONE).click()
    code = re.search(r"\b\d{6}\b", page.locator(".talk li").last.inner_text())
    assert code
    page.goto(here)
    return code[0]
