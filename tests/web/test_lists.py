"""Every list keeps its state in its address: page, order and filters stand in the links it offers."""

from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlmodel import Session, col, select

from sender.audience import contacts
from sender.audience.contacts import Wanted
from sender.audience.numbers import find_or_make
from sender.audience.phone import parse
from sender.audit import note
from sender.campaigns.library import save_template
from sender.models import (
    ApiKey,
    Automation,
    Campaign,
    Contact,
    Conversation,
    ImportRun,
    OptInForm,
    Program,
    Segment,
    User,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)  # fmt: skip
from sender.runtime import Runtime
from tests.web.conftest import EMAIL, START, submit

MANY = 60
KEYS = "/integrations/keys"
# Address, an order it knows, and a filter that leaves more than two pages of it.
LISTS = (
    ("/campaigns", "name", "status=draft"),
    ("/campaigns", "start", ""),
    ("/contacts", "id", "place=US-NY&language=de"),
    ("/segments", "name", "find=Some"),
    ("/templates", "name", "find=Some"),
    ("/imports", "name", "status=finished"),
    ("/inbox", "latest", "view=nobody"),
    ("/users", "seen", "find=some"),
    ("/integrations/keys", "name", "find=Some&state=live"),
    ("/integrations/keys", "used", ""),
    ("/integrations/webhooks", "url", "find=some"),
    ("/integrations/webhooks/deliveries", "happened", "endpoint=1&state=waiting&kind=reply.received"),
    ("/programs", "brand", "find=some"),
    ("/opt-in", "headline", "find=Some"),
    ("/automations", "status", "find=Some"),
    ("/inbox/live", "latest", "view=nobody"),
)
# Short by nature, or read from one act on: what stands on the page because of the state in its address.
OTHERS = {
    f"/audit?actor={EMAIL}&action=test.": f"/audit?actor={EMAIL.replace('@', '%40')}&action=test.&before=",
    "/reports?by=variant&days=90": "/reports.csv?by=variant&days=90",
    "/reports/compliance?days=90": 'value="90" selected',
    "/rules?place=a&sort=-name": 'href="/rules?place=a&sort=name"',
    "/automations?archived=1": 'href="/automations"',
    "/contacts/1?purpose=informational": 'value="informational" selected',
}


def fill(runtime: Runtime) -> None:
    """So many of each thing that is listed."""
    phones = [parse(f"+1212555{100 + number:04d}", None) for number in range(MANY)]
    with runtime.db.write() as session:
        session.add(Program(slug="lumen", brand="Lumen", help_contact="", created_at=START))
        session.flush()
        for place in range(MANY):
            add_small_things(session, f"Some {place:02d}", f"some{place:02d}")
        ids = find_or_make(session, runtime.keys, phones, START)
        for place, number_id in enumerate(sorted(ids.values())):
            name = f"Some {place:02d}"
            session.add(Campaign(program_id=1, name=name, status="draft", created_at=START))
            session.add(Contact(number_id=number_id, region="NY", language="de", created_at=START, changed_at=START))
            session.add(Segment(name=name, created_at=START))
            session.add(ImportRun(name=name, file_hash=name, status="finished", started_at=START))
            session.add(Conversation(number_id=number_id, program_id=1, last_at=START))
            note(session, START, EMAIL, "test.listed", name)
    for place in range(MANY):
        save_template(runtime, f"Some {place:02d}", f"Lumen: {place}. Reply STOP to opt out", EMAIL)


def add_small_things(session: Session, name: str, slug: str) -> None:
    """One of each thing of which an installation has few."""
    made: dict[str, Any] = {"created_at": START, "created_by": EMAIL}
    session.add(Program(slug=slug, brand=name, help_contact="", created_at=START))
    session.add(User(email=f"{slug}@example.org", password_hash="", created_at=START))
    session.add(ApiKey(public_id=slug, secret_hash="", name=name, **made))
    session.add(WebhookEndpoint(url=f"https://{slug}.example", secret_cipher=b"", **made))
    event = WebhookEvent(uid=slug, type="reply.received", body_cipher=b"", at=START)
    session.add(event)
    session.flush()
    session.add(WebhookDelivery(event_id=event.id or 0, endpoint_id=1, next_at=START))
    session.add(OptInForm(program_id=1, slug=slug, headline=name, about="", changed_at=START, **made))
    session.add(Automation(program_id=1, name=name, trigger="paid", **made))


