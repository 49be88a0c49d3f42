"""Changes that Ctrl-C does not stop half-way."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_OF_THE_TERMINAL: Final = ("SIGINT", "SIGHUP")
"""Which it sends to the commands that a program runs, too."""


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


@contextmanager
def deaf_children() -> Iterator[None]:
    """Lets the processes that are started inside go on when the terminal says Ctrl-C.

    They stay in the terminal's foreground: one may ask for a password. What is signalled to this
    program meanwhile is heard at the end.
    """
    of_main = threading.current_thread() is threading.main_thread()
    if not of_main or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = [getattr(signal, name) for name in _OF_THE_TERMINAL]
    # Ignoring alone would lose the signal here; blocking alone ends where a shell unblocks.
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    kept = {n: signal.getsignal(n) for n in numbers}
    heard = {n: handler for n, handler in kept.items() if handler is not None}
    for number in heard:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
