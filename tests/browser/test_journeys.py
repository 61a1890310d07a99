"""What a marketer does, in a real browser, from the first click to the last."""

from playwright.sync_api import Page, expect
from sqlmodel import select

from sender import accounts
from sender.audience.links import own_page_token
from sender.campaigns import control
from sender.delivery.replies import InboundText, receive
from sender.models import OptInRequest
from tests.browser.screenshots import PHONE
from tests.browser.test_pages import violations
from tests.browser.world import PASSWORD, House


def test_a_campaign_of_three_variants_is_written_rehearsed_approved_run_paused_and_resumed(
    house: House, owner: tuple[Page, list[str]]
) -> None:
    """Five steps, a rehearsal that shows who never gets it, approval, start, pause, resume; no complaint on the way."""
    page, complaints = owner
    page.goto(house.address + "/")
    page.get_by_role("link", name="New campaign").click()
    page.get_by_label("Name", exact=True).fill("Midsummer")
    page.get_by_role("button", name="Save and go on").click()

    for place, who in ((1, "Gold members"), (2, "Spanish speakers")):
        page.locator(f"#segment-{place}").select_option(label=who)
        page.get_by_role("button", name="Add a group").click()
    everybody = page.locator("#crowd .figure-value").inner_text()
    page.get_by_role("checkbox", name="Bought this month").check()
    expect(page.locator("#crowd .figure-value")).not_to_have_text(everybody)
    page.get_by_role("button", name="Save and go on").click()

    for words in ("gold comes first", "hola", "for everybody"):
        page.locator("#text").fill(f"Lumen & Co: Hi , {words} – lumen.example/x")
        page.locator("#text").evaluate("one => one.setSelectionRange(15, 15)")
        page.get_by_role("button", name="first name", exact=True).click()
        expect(page.locator(".phone-bubble").first).to_contain_text(words)
        expect(page.locator(".phone-bubble mark").first).to_be_visible()
        page.get_by_role("button", name="Replace by -").click()
        expect(page.locator(".phone-bubble mark")).to_have_count(0)
        page.get_by_label("First name").fill("there")
        page.get_by_role("button", name="Next person").click()
        expect(page.locator(".phone-count")).to_contain_text("2 of")
        page.get_by_role("button", name="Save and go on").click()
    page.get_by_label("Budget in all").fill("25.00")
    page.get_by_role("button", name="Save and go on").click()

    expect(page.get_by_text("Never get it")).to_be_visible()
    page.locator("details.reason summary", has_text="They said STOP").click()
    expect(page.locator("details.reason[open] .faces li").first).to_be_visible()
    page.get_by_role("button", name="Submit for approval").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("link", name="Start…").click()
    expect(page.get_by_text("costs at least")).to_be_visible()
    page.get_by_role("button", name="Start the campaign").click()

    assert control.start_due(house.runtime) == 1
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("This campaign stands still:")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1 .tag")).to_have_text("Running")
    page.get_by_role("link", name="Cancel…").click()
    expect(page.get_by_text("cannot be undone")).to_be_visible()
    assert complaints == []


def test_the_brake_is_within_reach_of_the_keyboard(house: House, owner: tuple[Page, list[str]]) -> None:
    """Skip link first; halting from any page by keyboard alone, and releasing again."""
    page, _ = owner
    page.goto(house.address + "/segments")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.get_by_role("link", name="Halt all sending").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why").fill("wrong price")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("wrong price")
    page.get_by_role("link", name="Release sending").click()
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_role("link", name="Halt all sending")).to_be_visible()


def test_the_builder_works_without_javascript(house: House, owner: tuple[Page, list[str]]) -> None:
    """Forms alone lead from a new campaign to its rehearsal."""
    page, _ = owner
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    other = plain.new_page()
    other.goto(house.address + "/campaigns/new")
    other.fill("#name", "Without script")
    for _ in range(4):
        other.click("text=Save and go on")
    other.click("text=Rehearse now")
    for _ in range(40):
        if other.locator("text=Never get it").count():
            break
        other.reload()
    expect(other.locator("text=Never get it")).to_be_visible()
    plain.close()


