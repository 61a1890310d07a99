"""What every answer tells the browser: nothing from elsewhere, no inline script or style, no framing, no guessing."""

from flask import Response, g, request

from sender.settings import Settings

NO_FRAMES = "frame-ancestors 'none'"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        NO_FRAMES,
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ONE_YEAR = "max-age=31536000"
# What a browser keeps of somebody who has left. Not "cookies": that would take those of the whole domain.
LEFT = '"cache", "storage"'


class SecurityHeaders:
    """Adds the headers to each answer; HSTS only where the public address is https."""

    def __init__(self, settings: Settings) -> None:
        said = f"{ONE_YEAR}; includeSubDomains" if settings.hsts_subdomains else ONE_YEAR
        hsts = {"Strict-Transport-Security": said} if is_https(settings) else {}
        self._headers = {**HEADERS, **hsts}

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


def is_https(settings: Settings) -> bool:
    """Whether people reach the pages over https."""
    return settings.address.startswith("https://")
