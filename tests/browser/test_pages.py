"""The pages in a real browser: accessible in both colour schemes, complete, and talking to nobody else."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lived_in import live_in
from tests.browser.screenshots import PAGES, PHONE, SIZE
from tests.browser.world import EMAIL, House, served

SERIOUS = ("serious", "critical")
# Rules that could not find anything serious are left out: they take half of the time.
RUN = """([asked, serious]) => {
    const lesser = axe._audit.rules.filter((one) => one.impact && !serious.includes(one.impact));
    const rules = Object.fromEntries(lesser.map((one) => [one.id, {enabled: false}]));
    return axe.run(document, {resultTypes: ["violations"], selectors: false, rules, ...asked})
        .then((found) => found.violations); }"""
ALL: dict[str, Any] = {}
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""In the other scheme the page is the same but for its colours."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation after weeks of work, so that lists are full."""
    with served(tmp_path_factory.mktemp("house")) as found:
        live_in(found.runtime, EMAIL)
        yield found


def violations(page: Page, axe: str, asked: dict[str, Any] = ALL) -> list[str]:
    """What axe finds that keeps people out, each with its first place."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate(RUN, [asked, SERIOUS])
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found if one["impact"] in SERIOUS]


FITS = """() => { const all = [...document.querySelectorAll(".chart-space")]; return all.length > 1 && all.every(
    (one) => Math.abs(one.querySelector(".uplot").offsetWidth - one.clientWidth) < 2); }"""
WIDE = {
    "the page": "document.documentElement.scrollWidth > innerWidth + 1",
    "a list in it": """() => [...document.querySelectorAll(".table-responsive")].some(
    (one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)""",
}


def test_every_page_fits_a_phone_and_is_accessible_and_whole(
    house: House, owner: tuple[Page, list[str]], axe: str
) -> None:
    """Opened on a phone none is too wide; at a desk, light and dark, axe finds nothing serious; nothing is missing."""
    page, complaints = owner
    wrong: list[str] = []
    for name, path in PAGES.items():
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        page.goto(house.address + path)
        wrong += [f"{name} is wider than a phone: {what}" for what, script in WIDE.items() if page.evaluate(script)]
        page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        for scheme, asked in (("light", ALL), ("dark", OF_COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            wrong += [f"{name} {scheme}: {one}" for one in violations(page, axe, asked)]
    assert not wrong, "\n".join(wrong)
    assert complaints == []


def test_charts_follow_their_place(house: House, owner: tuple[Page, list[str]]) -> None:
    """When the window is narrowed and widened again each chart is as wide as its card, without another request."""
    page, complaints = owner
    page.goto(house.address + PAGES["reports"])
    for size in (PHONE, SIZE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.wait_for_function(FITS)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    assert complaints == []


def test_a_saved_start_stands_on_the_readers_own_clock(house: House, owner: tuple[Page, list[str]]) -> None:
    """Ten o'clock in New York is shown as ten o'clock in New York again, though it is kept in UTC."""
    page, _ = owner
    devices = page.context.new_cdp_session(page)
    devices.send("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    page.goto(house.address + PAGES["builder-timing"])
    page.check("input[name=when][value=at]")
    page.fill("#begins", "2026-03-20T10:00")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/edit/review*")
    page.goto(house.address + PAGES["builder-timing"])
    expect(page.locator("#begins")).to_have_value("2026-03-20T10:00")
    expect(page.locator("#zone")).to_have_value("America/New_York")
    devices.send("Emulation.setTimezoneOverride", {"timezoneId": ""})
