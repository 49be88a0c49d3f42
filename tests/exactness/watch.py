"""Trying the same things on several processes, again and again, while something happens."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.support.processes import Line, Question, Site, Worker, wait_until

PAUSE = 0.01
WATCHES_AT_FULL_PACE = 16
"""More of them pause longer each, so that the servers are not merely worn out."""
HALF_AS_MANY = WATCHES_AT_FULL_PACE // 2
"""Where all kinds of changes are watched at once, each is tried ten times a second."""


class Try(NamedTuple):
    """One attempt; times are of the monotonic clock."""

    sent: float
    answered: float
    status: int

    @property
    def accepted(self) -> bool:
        return self.status < 300


class Watch(threading.Thread):
    """Asks one worker one question until it is stopped."""

    def __init__(
        self, worker: Worker, line: Line, question: Question, pause: float = PAUSE
    ) -> None:
        super().__init__(daemon=True)
        self.worker = worker
        self.question = question
        self.tries: list[Try] = []
        self._line = line
        self._pause = pause
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                sent = time.monotonic()
                status = self._line.ask(self.question).status
                self.tries.append(Try(sent, time.monotonic(), status))
                self._stopping.wait(self._pause)
        except BaseException as error:
            self._failure = error

    def stop(self) -> None:
        """No further tries: what was tried is there to be looked at."""
        self._stopping.set()

    def end(self) -> None:
        """Wait for the last answer."""
        self.join()
        if self._failure is not None:
            raise self._failure

    def accepted_since(self, moment: float) -> list[Try]:
        """What was sent after a moment, and accepted."""
        return [one for one in self.tries if one.sent > moment and one.accepted]

    def wait_until_accepted(
        self, seconds: float, *, times: int = 1, since: float | None = None
    ) -> None:
        """Wait until what is sent since a moment, by default from now on, is accepted."""
        moment = time.monotonic() if since is None else since
        what = f"{self.worker} to accept {self.question.path}: {self.tries[-3:]}"
        wait_until(
            lambda: len(self.accepted_since(moment)) >= times or self._failure is not None,
            what,
            seconds,
        )

    def worst_lag(self, answered: float) -> float:
        """Seconds from the answer to a change to the last request that was accepted."""
        return max((one.sent - answered for one in self.accepted_since(answered)), default=0.0)


@contextmanager
def watching(
    site: Site, asked: Iterable[tuple[Worker, Question]], at_full_pace: int = WATCHES_AT_FULL_PACE
) -> Iterator[list[Watch]]:
    """Watches that run, each on a connection of its own; every question was accepted twice.

    The second time the worker had what it needed in memory.
    """
    pairs = list(asked)
    pause = PAUSE * max(1.0, len(pairs) / at_full_pace)
    with site.lines(worker for worker, _ in pairs) as lines:
        watches = [
            Watch(worker, line, question, pause)
            for (worker, question), line in zip(pairs, lines, strict=True)
        ]
        began = time.monotonic()
        for watch in watches:
            watch.start()
        try:
            for watch in watches:
                watch.wait_until_accepted(10, times=2, since=began)
            yield watches
        finally:
            for watch in watches:
                watch.stop()
            for watch in watches:
                watch.join()
        for watch in watches:
            watch.end()
