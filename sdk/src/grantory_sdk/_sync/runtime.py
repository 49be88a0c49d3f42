"""What is different where calls block; the one file here that is not derived from ``_async``."""

import random as randomness
import threading
import time
from collections.abc import Callable
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


def to_the_end(done: T) -> T:
    """What was done is done: nothing cancels a call that blocks."""
    return done
