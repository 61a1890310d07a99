"""What one process works with, built once and handed down; there are no globals."""

from dataclasses import dataclass, field

from guards.base import Guard
from sender.clock import Clock
from sender.crypto import Keyring
from sender.db import Database
from sender.processes.drift import Watch
from sender.providers.base import Provider
from sender.reckoners import Reckoners
from sender.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """Settings, database, keys, clock, the guard chain in its order, the provider, and what it says of the clock.

    ``reckoners`` reckon for it where very many people are asked about.
    """

    settings: Settings
    db: Database
    keys: Keyring
    clock: Clock
    chain: tuple[Guard, ...]
    provider: Provider
    watch: Watch = field(default_factory=Watch)
    reckoners: Reckoners = field(default_factory=Reckoners)
