"""Imported once by the server that children are forked from: everything that is slow to load."""

import tests.chaos.house
from sender.audience.importer import import_file
from sender.audience.intent import read
from sender.scheduler import Scheduler

__all__ = ["Scheduler", "import_file", "tests"]

# The first reading loads the phrases (0.3 s).
read("")
