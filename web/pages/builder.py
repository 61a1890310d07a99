"""The first and the fourth step of a campaign: its name, program and purpose; when it goes and what it may cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

from flask import abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from guards.base import Purpose
from sender.campaigns import prices, rendering, starts, writing
from sender.campaigns.writing import CampaignIn, VariantIn
from sender.models import Program
from web.auth import Door, person, require, signed_in
from web.context import runtime
from web.language import gettext, later, number, typed_number
from web.pages import building
from web.pages.building import Building, Refused

BLANK = "{brand}: Hi {{{{ first_name }}}}, "
NO_NAME = {"first_name": "there"}
LONGEST_NAME = 120
LONGEST_SUBJECT = 80
# What each shipped text is for; the others are answers, not campaigns.
STARTERS = (
    ("", later("A blank text"), later("Only the brand and a name to begin with.")),
    ("promo", later("A sale or offer"), later("What is on offer, until when, and where.")),
    ("reminder", later("A reminder"), later("An appointment, a date, an end that comes near.")),
    ("order_shipped", later("News about an order"), later("Informational: it sells nothing.")),
)
PURPOSES = {
    "marketing": (
        later("Marketing"),
        later("Offers and news that sell. Needs a written yes; quiet hours and caps hold."),
    ),
    "informational": (later("Informational"), later("Something they asked to be told. May not sell anything.")),
    "transactional": (later("Transactional"), later("About something they did: an order, a booking.")),
}

door = Door("builder", __name__, rule=signed_in)


@dataclass(frozen=True, slots=True)
class Basics:
    """What stands in the first step."""

    name: str = ""
    slug: str = ""
    purpose: str = "marketing"
    subject: str = ""
    second_person: str = ""

    def errors(self) -> dict[str, str]:
        """What to mend, by field."""
        wrong = {}
        if not 0 < len(self.name) <= LONGEST_NAME:
            wrong["name"] = gettext(
                "Give the campaign a name of at most %(most)s letters, such as Spring sale.",
                most=LONGEST_NAME,
            )
        if len(self.subject) > LONGEST_SUBJECT:
            wrong["subject"] = gettext(
                "Name the subject in at most %(most)s letters, such as sale.",
                most=LONGEST_SUBJECT,
            )
        return wrong


@door.get("/campaigns/new")
def new() -> ResponseReturnValue:
    """The first step of a new campaign."""
    choice = building.may_choose()
    if not choice:
        abort(403, gettext("You may not write campaigns for any program; ask the owner for the role."))
    return _basics(None, choice, Basics(slug=choice[0].slug), {})


@door.post("/campaigns/new")
def create() -> ResponseReturnValue:
    """Make the draft: 303 to its audience, 422 with what to mend."""
    choice, typed = building.may_choose(), _typed()
    program = _chosen(choice, typed.slug)
    errors = typed.errors()
    try:
        if not errors:
            text, defaults = _starter(request.form.get("starter", ""), program)
            variants = [VariantIn("Everyone", {}, text, defaults)]
            made = writing.create(runtime(), _with(CampaignIn("", "", variants), typed), person().actor)
            return redirect(building.address(made, "audience"), 303)
    except Refused as error:
        errors = _refusal(error)
    return _basics(None, choice, typed, errors), 422


@door.get("/campaigns/<int:campaign_id>/edit/basics")
def basics(campaign_id: int) -> ResponseReturnValue:
    """The name and purpose of a draft."""
    found = building.load(campaign_id)
    wanted = found.written
    typed = Basics(wanted.name, wanted.program, wanted.purpose.value, wanted.subject or "")
    return _basics(found, building.may_choose(), typed, {})


@door.post("/campaigns/<int:campaign_id>/edit/basics")
def save_basics(campaign_id: int) -> ResponseReturnValue:
    """Keep them: 303 to the audience."""
    found = building.load(campaign_id)
    choice, typed = building.may_choose(), _typed()
    require("write", _chosen(choice, typed.slug).id or 0)
    errors = typed.errors()
    try:
        if not errors:
            found.save(_with(found.written, typed))
            return redirect(building.after(found, "basics"), 303)
    except Refused as error:
        errors = _refusal(error)
    return _basics(found, choice, typed, errors), 422


@door.get("/campaigns/<int:campaign_id>/edit/timing")
def timing(campaign_id: int) -> ResponseReturnValue:
    """When it goes, until when, and what it may cost."""
    found = building.load(campaign_id)
    return _timing(found, _timing_values(found.written), {})


@door.post("/campaigns/<int:campaign_id>/edit/timing")
def save_timing(campaign_id: int) -> ResponseReturnValue:
    """Keep it: 303 to the review, 422 with what to mend beside each field."""
    found = building.load(campaign_id)
    names = ("when", "begins", "local", "end", "zone", "outside_hours", "over_cap", "rate", "budget", "daily_budget")
    typed = {name: request.form.get(name, "").strip() for name in names}
    errors: dict[str, str] = {}
    wanted = replace(
        found.written,
        begins_at=_instant(typed, "begins", errors) if typed["when"] == "at" else None,
        local_start=_wall(typed, errors) if typed["when"] == "local" else "",
        end_at=_instant(typed, "end", errors) if typed["end"] else None,
        budget=_money(typed, "budget", errors),
        daily_budget=_money(typed, "daily_budget", errors),
        rate=_rate(typed, errors),
        outside_hours=typed["outside_hours"] or "defer",
        over_cap=typed["over_cap"] or "defer",
    )
    try:
        if not errors:
            found.save(wanted)
            return redirect(building.after(found, "timing"), 303)
    except Refused as error:
        errors = {"when": str(error)}
    return _timing(found, typed, errors), 422


def _basics(found: Building | None, choice: Sequence[Program], typed: Basics, errors: dict[str, str]) -> str:
    frame = building.frame(found, "basics") if found else {"building": None, "steps": building.STEPS, "here": "basics"}
    program = next((one for one in choice if one.slug == typed.slug), choice[0])
    offered = [(key, *PURPOSES[key]) for key in PURPOSES if key in program.purposes]
    vouchers = building.vouchers(program.id or 0) if "second_person" in errors else []
    values = {"typed": typed, "purposes": offered, "starters": STARTERS, "vouchers": vouchers, "errors": errors}
    return render_template("builder/basics.html", choice=choice, capped=_capped(program), **values, **frame)


def _typed() -> Basics:
    typed = {name: request.form.get(name, "").strip() for name in ("name", "subject", "second_person")}
    purpose = request.form.get("purpose", "")
    if purpose not in PURPOSES:
        abort(400, gettext("Choose a purpose."))
    return Basics(slug=request.form.get("program", ""), purpose=purpose, **typed)


def _with(written: CampaignIn, typed: Basics) -> CampaignIn:
    return replace(
        written,
        name=typed.name,
        program=typed.slug,
        purpose=Purpose(typed.purpose),
        subject=typed.subject or None,
        second_person=typed.second_person,
    )


def _chosen(choice: Sequence[Program], slug: str) -> Program:
    program = next((one for one in choice if one.slug == slug), None)
    if program is None:
        abort(404)
    return program


def _refusal(error: Exception) -> dict[str, str]:
    return {"second_person" if isinstance(error, writing.WordsDoubted) else "name": str(error)}


def _capped(program: Program) -> str:
    """The subjects that the program's caps name, to choose from."""
    return ", ".join(sorted({cap["subject"] for cap in program.caps if cap.get("subject") not in (None, "*")}))


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
        "rate": "" if wanted.rate is None else number(wanted.rate, "0.######"),
        "outside_hours": wanted.outside_hours,
        "over_cap": wanted.over_cap,
    }


