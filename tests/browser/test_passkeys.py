"""A passkey made and used in a real browser, with the authenticator that Chromium simulates."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.screenshots import sign_in, watch
from tests.browser.world import served
from tests.servers import free_port

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_added_and_signs_in(tmp_path: Path, browser: Browser) -> None:
    """Added on the account's page it stands there by its name; after signing out it alone brings its holder back."""
    with served(tmp_path, free_port()) as house:
        page, complaints = browser.new_page(), list[str]()
        watch(page, house.address, complaints)
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        sign_in(page, house.address, house.welcome)
        page.goto(house.address + "/account")
        page.fill("#name", "this laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_role("cell", name="this laptop")).to_be_visible()
        page.context.clear_cookies()
        page.goto(house.address + "/login")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(house.address + "/")
        page.close()
    assert complaints == []
