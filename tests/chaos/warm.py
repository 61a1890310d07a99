"""Imported once by the server that children are forked from: everything that is slow to load."""

import logging

import structlog

import tests.chaos.house
from sender.audience.importer import import_file
from sender.audience.intent import load
from sender.processes.scheduler import Scheduler

__all__ = ["Scheduler", "import_file", "tests"]

# A line for each text, from a dozen processes at once, costs more than the text.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

load()