def _shown(instant: datetime | None) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if instant else ""


def _amount(units: int | None) -> str:
    return "" if units is None else number(Decimal(units) / prices.UNIT, "0.00##")


def _instant(typed: dict[str, str], name: str, errors: dict[str, str]) -> datetime | None:
    try:
        zone = ZoneInfo(typed["zone"] if typed["zone"] in available_timezones() else "UTC")
        return datetime.fromisoformat(typed[name]).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        errors[name] = gettext("Give a day and a time, such as 2026-03-10 10:00.")
        return None


def _wall(typed: dict[str, str], errors: dict[str, str]) -> str:
    try:
        return datetime.fromisoformat(typed["local"]).strftime("%Y-%m-%dT%H:%M")
    except ValueError:
        errors["local"] = gettext("Give the day and the time on the clock of each person, such as 2026-03-10 10:00.")
        return ""


def _money(typed: dict[str, str], name: str, errors: dict[str, str]) -> int | None:
    if not typed[name]:
        return None
    try:
        units = int(typed_number(typed[name]) * prices.UNIT)
        if 0 < units < 10**15:
            return units
    except (ValueError, OverflowError):
        pass
    errors[name] = gettext(
        "Give an amount above 0, such as %(example)s, or leave it empty for no limit.", example=number(250, "0.00")
    )
    return None


def _rate(typed: dict[str, str], errors: dict[str, str]) -> float | None:
    if not typed["rate"]:
        return None
    try:
        if (rate := float(typed_number(typed["rate"]))) > 0:
            return rate
    except ValueError:
        pass
    errors["rate"] = gettext(
        "Give a number above 0, such as %(example)s for one part every two seconds, or leave it empty.",
        example=number(0.5),
    )
    return None