def test_every_list_keeps_its_state_in_its_address(signed_in: FlaskClient, runtime: Runtime) -> None:
    """The links to other pages and the other way round name order and filter; the page's own address repeats it."""
    fill(runtime)
    wrong = []
    for path, order, state in LISTS:
        kept, home = f"{state}&" if state else "", path.removesuffix("/live")
        page = unescape(signed_in.get(f"{path}?{kept}sort=-{order}&page=2").text)
        expected = (f"{home}?{kept}sort=-{order}&page=3", f"{home}?{kept}sort=-{order}", f"{home}?{kept}sort={order}")
        wrong += [f"{path}: {link}" for link in expected if f'href="{link}"' not in page]
    for address, found in OTHERS.items():
        wrong += [] if found in unescape(signed_in.get(address).text) else [f"{address}: {found}"]
    assert wrong == []


@pytest.mark.parametrize("known", [0, 1, 100_000])
def test_contacts_of_a_place_and_a_language_are_listed_in_order(runtime: Runtime, known: int) -> None:
    """The same people in the same order, whether few are expected or many, and as many as the counts by kind say."""
    fill(runtime)
    with runtime.db.write() as session:
        for contact in session.execute(select(Contact).where(col(Contact.id) % 3 == 0)).scalars():
            contact.region, contact.language = "CA", None
    with runtime.db.read() as session:
        kinds = contacts.kinds(session, START)
        for wanted, ids in (
            (Wanted("US"), list(range(1, MANY + 1))),
            (Wanted("US", "CA"), list(range(3, MANY + 1, 3))),
            (Wanted("", "", "de"), [one for one in range(1, MANY + 1) if one % 3]),
            (Wanted("US", "CA", "de"), []),
            (Wanted("DE"), []),
        ):
            assert kinds.of(wanted) == len(ids)
            shown = contacts.listing(session, runtime.keys, 5, 2, False, wanted, known)
            assert [one.number_id for one in shown] == ids[2:7]
            newest = contacts.listing(session, runtime.keys, MANY, 0, True, wanted, known)
            assert [one.number_id for one in newest] == ids[::-1]


def test_a_choice_of_the_list_is_said_with_its_number(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Places and languages with how many there are; what nobody has stays chosen and is said to fit nobody."""
    fill(runtime)
    page = signed_in.get("/contacts?place=US-NY&language=de").text
    assert '<option value="US-NY" selected>NY (60)</option>' in page
    assert '<option value="de" selected>German (60)</option>' in page
    assert "60 contacts, counted on" in page
    page = signed_in.get("/contacts?place=FR-75&language=tlh").text
    assert '<option value="FR-75" selected>75</option>' in page
    assert "Nobody fits" in page


def test_an_order_turns_round(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Each list begins with the first name, or with the last one."""
    fill(runtime)
    some, plain = ("Some 00", "Some 59"), ("some00@", "some59@")
    for path, order, names in (
        *((path, "name", some) for path in ("/campaigns", "/segments", "/templates", "/imports", "/automations")),
        ("/integrations/keys", "name", some),
        ("/integrations/webhooks", "url", ("//some00.", "//some59.")),
        ("/programs", "brand", some),
        ("/opt-in", "headline", ('<a href="/opt-in/1"', '<a href="/opt-in/60"')),
        ("/users", "email", plain),
    ):
        for sort, (first, last) in ((order, names), (f"-{order}", names[::-1])):
            page = signed_in.get(f"{path}?sort={sort}&find=some").text
            table = page[page.find("<table") : page.find("</table>")]
            assert (first in table, last in table) == (True, False), (path, sort)


def test_an_act_keeps_the_view(signed_in: FlaskClient, runtime: Runtime) -> None:
    """Whoever closes an account or revokes a key stays on their page of the list, also by way of the question; another
    site in the address leads nowhere.
    """
    fill(runtime)
    for path, ask, act, fields in (
        ("/users", "/users/30/close", "/users/act", {"act": "enable", "email": "some29@example.org"}),
        (KEYS, f"{KEYS}/some29/revoke", KEYS, {"act": "revoke", "key": "some29"}),
    ):
        kept = "?find=some&sort=-name&page=2" if path == KEYS else "?find=some&sort=-seen&page=2"
        assert f'action="{act}{kept}"' in unescape(signed_in.get(path + kept).text)
        question = unescape(signed_in.get(f"{ask}{kept}&back=https://evil.example").text)
        assert (f'action="{act}{kept}"' in question, f'href="{path}{kept}"' in question) == (True, True)
        assert "evil.example" not in question
        done = unescape(submit(signed_in, path + kept, act + kept, **fields).text)
        assert f'href="{path}{kept.replace("page=2", "page=3")}"' in done


def test_a_list_that_nothing_fits_says_so(signed_in: FlaskClient, runtime: Runtime) -> None:
    """A filter that leaves nothing is no empty installation: the way back stands there."""
    fill(runtime)
    for path in ("/users", "/integrations/keys", "/integrations/webhooks", "/programs", "/opt-in", "/automations"):
        page = signed_in.get(f"{path}?find=nothing+of+the+kind").text
        assert "Nothing fits" in page, path
        assert f'href="{path}"' in page
