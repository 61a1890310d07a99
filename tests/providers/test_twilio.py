"""The Twilio adapter over real HTTP to the simulator: what each kind of answer is taken for, and nothing sent twice."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from twilio.rest import Client

from guards.base import ALLOW, Allow, Draft, Facts, Places, Policy, Purpose, Standing
from guards.chain import Cleared, run
from sender.providers.base import (
    Accepted,
    AnotherDay,
    Crowded,
    Misconfigured,
    NumberRefused,
    OptedOut,
    Outbound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    SendError,
)
from sender.providers.errors import meaning, meanings, refusal
from sender.providers.twilio import TwilioProvider
from sender.settings import Settings
from sender.simulator.config import SimulatorConfig
from sender.simulator.server import Running, serve
from tests.servers import free_port

ACCOUNT = "AC" + "0" * 32
TOKEN = "adapter-token"
LINE = "+12125550100"
SERVICE = "MG" + "1" * 32
NEW_YORK = "+12125550123"
NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)


class Everything:
    """A guard that lets everything through."""

    name = "everything"

    def check(self, draft: Draft, facts: Facts) -> Allow:
        """Allow."""
        return ALLOW


def cleared(text: str = "Acme: hello. Reply STOP to opt out", purpose: Purpose = Purpose.MARKETING) -> Cleared:
    """A text that passed a chain of one lenient guard."""
    facts = Facts(NOW, "US", Places(), Standing(), Policy(1, "Acme", "Reply STOP to opt out"))
    outcome = run(Draft(text, purpose), facts, (Everything(),))
    assert isinstance(outcome, Cleared)
    return outcome


def outbound(**columns: object) -> Outbound:
    """One request to New York."""
    values = {
        "to": NEW_YORK,
        "from_address": LINE,
        "from_kind": "long_code",
        "cleared": cleared(),
        "callback": "http://127.0.0.1:9/hooks/twilio/status/tok#rc=5&rp=all",
        "validity": 600,
        **columns,
    }
    return Outbound(**values)  # type: ignore[arg-type]


@pytest.fixture
def simulator() -> Iterator[Running]:
    """Twilio's place, with one long code and one Messaging Service, and no callbacks."""
    config = {
        "account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "numbers": [{"number": LINE, "rate": 1000}, {"number": "24273", "kind": "short_code"}],
        "services": [{"sid": SERVICE, "senders": [LINE]}],
        "callbacks": {"enabled": False},
        "faults": {"hang_seconds": 3},
    }
    with serve(SimulatorConfig.model_validate(config)) as running:
        yield running


