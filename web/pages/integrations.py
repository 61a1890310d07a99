"""What an owner does about other software: its keys, and the webhooks it listens with."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_args

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from sender.api import keys
from sender.api.keys import SCOPES, ApiKeyError, KeyIn
from sender.campaigns import programs
from sender.models import ApiKey, WebhookEndpoint
from sender.webhooks import endpoints
from sender.webhooks.endpoints import EndpointError, EndpointIn, Owner, Sought
from web.api.webhooks import EventType
from web.auth import Door, person, require_fresh
from web.context import runtime
from web.language import figure, gettext, later, ngettext
from web.pages import confirm
from web.pages.listing import Listing, read_listing
from web.pages.terms import worded
from web.pages.users import owners
from web.pages.words import moment

KEYS, WEBHOOKS = "/integrations/keys", "/integrations/webhooks"
DELIVERIES = f"{WEBHOOKS}/deliveries"
LASTS = ((30, later("30 days")), (90, later("90 days")), (365, later("a year")), (0, later("until it is revoked")))
BACK = (
    (1, later("the last hour")),
    (24, later("the last day")),
    (24 * 7, later("the last week")),
    (24 * 30, later("all that is kept, 30 days")),
)
AREAS = {
    "messages": later("Single texts, one-time codes among them"),
    "checks": later("May I text this number now?"),
    "contacts": later("People and their data"),
    "consents": later("Yes and stop, with their proof"),
    "segments": later("Audiences"),
    "imports": later("Files of people"),
    "numbers": later("Files of numbers, in and out"),
    "forms": later("Sign-up forms"),
    "keywords": later("Keywords that people text"),
    "templates": later("The library of texts"),
    "campaigns": later("Campaigns"),
    "automations": later("Automations"),
    "events": later("What happens in your shop, for automations"),
    "programs": later("Programs and their words"),
    "replies": later("What people wrote back"),
    "reports": later("Figures"),
    "webhooks": later("Addresses that are told what happens"),
    "evidence": later("Proof of a person’s consent"),
    "erasures": later("Erasing people"),
}
TOLD = {
    "message.updated": later("A text was sent, delivered or not"),
    "reply.received": later("Somebody wrote back"),
    "consent.changed": later("Somebody said yes or stop"),
    "campaign.updated": later("A campaign began, stood still or ended"),
    "import.updated": later("A file was read or brought in"),
}
EVENTS: tuple[str, ...] = get_args(EventType)

DELIVERY_STATES = ("waiting", "delivered", "given_up")
NEWEST = 10
KEY_STATES = ("live", "over")
KEY_ORDERS: dict[str, Callable[[ApiKey], object]] = {
    "made": lambda one: one.id,
    "name": lambda one: (one.name.casefold(), one.id),
    "used": lambda one: (one.last_used_at is not None, one.last_used_at, one.id),
}
HOOK_ORDERS: dict[str, Callable[[WebhookEndpoint], object]] = {
    "made": lambda one: one.id,
    "url": lambda one: (one.url, one.id),
    "state": lambda one: (one.status != "disabled", one.failing_since is None, one.id),
}

door = Door("integrations", __name__, rule=owners)


@door.get(KEYS)
def show_keys() -> ResponseReturnValue:
    """Every key with what it may do and when it was last used; never the key itself."""
    return _keys_page()


@door.post(KEYS)
def act_on_keys() -> ResponseReturnValue:
    """Make, follow up or end a key: the page with the new key on it this once, 400 with what is wrong."""
    require_fresh(_keys_view().here)
    try:
        return _keys_page(made=_act_on_key(request.form.get("act", "")))
    except ApiKeyError as error:
        return _keys_page(sentence=str(error)), 400


@door.get(f"{KEYS}/<public_id>/revoke")
def ask_revoke(public_id: str) -> ResponseReturnValue:
    """What revoking a key ends: when it was used, what it may do and where, and whether another key follows it."""
    view = _keys_view()
    require_fresh(f"{request.path}{view.state}")
    with runtime().db.read() as session:
        found = keys.ending(session, public_id, runtime().clock.real()) or abort(404)
        brands = [one.brand for one in programs.listing(session) if one.id in found.key.programs]
        session.expunge_all()
    fields = {"key": public_id, "act": "revoke"}
    title = gettext("Revoke the key “%(name)s” (%(id)s)?", name=found.key.name, id=public_id)
    return confirm.ask(title, _said_of(found, brands), gettext("Revoke it"), view.here, view.here, fields=fields)


def _said_of(found: keys.Ending, brands: list[str]) -> list[str]:
    row = found.key
    used = row.last_used_at
    return [
        gettext("It was last used %(at)s.", at=moment(used)) if used else gettext("It was never used."),
        ngettext(
            "%(num)s request of the last 24 hours changed something.",
            "%(num)s requests of the last 24 hours changed something.",
            found.asked,
        ),
        ngettext(
            "It loses %(num)s right (%(scopes)s) in %(where)s, at once.",
            "It loses %(num)s rights (%(scopes)s) in %(where)s, at once.",
            len(row.scopes),
            scopes=", ".join(row.scopes),
            where=", ".join(brands) or gettext("every program"),
        ),
        ngettext(
            "%(num)s other key of this name lives: %(ids)s.",
            "%(num)s other keys of this name live: %(ids)s.",
            len(found.heirs),
            ids=", ".join(found.heirs),
        )
        if found.heirs
        else gettext("No other key has this name: whoever uses it is refused until they have a new one."),
        ngettext(
            "Texts that were asked for stay, and so does %(num)s webhook that it made.",
            "Texts that were asked for stay, and so do %(num)s webhooks that it made.",
            found.endpoints,
        ),
    ]


def _act_on_key(wanted: str) -> str:
    form, real, actor = request.form, runtime().clock.real(), person().actor
    public_id = form.get("key", "")
    with runtime().db.write() as session:
        if wanted == "rotate":
            return keys.rotate_key(session, runtime().keys, public_id, actor, real)
        if wanted == "create":
            days = form.get("days", 365, type=int)
            lasts = timedelta(days=days) if days in dict(LASTS) and days else None
            slugs = [slug for slug in (form.get("program", ""),) if slug]
            asked = KeyIn(form.get("name", "").strip(), form.getlist("scope"), slugs, "test" in form, lasts)
            return keys.create_key(session, runtime().keys, asked, actor, real)
        if wanted != "revoke":
            abort(400)
        keys.revoke_key(session, public_id, actor, real)
        return ""


def _keys_view() -> Listing:
    return read_listing(("-made", "name", "used"), ("find", "state"), path=KEYS)


def _keys_page(sentence: str = "", made: str = "") -> str:
    view, real = _keys_view(), runtime().clock.real()
    with runtime().db.read() as session:
        every = keys.list_keys(session)
        known = programs.listing(session)
        session.expunge_all()
    some = [
        one for one in every if view.filters["state"] not in KEY_STATES or _state(one, real) == view.filters["state"]
    ]
    found = view.part(some, KEY_ORDERS, lambda one: f"{one.name} {one.public_id}")
    brands = {one.id: one.brand for one in known}
    choices = [("", gettext("Every program")), *((one.slug, one.brand) for one in known)]
    values: dict[str, Any] = {"keys": found, "brands": brands, "programs": choices, "areas": _areas(), "lasts": LASTS}
    values |= {"listing": view, "states": KEY_STATES, "real": real}
    return render_template("keys.html", **values, sentence=sentence, made=made)


def _state(key: ApiKey, real: datetime) -> str:
    over = key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= real)
    return "over" if over else "live"


def _areas() -> list[tuple[str, str, list[str]]]:
    """What a key may do: the name of an area, its words, and the scopes that read and change it."""
    known = dict.fromkeys(scope.partition(":")[0] for scope in SCOPES)
    names = [*(name for name in AREAS if name in known), *(name for name in known if name not in AREAS)]
    return [
        (name, AREAS.get(name, name), [scope for scope in SCOPES if scope.startswith(f"{name}:")]) for name in names
    ]


@door.get(WEBHOOKS)
def show_webhooks() -> ResponseReturnValue:
    """Every endpoint with how it does."""
    return _webhooks_page()


@door.post(WEBHOOKS)
def create_webhook() -> ResponseReturnValue:
    """Make an endpoint: the page with its secret on it this once, 400 with what is wrong."""
    require_fresh(WEBHOOKS)
    form = request.form
    wanted = EndpointIn(form.get("url", "").strip(), form.getlist("event"), form.get("description", "").strip()[:200])
    if not wanted.events or not set(wanted.events) <= set(EVENTS):
        return _webhooks_page(sentence=gettext("Choose at least one event to tell of.")), 400
    try:
        with runtime().db.write() as session:
            _, secret = endpoints.create_endpoint(runtime(), session, _owner(), wanted)
    except EndpointError as error:
        return _webhooks_page(sentence=str(error)), 400
    return _webhooks_page(secret=secret)


@door.get(f"{WEBHOOKS}/<int:endpoint_id>")
def show_webhook(endpoint_id: int) -> ResponseReturnValue:
    """One endpoint with what became of each event for it."""
    return _webhook_page(endpoint_id)


@door.post(f"{WEBHOOKS}/<int:endpoint_id>")
def act_on_webhook(endpoint_id: int) -> ResponseReturnValue:
    """Enable, replay or forget an endpoint, and say what that did."""
    require_fresh(f"{WEBHOOKS}/{endpoint_id}")
    real, wanted = runtime().clock.real(), request.form.get("act", "")
    with runtime().db.write() as session:
        row = endpoints.find_endpoint(session, _owner(), endpoint_id)
        if row is None:
            abort(404)
        match wanted:
            case "enable":
                endpoints.enable_endpoint(session, _owner(), row, real)
                said = gettext("It is told again from now on, and what waited is sent at once.")
            case "replay":
                hours = request.form.get("hours", 1, type=int)
                since = real - timedelta(hours=hours if hours in dict(BACK) else 1)
                number = endpoints.replay(session, row, since, real) if row.status == "live" else 0
                said = (
                    gettext("%(number)s sent again, the oldest first.", number=figure(number))
                    if number
                    else gettext("There is nothing to send again.")
                )
            case "delete":
                endpoints.delete_endpoint(session, _owner(), row, real)
                said = gettext("The endpoint is forgotten, with whatever waited for it.")
            case _:
                abort(400)
    return _webhooks_page(said=said) if wanted == "delete" else _webhook_page(endpoint_id, said)


@door.get(f"{WEBHOOKS}/<int:endpoint_id>/forget")
def ask_forget(endpoint_id: int) -> ResponseReturnValue:
    """What forgetting an endpoint ends, in numbers."""
    require_fresh()
    with runtime().db.read() as session:
        row = endpoints.find_endpoint(session, _owner(), endpoint_id) or abort(404)
        waiting, events = endpoints.count_waiting(session, row), len(row.events)
        title = gettext("Forget %(url)s?", url=row.url)
    said = [
        ngettext("%(num)s event waits for it and is lost.", "%(num)s events wait for it and are lost.", waiting),
        ngettext("It hears of %(num)s kind of event no more.", "It hears of %(num)s kinds of events no more.", events),
        gettext("Its signing secret ends; the same address made anew gets another."),
    ]
    back = f"{WEBHOOKS}/{endpoint_id}"
    return confirm.ask(title, said, gettext("Forget it"), back, back, fields={"act": "delete"})


def _webhooks_page(**said: str) -> str:
    view = read_listing(("made", "url", "state"), ("find",), path=WEBHOOKS)
    with runtime().db.read() as session:
        every = endpoints.list_endpoints(session, _owner())
        session.expunge_all()
    found = view.part(every, HOOK_ORDERS, lambda one: f"{one.url} {one.description}")
    values: dict[str, Any] = {"sentence": "", "secret": "", "said": "", "listing": view, **said}
    return render_template("webhooks.html", found=found, events=EVENTS, told=TOLD, **values)


@door.get(DELIVERIES)
def show_deliveries() -> ResponseReturnValue:
    """What became of each event for each endpoint that wants it, by endpoint, state and kind."""
    view = read_listing(("-happened",), ("endpoint", "state", "kind"))
    number, status, kind = (view.filters[name] for name in ("endpoint", "state", "kind"))
    wanted = Sought(
        int(number) if number.isdecimal() and len(number) < 10 else None,
        status if status in DELIVERY_STATES else "",
        kind if kind in EVENTS else "",
    )
    with runtime().db.read() as session:
        rows = endpoints.search_deliveries(session, wanted, view.limit, view.offset, newest=view.descending)
        known = [(str(one.id), one.description or one.url) for one in endpoints.list_endpoints(session, _owner())]
        session.expunge_all()
    every = ("", gettext("All"))
    values: dict[str, Any] = {
        "states": [every, *((one, worded(one)) for one in DELIVERY_STATES)],
        "kinds": [every, *((one, TOLD[one]) for one in EVENTS)],
        "endpoints": [every, *known],
    }
    return render_template("deliveries.html", listing=view, rows=rows, told=TOLD, **values)


def _webhook_page(endpoint_id: int, said: str = "") -> str:
    with runtime().db.read() as session:
        row = endpoints.find_endpoint(session, _owner(), endpoint_id) or abort(404)
        deliveries = endpoints.list_deliveries(session, row, None, NEWEST)
        session.expunge_all()
    return render_template("webhook.html", row=row, deliveries=deliveries, back_choices=BACK, said=said)


def _owner() -> Owner:
    return Owner(person().actor)
