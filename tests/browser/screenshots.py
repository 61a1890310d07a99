"""Takes a picture of every page, from a made-up installation: ``make screenshots`` writes them to docs/screenshots.

Names of pages as arguments take only those, such as ``python -m tests.browser.screenshots home segment``; ``--language
de`` takes them as a reader of that language sees them, into a folder of its name below.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from sender.audience.links import own_page_token
from tests.browser.lived_in import live_in
from tests.browser.world import EMAIL, PASSWORD, chromium, served
from web.language import DEFAULT, LANGUAGES

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE = {"width": 1280, "height": 800}
LEFT = ("htmx:afterRequest", "htmx:sendAbort")
PHONE = {"width": 390, "height": 844}
# The README shows the upper part of three pages; the rest is not kept in the repository.
SHOWN = {"review": "builder-review", "text": "builder-text", "running": "campaign"}
UPPER = (0, 0, 1280, 800)
# Name and address of every page of somebody who is signed in; campaigns are numbered as in world.WAVES.
PAGES = {
    "home": "/",
    "campaigns": "/campaigns",
    "campaign": "/campaigns/4",
    "campaign-paused": "/campaigns/3",
    "campaign-finished": "/campaigns/1",
    "campaign-scheduled": "/campaigns/5",
    "builder-new": "/campaigns/new",
    "builder-basics": "/campaigns/6/edit/basics",
    "builder-audience": "/campaigns/6/edit/audience",
    "builder-text": "/campaigns/6/edit/text?v=2",
    "builder-timing": "/campaigns/6/edit/timing",
    "builder-review": "/campaigns/6/edit/review",
    "inbox": "/inbox",
    "conversation": "/inbox/6",
    "prepared-answers": "/inbox/answers",
    "unsure": "/inbox/review",
    "segments": "/segments",
    "segment": "/segments/1",
    "segment-new": "/segments/new",
    "contacts": "/contacts",
    "contact": "/contacts/1",
    "contact-edit": "/contacts/1/edit",
    "imports": "/imports",
    "import-new": "/imports/new",
    "import-columns": "/imports/1",
    "import-done": "/imports/2",
    "import-checked": "/imports/3",
    "opt-in": "/opt-in",
    "opt-in-form": "/opt-in/1",
    "opt-in-edit": "/opt-in/2/edit",
    "opt-in-person": "/opt-in/in-person",
    "opt-in-disclosure": "/opt-in/programs/1",
    "contact-held": "/contacts/12",
    "evidence": "/contacts/1/evidence",
    "erase": "/contacts/1/erase",
    "numbers": "/numbers",
    "retention": "/retention",
    "users": "/users",
    "audit": "/audit",
    "account": "/account",
    "opt-in-poster": "/opt-in/1/poster?paper=letter",
    "join": "/join/tastings",
    "builder-test": "/campaigns/6/edit/test",
    "automations": "/automations",
    "automation": "/automations/2",
    "automation-new": "/automations/new",
    "api-keys": "/integrations/keys",
    "webhooks": "/integrations/webhooks",
    "webhook": "/integrations/webhooks/1",
    "webhook-deliveries": "/integrations/webhooks/deliveries",
    "reports": "/reports",
    "compliance": "/reports/compliance",
    "comparison": "/reports/comparison/4",
    "rules": "/rules",
    "rule": "/rules/US-FL",
    "programs": "/programs",
    "program": "/programs/1",
    "program-edit": "/programs/1/edit",
    "program-replies": "/programs/1/replies",
    "program-links": "/programs/1/links",
    "program-new": "/programs/new",
    "templates": "/templates",
    "template": "/templates/1",
    "template-edit": "/templates/1/edit",
    "phones": "/phones",
    "phone": "/phones/1",
    "halt": "/halt",
    "release": "/release",
}


def sign_in(page: Page, address: str, welcome: str) -> None:
    """Become the owner."""
    page.goto(address + welcome)
    page.fill("#email", EMAIL)
    page.fill("#password", PASSWORD)
    page.click("button.btn-primary")
    page.wait_for_url(address + "/")


def watch(page: Page, address: str, complaints: list[str]) -> None:
    """Keep what the browser complains about: errors, policy breaches, requests that leave the host."""
    page.on("console", lambda message: complaints.append(message.text) if _complains(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else complaints.append(asked.url))
    page.on("response", lambda got: complaints.append(f"{got.status} {got.url}") if got.status >= 400 else None)


def _complains(message: ConsoleMessage) -> bool:
    """Errors, but for htmx's own note that a request was given up because its page was left."""
    return message.type == "error" and not message.text.startswith(LEFT)


