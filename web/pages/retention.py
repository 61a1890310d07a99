"""How long each kind of data is kept, and legal holds; what a change forgets is said in numbers before."""

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from sender.archive import packing
from sender.archive.packing import ArchiveRefused
from sender.audience import holds, retention
from sender.audience.holds import HoldError
from sender.audience.numbers import find
from sender.audience.phone import PhoneError, parse
from sender.audience.retention import RetentionError
from web.auth import Door, person, require_fresh
from web.context import runtime
from web.counting import figures_or_none
from web.language import figure, gettext, later, ngettext
from web.pages import confirm
from web.pages.users import owners

WORDS = {
    "texts": later("The words of texts; that they went stays"),
    "replies": later("The words of replies; what they were read as stays"),
    "decisions": later("Why texts were deferred or blocked; the message keeps its reason"),
    "clicks": later("Visits of short links; older reports count fewer"),
    "events": later("What other software told with its events; that they came stays"),
    "enrolments": later("Who was in automations and how far; their newest time in one that is in use stays"),
    "told_events": later("That other software told events; told again later, they count as new"),
    "refused_rows": later("Rows that imports refused"),
    "uploads": later("Uploaded files that nobody imported"),
    "sessions": later("Sessions of people who sign in, after their end"),
    "counters": later("What sign-up forms, preference pages and daily caps counted"),
    "api_answers": later("First answers to the Idempotency-Keys of other software"),
    "webhook_events": later("What webhooks told, with their deliveries"),
}

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
    title = gettext("Keep “%(kind)s” %(kept)s?", kind=WORDS.get(kind, kind), kept=kept)
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


@door.post("/retention/archive")
def archive() -> ResponseReturnValue:
    """Archive what is older than so many days from now on, or nothing more: 303 to the page, 422 with what to mend."""
    require_fresh("/retention")
    text = request.form.get("open_days", "").strip()
    try:
        if text != "off" and not (text.isdecimal() and len(text) < 7):
            what = repr(text[:20])
            raise ArchiveRefused(gettext("%(what)s is no number of days; write such as 180, or off.", what=what))
        with runtime().db.write() as session:
            wanted = None if text == "off" else int(text)
            packing.keep_open_for(session, wanted, person().actor, runtime().clock.now())
    except ArchiveRefused as error:
        return _page(str(error)), 422
    return redirect("/retention", 303)


@door.post("/retention/holds")
def hold() -> ResponseReturnValue:
    """Place a hold on a number or on everything: 303 to the page, 422 with what to mend."""
    require_fresh("/retention")
    form, now, by = request.form, runtime().clock.now(), person().actor
    try:
        number_id = _meant(form.get("number", ""), "everything" in form)
        with runtime().db.write() as session:
            holds.place(session, number_id, form.get("why", ""), by, now)
    except HoldError as error:
        return _page(str(error)), 422
    return redirect("/retention", 303)


@door.get("/retention/holds/<int:hold_id>/release")
def ask_release(hold_id: int) -> ResponseReturnValue:
    """What releasing the holds on the same number, or on everything, forgets: in numbers."""
    require_fresh()
    with runtime().db.read() as session:
        hold = holds.find_open(session, hold_id) or abort(404)
        ending = sum(one.number_id == hold.number_id for one in holds.open_holds(session))
        freed = retention.freed_by(runtime(), session, hold.number_id)
        title = gettext("Release “%(why)s”?", why=hold.why)
    said = [
        ngettext("%(num)s hold on the same ends.", "%(num)s holds on the same end.", ending),
        ngettext(
            "%(num)s row that it kept beyond its period goes for good, within a day.",
            "%(num)s rows that it kept beyond their period go for good, within a day.",
            freed,
        ),
        gettext("From then on people may be erased who were held before."),
    ]
    return confirm.ask(title, said, gettext("Release"), request.path, "/retention")


@door.post("/retention/holds/<int:hold_id>/release")
def release(hold_id: int) -> ResponseReturnValue:
    """Release every hold on the same number, or on everything: 303 to the page, 404 where it stands no more."""
    require_fresh("/retention")
    with runtime().db.write() as session:
        hold = holds.find_open(session, hold_id) or abort(404)
        holds.release(session, hold.number_id, person().actor, runtime().clock.now())
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
        after = packing.days(session)
        session.expunge_all()
    due = figures_or_none(("due", *rules), lambda session: retention.due_by_kind(house, session, rules))
    packed = {"after": after, "packed": figures_or_none("archive", packing.size), "least": packing.LEAST_DAYS}
    return render_template("retention.html", rules=rules, kinds=WORDS, due=due, holds=standing, error=error, **packed)