def settings_for(url: str, **columns: object) -> Settings:
    """Settings whose Twilio is at ``url``."""
    values = {
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_base_url": url,
        "read_seconds": 1,
        **columns,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def send(settings: Settings, *requests: Outbound) -> list[Accepted | SendError]:
    """Send these at once; what each was answered or refused with."""

    async def go() -> list[Accepted | SendError]:
        provider = TwilioProvider(settings)
        try:
            answers = await asyncio.gather(*(provider.send(one) for one in requests), return_exceptions=True)
        finally:
            await provider.close()
        return answers  # type: ignore[return-value]

    return asyncio.run(go())


def plan(simulator: Running, fault: str) -> None:
    """Let the next request meet this fault."""
    body = json.dumps({"next": [{"fault": fault}]}).encode()
    request = urllib.request.Request(f"{simulator.url}/_sim/faults", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


def test_a_text_arrives_as_it_was_cleared(simulator: Running) -> None:
    """Words, from_number, validity, callback and intent are what the gate decided."""
    (answer,) = send(settings_for(simulator.url), outbound())
    assert isinstance(answer, Accepted)
    (request,) = simulator.seen("request", method="POST")
    assert (request["to"], request["from"], request["validity_period"]) == (NEW_YORK, LINE, "600")
    assert request["body"] == "Acme: hello. Reply STOP to opt out"
    assert "tok" in request["status_callback"]


def test_a_service_sends_under_its_sid(simulator: Running) -> None:
    """A Messaging Service is named as such, not as a from_number."""
    send(settings_for(simulator.url), outbound(from_address=SERVICE, from_kind="messaging_service"))
    (request,) = simulator.seen("request", method="POST")
    assert (request["service"], request["from"]) == (SERVICE, None)


@pytest.mark.parametrize(
    ("fault", "error", "accepted"),
    [
        ("429_20429", Crowded, 0),
        ("429_21611", Retryable, 0),
        ("429_63038", AnotherDay, 0),
        ("500_before", OutcomeUnknown, 0),
        ("503", OutcomeUnknown, 0),
        ("502_html", OutcomeUnknown, 0),
        ("drop_before", OutcomeUnknown, 0),
        ("500_after", OutcomeUnknown, 1),
        ("drop_after", OutcomeUnknown, 1),
        ("hang", OutcomeUnknown, 1),
        ("201_empty", OutcomeUnknown, 1),
        ("201_broken", OutcomeUnknown, 1),
        ("half_reply", OutcomeUnknown, 1),
    ],
)
def test_what_does_not_prove_that_nothing_was_created_is_unknown(
    simulator: Running, fault: str, error: type[SendError], accepted: int
) -> None:
    """Only a 429 is safe to try again; every other fault is unknown, and one request is all that was made."""
    plan(simulator, fault)
    (answer,) = send(settings_for(simulator.url), outbound())
    assert type(answer) is error
    assert len(simulator.seen("request", method="POST")) == 1
    assert len(simulator.seen("accepted")) == accepted


def test_nobody_listening_is_safe_to_try_again() -> None:
    """A refused connection proves that nothing was created."""
    (answer,) = send(settings_for(f"http://127.0.0.1:{free_port()}"), outbound())
    assert isinstance(answer, Retryable)


@pytest.mark.parametrize(
    ("columns", "error", "code"),
    [
        ({"to": "+1212"}, NumberRefused, 21211),
        ({"from_address": "+12125550999"}, Misconfigured, 21606),
    ],
)
def test_refusals_are_told_apart_by_their_code(
    simulator: Running, columns: dict[str, object], error: type[SendError], code: int
) -> None:
    """A bad number is that number's fault, a bad from_number is ours."""
    (answer,) = send(settings_for(simulator.url), outbound(**columns))
    assert isinstance(answer, SendError)
    assert (type(answer), answer.code) == (error, code)


def test_wrong_credentials_are_ours(simulator: Running) -> None:
    """A 401 is a misconfiguration that names the settings."""
    (answer,) = send(settings_for(simulator.url, twilio_auth_token="wrong"), outbound())
    assert isinstance(answer, Misconfigured)
    assert "TACTFUL_TWILIO_ACCOUNT_SID" in answer.sentence


@pytest.mark.parametrize(
    ("address", "kind", "is_ours"),
    [
        (LINE, "long_code", True),
        ("+12125550199", "long_code", False),
        ("24273", "short_code", True),
        ("2427", "short_code", False),
        (SERVICE, "messaging_service", True),
        ("MG" + "2" * 32, "messaging_service", False),
        ("HARBOUR", "alphanumeric", True),
    ],
)
def test_the_account_is_asked_what_it_holds(simulator: Running, address: str, kind: str, is_ours: bool) -> None:
    """A from_number of each kind is known as the account's or not; a part of a number is not the number."""

    async def ask() -> bool:
        provider = TwilioProvider(settings_for(simulator.url))
        try:
            return await provider.holds(address, kind)
        finally:
            await provider.close()

    assert asyncio.run(ask()) is is_ours


def test_the_list_finds_what_was_accepted(simulator: Running) -> None:
    """A text whose answer was lost is in the provider's list, with its words and from_number."""
    plan(simulator, "drop_after")
    settings = settings_for(simulator.url)
    send(settings, outbound())

    async def listed() -> list[str]:
        provider = TwilioProvider(settings)
        found = await provider.messages_to(NEW_YORK, datetime.now(UTC) - timedelta(minutes=5))
        await provider.close()
        return [one.body for one in found if one.from_address == LINE]

    assert asyncio.run(listed()) == ["Acme: hello. Reply STOP to opt out"]


def test_the_whole_account_is_listed(simulator: Running) -> None:
    """What a restored copy has to learn: every text since then, oldest first, with whom it went to and which way."""
    settings = settings_for(simulator.url)
    send(settings, outbound(), outbound())

    async def listed() -> list[tuple[str, str, str]]:
        provider = TwilioProvider(settings)
        found = await provider.messages_since(datetime.now(UTC) - timedelta(minutes=5))
        late = await provider.messages_since(datetime.now(UTC) + timedelta(minutes=5))
        await provider.close()
        return [(one.to, one.direction, one.body) for one in [*found, *late]]

    assert asyncio.run(listed()) == [(NEW_YORK, "outbound-api", "Acme: hello. Reply STOP to opt out")] * 2


def test_a_hundred_at_once_use_a_bounded_number_of_connections(simulator: Running) -> None:
    """With room for ten requests on the wire, never more than ten are there."""
    answers = send(
        settings_for(simulator.url, connections=8, workers=1, urgent_connections=2, read_seconds=20),
        *(outbound() for _ in range(100)),
    )
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert max(request["in_flight"] for request in simulator.seen("request", method="POST")) <= 10


def test_only_a_cleared_text_is_accepted(simulator: Running) -> None:
    """The provider takes nothing that the chain has not made."""
    (answer,) = send(settings_for(simulator.url), outbound(cleared="Buy now"))
    assert isinstance(answer, TypeError)
    assert simulator.seen("request", method="POST") == []


def test_every_code_of_the_table_has_an_action_and_words() -> None:
    """The table is whole, and its opt-outs, halts and unknowns become the errors of the tree."""
    for code, known in meanings().items():
        error = refusal(400, code)
        assert isinstance(error, SendError)
        assert known.says
        assert error.code == code
    assert isinstance(refusal(400, 21610), OptedOut)
    assert isinstance(refusal(400, 30034), Misconfigured)
    assert isinstance(refusal(500, 20500), OutcomeUnknown)


@pytest.mark.parametrize(("status", "error"), [(500, OutcomeUnknown), (408, OutcomeUnknown), (429, Retryable)])
def test_an_answer_without_a_code_is_judged_by_its_status(status: int, error: type[SendError]) -> None:
    """A gateway's answer proves nothing unless its status does."""
    assert isinstance(refusal(status, None), error)


def test_an_unknown_code_fails_the_one_text() -> None:
    """A code nobody listed refuses this text and says which code it was."""
    assert meaning(99999).says == "Twilio refused it with code 99999"
    assert type(refusal(400, 99999)) is Rejected


def test_the_time_of_a_persons_text_is_asked_for(simulator: Running) -> None:
    """Twilio knows when it took a text in; of one it never heard, or one of ours, it says nothing."""
    sid = "SM" + "c" * 32
    heard = json.dumps({"from": NEW_YORK, "to": LINE, "body": "START", "sid": sid}).encode()
    request = urllib.request.Request(f"{simulator.url}/_sim/inbound", heard, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()
    (ours,) = send(settings_for(simulator.url), outbound())
    assert isinstance(ours, Accepted)

    async def ask() -> list[datetime | None]:
        provider = TwilioProvider(settings_for(simulator.url))
        try:
            return [await provider.received_at(one) for one in (sid, "SM" + "d" * 32, ours.sid)]
        finally:
            await provider.close()

    taken_in, unknown, of_ours = asyncio.run(ask())
    assert taken_in is not None
    assert taken_in.microsecond == 0
    assert (unknown, of_ours) == (None, None)


def test_a_text_that_twilio_holds_is_called_off(simulator: Running) -> None:
    """One that waits there is canceled once; one that has gone out, or was never there, is not."""
    client = Client(ACCOUNT, TOKEN)
    client.api.base_url = simulator.url
    later = datetime.now(UTC) + timedelta(hours=1)
    text = {"to": NEW_YORK, "messaging_service_sid": SERVICE, "body": "later", "schedule_type": "fixed"}
    held = client.messages.create(**text, send_at=later)
    (gone,) = send(settings_for(simulator.url), outbound())
    assert isinstance(gone, Accepted)

    async def ask() -> list[bool]:
        provider = TwilioProvider(settings_for(simulator.url))
        try:
            return [await provider.cancel(one) for one in (held.sid, held.sid, gone.sid, "SM" + "d" * 32)]
        finally:
            await provider.close()

    assert asyncio.run(ask()) == [True, False, False, False]
