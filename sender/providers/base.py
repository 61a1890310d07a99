"""What a provider is asked and what it may answer.

SendError                    the provider says no, or cannot be asked
├─ Retryable                 nothing was created: 429, refused connection          -> pending again, later
│  ├─ Crowded                too many requests of the account at once               -> and fewer at once from now
│  └─ AnotherDay             a cap of the day is reached, its from_number's or all  -> pending again, the rest waits too
├─ Rejected                  this text, for good                                   -> failed
│  └─ NumberRefused          this number, for good (invalid, landline)             -> failed, number suppressed
│     └─ OptedOut            the provider knows of a STOP                          -> failed, opt-out recorded
├─ Misconfigured             from_number, country: every next one fails too        -> pending again, campaign paused
│  └─ AccountFault           account, credentials: whoever sends                   -> pending again, all halted
└─ OutcomeUnknown            it may have been created: 5xx, cut, read time-out     -> unconfirmed, never sent again
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from guards.chain import Cleared


class SendError(Exception):
    """Why a text was not (provably) accepted. ``code`` is the provider's; ``sentence`` is fit for a report."""

    def __init__(self, sentence: str, code: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class Retryable(SendError):
    """Nothing was created; ask again after ``wait`` seconds."""

    def __init__(self, sentence: str, code: int | None = None, wait: float = 30.0) -> None:
        super().__init__(sentence, code)
        self.wait = wait


class Crowded(Retryable):
    """The account has too many requests on the wire; fewer at once, and this one soon again."""

    def __init__(self, sentence: str, code: int | None = None) -> None:
        super().__init__(sentence, code, wait=5.0)


class AnotherDay(Retryable):
    """A cap of the day is reached: of the from_number at a carrier, or (``whole``) of the account."""

    def __init__(self, sentence: str, code: int | None = None, *, whole: bool) -> None:
        super().__init__(sentence, code)
        self.whole = whole


class Rejected(SendError):
    """This text will never be accepted."""


class NumberRefused(Rejected):
    """This number cannot be texted: nothing more goes to it."""


class OptedOut(NumberRefused):
    """The provider holds an opt-out of this number; ours is brought up to date."""


class Misconfigured(SendError):
    """Something of ours is wrong, and the next text would fail the same way."""


class AccountFault(Misconfigured):
    """The account itself or its credentials: nothing of the installation can be sent."""


class OutcomeUnknown(SendError):
    """The request may have been accepted; only a receipt or the provider's list can tell."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One request: the number in E.164, the from_number or service, a cleared text and how long it may wait there.

    ``validity`` is whole seconds (1 to 36,000); ``callback`` the address for receipts, with its signed token.
    """

    to: str
    from_address: str
    from_kind: str
    cleared: Cleared
    callback: str
    validity: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider created it under this id."""

    sid: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One message in the provider's own list."""

    sid: str
    created_at: datetime
    status: str
    body: str
    from_address: str | None
    service: str | None
    error_code: int | None = None
    to: str = ""
    direction: str = "outbound-api"


@dataclass(frozen=True, slots=True)
class Listed:
    """What one part costs by the provider's list: from a ``kind`` of from_number (empty: of no kind we know)."""

    kind: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Line:
    """What the provider knows of one from_number: the address its replies are posted to, and whether it is registered.

    ``inbound`` is empty where there is none; ``by_number``: a service leaves it to each of its numbers. ``registered``
    is for texts to the United States, None where the provider does not say it of this kind.
    """

    inbound: str = ""
    by_number: bool = False
    registered: bool | None = None


class Provider(Protocol):
    """The one way out. Accepts nothing that the guard chain has not cleared."""

    async def send(self, outbound: Outbound) -> Accepted:
        """Hand one text over; raises a :class:`SendError` and nothing else."""
        ...

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """What the provider holds for this number since then, newest first; SendError when it cannot be asked."""
        ...

    async def messages_since(self, since: datetime) -> list[Found]:
        """Everything of the account since then, both directions, oldest first; SendError when it cannot be asked."""
        ...

    async def tell_time(self) -> None:
        """Ask something small, so that whoever listens to the provider's clock hears it; SendError as ever."""
        ...

    async def cancel(self, sid: str) -> bool:
        """Take back a text that the provider still holds; False: it has gone out, or none is known; else SendError."""
        ...

    async def received_at(self, sid: str) -> datetime | None:
        """When the provider took in a person's text, in whole seconds; None: it knows of none; else SendError."""
        ...

    async def line_types(self, numbers: Sequence[str]) -> dict[str, str]:
        """The provider's word for the line of each number (E.164), "" where it has none; SendError otherwise."""
        ...

    async def deactivations(self, on: date) -> list[str] | None:
        """The numbers that were given up at their carriers on a day; None where it has no list of it; SendError."""
        ...

    async def close(self) -> None:
        """Give back the connections."""
        ...
