"""Ctrl-C at just the moment at which a server has been asked for something."""

import io
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.cloud import Asked, Cloud

SECONDS: Final = 30.0
_NO_CALLS: Final = frozenset({"running", "202", "98"})
"""What a thread is in that works, or waits for its turn to (futex)."""
FINISHING: Final = "finishing what was begun"


def press(cloud: Cloud, wanted: Callable[[Asked], bool], times: int = 1) -> None:
    """Interrupts this process while a request of a command in it is not answered yet.

    Args:
        cloud: what the command asks.
        wanted: tells whether this is the request, of which the first one counts.
        times: how often; before the second time the command has said that it heard the first.
    """
    left = [times]

    def before_answer(asked: Asked) -> None:
        if not (left[0] and wanted(asked)):
            return
        count, left[0] = left[0], 0
        for _ in range(count):
            interrupt()

    cloud.before_answer = before_answer


def said() -> str:
    """What the command of this process has written to standard error by now."""
    return sys.stderr.getvalue() if isinstance(sys.stderr, io.StringIO) else ""


@contextmanager
def interruptible() -> Iterator[None]:
    """Lets Ctrl-C reach a process that runs in the background, where it is ignored."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)


def interrupt() -> None:
    """Presses Ctrl-C, and waits until the command has heard it.

    The signal goes to that thread which waits for an answer: others would hear it, and the wait
    would go on.
    """
    main = threading.main_thread()
    assert main.ident is not None
    end = time.monotonic() + SECONDS
    _wait_until_it_waits(Path(f"/proc/self/task/{main.native_id}/syscall"), end)
    signal.pthread_kill(main.ident, signal.SIGINT)
    while time.monotonic() < end:
        if FINISHING in said() or "interrupted" in said():
            return
        time.sleep(0.001)
    raise AssertionError("the command did not hear it")


def _wait_until_it_waits(call: Path, end: float) -> None:
    """A signal just before the call that reads the answer is heard only after that call: nobody is
    that quick, but a test is.
    """
    seen = ""
    while time.monotonic() < end:
        last, seen = seen, call.read_text("ascii")
        if seen == last and seen.split()[0] not in _NO_CALLS:
            return
        time.sleep(0.001)
    raise AssertionError("the command does not come to rest")
