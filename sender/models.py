"""The tables. Numbers and texts are ciphertext, number rows are keyed by HMAC, instants are aware and UTC.

Table models check nothing when built: whoever writes a row has checked its input first.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

Json = JSON().with_variant(JSONB(), "postgresql")


def json_field(default: Any = dict) -> Any:
    """A column of plain JSON: text on SQLite, JSONB on PostgreSQL."""
    return Field(default_factory=default, sa_column=Column(Json, nullable=False))


class Installation(SQLModel, table=True):
    """The one row that says whether this copy may send (promise 10); ``epoch`` also lies in a file beside the keys."""

    id: int = Field(default=1, primary_key=True)
    epoch: str
    halted: bool = False
    halted_why: str = ""
    created_at: datetime


class Program(SQLModel, table=True):
    """A brand and purpose people opt in to; the scope of consent, caps, footer and from_numbers (CTIA's word)."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    brand: str
    help_contact: str
    purposes: list[str] = json_field(list)
    footer: str = "Reply STOP to opt out"
    link_footer: str = "Stop: {link}"
    caps: list[dict[str, Any]] = json_field(list)
    hours: list[list[int]] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    countries: list[str] = json_field(list)
    loosened: dict[str, str] = json_field()
    opt_out_scope: str = "program"
    footer_every_days: int = 0
    refusals: dict[str, str] = json_field()
    max_parts: int = 0
    domains: list[str] = json_field(list)
    age_gate: bool = False
    created_at: datetime


class Wording(SQLModel, table=True):
    """One version of words a program shows or answers with: kind opt_in, help, stop or start; never changed."""

    __table_args__ = (UniqueConstraint("program_id", "kind", "version"),)
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    kind: str
    version: int
    text: str
    hash: bytes
    created_at: datetime


class FromNumber(SQLModel, table=True):
    """What the phone shows: an E.164 number, an alphanumeric name or a Messaging Service SID (our own, not personal).

    ``answers_keywords``: the provider itself answers STOP, START and HELP. ``rate`` is parts per second.
    """

    __tablename__ = "from_number"
    __table_args__ = (UniqueConstraint("program_id", "country", "address"),)
    id: int | None = Field(default=None, primary_key=True)
    program_id: int = Field(foreign_key="program.id")
    country: str
    address: str = Field(index=True)
    kind: str
    answers_keywords: bool = True
    can_receive: bool = True
    rate: float = 1.0


class Number(SQLModel, table=True):
    """One phone number, keyed by its HMAC; it exists even for strangers who text STOP, and every gate locks it."""

    id: int | None = Field(default=None, primary_key=True)
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    key_version: int = 1
    cipher: bytes
    data_key: bytes
    country: str | None = None
    area_code: str | None = None
    line_type: str = "unknown"
    state: str = "ok"
    state_reason: str = ""
    created_at: datetime


class Contact(SQLModel, table=True):
    """A person's record; ``attributes`` are plain for segments and never hold a phone number."""

    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id", unique=True)
    language: str | None = None
    postal_code: str | None = None
    region: str | None = None
    zone: str | None = None
    attributes: dict[str, Any] = json_field()
    import_id: int | None = Field(default=None, foreign_key="import_run.id", index=True)
    created_at: datetime
    changed_at: datetime


class ConsentEvent(SQLModel, table=True):
    """One line of the consent ledger: append-only, chained by the sealer (``previous``, ``hash``).

    ``program_id`` None means all programs; ``source_ref`` makes one act one event (MessageSid, file hash and line).
    """

    __tablename__ = "consent_event"
    id: int | None = Field(default=None, primary_key=True)
    number_id: int = Field(foreign_key="number.id", index=True)
    program_id: int | None = Field(default=None, foreign_key="program.id")
    kind: str
    purpose: str
    level: str = "none"
    at: datetime
    recorded_at: datetime
    source: str
    source_ref: str | None = Field(default=None, unique=True)
    wording: str = ""
    wording_hash: bytes | None = None
    attested_by: str = ""
    lapses_at: datetime | None = None
    evidence: dict[str, Any] = json_field()
    sequence: int | None = Field(default=None, unique=True)
    previous: bytes | None = None
    hash: bytes | None = None


class ConsentStanding(SQLModel, table=True):
    """What the ledger adds up to, per number, program (0: all) and purpose; rebuilt from it at any time."""

    __tablename__ = "consent_standing"
    number_id: int = Field(foreign_key="number.id", primary_key=True)
    program_id: int = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    state: str
    level: str
    as_of: datetime
    event_id: int = Field(foreign_key="consent_event.id")
    lapses_at: datetime | None = None


class Segment(SQLModel, table=True):
    """A saved audience definition (the JSON of the segment language)."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    definition: dict[str, Any] = json_field()
    created_at: datetime


class Campaign(SQLModel, table=True):
    """A mailing. ``cursor`` and ``audience_end`` are contact ids: planned so far, and the last there was at start.

    ``budget`` and ``daily_budget`` are ten-thousandths of the price table's currency; None: no limit.
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
    budget: int | None = Field(default=None, sa_type=BigInteger)
    daily_budget: int | None = Field(default=None, sa_type=BigInteger)
    created_by: str = ""
    created_at: datetime


class Variant(SQLModel, table=True):
    """One segment with its template inside a campaign; the first (by position) whose segment matches is sent."""

    __table_args__ = (UniqueConstraint("campaign_id", "position"),)
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    position: int
    name: str
    segment: dict[str, Any] = json_field()
    template: str
    defaults: dict[str, Any] = json_field()


class Spend(SQLModel, table=True):
    """What gates have set aside of a campaign's budget, on one day (UTC, "2026-03-10") and in all (day "").

    ``reserved`` only grows, by an update that is refused where it would pass ``cap``.
    """

    campaign_id: int = Field(foreign_key="campaign.id", primary_key=True)
    day: str = Field(default="", primary_key=True)
    reserved: int = Field(default=0, sa_type=BigInteger)
    cap: int = Field(sa_type=BigInteger)


class Message(SQLModel, table=True):
    """One outbound text to one number. ``send_after`` is the one column for quiet hours, caps and back-off.

    ``cost`` is what a budget sets aside for it, in ten-thousandths of the price table's currency.

    ``deferrals`` counts what guards put off, ``tries`` the attempts that were proven not to have been created.
    ``changed_at`` follows the campaign clock, ``touched_at`` the machine's, for sweeps.
    """

    __table_args__ = (
        Index("ux_message_campaign_number", "campaign_id", "number_id", unique=True),
        Index("ux_message_reply_answer", "reply_id", "answers", unique=True),
        Index("ix_message_due", "status", "send_after"),
        Index("ix_message_campaign_status", "campaign_id", "status", "reason", "parts"),
        Index("ix_message_number_status", "number_id", "status"),
    )
    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int | None = Field(default=None, foreign_key="campaign.id")
    variant_id: int | None = Field(default=None, foreign_key="variant.id")
    program_id: int = Field(foreign_key="program.id")
    number_id: int = Field(foreign_key="number.id")
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    from_number_id: int | None = Field(default=None, foreign_key="from_number.id")
    kind: str
    purpose: str
    status: str
    reason: str = ""
    text_cipher: bytes | None = None
    text_hash: bytes | None = None
    parts: int = 0
    cost: int = 0
    send_after: datetime
    expires_at: datetime | None = None
    deferrals: int = 0
    tries: int = 0
    reply_id: int | None = Field(default=None, foreign_key="reply.id")
    answers: str | None = None
    error_code: int | None = None
    created_at: datetime
    changed_at: datetime
    touched_at: datetime
    sent_at: datetime | None = None
    final_at: datetime | None = None


class Attempt(SQLModel, table=True):
    """One passage of the gate. At most one per message is not refuted: the database refuses a second (promise 2).

    ``outcome``: live, accepted, refused (the provider said no), unconfirmed, unproven, refuted (proven not created).
    """

    __table_args__ = (
        Index(
            "ux_attempt_live",
            "message_id",
            unique=True,
            sqlite_where=text("outcome <> 'refuted'"),
            postgresql_where=text("outcome <> 'refuted'"),
        ),
        Index("ix_attempt_number_gated", "number_id", "gated_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    number_id: int = Field(foreign_key="number.id")
    program_id: int = Field(foreign_key="program.id")
    purpose: str
    kind: str
    token: str = Field(unique=True)
    outcome: str = "live"
    validity: int = 0
    gated_at: datetime
    touched_at: datetime
    searched_at: datetime | None = None
    searches: int = 0
    sid: str | None = Field(default=None, unique=True)
    error_code: int | None = None
    facts: dict[str, Any] = json_field()


class Decision(SQLModel, table=True):
    """Why a text was deferred or blocked: the guard, its reason and rules, and what it was shown. Passes: Attempt."""

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    at: datetime
    door: str
    guard: str
    verdict: str
    reason: str
    until: datetime | None = None
    rules: list[str] = json_field(list)
    inputs: dict[str, Any] = json_field()


class Receipt(SQLModel, table=True):
    """One delivery status callback as it came, stored before it is answered; applied later, in any order.

    ``state``: open, applied, or unknown (no attempt of ours fits; opened again when one does).
    """

    __table_args__ = (
        Index("ux_receipt_event", "sid", "status", unique=True),
        Index("ix_receipt_state", "state", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    token: str
    sid: str = Field(index=True)
    status: str
    error_code: int | None = None
    state: str = "open"
    received_at: datetime
    applied_at: datetime | None = None


class Reply(SQLModel, table=True):
    """One inbound text: what it said (sealed), how it was read, and what was done. ``sid`` makes it one act."""

    id: int | None = Field(default=None, primary_key=True)
    sid: str = Field(unique=True)
    number_id: int = Field(foreign_key="number.id", index=True)
    from_number_id: int | None = Field(default=None, foreign_key="from_number.id")
    program_id: int | None = Field(default=None, foreign_key="program.id")
    body_cipher: bytes
    intent: str
    certain: bool
    language: str
    matched_cipher: bytes
    opt_out_type: str = ""
    state: str = "done"
    received_at: datetime


class ImportRun(SQLModel, table=True):
    """One import of one file: how far it came (``line``), what it counted, who attested to the consent in it."""

    __tablename__ = "import_run"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    file_hash: str = Field(index=True)
    program_id: int | None = Field(default=None, foreign_key="program.id")
    options: dict[str, Any] = json_field()
    status: str = "running"
    line: int = 0
    counts: dict[str, int] = json_field()
    started_at: datetime
    finished_at: datetime | None = None


class ImportRefusal(SQLModel, table=True):
    """A row of a file that was not taken, with its line number and reason code; the raw row is sealed."""

    __tablename__ = "import_refusal"
    __table_args__ = (UniqueConstraint("import_id", "line", "code"),)
    id: int | None = Field(default=None, primary_key=True)
    import_id: int = Field(foreign_key="import_run.id")
    line: int
    code: str
    reason: str
    row_cipher: bytes


class Emergency(SQLModel, table=True):
    """A place ("US-LA") into which nothing is sold or announced from ``since`` until ``until`` (None: until ended)."""

    id: int | None = Field(default=None, primary_key=True)
    place: str
    since: datetime
    until: datetime | None = None
    why: str
    declared_by: str


class Audit(SQLModel, table=True):
    """Who did what to which thing, when; never numbers or texts."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = json_field()
