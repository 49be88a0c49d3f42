"""Changes that Ctrl-C does not stop half-way."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Lets what is inside come to its end, and only then ends the program.

    A server that has made a new secret has no other copy of it: it must get where it is to go.
    Whoever asks a second time ends at once.

    Raises:
        KeyboardInterrupt: at the end, if somebody asked for it meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is ever interrupted
        return
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        sys.stderr.write("\ngrantory: finishing what was begun; once more ends at once\n")

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    kept = {number: signal.getsignal(number) for number in numbers}
    watched = [number for number in numbers if kept[number] not in (signal.SIG_IGN, None)]
    try:
        for number in watched:
            signal.signal(number, note)
        yield
    finally:
        for number in watched:
            signal.signal(number, kept[number])
    if asked:
        raise KeyboardInterrupt
