"""Test texts: only to phones that proved to be one's own, as a contact would read them, and through the same gate."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from guards.base import Purpose
from sender.audience.ledger import Act, record
from sender.campaigns import control, own_phones, trial
from sender.campaigns.control import CampaignIn, ControlError, VariantIn
from sender.crypto import unseal
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.pipeline import Pipeline
from sender.delivery.wire import Wire
from sender.models import Audit, ConsentEvent, Message, Number, OwnPhone
from tests.campaigns.conftest import on_sqlite
from tests.installation import TUESDAY, WORDING, Installation

ANA = "ana@acme.example"
HELLO = VariantIn("all", {}, "Hello {{ first_name }} of {{ city }}", {"first_name": "you", "city": None})
_numbers = (f"+1212555{n:04}" for n in count(110))
_names = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for this file; its statements are plain, so that one database is enough."""
    with on_sqlite(tmp_path_factory) as made:
        yield made


@pytest.fixture(autouse=True)
def noon(shared: Installation) -> Iterator[None]:
    """Each test begins at the same hour."""
    yield
    shared.clock.hands["now"] = TUESDAY


@pytest.fixture(scope="module", autouse=True)
def contact(shared: Installation) -> None:
    """Somebody whose fields are shown."""
    shared.contact("+13105550101", attributes={"first_name": "Eva", "city": "Rome"})


def draft(shared: Installation, *variants: VariantIn, **columns: Any) -> int:
    """A draft with a name of its own."""
    wanted = CampaignIn(f"Trial {next(_names)}", "acme", variants or (HELLO,), **columns)
    return control.create(shared.runtime, wanted, ANA)


def words(shared: Installation, message_id: int | None = None) -> str:
    """The words of this message, or of the newest."""
    with shared.runtime.db.read() as session:
        mine = select(Message).order_by(col(Message.id).desc()).limit(1)
        row = session.execute(mine.where(col(Message.id) == message_id) if message_id else mine).scalar_one()
        key = shared.runtime.keys.unwrap(session.get_one(Number, row.number_id).data_key)
        return unseal(key, row.text_cipher or b"").decode()


def proven(shared: Installation, owner: str = ANA, number: str | None = None) -> int:
    """A phone that its owner has registered and proven."""
    phone = own_phones.register(shared.runtime, number or next(_numbers), "acme", owner)
    own_phones.confirm(shared.runtime, phone, words(shared)[6:12], owner)
    return phone


def deliver(shared: Installation) -> None:
    """Hand over, gate and post until nothing is due; two texts to one number take two rounds."""
    bells: list[int] = []
    dispatcher, wire = Dispatcher(shared.runtime, bells.extend), Wire()
    shared.clock.move(timedelta(seconds=1))
    while dispatcher.hand_over():
        Pipeline(shared.runtime, wire).deliver(bells)
    wire.close()


def test_a_code_proves_a_phone(shared: Installation) -> None:
    """Until its code is entered no test goes to it; then one does, and the ledger has the owner's yes."""
    campaign, phone = draft(shared), own_phones.register(shared.runtime, next(_numbers), "acme", ANA, "my phone")
    with pytest.raises(ControlError, match="is not proven yet"):
        trial.send_test(shared.runtime, campaign, phone, ANA)
    code = words(shared)[6:12]
    with pytest.raises(ControlError, match="is not the code"):
        own_phones.confirm(shared.runtime, phone, f"{(int(code) + 1) % 10**6:06}", ANA)
    own_phones.confirm(shared.runtime, phone, f" {code} ", ANA)
    with pytest.raises(ControlError, match="no longer good"):
        own_phones.confirm(shared.runtime, phone, code, ANA)
    with shared.runtime.db.read() as session:
        listed = own_phones.phones(session, shared.runtime.keys, ANA)[0]
        number_id = session.get_one(OwnPhone, phone).number_id
        events = session.execute(select(ConsentEvent).where(col(ConsentEvent.number_id) == number_id)).scalars()
        assert [(one.attested_by, one.evidence["code"], one.lapses_at) for one in events] == [
            (ANA, "sent", TUESDAY + timedelta(minutes=15)),
            (ANA, "confirmed", None),
        ]
    assert (listed.label, listed.number[:3], listed.verified_at) == ("my phone", "+1•", TUESDAY)
    assert trial.send_test(shared.runtime, campaign, phone, ANA)


def test_a_test_reads_as_the_text_would(shared: Installation) -> None:
    """With a contact's fields, brand and footer; the message is of kind test and in no campaign's count."""
    campaign, phone = draft(shared), proven(shared)
    message = trial.send_test(shared.runtime, campaign, phone, ANA)
    assert words(shared, message) == "Acme: Hello Eva of Rome\nReply STOP to opt out"
    with shared.runtime.db.read() as session:
        row = session.get_one(Message, message)
        assert (row.kind, row.campaign_id, row.status) == ("test", None, "pending")
        assert [(one.message_id, one.variant, one.asked_by) for one in trial.trials(session, campaign)] == [
            (message, "all", ANA)
        ]
        mine = select(col(Audit.action)).where(col(Audit.subject) == f"campaign {campaign}")
        assert list(session.execute(mine).scalars())[-1] == "campaign.test"


