"""What is different where calls block; the one file here that is not derived from ``_async``."""

import random as randomness
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

import httpx2

T = TypeVar("T")
Lock = threading.Lock
HttpClient = httpx2.Client
Transport = httpx2.BaseTransport
DirectTransport = httpx2.HTTPTransport
"""Asks no proxy."""


@dataclass(frozen=True)
class Runtime:
    """Time and chance, for tests that have them in hand.

    Attributes:
        clock: seconds since 1970 (UTC).
        sleep: waits for some seconds.
        random: a number from 0 up to 1.
    """

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = randomness.random


def apart(work: Callable[[], T], give_up: Callable[[], object]) -> T:
    """Does what waits for people.

    Args:
        work: what to do.
        give_up: ends it, when the wait is interrupted.
    """
    try:
        return work()
    except KeyboardInterrupt:
        give_up()
        raise


def to_the_end(work: Callable[[], T], keep: Callable[[T], None]) -> None:
    """Does what must not be left half done: whoever presses Ctrl-C meanwhile ends after it, or at
    the second Ctrl-C.

    Args:
        work: what to do.
        keep: is given what comes of it, on this thread.
    """
    if threading.current_thread() is not threading.main_thread():
        keep(work())  # only the main thread is ever interrupted
        return
    done: Future[T] = Future()
    thread = threading.Thread(target=_settle, args=(done, work), daemon=True)
    try:
        thread.start()
        made = done.result()
    except KeyboardInterrupt:
        if thread.ident is not None:
            wait([done])
            if done.exception() is None:
                keep(done.result())
        raise
    keep(made)


def _settle(done: "Future[T]", work: Callable[[], T]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)
