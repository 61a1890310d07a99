"""What a reader has chosen for themselves, colours and language: kept for a year in cookies of this host alone."""

from flask import current_app, request
from werkzeug.wrappers import Response

YEAR = 365 * 24 * 3600


def chosen(name: str) -> str:
    """What was chosen; empty where nothing was."""
    return request.cookies.get(_cookie(name), "")


def keep(answer: Response, name: str, value: str) -> None:
    """Keep a choice; an empty one is forgotten."""
    lasts = YEAR if value else 0
    answer.set_cookie(_cookie(name), value, max_age=lasts, secure=_secure(), httponly=True, samesite="Lax")


def _cookie(name: str) -> str:
    """Browsers take this prefix over https alone, and then from no other host of the domain."""
    return f"__Host-{name}" if _secure() else name


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])
