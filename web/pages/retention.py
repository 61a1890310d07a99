"""How long each kind of data is kept, and legal holds; what a change forgets is said in numbers before."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.audience import holds, retention
from sender.audience.holds import HoldError
from sender.audience.numbers import find
from sender.audience.phone import PhoneError, parse
from sender.audience.retention import RetentionError
from web.auth import Door, person, require_fresh
from web.context import runtime
from web.counting import figures_or_none
from web.language import figure, gettext
from web.pages import confirm
from web.pages.users import owners

door = Door("retention", __name__, rule=owners)


@door.get("/retention")
def show() -> ResponseReturnValue:
    """The periods, what is due, and the holds that stand."""
    return _page()


@door.post("/retention/ask")
def ask() -> ResponseReturnValue:
    """What another period would forget, in numbers; 422 with what to mend."""
    require_fresh("/retention")
    kind, text = request.form.get("kind", ""), request.form.get("days", "").strip()
    try:
        days = _days(kind, text)
    except RetentionError as error:
        return _page(str(error)), 422
    with runtime().db.read() as session:
        count = retention.due(runtime(), session, kind, days)
    said = [
        gettext("%(count)s rows are older and go for good, within a day.", count=figure(count)),
        gettext("What is on legal hold stays, and so do consent, stops and the audit."),
    ]
    kept = gettext("for good") if days is None else gettext("for %(days)s days", days=figure(days))
    title = gettext("Keep “%(kind)s” %(kept)s?", kind=kind, kept=kept)
    fields = {"kind": kind, "days": text}
    return confirm.ask(
        title, said, gettext("Change it"), "/retention/change", "/retention", danger=count > 0, fields=fields
    )


@door.post("/retention/change")
def change() -> ResponseReturnValue:
    """Keep the kind for so long: 303 to the page, 422 with what to mend."""
    require_fresh("/retention")
    kind = request.form.get("kind", "")
    try:
        days = _days(kind, request.form.get("days", "").strip())
        with runtime().db.write() as session:
            retention.keep_for(session, kind, days, person().actor, runtime().clock.now())
    except RetentionError as error:
        return _page(str(error)), 422
    return redirect("/retention", 303)


@door.post("/retention/holds")
def hold() -> ResponseReturnValue:
    """Place a hold on a number or on everything, or release those: 303 to the page, 422 with what to mend."""
    require_fresh("/retention")
    form, now, by = request.form, runtime().clock.now(), person().actor
    try:
        number_id = _meant(form.get("number", ""), "everything" in form)
        with runtime().db.write() as session:
            if "release" in form:
                holds.release(session, number_id, by, now)
            else:
                holds.place(session, number_id, form.get("why", ""), by, now)
    except HoldError as error:
        return _page(str(error)), 422
    return redirect("/retention", 303)


def _days(kind: str, text: str) -> int | None:
    if text != "forever" and not (text.isdecimal() and len(text) < 7):
        raise RetentionError(
            gettext("%(what)s is no number of days; write such as 365, or forever.", what=repr(text[:20]))
        )
    days = None if text == "forever" else int(text)
    retention.check(kind, days)
    return days


def _meant(text: str, everything: bool) -> int | None:
    if everything:
        return None
    try:
        e164 = parse(text, None).e164
    except PhoneError as error:
        raise HoldError(error.sentence) from error
    with runtime().db.read() as session:
        number_id = find(session, runtime().keys, e164)
    if number_id is None:
        raise HoldError(gettext("Nothing is on record for this number; write it with its country code."))
    return number_id


def _page(error: str = "") -> str:
    house = runtime()
    with house.db.read() as session:
        rules = retention.rules_uncounted(session)
        standing = holds.open_holds(session)
        session.expunge_all()
    due = figures_or_none(("due", *rules), lambda session: retention.due_by_kind(house, session, rules))
    return render_template("retention.html", rules=rules, due=due, holds=standing, error=error)
