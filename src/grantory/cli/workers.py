"""Several server processes on one listening socket, and a parent that keeps them alive.

All workers accept from the one socket that the parent opened before it forked: what waits in
its queue is taken by whoever is alive. With a socket each (SO_REUSEPORT) the queue of a worker
that dies or is stopped would be lost (docs/adr/0007).
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from grantory.cli.event_loop import run
from grantory.http.server import END_SECONDS
from grantory.observability.events import log

KILL_AFTER: Final = END_SECONDS + 5
SHORT_LIFE: Final = 2.0
LONGEST_PAUSE: Final = 5.0
_LOOK_EVERY: Final = 0.5
_TIME_IS_UP: Final = signal.SIGALRM
_HEARD: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, _TIME_IS_UP)
_END: Final = (signal.SIGTERM, signal.SIGINT)

Work = Callable[[int, int], Coroutine[Any, Any, None]]
"""What a worker does. It takes a file descriptor that ends when the parent has died, and its place
among the workers, which is that of the one that died where it stands in for one."""


def _heard_within(seconds: float) -> int:
    """Waits for a signal and tells its number, which is that of the alarm when none came.

    Not with sigtimedwait: a process that is stopped in it until its time is up, and then goes
    on, is told of a signal that nobody sent (CPython leaves the number unset).
    """
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))  # 0 would be never
    caught = signal.sigwaitinfo(_HEARD)
    signal.setitimer(signal.ITIMER_REAL, 0)
    return caught.si_signo


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, full or gone
            stream.flush()


class _Due(NamedTuple):
    """When a place is to be filled, on the monotonic clock."""

    at: float
    place: int


class _Started(NamedTuple):
    """When the worker of a place was started, on the monotonic clock."""

    at: float
    place: int


class Workers:
    """Starts workers, starts another where one died, and ends them all.

    Args:
        count: how many.
        work: what each does.
        listener: what they accept from; is closed here when they are to end.
        buried: is told the place of each that has died.
    """

    def __init__(
        self,
        count: int,
        work: Work,
        listener: socket.socket,
        buried: Callable[[int], None] = lambda _place: None,
    ) -> None:
        self._work = work
        self._listener = listener
        self._buried = buried
        self._started: dict[int, _Started] = {}
        self._due = [_Due(0.0, place) for place in range(count)]
        self._pause = 0.0
        self._lifeline, self._life = os.pipe()

    def run(self) -> None:
        """Returns when SIGTERM or SIGINT came and every worker has ended."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # it may have been inherited as ignored
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        ending = False
        while not ending:
            self._start_those_due()
            ending = _heard_within(self._patience()) in _END
            self._bury()
        self._end()

    def _patience(self) -> float:
        now = time.monotonic()
        return min([_LOOK_EVERY, *(max(0.0, due.at - now) for due in self._due)])

    def _start_those_due(self) -> None:
        now = time.monotonic()
        for due in [due for due in self._due if due.at <= now]:
            self._due.remove(due)
            try:
                self._started[self._fork(due.place)] = _Started(now, due.place)
            except OSError as error:  # no process or no memory is to be had; the others go on
                self._put_off(due.place)
                log().error("worker could not be started; will try again", reason=error.strerror)

    def _put_off(self, place: int) -> None:
        self._pause = min(self._pause * 2 + 0.1, LONGEST_PAUSE)
        self._due.append(_Due(time.monotonic() + self._pause, place))

    def _fork(self, place: int) -> int:
        _flush()
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            os.close(self._life)
            # Unheard until the worker listens for them itself: they wait and are not lost.
            signal.set_wakeup_fd(-1)
            run(self._worker(place))
            status = 0
        except KeyboardInterrupt:
            status = 0
        except BaseException as error:
            log().error("worker failed", kind=type(error).__name__, exc_info=error)
        finally:
            _flush()
            os._exit(status)

    async def _worker(self, place: int) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        await self._work(self._lifeline, place)

    def _bury(self) -> None:
        while self._started:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            started = self._started.pop(child, None)
            if started is None:  # an orphan of somebody else's, which process 1 inherits
                continue
            self._buried(started.place)
            if time.monotonic() - started.at > SHORT_LIFE:
                self._pause = 0.0
                self._due.append(_Due(0.0, started.place))
            else:
                self._put_off(started.place)
            log().error(
                "worker died; another is started",
                process=child,
                status=os.waitstatus_to_exitcode(status),
            )

    def _end(self) -> None:
        # Else it would go on taking connections, for nobody, until the last worker has ended.
        self._listener.close()
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + KILL_AFTER
        while self._started:
            child, _ = os.waitpid(-1, os.WNOHANG)
            if child:
                self._started.pop(child, None)
                continue
            if time.monotonic() > deadline:
                self._tell(signal.SIGKILL)
                deadline = float("inf")
            _heard_within(_LOOK_EVERY)

    def _tell(self, number: signal.Signals) -> None:
        for child in self._started:
            os.kill(child, number)  # not yet waited for, so the number is still its own
            os.kill(child, signal.SIGCONT)
