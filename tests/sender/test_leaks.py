"""After a busy day nobody who steals the database reads a number, a text, a key or a session in it."""

import io
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from sqlmodel import col, select

from guards.base import Purpose
from sender import accounts
from sender.accounts import second_factor
from sender.audience.importing import uploads
from sender.audience.importing.options import ImportOptions
from sender.campaigns import control, own_phones
from sender.campaigns.control import CampaignIn, VariantIn
from sender.campaigns.planner import plan_slice
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.pipeline import Pipeline
from sender.delivery.replies import InboundText, receive
from sender.delivery.wire import Wire
from sender.models.accounts import User
from tests.api.conftest import allow_every_purpose, caller
from tests.installation import WORDING, Installation, install
from tests.leaks import dump, found, leaks

PASSWORD = "violet tractor under snow"
CONTACTS = ("+14155550121", "+14155550122", "+12125550123")
STRANGER, SHOPPER, OWN = "+14165550177", "+12065550144", "+12065550155"
FILE = (
    "phone,first_name,consent,consent_at,consent_wording\n"
    + "".join(f'{number},Zora,yes,2026-01-05,"{WORDING}"\n' for number in CONTACTS)
    + "+1415555012,Zora Unfinished,yes,,\n"
)
REPLY = "my cat Pumpernickel ate the coupon"
BODY = "Your parcel 7781-XK left the harbour."


@pytest.fixture
def busy(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database in turn."""
    made = install(tmp_path / "home", database_url, twilio_base_url="http://127.0.0.1:1")
    allow_every_purpose(made)
    yield made
    made.runtime.db.close()


def test_a_dump_of_the_database_tells_nothing(busy: Installation) -> None:
    """A file, a campaign, replies, a key, a webhook, a second factor, links: nothing of it lies in the clear."""
    words = [*_people(busy), *_software(busy), *_accounts(busy)]
    _send(busy)
    assert len(busy.provider.sent) >= 4
    words += [sent.cleared.draft.text for sent in busy.provider.sent]
    blob = dump(busy.runtime.settings.database)
    assert b"ana@example.org" in blob, "the dump is empty"
    assert b"Hello {{ first_name }}" in blob
    assert found(blob, [*CONTACTS, STRANGER, SHOPPER, OWN, *words]) == []


def test_the_scanner_sees_what_it_is_for() -> None:
    """It notices numbers in every spelling of a log, and words and keys; not times, ids and masked numbers."""
    said = "sent to {}", "GET /x?to=%2B12125550123", "to 2125550123 now", "Bearer abc", 'text "Reply STOP to opt out"'
    assert all(leaks(line.format("+12125550123").encode()) for line in said)
    innocent = "1763784854.25 ms", "to +1•••••0123", f"SM{secrets.token_hex(16)}", "message 4155550123x", "up to 20"
    assert not [line for line in innocent if leaks(line.encode())]


def _people(busy: Installation) -> list[str]:
    """An import, a campaign to whom it brought, replies of a contact and of a stranger, a phone of one's own."""
    runtime = busy.runtime
    import_id = uploads.take_in(runtime, "people.csv", io.BytesIO(FILE.encode()), "ana@example.org")
    options = ImportOptions(program_id=busy.program_id, purpose=Purpose.MARKETING, region="US")
    uploads.check(runtime, import_id, options, "ana@example.org")
    uploads.tend(runtime)
    uploads.commit(runtime, import_id, "ana@example.org")
    uploads.tend(runtime)
    wanted = CampaignIn("Spring", "acme", [VariantIn("all", {}, "Hello {{ first_name }}", {"first_name": "you"})])
    campaign = control.create(runtime, wanted, "ana@example.org")
    control.schedule(runtime, campaign, runtime.clock.now(), "ana@example.org")
    control.start_due(runtime)
    while plan_slice(runtime, campaign):
        pass
    for place, (who, body) in enumerate([(CONTACTS[0], REPLY), (STRANGER, REPLY), (CONTACTS[1], "STOP")]):
        receive(runtime, InboundText(sid=f"SM{place:032x}", body=body, from_=who, to="+12125550100"))
    own_phones.register(runtime, OWN, "acme", "ana@example.org")
    return [REPLY, "Pumpernickel", "Zora Unfinished"]


def _software(busy: Installation) -> list[str]:
    """A key, a text of its own words, the answer that is kept for its repetition, a webhook with its secret."""
    shop = caller(busy)
    body = {"to": SHOPPER, "program": "acme", "purpose": "transactional", "body": BODY}
    assert shop.post("/messages", body, once="a-1").status_code == 201
    made = shop.post("/webhooks", {"url": "https://hooks.example.org/sms", "events": ["reply.received"]})
    assert made.status_code == 201, made.json
    return [BODY, "7781-XK", shop.key, shop.key.rpartition("_")[2], made.json["secret"]]


def _accounts(busy: Installation) -> list[str]:
    """An owner with a session, a second factor and recovery codes, and an invitation that waits."""
    db, keys, real = busy.runtime.db, busy.runtime.keys, busy.clock.real()
    with db.write() as session:
        link = accounts.make_owner_link(session, keys, real).rpartition("/")[2]
    token = accounts.accept(db, keys, link, "ana@example.org", PASSWORD, real)
    secret = second_factor.new_secret()
    with db.write() as session:
        user = session.execute(select(User).where(col(User.email) == "ana@example.org")).scalar_one()
        code = pyotp.TOTP(secret).at(real)
        codes = second_factor.switch_on(session, keys, user.id or 0, secret, code, real)
        invitation = accounts.make_invitation(session, keys, real, role="viewer", invited_by=user.id or 0)
    assert codes
    return [PASSWORD, link, token, secret, *codes, *re.findall(r"[\w-]{20,}", invitation)]


def _send(busy: Installation) -> None:
    """Hand over, gate and post what is due."""
    bells: list[int] = []
    dispatcher, wire = Dispatcher(busy.runtime, bells.extend), Wire()
    busy.clock.move(timedelta(seconds=1))
    while dispatcher.hand_over():
        Pipeline(busy.runtime, wire).deliver(bells)
    wire.close()
