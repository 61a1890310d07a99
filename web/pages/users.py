"""What an owner does about people, and the audit for those who may read it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from sender import audit
from sender.accounts import AccountError, closing, users
from sender.accounts.rights import OFFERED
from sender.campaigns import programs
from sender.models.accounts import ALL_PROGRAMS
from web.auth import Door, person, require_fresh, signed_in
from web.context import runtime
from web.language import figure, gettext, later, ngettext
from web.pages import confirm
from web.pages.listing import Listing, read_listing

WORDS = {
    "owner": later("owner: everything, users and keys too"),
    "manager": later("manager: everything but users, keys and the audit"),
    "author": later("author: writes campaigns and segments"),
    "approver": later("approver: approves, starts, pauses and cancels"),
    "agent": later("agent: answers replies"),
    "auditor": later("auditor: looks, and reads the audit"),
    "viewer": later("viewer: looks"),
}


def may(right: str) -> ResponseReturnValue | None:
    """Signed in, and with this right in the whole installation."""
    answer = signed_in()
    if answer is None and not person().may(right, ALL_PROGRAMS):
        abort(403, gettext("You may not look at this; ask the owner of this installation."))
    return answer


def owners() -> ResponseReturnValue | None:
    """The rule of pages for owners."""
    return may("own")


def auditors() -> ResponseReturnValue | None:
    """The rule of pages for whoever reads the audit."""
    return may("audit")


ORDERS: dict[str, Callable[[users.Member], object]] = {
    "email": lambda one: one.email,
    "seen": lambda one: (one.last_seen is not None, one.last_seen, one.email),
}

door = Door("users", __name__, rule=owners)
audit_door = Door("audit", __name__, rule=auditors)


@door.get("/users")
def listing() -> ResponseReturnValue:
    """Everybody with roles, second factor and last sign-in."""
    return _page()


@door.post("/users/act")
def act() -> ResponseReturnValue:
    """Invite, change a role, close or open an account, make a link for a new password; 400 with what is wrong."""
    require_fresh(_view().here)
    try:
        return _page(link=_act(request.form.get("act", "")))
    except AccountError as error:
        return _page(sentence=str(error)), 400


def _act(wanted: str) -> str:
    form, real, actor = request.form, runtime().clock.real(), person().actor
    email, role = form.get("email", ""), form.get("role", "")
    program = form.get("program", ALL_PROGRAMS, type=int)
    with runtime().db.write() as session:
        match wanted:
            case "invite":
                path = users.invite(session, runtime().keys, real, actor, **_invited())
            case "reset":
                path = users.reset(session, runtime().keys, real, actor, email)
            case "role":
                users.set_role(session, real, actor, email, role, program)
                path = ""
            case "disable" | "enable":
                users.set_disabled(session, real, actor, email, wanted == "disable")
                path = ""
            case _:
                abort(400)
    return f"{runtime().settings.address}{path}" if path else ""


def _invited() -> dict[str, Any]:
    form = request.form
    program_id = form.get("new_program", ALL_PROGRAMS, type=int)
    return {"role": form.get("new_role", ""), "program_id": program_id, "by": person().user_id}


def _view() -> Listing:
    return read_listing(("email", "seen"), ("find",), path="/users")


def _page(sentence: str = "", link: str = "") -> str:
    view = _view()
    with runtime().db.read() as session:
        members = users.members(session)
        brands = [(0, gettext("every program")), *((one.id or 0, one.brand) for one in programs.listing(session))]
    return render_template(
        "users.html",
        rows=view.part(members, ORDERS, lambda one: one.email),
        listing=view,
        sentence=sentence,
        link=link,
        roles=[(name, WORDS[name]) for name in OFFERED],
        programs=brands,
        people=[(one.email, one.email) for one in members],
    )


@door.get("/users/<int:user_id>/close")
def ask_close(user_id: int) -> ResponseReturnValue:
    """What closing an account ends and what it leaves waiting, in numbers."""
    view = _view()
    require_fresh(f"{request.path}{view.state}")
    with runtime().db.read() as session:
        found = closing.consequences(session, user_id, runtime().clock.real()) or abort(404)
    said = [
        ngettext("%(num)s session ends at once.", "%(num)s sessions end at once.", found.sessions),
        ngettext(
            "%(num)s campaign waits for an approval that they may give; %(stranded)s of these nobody else may approve.",
            "%(num)s campaigns wait for an approval that they may give; %(stranded)s of these nobody else may approve.",
            found.approvals,
            stranded=figure(found.stranded),
        ),
        ngettext(
            "%(num)s conversation is theirs and stays so until somebody takes it.",
            "%(num)s conversations are theirs and stay so until somebody takes them.",
            found.conversations,
        ),
        ngettext(
            "%(num)s API key that they made goes on; revoke it where it is theirs alone.",
            "%(num)s API keys that they made go on; revoke those that are theirs alone.",
            found.keys,
        ),
        gettext("Campaigns and automations of theirs go on. The account can be opened again, with its roles."),
    ]
    fields = {"email": found.email, "act": "disable"}
    title = gettext("Close the account of %(email)s?", email=found.email)
    return confirm.ask(title, said, gettext("Close the account"), f"/users/act{view.state}", view.here, fields=fields)


@audit_door.get("/audit")
def show_audit() -> ResponseReturnValue:
    """Acts, newest first, fifty at a time."""
    listing = read_listing(["id"], ["actor", "action", "before"])
    before = listing.filters["before"]
    with runtime().db.read() as session:
        acts = [
            audit.shown(one)
            for one in audit.listing(
                session,
                action=listing.filters["action"],
                actor=listing.filters["actor"],
                before=int(before) if before.isdecimal() and len(before) < 12 else 0,
            )
        ]
    older = ""
    if len(acts) == audit.PAGE:
        kept = {name: value for name, value in listing.filters.items() if value and name != "before"}
        older = f"/audit?{urlencode({**kept, 'before': acts[-1]['id']})}"
    return render_template("audit.html", acts=acts, listing=listing, older=older)
