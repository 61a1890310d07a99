"""When a campaign starts: at an instant, at a wall time of each recipient's own place, or when somebody says so."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from guards.local_start import first_of, last_of
from guards.zones import country_zones
from sender.campaigns.moves import ControlError
from sender.models import Campaign, Program

LATENESS = timedelta(minutes=15)


def wall_time(text: str) -> datetime | None:
    """The wall time "2026-03-10T10:00" of a campaign with a local start, naive; None for the empty text."""
    if not text:
        return None
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo is not None:
        raise ControlError(f"The local start {text!r} must be a time without offset, such as 2026-03-10T10:00.")
    return wall


def zones_of(countries: Iterable[str]) -> tuple[str, ...]:
    """Every zone in which somebody of these countries may be."""
    return tuple(sorted({zone for country in countries for zone in country_zones(country)}))


def start_of(session: Session, campaign: Campaign, asked: datetime | None, now: datetime) -> datetime:
    """The instant at which the scheduler begins; ControlError where it is not the approved one, or too late."""
    wall = wall_time(campaign.local_start)
    if wall is not None:
        start = _local(session, campaign, wall, asked, now)
    elif campaign.begins_at is not None:
        start = _fixed(campaign, campaign.begins_at, asked, now)
    else:
        start = asked or now
    if campaign.end_at is not None and campaign.end_at <= start:
        raise ControlError(f"Campaign {campaign.name!r} would end before it starts; move its end or its start.")
    return start


def _local(session: Session, campaign: Campaign, wall: datetime, asked: datetime | None, now: datetime) -> datetime:
    if asked is not None:
        raise ControlError(f"Campaign {campaign.name!r} starts at {wall} local time; edit it to start otherwise.")
    countries = session.execute(select(col(Program.countries)).where(col(Program.id) == campaign.program_id)).scalar()
    zones = zones_of(countries or ())
    if last_of(wall, zones) <= now:
        raise ControlError(f"{wall} has passed everywhere; give campaign {campaign.name!r} a later local start.")
    return max(first_of(wall, zones), now)


def _fixed(campaign: Campaign, begins_at: datetime, asked: datetime | None, now: datetime) -> datetime:
    when = f"{begins_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if asked not in (None, begins_at):
        raise ControlError(f"Campaign {campaign.name!r} starts at {when}; edit it to start at another time.")
    if begins_at + LATENESS < now:
        raise ControlError(f"The start of campaign {campaign.name!r}, {when}, has passed; give it a later one.")
    return begins_at
