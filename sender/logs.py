"""What the processes say on standard error: a line an event, for people or (TACTFUL_LOG_FORMAT=json) for programs.

Names join the lines of different processes: ``request`` (the X-Request-Id of an answer) and ``message`` (msg_…) in the
web process, ``message`` and the provider's ``sid`` in the worker. Numbers, texts and addresses with tokens are never
logged, nor the variables of a trace's frames; libraries speak from WARNING on, because some of them log the addresses
they ask.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from sender.settings import Settings

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def speak(settings: Settings, process: str) -> None:
    """Begin to log in this process, by structlog and by the standard library alike."""
    as_json = settings.log_format == "json"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json, key="at"),
    ]
    last: list[Processor] = [_for_people()]
    if as_json:
        last = [_named(process), structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        # Asked anew for each line: what stands for standard error may have been closed since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = _Standing()
    unwrap = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[unwrap, *last]))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("tactful").setLevel(settings.log_level)


class _Standing(logging.StreamHandler[Any]):
    """Writes to whatever stands for standard error at that moment."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        self.stream = sys.stderr
        super().emit(record)


def _for_people() -> Processor:
    # The renderer's own traces show the variables of each frame: numbers and texts among them.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, timestamp_key="at", exception_formatter=plain)


def _named(process: str) -> Processor:
    def name(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return name
