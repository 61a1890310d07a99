"""One made-up installation and one browser for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.screenshots import SIZE, sign_in, watch
from tests.browser.world import House, served
from tests.browser.world import chromium as find_chromium

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation."""
    with served(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium: the machine's own, else Playwright's download."""
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def owner(house: House, browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page of somebody who is signed in, and what the browser complained about so far."""
    complaints: list[str] = []
    page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
    watch(page, house.address, complaints)
    sign_in(page, house.address, house.welcome)
    yield page, complaints
    page.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, which `make setup` brings."""
    if not AXE.is_file():
        raise RuntimeError("The accessibility tests need axe-core: run `make setup`.")
    return AXE.read_text("utf-8")
