"""Campaigns, their variants and what they may spend."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from sender.models.columns import json_field


class Campaign(SQLModel, table=True):
    """A mailing. ``cursor`` and ``audience_end`` are contact ids: planned so far, and the last there was at start.

    ``subject`` is what its texts are about, for caps; ``outside_hours`` and ``over_cap`` are "defer" or "drop".
    ``rate`` is parts per second (None: as many as its from_numbers take); brakes look at what came after
    ``watched_since``; ``budget`` and ``daily_budget`` are ten-thousandths of the currency (None: no limit).

    ``begins_at`` or ``local_start`` ("2026-03-10T10:00" of each recipient's own day) are the start that is approved;
    ``start_at`` is when the scheduler begins. ``approved_parts`` holds the digest of each part of what was approved,
    ``approved_as`` why one approval was enough: "second person", "small" or "one person". ``recipients`` were counted
    at the last submission or approval, ``edits`` counts changes. ``rest_of`` is the campaign whose unreached people
    this one is for. ``audience_at`` says when it is decided who is in it: "start" or "submission"; then
    ``frozen_digest`` is a hash over the people that were listed.
    """

    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    name: str = Field(unique=True)
    purpose: str = "marketing"
    status: str = Field(default="draft", index=True)
    paused_why: str = ""
    start_at: datetime | None = None
    latest_start: datetime | None = None
    end_at: datetime | None = None
    outside_hours: str = "defer"
    over_cap: str = "defer"
    cursor: int = 0
    audience_end: int | None = None
    planned_at: datetime | None = None
    approved_hash: bytes | None = None
    approved_parts: dict[str, str] = json_field()
    approved_as: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    submitted_by: str = ""
    submitted_at: datetime | None = None
    recipients: int | None = None
    begins_at: datetime | None = None
    rate: float | None = None
    local_start: str = ""
    edited_by: str = ""
    edits: int = 0
    rest_of: int | None = Field(default=None, index=True)
    archived_at: datetime | None = None
    audience_at: str = "start"
    frozen_digest: bytes | None = None
    subject: str | None = None
    budget: int | None = Field(default=None, sa_type=BigInteger)
    daily_budget: int | None = Field(default=None, sa_type=BigInteger)
    watched_since: datetime | None = None
    created_by: str = ""
    created_at: datetime


class Variant(SQLModel, table=True):
    """One segment with its template inside a campaign; the first (by position) whose segment matches is sent.

    Variants with a ``share`` (per cent) divide the people of one segment among them; ``template_version_id`` says which
    saved template the words were taken from.
    """

    __table_args__ = (UniqueConstraint("campaign_id", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    position: int
    name: str
    segment: dict[str, Any] = json_field()
    template: str
    defaults: dict[str, Any] = json_field()
    share: int | None = None
    template_version_id: int | None = None


class FrozenMember(SQLModel, table=True):
    """One contact of an audience that was fixed when its campaign was handed in, with the variant that takes it.

    ``listed_as`` is the contact that was handed in, where it was merged into this one since.
    """

    __tablename__ = "frozen_member"
    campaign_id: int = Field(foreign_key="campaign.id", primary_key=True)
    contact_id: int = Field(primary_key=True)
    variant_id: int
    listed_as: int | None = None


class Spend(SQLModel, table=True):
    """What gates have set aside of a campaign's budget, on one day (UTC, "2026-03-10") and in all (day "").

    ``reserved`` only grows, by an update that is refused where it would pass ``cap``.
    """

    campaign_id: int = Field(foreign_key="campaign.id", primary_key=True)
    day: str = Field(default="", primary_key=True)
    reserved: int = Field(default=0, sa_type=BigInteger)
    cap: int = Field(sa_type=BigInteger)
