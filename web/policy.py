"""The headers by which browsers are told: nothing from elsewhere, no inline script or style, no framing, no guessing.

Both processes that listen send them with every answer; this file knows neither Flask nor aiohttp.
"""

from sender.settings import Settings

NO_FRAMES = "frame-ancestors 'none'"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "object-src 'none'",
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


def headers_for(settings: Settings) -> dict[str, str]:
    """What every answer of this installation carries; HSTS only where the public address is https."""
    if not is_https(settings):
        return HEADERS
    said = f"{ONE_YEAR}; includeSubDomains" if settings.hsts_subdomains else ONE_YEAR
    return {**HEADERS, "Strict-Transport-Security": said}


def is_https(settings: Settings) -> bool:
    """Whether people reach the pages over https."""
    return settings.address.startswith("https://")
