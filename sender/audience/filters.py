"""The filters about numbers and hours: plain dicts in and out, the shipped rules, no database (design D8)."""

from datetime import UTC, datetime
from typing import Any

from guards.base import Purpose
from guards.places import places_of
from guards.quiet_hours import hours_at
from sender.audience.phone import PhoneError, parse


def number(asked: dict[str, Any]) -> dict[str, Any]:
    """{"text", "region"?} -> {"e164", "region", "type", "places", "zones"} or {"error": code}."""
    try:
        phone = parse(str(asked["text"]), asked.get("region"))
    except PhoneError as refused:
        return {"error": refused.code.value}
    places = places_of(phone.e164)
    return {
        "e164": phone.e164,
        "region": phone.region,
        "type": phone.line_type,
        "places": list(places.codes),
        "zones": list(places.zones),
    }


def hours(asked: dict[str, Any]) -> dict[str, Any]:
    """{"number", "postal_code"?, "state"?, "zone"?, "at", "purpose"?} -> the verdict of the shipped hours.

    Times are RFC 3339; ``at`` without an offset is refused. ValueError says which field is wrong.
    """
    try:
        phone = parse(str(asked["number"]), None)
    except PhoneError as refused:
        return {"error": refused.code.value}
    places = places_of(
        phone.e164, postal_code=asked.get("postal_code"), state=asked.get("state"), zone=asked.get("zone")
    )
    answer = hours_at(places, _country(phone.region), _instant(asked["at"]), _purpose(asked.get("purpose")))
    return {
        "verdict": answer.verdict,
        "until": _written(answer.until),
        "closes_at": _written(answer.closes_at),
        "rules": list(answer.rules),
        "places": list(answer.places),
        "zones": list(answer.zones),
        **({"reason": answer.reason} if answer.reason else {}),
    }


def _country(region: str) -> str | None:
    return None if region == "001" else region


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(f"at: {text!r} is no RFC 3339 time such as 2026-03-10T14:00:00Z") from error
    if at.tzinfo is None:
        raise ValueError(f"at: {text!r} has no offset; end it with Z or +01:00")
    return at.astimezone(UTC)


def _purpose(text: Any) -> Purpose:
    try:
        return Purpose(text or "marketing")
    except ValueError as error:
        known = ", ".join(purpose.value for purpose in Purpose)
        raise ValueError(f"purpose: {text!r} is none of {known}") from error


def _written(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else None