def test_a_form_is_written_and_signed_and_the_person_leaves_again(
    house: House, owner: tuple[Page, list[str]], axe: str
) -> None:
    """The preview follows the editor; a phone without script signs up, says YES, and later stops all texts."""
    page, complaints = owner
    page.goto(house.address + "/opt-in/new")
    page.get_by_label("What the texts are about").fill("openings of new shops")
    expect(page.locator("#preview")).to_contain_text("recurring automated marketing texts (openings of new shops)")
    page.get_by_label("Address").fill("openings")
    page.get_by_label("United States").check()
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("/join/openings").first).to_be_visible()

    browser = page.context.browser
    assert browser is not None
    phone = browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    stranger = phone.new_page()
    stranger.goto(house.address + "/join/openings")
    assert not stranger.get_by_role("checkbox").is_checked()
    stranger.get_by_label("Mobile number").fill("(312) 555-0187")
    if stranger.get_by_label("Country").count():
        stranger.get_by_label("Country").select_option("US")
    stranger.get_by_role("checkbox").check()
    stranger.get_by_role("button", name="Sign up").click()
    expect(stranger.get_by_role("heading")).to_have_text("Look at your phone")
    receive(house.runtime, InboundText("SM" + "d" * 32, "+13125550187", "+12125550100", "Yes"))
    with house.runtime.db.read() as session:
        asked = session.execute(select(OptInRequest).order_by(OptInRequest.id.desc())).scalars().first()  # type: ignore[union-attr]
    assert asked is not None
    assert asked.state == "confirmed"

    own = f"{house.address}/p/{own_page_token(house.runtime.keys, asked.number_id, house.runtime.clock.now())}"
    page.goto(own)
    assert violations(page, axe) == []
    stranger.goto(own)
    stranger.get_by_role("button", name="30 days").click()
    expect(stranger.get_by_text("Paused until")).to_be_visible()
    stranger.get_by_role("button", name="Stop all texts").click()
    expect(stranger.get_by_text("signed up to nothing here")).to_be_visible()
    assert complaints == []
    phone.close()


def test_a_person_is_erased_and_what_that_means_is_said_before(house: House, owner: tuple[Page, list[str]]) -> None:
    """The page asks with numbers and wants a reason; afterwards name and number are gone from page and list."""
    page, complaints = owner
    page.goto(f"{house.address}/contacts/40")
    name = page.locator("h1").inner_text()
    page.get_by_role("link", name="Erase").click()
    expect(page.locator(".consequences")).to_contain_text(name)
    assert page.locator(".consequences li").count() > 1
    page.locator("#why").fill("they asked for it")
    page.get_by_role("button", name="Erase").click()
    expect(page.get_by_text("data was erased on")).to_be_visible()
    expect(page.locator("h1")).to_have_text("Erased")
    assert name not in page.content()
    assert complaints == []


# What each role finds in the navigation and on the list of campaigns, and an address that is not its own.
VIEWS = (
    ("author", 0, {"Imports"}, {"Users", "Audit", "API keys"}, True, "/users", 403),
    ("agent", 0, {"Inbox", "Review"}, {"Users", "Audit", "Imports"}, False, "/campaigns/6/edit/basics", 403),
    ("auditor", 0, {"Audit"}, {"Users", "Imports"}, False, "/halt", 403),
    ("author", 2, {"Imports"}, {"Users", "Audit"}, True, "/campaigns/4", 404),
)


def test_each_role_sees_and_may_do_only_its_own(house: House, owner: tuple[Page, list[str]]) -> None:
    """Author, agent, auditor, and an author of another program: what is offered, and a locked door with a sentence."""
    page, _ = owner
    browser = page.context.browser
    assert browser is not None
    known = accounts.new_password_hash(PASSWORD, "")
    for place, (role, program_id, there, gone, may_write, locked, status) in enumerate(VIEWS):
        email = f"{role}{place}@lumen.example"
        with house.runtime.db.write() as session:
            user = accounts.User(email=email, password_hash=known, created_at=house.runtime.clock.real())
            session.add(user)
            session.flush()
            session.add(accounts.Role(user_id=user.id or 0, program_id=program_id, name=role))
        context = browser.new_context()
        visitor = context.new_page()
        visitor.goto(house.address + "/login")
        visitor.fill("#email", email)
        visitor.fill("#password", PASSWORD)
        visitor.get_by_role("button", name="Sign in", exact=True).click()
        visitor.wait_for_url(house.address + "/")
        offered = set(visitor.locator("nav[aria-label=Pages] a").all_inner_texts())
        assert (there - offered, gone & offered) == (set(), set()), role
        visitor.goto(house.address + "/campaigns")
        assert (visitor.get_by_role("link", name="New campaign").count() > 0) is may_write, role
        assert (visitor.get_by_text("Spring sale").count() > 0) is (program_id == 0), role
        answer = visitor.goto(house.address + locked)
        assert answer is not None
        assert answer.status == status, role
        context.close()
