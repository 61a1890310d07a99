"""Words that may be a STOP, before anybody has looked at them."""

from sender.delivery.pipeline import Pipeline
from sender.delivery.replies import InboundText, receive
from sender.delivery.wire import Wire
from tests.chaos.house import LINE
from tests.installation import Installation

PERSON = "+12125550123"


def test_words_that_may_be_a_stop_hold_everything_at_once(installation: Installation, wire: Wire) -> None:
    """After an uncertain opt-out nothing more goes to that person, whoever looks at it when."""
    message = installation.message(installation.contact(PERSON))
    receive(installation.runtime, InboundText("SM" + "a" * 32, PERSON, LINE, "not interested"))
    Pipeline(installation.runtime, wire).deliver([message])
    assert installation.provider.sent == []
    assert installation.status(message) != "sent"