def test_it_leaves_by_the_same_pipeline(shared: Installation) -> None:
    """Handed over, gated and posted like every other text."""
    before = len(shared.provider.sent)
    message = trial.send_test(shared.runtime, draft(shared), proven(shared), ANA)
    deliver(shared)
    assert shared.status(message) == "sent"
    assert "Acme: Hello Eva of Rome\nReply STOP to opt out" in [
        one.cleared.draft.text for one in shared.provider.sent[before:]
    ]


def test_the_programs_caps_do_not_hold_for_tests_and_its_hours_do(shared: Installation) -> None:
    """More tests than the program's two a day may go; at night none, and the refusal says why."""
    campaign, phone = draft(shared), proven(shared)
    for _ in range(4):
        message = trial.send_test(shared.runtime, campaign, phone, ANA)
        deliver(shared)
        assert shared.status(message) == "sent"
    shared.clock.move(timedelta(hours=12))
    with pytest.raises(ControlError, match=r"(?s)^No.*hour"):
        trial.send_test(shared.runtime, campaign, phone, ANA)


def test_only_to_ones_own_phone(shared: Installation) -> None:
    """Somebody else's phone, a forgotten one and one of another owner are refused."""
    campaign, phone = draft(shared), proven(shared)
    with pytest.raises(ControlError, match="You have no such phone"):
        trial.send_test(shared.runtime, campaign, phone, "bob@acme.example")
    own_phones.forget(shared.runtime, phone, ANA)
    with pytest.raises(ControlError, match="is not proven yet"):
        trial.send_test(shared.runtime, campaign, phone, ANA)


def test_a_code_ends(shared: Installation) -> None:
    """After 15 minutes or five wrong tries even the right code is refused, and the consent that came with it lapsed."""
    phone, number = own_phones.register(shared.runtime, next(_numbers), "acme", ANA), next(_numbers)
    code = words(shared)[6:12]
    shared.clock.move(timedelta(minutes=15))
    with pytest.raises(ControlError, match="no longer good"):
        own_phones.confirm(shared.runtime, phone, code, ANA)
    phone = own_phones.register(shared.runtime, number, "acme", ANA)
    code = words(shared)[6:12]
    for _ in range(5):
        with pytest.raises(ControlError, match="is not the code"):
            own_phones.confirm(shared.runtime, phone, "none", ANA)
    with pytest.raises(ControlError, match="no longer good"):
        own_phones.confirm(shared.runtime, phone, code, ANA)


def test_nobody_is_revived_or_pestered(shared: Installation) -> None:
    """A number that said stop cannot be registered; the sixth code of a day is refused."""
    stopped, number = next(_numbers), next(_numbers)
    number_id, now = shared.contact(stopped), shared.clock.now()
    with shared.runtime.db.write() as session:
        act = Act(number_id, shared.program_id, "opt_out", Purpose.MARKETING, now, "keyword", None, wording=WORDING)
        record(session, [act], now)
    with pytest.raises(ControlError, match="said stop to the program"):
        own_phones.register(shared.runtime, stopped, "acme", ANA)
    for _ in range(5):
        own_phones.register(shared.runtime, number, "acme", ANA)
    with pytest.raises(ControlError, match="several codes and test texts today"):
        own_phones.register(shared.runtime, number, "acme", "bob@acme.example")


def test_a_consent_that_stands_is_left_alone(shared: Installation) -> None:
    """Registering the phone of somebody who said yes before writes nothing over it."""
    number = next(_numbers)
    number_id = shared.contact(number)
    proven(shared, number=number)
    with shared.runtime.db.read() as session:
        events = session.execute(select(col(ConsentEvent.source)).where(col(ConsentEvent.number_id) == number_id))
        assert list(events.scalars()) == ["form"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"variant": "none"}, "has no variant 'none'; it has all"),
        ({"contact_id": 10**6}, "There is no contact 1000000"),
    ],
)
def test_what_is_not_there_is_named(shared: Installation, asked: dict[str, Any], sentence: str) -> None:
    """One sentence, and nothing is sent."""
    with pytest.raises(ControlError, match=sentence):
        trial.send_test(shared.runtime, draft(shared), proven(shared), ANA, **asked)


def test_a_field_that_is_missing_is_told(shared: Installation) -> None:
    """Without anybody to take the fields from, a field without a default refuses the test."""
    nobody = VariantIn("none", {"field": "language", "is": "xx"}, "In {{ city }}", {"city": None})
    with pytest.raises(ControlError, match=r"city.*Choose another contact"):
        trial.send_test(shared.runtime, draft(shared, nobody), proven(shared), ANA)


@pytest.mark.parametrize(
    ("number", "program", "sentence"),
    [("12", "acme", "."), ("+12125550199", "none", "There is no program 'none'")],
)
def test_a_bad_registration_is_refused(shared: Installation, number: str, program: str, sentence: str) -> None:
    """One sentence says what to mend."""
    with pytest.raises(ControlError, match=sentence):
        own_phones.register(shared.runtime, number, program, ANA)
