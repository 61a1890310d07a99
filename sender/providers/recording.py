"""A provider that sends nothing and remembers everything: for tests and for trying things out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sender.providers.base import Accepted, Found, Outbound, SendError

Answer = Accepted | SendError | Exception


@dataclass
class RecordingProvider:
    """Accepts everything under made-up ids, unless ``answer`` says otherwise for an outbound text."""

    answer: Callable[[Outbound], Answer | None] = lambda _: None
    sent: list[Outbound] = field(default_factory=list)
    listed: list[Found] = field(default_factory=list)
    received: dict[str, datetime] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    lines: dict[str, str] = field(default_factory=dict)
    looked_up: list[list[str]] = field(default_factory=list)
    given_up: dict[date, list[str]] = field(default_factory=dict)

    async def send(self, outbound: Outbound) -> Accepted:
        """Remember the text, then answer or raise."""
        self.sent.append(outbound)
        answer = self.answer(outbound)
        if isinstance(answer, Exception):
            raise answer
        return answer or Accepted(f"SM{len(self.sent):032x}")

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """What a test put into the list."""
        return [found for found in self.listed if found.created_at >= since]

    async def messages_since(self, since: datetime) -> list[Found]:
        """What a test put into the list."""
        return [found for found in self.listed if found.created_at >= since]

    async def tell_time(self) -> None:
        """It has no clock."""

    async def cancel(self, sid: str) -> bool:
        """What a test put among the texts that are held back can be taken back, once."""
        known = sid in self.held
        self.held.discard(sid)
        return known

    async def received_at(self, sid: str) -> datetime | None:
        """What a test said of this text."""
        return self.received.get(sid)

    async def line_types(self, numbers: Sequence[str]) -> dict[str, str]:
        """What a test said of these numbers; it remembers that it was asked."""
        self.looked_up.append(list(numbers))
        return {one: self.lines.get(one, "") for one in numbers}

    async def deactivations(self, on: date) -> list[str] | None:
        """What a test put onto the list of the day."""
        return self.given_up.get(on)

    async def close(self) -> None:
        """Nothing to give back."""
