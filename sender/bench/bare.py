"""What the endpoint can take at all: one prepared request over and over on 64 connections, nothing read but its end."""

import asyncio
from urllib.parse import urlencode

from sender.bench.child import Work
from sender.bench.house import ACCOUNT, FROM_NUMBER

CONNECTIONS = 64
END = b'"}'


def prepare(port: int, count: int) -> Work:
    """The work of sending the request ``count`` times."""
    form = urlencode({"To": "+12125550100", "From": FROM_NUMBER, "Body": "Larkfield: hello. Reply STOP to opt out"})
    head = f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\nHost: x\r\nContent-Length: {len(form)}"
    request = f"{head}\r\n\r\n{form}".encode()

    async def send_all() -> int:
        each = -(-count // CONNECTIONS)
        await asyncio.gather(*(_send(port, request, each) for _ in range(CONNECTIONS)))
        return each * CONNECTIONS

    return lambda: asyncio.run(send_all())


async def _send(port: int, request: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(request)
        await reader.readuntil(END)
    writer.close()