def shoot(page: Page, file: Path) -> None:
    """One picture of the whole page."""
    page.screenshot(path=file, full_page=True, animations="disabled")


def walk(page: Page, folder: Path, address: str, chosen: dict[str, str], suffix: str = "") -> None:
    """A picture of each page once it stands still."""
    for name, path in chosen.items():
        page.goto(address + path)
        page.wait_for_selector("#rehearsal[hx-get], #rehearsal[hx-post]", state="detached")
        page.wait_for_timeout(250)
        shoot(page, folder / f"{name}{suffix}.png")


def take_pictures(folder: Path, wanted: tuple[str, ...] = (), language: str = DEFAULT) -> list[str]:
    """A picture of every page in ``folder``, on a desk, a phone, and dark; returns complaints."""
    folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    chosen = {name: path for name, path in PAGES.items() if not wanted or name in wanted}
    with (
        tempfile.TemporaryDirectory() as home,
        served(Path(home)) as (address, welcome, opt_out, runtime),
        sync_playwright() as play,
    ):
        live_in(runtime, EMAIL)
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, locale=language)
        watch(page, address, complaints)
        page.goto(address + welcome)
        shoot(page, folder / "welcome.png")
        sign_in(page, address, welcome)
        walk(page, folder, address, chosen)
        cookies = page.context.cookies()
        for suffix, options in (("-phone", {"viewport": PHONE}), ("-dark", {"viewport": SIZE, "color_scheme": "dark"})):
            other = browser.new_context(**options, locale=language)  # type: ignore[arg-type]
            other.add_cookies(cookies)  # type: ignore[arg-type]
            page = other.new_page()
            watch(page, address, complaints)
            walk(page, folder, address, chosen, suffix)
            other.close()
        own = f"/p/{own_page_token(runtime.keys, 2, runtime.clock.now())}"
        complaints += strangers(browser, folder, address, {"opt-out": opt_out, "own-page": own}, language)
        browser.close()
    return complaints


def show(folder: Path) -> None:
    """The upper part of the three pages that the README shows, in few colours, where their pictures are there."""
    for name, page in SHOWN.items():
        if (folder / f"{page}.png").exists():
            with Image.open(folder / f"{page}.png") as picture:
                upper = picture.convert("RGB").crop(UPPER)
                # The method that keeps the colour of a single dot.
                few = upper.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                few.save(folder / f"{name}.png", optimize=True)


def strangers(browser: Browser, folder: Path, address: str, links: dict[str, str], language: str) -> list[str]:
    """Pictures of the pages of people who are not signed in, with the links that texts bring by name."""
    complaints: list[str] = []
    page = browser.new_page(viewport=PHONE, locale=language)
    watch(page, address, complaints)
    for name, path in {**links, "login": "/login"}.items():
        page.goto(address + path)
        shoot(page, folder / f"{name}.png")
    return complaints


def main() -> int:
    """Take all pictures, or those that are named; status 1 when the browser complained about a page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pages", nargs="*", choices=[*PAGES, []], metavar="page")
    asked.add_argument("--language", choices=LANGUAGES, default=DEFAULT)
    wanted = asked.parse_args()
    folder = FOLDER if wanted.language == DEFAULT else FOLDER / wanted.language
    complaints = take_pictures(folder, tuple(wanted.pages), wanted.language)
    show(FOLDER)
    sys.stderr.write("".join(f"{line}\n" for line in complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
