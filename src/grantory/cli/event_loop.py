"""The event loop of commands, which is that of the server."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine to its end on an event loop of the kind that the server uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
