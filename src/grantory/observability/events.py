"""Log lines about the server itself: starts, stops, warnings and failures."""

import logging
from typing import TextIO, cast

import structlog

from grantory.observability.log_writer import LogStream


def set_up_logging(stream: LogStream) -> None:
    """Makes structlog write JSON lines, and silences the loggers of libraries below warning.

    Args:
        stream: where lines go.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, stream)),
        cache_logger_on_first_use=False,
    )
    # A malformed request is answered and is no event; whoever sends many must not fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_no_broken_answer)
    # It writes whole assertions, when it is asked for all that it does.
    logging.getLogger("signxml").setLevel(logging.WARNING)
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(name)s: %(message)s")


def _is_no_broken_answer(record: logging.LogRecord) -> bool:
    """Keeps out the trace of an answer that was broken off: the request's own line says so."""
    return not (record.exc_info and getattr(record.exc_info[0], "__name__", "") == "BrokenOff")


def log() -> structlog.typing.FilteringBoundLogger:
    """Returns the logger of the server's own events."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
