"""The provider of processes that do not send: commands and pages need no credentials, and cannot send by mistake."""

from collections.abc import Sequence
from datetime import date, datetime

from sender.providers.base import Accepted, Found, Misconfigured, Outbound

SENTENCE = "this process does not send texts"


class AbsentProvider:
    """Refuses everything; nothing reaches anybody."""

    async def send(self, outbound: Outbound) -> Accepted:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def messages_to(self, to: str, since: datetime) -> list[Found]:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def messages_since(self, since: datetime) -> list[Found]:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def tell_time(self) -> None:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def cancel(self, sid: str) -> bool:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def received_at(self, sid: str) -> datetime | None:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def line_types(self, numbers: Sequence[str]) -> dict[str, str]:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def deactivations(self, on: date) -> list[str] | None:
        """Refuse."""
        raise Misconfigured(SENTENCE)

    async def close(self) -> None:
        """Nothing to give back."""
