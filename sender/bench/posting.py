"""A Twilio that has nothing to do but to report: signed status callbacks over 64 connections, as fast as they go."""

import asyncio
import secrets
from collections.abc import Iterator

import aiohttp
from twilio.request_validator import RequestValidator

from sender.bench.child import Work
from sender.bench.house import ACCOUNT, FROM_NUMBER, TOKEN, BenchError
from sender.cli.common import build, load_settings
from sender.delivery.gate import STATUS_PATH, signed_token

CONNECTIONS = 64
TO = "+12125550100"

Posted = tuple[str, dict[str, str], dict[str, str]]
"""Address, form and headers of one callback."""


def prepare(count: int) -> Work:
    """The work of posting ``count`` callbacks, each about another message; BenchError when one is not taken."""
    callbacks = list(_callbacks(count))
    return lambda: asyncio.run(_post_all(callbacks))


def _callbacks(count: int) -> Iterator[Posted]:
    runtime, validator = build(load_settings()), RequestValidator(TOKEN)
    for _ in range(count):
        url = f"{runtime.settings.hooks_address}{STATUS_PATH}{signed_token(runtime.keys, secrets.token_urlsafe(16))}"
        sid = f"SM{secrets.token_hex(16)}"
        form = {"MessageSid": sid, "MessageStatus": "delivered", "AccountSid": ACCOUNT, "To": TO, "From": FROM_NUMBER}
        yield url, form, {"X-Twilio-Signature": validator.compute_signature(url, form)}


async def _post_all(callbacks: list[Posted]) -> int:
    waiting = iter(callbacks)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await asyncio.gather(*(_post_some(session, waiting) for _ in range(CONNECTIONS)))
    return len(callbacks)


async def _post_some(session: aiohttp.ClientSession, waiting: Iterator[Posted]) -> None:
    for url, form, headers in waiting:
        async with session.post(url, data=form, headers=headers) as answer:
            if answer.status != 204:
                raise BenchError(f"A callback was answered with {answer.status}.")
