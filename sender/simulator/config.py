"""The shape of the simulator's JSON configuration, and its one reader."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], Field()]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(StrEnum):
    """What a sender is; it decides pace, replies and who keeps its opt-outs."""

    LONG_CODE = "long_code"
    TOLL_FREE = "toll_free"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"


# Segments per second where the configuration names none (Twilio: rate limits and message queues).
RATES = {Kind.LONG_CODE: 10.0, Kind.TOLL_FREE: 3.0, Kind.SHORT_CODE: 100.0, Kind.ALPHANUMERIC: 10.0}


class Number(_Part):
    """One sender of the account."""

    number: str
    kind: Kind = Kind.LONG_CODE
    rate: Annotated[float, Field(gt=0)] | None = None
    inbound_url: str | None = None

    @property
    def pace(self) -> float:
        """Segments per second."""
        return self.rate or RATES[self.kind]


class Service(_Part):
    """A messaging service; its ``rate``, if any, is shared by all its senders (as a 10DLC campaign's is)."""

    sid: Annotated[str, Field(pattern=r"^MG[0-9a-f]{32}$")]
    name: str = "Messaging service"
    senders: tuple[str, ...] = ()
    rate: Annotated[float, Field(gt=0)] | None = None
    inbound_url: str | None = None
    use_inbound_webhook_on_number: bool = False
    us_registered: bool = True
    status_callback: str | None = None
    validity_period: Annotated[int, Field(ge=1, le=36000)] = 36000
    advanced_opt_out: dict[str, tuple[str, ...]] | None = None


class Latency(_Part):
    """How long an API answer takes: uniformly mean ± spread, in seconds."""

    mean: Annotated[float, Field(ge=0)] = 0.0
    spread: Annotated[float, Field(ge=0)] = 0.0


class Outcome(StrEnum):
    """What becomes of a message to a phone."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    REFUSED = "refused"
    LANDLINE = "landline"
    SENT = "sent"


class Phone(_Part):
    """One phone's behaviour; ``error_code`` belongs to undelivered, failed and refused."""

    outcome: Outcome = Outcome.DELIVERED
    error_code: int | None = None
    reply: str | None = None
    then: str | None = None
    reply_delay: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _code_where_needed(self) -> "Phone":
        needs = self.outcome in (Outcome.UNDELIVERED, Outcome.FAILED, Outcome.REFUSED)
        if needs and self.error_code is None:
            raise ValueError(f"a phone whose outcome is {self.outcome} needs an error_code")
        return self


STOP_TEXTS = ("STOP", "stop", "Stop please", "Unsubscribe", "ARRET", "please stop texting me", "BAJA", "remove me",
              "STOPP", "no more texts", "QUIT")  # fmt: skip


class Phones(_Part):
    """How the phones of the world behave: shares of all numbers, delays in real seconds as (least, most)."""

    stop_share: Share = 0.0
    start_share: Share = 0.0
    help_share: Share = 0.0
    undelivered_share: Share = 0.0
    landline_share: Share = 0.0
    undelivered_codes: tuple[int, ...] = (30003, 30005, 30006)
    landline_code: int | None = None
    stop_texts: tuple[str, ...] = STOP_TEXTS
    start_texts: tuple[str, ...] = ("START", "UNSTOP")
    help_texts: tuple[str, ...] = ("HELP", "INFO", "who is this?")
    choosing_delay: Spread = (0.01, 0.05)
    sent_delay: Spread = (0.05, 0.3)
    delivery_delay: Spread = (0.2, 1.5)
    reply_delay: Spread = (0.5, 3.0)
    known: dict[str, Phone] = Field(default_factory=dict)


class Callbacks(_Part):
    """Status callbacks and what may go wrong with them; shares of messages, lost and duplicated of single callbacks."""

    enabled: bool = True
    duplicated: Share = 0.0
    lost: Share = 0.0
    reversed: Share = 0.0
    early: Share = 0.0
    forever_sent: Share = 0.0
    unsigned: Share = 0.0
    forged: Share = 0.0
    concurrency: Annotated[int, Field(ge=1)] = 50

    @model_validator(mode="after")
    def _one_mode_a_message(self) -> "Callbacks":
        if self.reversed + self.early + self.forever_sent > 1:
            raise ValueError("reversed, early and forever_sent are exclusive and may not add up to more than 1")
        return self


class Fault(StrEnum):
    """One way a create goes wrong; the comment in faults.py says which of them accept the message."""

    TOO_MANY = "429_20429"
    QUEUE_FULL = "429_21611"
    DAILY_CAP = "429_63038"
    ERROR_BEFORE = "500_before"
    ERROR_AFTER = "500_after"
    UNAVAILABLE = "503"
    HTML = "502_html"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HANG = "hang"
    EMPTY = "201_empty"
    BROKEN = "201_broken"
    HALF = "half_reply"


class Faults(_Part):
    """Share of creates that meet each fault, and how long a hanging one takes (real seconds)."""

    shares: dict[Fault, Share] = Field(default_factory=dict)
    hang_seconds: Annotated[float, Field(ge=0)] = 35.0

    @model_validator(mode="after")
    def _at_most_all(self) -> "Faults":
        if sum(self.shares.values()) > 1:
            raise ValueError("the shares of all faults may not add up to more than 1")
        return self


class SimulatorConfig(_Part):
    """The whole configuration; times are real seconds unless they say otherwise.

    ``price_list`` is what the Pricing API tells: country → number type (local, mobile, toll free, shortcode) → price.
    ``line_types`` is what Lookup says of numbers (mobile where it is not there), ``deactivations`` the lists by day.
    """

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]
    auth_token: Annotated[str, Field(min_length=1)]
    api_keys: dict[str, str] = Field(default_factory=dict)
    account_name: str = "Simulated account"
    balance: str = "100.00"
    currency: str = "USD"
    price: str = "0.0079"
    price_list: dict[str, dict[str, str]] = Field(default_factory=dict)
    line_types: dict[str, str | None] = Field(default_factory=dict)
    deactivations: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    seed: int = 1
    numbers: tuple[Number, ...] = ()
    services: tuple[Service, ...] = ()
    queue_seconds: Annotated[float, Field(gt=0)] = 36000.0
    concurrency_limit: Annotated[int, Field(ge=1)] | None = None
    latency: Latency = Latency()
    phones: Phones = Phones()
    callbacks: Callbacks = Callbacks()
    faults: Faults = Faults()

    @model_validator(mode="after")
    def _senders_belong_once(self) -> "SimulatorConfig":
        names = [number.number for number in self.numbers]
        pooled = [sender for service in self.services for sender in service.senders]
        if len(set(names)) != len(names):
            raise ValueError("a number is listed twice")
        if len(set(pooled)) != len(pooled):
            raise ValueError("a number belongs to more than one service")
        if missing := sorted(set(pooled) - set(names)):
            raise ValueError(f"a service names {missing[0]}, which is not among the numbers")
        return self


class ConfigError(ValueError):
    """The configuration cannot be used; the message is one sentence that says where and why."""


def load_config(path: Path) -> SimulatorConfig:
    """Read a configuration file; raises ConfigError."""
    try:
        return SimulatorConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}") from error


def first_fault(error: ValidationError) -> str:
    """The first of pydantic's findings as one sentence."""
    finding = error.errors()[0]
    place = ".".join(str(step) for step in finding["loc"])
    return f"{place or 'as a whole'}: {finding['msg']}."
