"""The page behind a text's opt-out link, for senders that cannot receive a STOP."""

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from sender.audience.links import read_opt_out_token
from sender.audience.opt_outs import stop_on_page
from sender.campaigns.reports import brand_of
from web.auth import Door, anyone
from web.context import runtime
from web.language import gettext

# No CSRF token: whoever has the signed address has the right already, and an opt-out must not fail without cookies.
door = Door("opt_out", __name__, rule=anyone, csrf=False)


@door.get("/o/<token>")
def ask(token: str) -> ResponseReturnValue:
    """The brand and one button. Looking changes nothing: phones fetch links for their previews."""
    _, program_id = _read(token)
    return render_template("opt_out.html", brand=_brand(program_id), done=False)


@door.post("/o/<token>")
def opt_out(token: str) -> ResponseReturnValue:
    """Opt out; pressing twice is the same as once."""
    number_id, program_id = _read(token)
    brand = _brand(program_id)
    stop_on_page(runtime(), number_id, program_id, "/o/", token)
    return render_template("opt_out.html", brand=brand, done=True)


def _read(token: str) -> tuple[int, int]:
    ids = read_opt_out_token(runtime().keys, token)
    if ids is None:
        abort(404, gettext("This link is not complete. Open it once more from the text, or reply to the text."))
    return ids


def _brand(program_id: int) -> str:
    with runtime().db.read() as session:
        brand = brand_of(session, program_id)
    if brand is None:
        abort(404)
    return brand
