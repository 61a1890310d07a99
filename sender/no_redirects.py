"""Requests that go where they were sent: a redirect is an answer like another, and nobody is asked on its word."""

from email.message import Message
from http.client import HTTPResponse
from typing import IO, cast
from urllib.request import HTTPRedirectHandler, Request, build_opener


class _Stay(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        """Nowhere: urllib then raises the answer as HTTPError."""
        return None


def open_here(request: Request, seconds: float) -> HTTPResponse:
    """The answer with a 2xx; HTTPError for any other, redirects among them, OSError when nobody answers in time."""
    return cast(HTTPResponse, build_opener(_Stay).open(request, timeout=seconds))
