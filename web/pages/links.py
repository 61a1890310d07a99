"""Where a short link of a text leads: to what stood in the text, and nowhere else."""

from flask import abort, redirect, request
from flask.typing import ResponseReturnValue

from sender.clicks import Gone, Visit, follow
from web.auth import Door, anyone
from web.context import runtime
from web.language import gettext

AHEAD = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")

door = Door("links", __name__, rule=anyone)


@door.get("/l/<token>")
def lead_on(token: str) -> ResponseReturnValue:
    """302 to the target; 404 for what was never a link, 410 for one that is over."""
    ahead = any("pre" in request.headers.get(name, "").lower() for name in AHEAD)
    try:
        target = follow(runtime(), Visit(token, request.method, request.headers.get("User-Agent", ""), ahead))
    except Gone:
        abort(410, gettext("This link is over. Look for a newer text, or go to the sender's own site."))
    if target is None:
        abort(404, gettext("This link is not complete. Open it once more from the text."))
    answer = redirect(target, 302)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
