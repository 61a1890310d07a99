"""The provider's list may lag behind what it has accepted."""

from datetime import timedelta

from sender.delivery.pipeline import Pipeline
from sender.delivery.reconciler import reconcile
from sender.delivery.wire import Wire
from sender.providers.base import Found, OutcomeUnknown
from tests.chaos.house import LINE, TEXT
from tests.installation import Installation

SID = "SM" + "b" * 32


def test_a_list_that_is_late_by_one_asking_still_settles(installation: Installation, wire: Wire) -> None:
    """A text that is missing in the first list after its time and stands in the second was accepted."""
    installation.provider.answer = lambda _: OutcomeUnknown("cut")
    message = installation.message(installation.contact("+12125550123"), TEXT)
    gated = installation.clock.now()
    Pipeline(installation.runtime, wire).deliver([message])
    installation.clock.move(timedelta(hours=12))
    assert reconcile(installation.runtime, wire) == 0
    installation.provider.listed = [Found(SID, gated, "delivered", TEXT, LINE, None)]
    installation.clock.move(timedelta(minutes=1))
    assert reconcile(installation.runtime, wire) == 1
    assert installation.status(message) == "delivered"
