"""Log lines about the server itself: starts, stops, warnings and failures."""

import logging
import sys
from typing import TextIO

import structlog


def set_up_logging(stream: TextIO | None = None) -> None:
    """Makes structlog write JSON lines, and silences the loggers of libraries below warning.

    Args:
        stream: where lines go; by default standard error.
    """
    target = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    # A malformed request is answered and is no event; whoever sends many must not fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.basicConfig(stream=target, level=logging.WARNING, format="%(name)s: %(message)s")


def log() -> structlog.typing.FilteringBoundLogger:
    """Returns the logger of the server's own events."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
