"""Adds what browsers are told (policy.py) to each answer of the pages and the API."""

from flask import Response, g, request

from sender.settings import Settings
from web.policy import NO_FRAMES, POLICY, headers_for

# What a browser keeps of somebody who has left. Not "cookies": that would take those of the whole domain.
LEFT = '"cache", "storage"'


class SecurityHeaders:
    """Adds the headers to each answer, and keeps all but static files out of every cache."""

    def __init__(self, settings: Settings) -> None:
        self._headers = headers_for(settings)

    def __call__(self, response: Response) -> Response:
        """An ``after_request`` function of Flask."""
        response.headers.update(self._headers)
        # A sign-up form may stand in a frame of the sites it names, and nowhere else.
        if sites := g.get("framed_by"):
            response.headers["Content-Security-Policy"] = POLICY.replace(
                NO_FRAMES, f"frame-ancestors {' '.join(sites)}"
            )
            del response.headers["X-Frame-Options"]
        if request.endpoint != "static.static":
            response.headers["Cache-Control"] = "no-store"
        return response
