"""Every setting of an installation, typed once, checked at start, with the sentence that says how to mend it."""

import ipaddress
import json
import os
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SAMPLE_SECRETS = frozenset(
    {"changeme", "change-me", "your_auth_token", "your_api_secret", "xxxxxxxx", "secret", "password"}
)
ADDRESSES = ("smtp://", "smtps://", "http://", "https://")
DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
LONGEST_SECRET = 65_536


class SecretFiles(PydanticBaseSettingsSource):
    """Settings whose value lies in a file, as containers hand secrets in: ``TACTFUL_<NAME>_FILE`` names it."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """What lies in the file of this setting, without the blanks around it."""
        path = os.environ.get(f"TACTFUL_{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            value = Path(path).read_text(encoding="utf-8")[:LONGEST_SECRET].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsFileError(f"TACTFUL_{field_name.upper()}_FILE: {path} cannot be read.") from error
        return value, field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        """Every setting that a file holds."""
        found = {name: self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items()}
        return {
            name: _list_in(name, value) if is_json else value
            for name, (value, _, is_json) in found.items()
            if value is not None
        }


def _list_in(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsFileError(no_list(name)) from error


def no_list(name: str) -> str:
    """The sentence for a setting that should be a list and cannot be read as one."""
    return f'TACTFUL_{name.upper()}: this is no list; write it in brackets, each word in quotes: ["one", "two"].'


class SettingsFileError(ValueError):
    """A file that should hold a secret cannot be read; the sentence names it."""


class Settings(BaseSettings):
    """Read from the environment (``TACTFUL_…``) and from ``.env``; nothing is read when a module is imported."""

    model_config = SettingsConfigDict(env_prefix="TACTFUL_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default=Path.home() / ".tactful", description="Folder of keys, embedded database and sockets.")
    database_url: str | None = Field(default=None, description="SQLAlchemy address; none: SQLite in the home folder.")
    redis_url: str | None = Field(default=None, description="Redis or Valkey address; none: the embedded Valkey.")
    host: str = Field(default="127.0.0.1", description="Address the web process listens on.")
    port: int = Field(default=8025, ge=1, le=65535, description="Port the web process listens on.")
    hooks_port: int = Field(
        default=8026, ge=1, le=65535, description="Port of the process that takes Twilio's requests."
    )
    hooks_url: str | None = Field(default=None, description="Address of /hooks/ where it is not the public one.")
    public_url: str | None = Field(default=None, description="Address Twilio and people reach the web process at.")
    twilio_account_sid: str | None = Field(default=None, description="AC… of the account.")
    twilio_auth_token: SecretStr | None = Field(default=None, description="Primary auth token; also signs webhooks.")
    twilio_old_auth_token: SecretStr | None = Field(default=None, description="Accepted for webhooks while rotating.")
    twilio_api_key: str | None = Field(default=None, description="SK… used for REST calls instead of the token.")
    twilio_api_secret: SecretStr | None = Field(default=None, description="Secret of the API key.")
    twilio_base_url: str | None = Field(default=None, description="Another server in Twilio's place: the simulator.")
    clock_real: float | None = Field(default=None, description="Epoch second at which the shifted clock was set.")
    clock_virtual: datetime | None = Field(default=None, description="What the shifted clock showed at that second.")
    clock_speed: float = Field(default=1.0, gt=0, le=3600, description="Seconds of `now` per real second.")
    workers: int = Field(default=2, ge=1, le=64, description="Worker processes of `tactful up`.")
    worker_threads: int = Field(default=2, ge=1, le=32, description="Batches one worker process delivers at once.")
    connections: int = Field(
        default=640, ge=1, le=4000, description="Requests on the wire at once, shared by all worker processes."
    )
    urgent_connections: int = Field(
        default=16, ge=1, le=200, description="More of them per worker process, kept for codes, answers and the like."
    )
    read_seconds: float = Field(default=30, ge=1, le=60, description="How long an answer of Twilio is waited for.")
    sweep_seconds: float = Field(
        default=95, ge=5, le=600, description="Age at which a text without answer is unconfirmed."
    )
    api_rate: int = Field(
        default=1200, ge=1, le=1_000_000, description="Requests a minute of one API key, per web process."
    )
    webhook_networks: list[str] = Field(
        default=[], description='Networks of ours that webhooks may reach, as JSON: ["10.1.0.0/16"].'
    )
    second_person_above: int = Field(
        default=1000, ge=0, description="Recipients above which a campaign needs the approval of a second person."
    )
    daily_budget: float | None = Field(
        default=None, gt=0, description="What the installation may spend in a day (UTC), in the price table's currency."
    )
    brake_sample: int = Field(
        default=200, ge=1, description="Texts a campaign must have sent before a share pauses it."
    )
    brake_failed: float = Field(default=0.25, gt=0, le=1, description="Share of undelivered texts that pauses.")
    brake_filtered: float = Field(default=0.05, gt=0, le=1, description="Share of filtered texts that pauses.")
    brake_opt_outs: float = Field(default=0.05, gt=0, le=1, description="Share of opt-outs by reply that pauses.")
    brake_unknown_run: int = Field(
        default=25, ge=2, description="Answers lost one after the other that pause a campaign."
    )
    smtp_url: SecretStr | None = Field(default=None, description="smtp://user:password@host:587, to mail notices by.")
    mail_from: str = Field(default="", description="Sender of mailed notices; tactful@ the mail server when empty.")
    mail_to: list[str] = Field(default=[], description='Who gets notices by mail, as JSON: ["ops@example.org"].')
    notify_url: SecretStr | None = Field(default=None, description="Address that notices are posted to as JSON.")
    reckoners: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="Processes that reckon large plans and rehearsals; empty: one a core, at most 4.",
    )
    valkey_mb: int = Field(default=256, ge=16, le=65536, description="Memory limit of the embedded Valkey, in MiB.")
    proxies: list[str] = Field(
        default=["127.0.0.0/8", "::1/128"],
        description='Networks of proxies whose X-Forwarded-For is believed, as JSON: ["10.0.0.0/8"].',
    )
    two_factors: bool = Field(
        default=False, description="Whether everybody needs a second factor or a passkey before they see anything."
    )
    hsts_subdomains: bool = Field(
        default=False, description="Whether browsers shall reach every subdomain of the public address by https, too."
    )
    lookups_daily: int = Field(
        default=0, ge=0, le=1_000_000, description="Numbers a day (UTC) whose line type is asked of Twilio; 0: none."
    )
    deactivations: bool = Field(
        default=False, description="Whether Twilio's lists of numbers that were given up are taken in every day."
    )
    canary_minutes: int = Field(default=60, ge=0, le=1440, description="Minutes between two test STOPs; 0: none.")
    canary_number: str = Field(default="+12025550199", description="A fictional number that says the test STOPs.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR; DEBUG has a line for each text."
    )
    log_format: Literal["lines", "json"] = Field(default="lines", description="lines for people, json for programs.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Before the environment comes what lies in a file that it names: TACTFUL_TWILIO_AUTH_TOKEN_FILE."""
        return init_settings, SecretFiles(settings_cls), env_settings, dotenv_settings

    @field_validator("*", mode="before")
    @classmethod
    def read_empty_as_unset(cls, value: object, info: ValidationInfo) -> object:
        """An empty value unsets what may be unset: the demo's children shut out a user's own .env like this."""
        optional = cls.model_fields[info.field_name or ""].default is None
        return None if value == "" and optional else value

    @field_validator("proxies")
    @classmethod
    def refuse_strange_networks(cls, value: list[str]) -> list[str]:
        """Refuse what is no network; a typing error must not make nobody, or everybody, a proxy."""
        for one in value:
            ipaddress.ip_network(one, strict=False)
        return value

    @field_validator("database_url")
    @classmethod
    def refuse_other_databases(cls, value: str | None) -> str | None:
        """Refuse what is neither of the two databases; its words are not repeated, a password may be in it."""
        if value is not None and value.partition("://")[0] not in DATABASES:
            raise ValueError(
                "is no address of ours; write postgresql+psycopg://user:password@host/name, or sqlite:///path"
            )
        return value

    @field_validator("redis_url")
    @classmethod
    def refuse_other_bells(cls, value: str | None) -> str | None:
        """Refuse an address without its kind, which would look like a server that is away."""
        if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("is no address; write redis://host:6379/0, rediss:// for TLS, or unix:///path")
        return value

    @field_validator("public_url", "hooks_url", "twilio_base_url")
    @classmethod
    def refuse_half_addresses(cls, value: str | None) -> str | None:
        """Refuse a name without https:// before it: links and signatures would be made of it."""
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("is no whole address; write https:// before it")
        return value

    @field_validator("notify_url", "smtp_url")
    @classmethod
    def refuse_strange_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse an address that is of another kind; its words are not repeated, a password may be in it."""
        if value is not None and not value.get_secret_value().startswith(ADDRESSES):
            raise ValueError("is no address; write smtp://…, smtps://…, http://… or https://…")
        return value

    @field_validator("twilio_auth_token", "twilio_api_secret")
    @classmethod
    def refuse_samples(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse a secret that was left at a sample's value."""
        if value is not None and value.get_secret_value().lower() in SAMPLE_SECRETS:
            raise ValueError("is still the sample's value; put the real one from the Twilio console there")
        return value

    @model_validator(mode="after")
    def refuse_shifted_clock_on_twilio(self) -> Self:
        """A shifted or speeded clock is for the simulator: with real credentials it would send at unlawful hours."""
        shifted = self.clock_virtual is not None or self.clock_speed != 1.0
        if shifted and self.twilio_base_url is None and self.twilio_account_sid is not None:
            raise ValueError("TACTFUL_CLOCK_… is set together with real Twilio credentials; remove one of them")
        if shifted and self.clock_real is None:
            raise ValueError("TACTFUL_CLOCK_REAL is missing; it says when the shifted clock was set")
        return self

    @property
    def address(self) -> str:
        """The public address without a trailing slash; callbacks are signed for exactly this."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def hooks_address(self) -> str:
        """Where Twilio reaches /hooks/: its own address, else the public one, else the hooks' port of this machine."""
        return (self.hooks_url or self.public_url or f"http://{self.host}:{self.hooks_port}").rstrip("/")

    @property
    def database(self) -> str:
        """The database in force, as an SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / 'tactful.db'}"

    @property
    def places(self) -> int:
        """Requests that one worker process may have on the wire: its share of the account's."""
        return max(1, self.connections // self.workers)

    @property
    def simulated(self) -> bool:
        """Whether texts go to the simulator instead of Twilio."""
        return self.twilio_base_url is not None

    @property
    def reaches_nobody(self) -> bool:
        """Whether texts stay on this machine for certain: another server in Twilio's place may be Twilio elsewhere."""
        return is_here(urlsplit(self.twilio_base_url or "").hostname or "")


def is_here(host: str) -> bool:
    """Whether a host's name or address is this machine's own, where nobody stands in between."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
