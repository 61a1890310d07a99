"""The words guards speak: what they are shown (Draft, Facts) and what they may answer (Verdict).

Everything here is plain frozen data. A guard sees no database, no clock and no network; whatever it needs is a
field of :class:`Facts`, read by the caller after the number's row is locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol


class Purpose(StrEnum):
    """Why a text is sent, stricter towards the end; consent to marketing includes informational, never the reverse."""

    CODE = "code"
    TRANSACTIONAL = "transactional"
    INFORMATIONAL = "informational"
    MARKETING = "marketing"


class Kind(StrEnum):
    """Through which door a text was asked for; every kind passes the same chain."""

    CAMPAIGN = "campaign"
    API = "api"
    TEST = "test"
    ANSWER = "answer"


# The one table of purposes: hours, caps and the footer are for texts the sender wants to send. Codes and transactional
# texts answer an act of the person and go at once.
RESTRAINED = frozenset({Purpose.INFORMATIONAL, Purpose.MARKETING})


@dataclass(frozen=True, slots=True)
class Draft:
    """The text as it would leave.

    ``answers`` names what an answer belongs to: "stop", "help", "start", "confirm" (the question of a double opt-in),
    "welcome" (it confirms a sign-up), "auto" (a keyword of the program), "away" (nobody is there) or "reply" (a person
    writes).

    ``subject`` is what the text is about, in the installation's own words; None where nobody said.
    ``language`` is the text's BCP 47 tag where it is known; empty, the words themselves tell it.
    """

    text: str
    purpose: Purpose
    kind: Kind = Kind.CAMPAIGN
    answers: str | None = None
    subject: str | None = None
    language: str = ""

    def saying(self, text: str) -> "Draft":
        """The same draft with other words; ``replace`` takes three times as long, for each text."""
        return Draft(text, self.purpose, self.kind, self.answers, self.subject, self.language)


@dataclass(frozen=True, slots=True)
class Places:
    """Every place the person may be: sorted jurisdiction codes ("US-NY", "FR"), sorted IANA zones, and the evidence.

    ``evidence`` holds pairs of source and finding, such as ("area_code:212", "US-NY America/New_York").
    """

    codes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Consent of one number to one program and purpose, derived from the ledger; ``event_id`` is its last event."""

    state: Literal["in", "out", "held", "none"] = "none"
    level: Literal["express_written", "express", "implied", "none"] = "none"
    since: datetime | None = None
    event_id: int | None = None
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One earlier text to this number that counts towards caps (accepted, on the wire, or of unknown outcome).

    An ``answer`` to the person's own text counts towards the hard limit only.
    """

    at: datetime
    program_id: int
    purpose: Purpose
    subject: str | None = None
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``limit`` texts in any rolling window of ``hours``, in this program or in the whole installation.

    ``purpose``: only texts of this purpose; None: of all that want restraint. ``subject``: only texts on this subject,
    "*": each subject by itself; a text whose subject nobody knows counts as one on every subject.
    """

    limit: int
    hours: int
    scope: Literal["program", "installation"] = "program"
    purpose: Purpose | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a cap that no text could ever keep."""
        if self.limit < 1 or self.hours < 1:
            raise ValueError(f"A cap of {self.limit} texts in {self.hours} hours makes no sense; both start at 1.")


class Window(NamedTuple):
    """A program's own opening: weekday (Monday 0), minutes of the local day, half-open [start, end).

    A tuple, because it is part of the key under which hours are remembered and tuples are hashed fast.
    """

    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What the program asks for. ``footer`` is already expanded for this number (it may hold an opt-out link).

    ``hours`` tightens the law's windows (None: nothing to tighten); ``loosened`` maps a rule id of basis "courtesy" or
    "law-call" to the recorded reason for which the program does not keep it. ``least`` is the least strict purpose the
    program sends: a text that claims a laxer one is held to it.

    ``footer_every_days``: 0 says the way out in every text, N in the first and then every N days where no law asks for
    more. ``refusals`` maps a country to the refusal line that stands there for the footer ("STOP 36123").
    ``max_parts`` (0: no limit), ``domains`` (none: any link) and ``age_gate`` (a date of birth was asked) are content.
    ``reply_hours``: how long after a person's own text somebody may answer it.
    """

    program_id: int
    brand: str
    footer: str
    caps: tuple[Cap, ...] = ()
    hours: tuple[Window, ...] | None = None
    countries: frozenset[str] = frozenset({"US", "CA"})
    loosened: Mapping[str, str] = field(default_factory=dict)
    least: Purpose = Purpose.CODE
    footer_every_days: int = 0
    refusals: Mapping[str, str] = field(default_factory=dict)
    max_parts: int = 0
    domains: tuple[str, ...] = ()
    age_gate: bool = False
    reply_hours: int = 24


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the chain may know about one number at one instant (all instants aware, UTC).

    ``ends_at`` is the campaign's end or the message's own expiry; ``margin`` is kept free before any window closes, and
    ``queue``, the time for which the from_number is busy with others, before the one that is open now;
    ``answered_within`` is the age of the inbound text, or of the wish to get texts, that an answer replies to;
    ``emergencies`` are the places where one is declared, such as "US-LA"; ``last_footer_at`` is when this number last
    got a text of the program with its way out (None: not known); ``drops`` names the guards whose deferral ends the
    text, because its campaign says so. ``paused_until`` and ``unwanted`` subjects are the person's own wishes; where
    ``chose_hours`` is true ``policy.hours`` holds theirs as well. ``registers`` are the countries on whose do-not-call
    register the number stands.
    """

    now: datetime
    country: str | None
    places: Places
    standing: Standing
    policy: Policy
    number_state: Literal["ok", "invalid", "suppressed"] = "ok"
    line_type: str = "unknown"
    sends: tuple[Sent, ...] = ()
    ends_at: datetime | None = None
    margin: timedelta = timedelta()
    answered_within: timedelta | None = None
    emergencies: frozenset[str] = frozenset()
    last_footer_at: datetime | None = None
    queue: timedelta = timedelta()
    drops: frozenset[str] = frozenset()
    paused_until: datetime | None = None
    unwanted: frozenset[str] = frozenset()
    chose_hours: bool = False
    registers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Allow:
    """Go on, with these changed words if any; the permission ends at ``until`` (a window's end) if given."""

    draft: Draft | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: ask again at ``until``, the first instant this guard could allow."""

    until: datetime
    reason: str
    rules: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Not at all. ``reason`` is a code such as "no_consent"; ``note`` says it in words without personal data."""

    reason: str
    rules: tuple[str, ...] = ()
    note: str = ""


Verdict = Allow | Defer | Block
ALLOW = Allow()


class Guard(Protocol):
    """One question asked of every text. Pure: the same draft and facts always give the same verdict."""

    @property
    def name(self) -> str:
        """The guard's name as it stands in decisions and reports."""
        ...

    def check(self, draft: Draft, facts: Facts) -> Verdict:
        """Say whether this text may go to this number at ``facts.now``."""
        ...
