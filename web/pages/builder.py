"""The first and the fourth step of a campaign: its name, program and purpose; when it goes and what it may cost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, available_timezones

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from guards.base import Purpose
from sender.campaigns import prices, rendering, starts, writing
from sender.campaigns.writing import CampaignIn, VariantIn
from sender.models import Program
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.pages import building
from web.pages.building import Building, Refused

BLANK = "{brand}: Hi {{{{ first_name }}}}, "
NO_NAME = {"first_name": "there"}
LONGEST_NAME = 120
# What each shipped text is for; the others are answers, not campaigns.
STARTERS = (
    ("", "A blank text", "Only the brand and a name to begin with."),
    ("promo", "A sale or offer", "What is on offer, until when, and where."),
    ("reminder", "A reminder", "An appointment, a date, an end that comes near."),
    ("order_shipped", "News about an order", "Informational: it sells nothing."),
)
PURPOSES = {
    "marketing": ("Marketing", "Offers and news that sell. Needs a written yes; quiet hours and caps hold."),
    "informational": ("Informational", "Something they asked to be told. May not sell anything."),
    "transactional": ("Transactional", "About something they did: an order, a booking."),
}

door = Door("builder", __name__, rule=signed_in)


@door.get("/campaigns/new")
def new() -> ResponseReturnValue:
    """The first step of a new campaign."""
    choice = building.may_choose()
    if not choice:
        abort(403, "You may not write campaigns for any program; ask the owner for the role.")
    return _basics(None, choice, "", choice[0].slug, "marketing", {})


@door.post("/campaigns/new")
def create() -> ResponseReturnValue:
    """Make the draft: 303 to its audience, 422 with what to mend."""
    choice = building.may_choose()
    name, slug, purpose = _typed()
    program = next((one for one in choice if one.slug == slug), None)
    if program is None:
        abort(404)
    errors = _name_error(name)
    try:
        if not errors:
            text, defaults = _starter(request.form.get("starter", ""), program)
            variant = VariantIn("Everyone", {}, text, defaults)
            wanted = CampaignIn(name, slug, [variant], Purpose(purpose))
            made = writing.create(runtime(), wanted, person().actor)
            return redirect(building.address(made, "audience"), 303)
    except Refused as error:
        errors = {"name": str(error)}
    return _basics(None, choice, name, slug, purpose, errors), 422


@door.get("/campaigns/<int:campaign_id>/edit/basics")
def basics(campaign_id: int) -> ResponseReturnValue:
    """The name and purpose of a draft."""
    found = building.load(campaign_id)
    wanted = found.written
    return _basics(found, building.may_choose(), wanted.name, wanted.program, wanted.purpose.value, {})


@door.post("/campaigns/<int:campaign_id>/edit/basics")
def save_basics(campaign_id: int) -> ResponseReturnValue:
    """Keep them: 303 to the audience."""
    found = building.load(campaign_id)
    name, slug, purpose = _typed()
    choice = building.may_choose()
    errors = _name_error(name)
    program = next((one for one in choice if one.slug == slug), None)
    if program is None:
        abort(404)
    require("write", program.id or 0)
    try:
        if not errors:
            found.save(replace(found.written, name=name, program=slug, purpose=Purpose(purpose)))
            return redirect(building.after(found, "basics"), 303)
    except Refused as error:
        errors = {"name": str(error)}
    return _basics(found, choice, name, slug, purpose, errors), 422


@door.get("/campaigns/<int:campaign_id>/edit/timing")
def timing(campaign_id: int) -> ResponseReturnValue:
    """When it goes, until when, and what it may cost."""
    found = building.load(campaign_id)
    return _timing(found, _timing_values(found.written), {})


@door.post("/campaigns/<int:campaign_id>/edit/timing")
def save_timing(campaign_id: int) -> ResponseReturnValue:
    """Keep it: 303 to the review, 422 with what to mend beside each field."""
    found = building.load(campaign_id)
    names = ("when", "begins", "local", "end", "zone", "budget", "daily_budget")
    typed = {name: request.form.get(name, "").strip() for name in names}
    errors: dict[str, str] = {}
    wanted = replace(
        found.written,
        begins_at=_instant(typed, "begins", errors) if typed["when"] == "at" else None,
        local_start=_wall(typed, errors) if typed["when"] == "local" else "",
        end_at=_instant(typed, "end", errors) if typed["end"] else None,
        budget=_money(typed, "budget", errors),
        daily_budget=_money(typed, "daily_budget", errors),
    )
    try:
        if not errors:
            found.save(wanted)
            return redirect(building.after(found, "timing"), 303)
    except Refused as error:
        errors = {"when": str(error)}
    return _timing(found, typed, errors), 422


def _basics(
    found: Building | None, choice: Sequence[Program], name: str, slug: str, purpose: str, errors: dict[str, str]
) -> str:
    frame = building.frame(found, "basics") if found else {"building": None, "steps": building.STEPS, "here": "basics"}
    program = next((one for one in choice if one.slug == slug), choice[0])
    offered = [(key, *PURPOSES[key]) for key in PURPOSES if key in program.purposes]
    values = {"name": name, "slug": slug, "purpose": purpose, "errors": errors}
    return render_template("builder/basics.html", choice=choice, purposes=offered, starters=STARTERS, **values, **frame)


def _typed() -> tuple[str, str, str]:
    purpose = request.form.get("purpose", "")
    if purpose not in PURPOSES:
        abort(400, "Choose a purpose.")
    return request.form.get("name", "").strip(), request.form.get("program", ""), purpose


def _name_error(name: str) -> dict[str, str]:
    if 0 < len(name) <= LONGEST_NAME:
        return {}
    return {"name": f"Give the campaign a name of at most {LONGEST_NAME} letters, such as Spring sale."}


def _starter(name: str, program: Program) -> tuple[str, dict[str, str | None]]:
    if name not in {key for key, _, _ in STARTERS if key}:
        return BLANK.format(brand=program.brand).rstrip(), dict(NO_NAME)
    text = rendering.starter(name)
    return text, {field: NO_NAME.get(field) for field in rendering.fields_used(text)}


def _timing(found: Building, typed: dict[str, str], errors: dict[str, str]) -> str:
    near = starts.zones_of(found.program.countries)
    zones = ["UTC", *near]
    if typed["zone"] and typed["zone"] not in zones and typed["zone"] in available_timezones():
        zones.insert(0, typed["zone"])
    return render_template(
        "builder/timing.html", **typed, zones=zones, errors=errors, currency=prices.currency(),
        **building.frame(found, "timing"),
    )  # fmt: skip


def _timing_values(wanted: CampaignIn) -> dict[str, str]:
    when = "at" if wanted.begins_at else "local" if wanted.local_start else "now"
    return {
        "when": when,
        "begins": _shown(wanted.begins_at),
        "local": wanted.local_start,
        "end": _shown(wanted.end_at),
        "zone": "UTC",
        "budget": _amount(wanted.budget),
        "daily_budget": _amount(wanted.daily_budget),
    }


def _shown(instant: datetime | None) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if instant else ""


def _amount(units: int | None) -> str:
    return "" if units is None else f"{Decimal(units) / prices.UNIT:.2f}"


def _instant(typed: dict[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    try:
        zone = ZoneInfo(typed["zone"] if typed["zone"] in available_timezones() else "UTC")
        return datetime.fromisoformat(typed[name]).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = "Give a day and a time, such as 2026-03-10 10:00."
        return None


def _wall(typed: dict[str, str], errors: dict[str, str]) -> str:
    try:
        return datetime.fromisoformat(typed["local"]).strftime("%Y-%m-%dT%H:%M")
    except ValueError:
        errors["local"] = "Give the day and the time on the clock of each person, such as 2026-03-10 10:00."
        return ""


def _money(typed: dict[str, str], name: str, errors: dict[str, str]) -> int | None:
    if not typed[name]:
        return None
    try:
        units = int(Decimal(typed[name].replace(",", "")) * prices.UNIT)
        if 0 < units < 10**15:
            return units
    except (InvalidOperation, ValueError, OverflowError):
        pass
    errors[name] = "Give an amount above 0, such as 250.00, or leave it empty for no limit."
    return None
