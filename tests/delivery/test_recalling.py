"""A stop reaches what the provider still holds: those texts are called off, whatever door the stop came by."""

import pytest

from sender.audience.doors import OptOutIn, opt_out
from sender.delivery.pipeline import Pipeline
from sender.delivery.recalling import Recaller
from sender.delivery.receipts import ReceiptIn, apply, store
from sender.delivery.replies import InboundText, receive
from sender.delivery.wire import Wire
from sender.providers.base import AccountFault, OutcomeUnknown, Rejected, Retryable, SendError
from sender.providers.recording import RecordingProvider
from tests.installation import Installation, with_provider

NEW_YORK = "+12125550123"
LINE = "+12125550100"
FIRST = f"SM{1:032x}"


def sent(installation: Installation, pipeline: Pipeline) -> int:
    """One text that the provider accepted and holds until its own morning; returns the number."""
    number = installation.contact(NEW_YORK)
    pipeline.deliver([installation.message(number)])
    installation.provider.held.add(FIRST)
    return number


def stop(installation: Installation, body: str = "please stop texting me") -> None:
    """The person's reply."""
    receive(installation.runtime, InboundText(f"SM{7:032x}", NEW_YORK, LINE, body))


def test_what_the_provider_holds_is_called_off(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """A stop in free words, of which the provider knows nothing, takes the held text back, once."""
    sent(installation, pipeline)
    recaller = Recaller(installation.runtime, wire)
    assert recaller.step() == 0
    stop(installation)
    assert (recaller.step(), recaller.step()) == (1, 0)
    assert installation.provider.held == set()


def test_another_door_and_a_new_scheduler_do_it_too(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """A phone call written down while no scheduler ran is found by the next one."""
    sent(installation, pipeline)
    call = OptOutIn(NEW_YORK, "phone_call", None, installation.clock.now(), "stop it", "")
    opt_out(installation.runtime, call, "ann")
    assert Recaller(installation.runtime, wire).step() == 1


@pytest.mark.parametrize("body", ["see you at five", "not interested"])
def test_who_has_not_said_stop_loses_nothing(
    installation: Installation, pipeline: Pipeline, wire: Wire, body: str
) -> None:
    """An ordinary reply and one that waits for a person take nothing back."""
    sent(installation, pipeline)
    stop(installation, body)
    assert Recaller(installation.runtime, wire).step() == 0
    assert installation.provider.held == {FIRST}


def test_what_is_on_its_way_is_left_alone(installation: Installation, pipeline: Pipeline, wire: Wire) -> None:
    """A text that the carrier has is not asked about: the provider would refuse."""
    sent(installation, pipeline)
    store(installation.runtime, [ReceiptIn("", FIRST, "sent", None)])
    apply(installation.runtime)
    stop(installation)
    assert Recaller(installation.runtime, wire).step() == 0


class _Sulking(RecordingProvider):
    """Cannot be asked at first; refuses for good afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.troubles: list[SendError] = [
            Retryable("busy"),
            OutcomeUnknown("lost"),
            AccountFault("wrong token"),
            Rejected("no"),
        ]

    async def cancel(self, sid: str) -> bool:
        """Fail in the next way."""
        raise self.troubles.pop(0)


def test_a_provider_that_cannot_be_asked_is_asked_again(
    installation: Installation, pipeline: Pipeline, wire: Wire
) -> None:
    """A refusal of that very text is the last word; whatever else goes wrong, the same opt-out comes round again."""
    sent(installation, pipeline)
    stop(installation)
    provider = _Sulking()
    recaller = Recaller(with_provider(installation, provider), wire)
    assert [recaller.step() for _ in range(5)] == [0] * 5
    assert provider.troubles == []
