"""How a server is while it is asked for too much, and how soon it is itself again."""

import http.client
import threading
import time
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.overload_scene import OverloadedSite
from benchmarks.servers import HOST, Server
from benchmarks.wrk import Target

LOOK_EVERY = 0.25
PATIENCE = 10.0
ENDLESS = float("inf")


class Recovery(msgspec.Struct, frozen=True):
    """Milliseconds after the end of a flood; endless where it did not come to that."""

    token: float
    create: float
    later: float
    """The slowest of some requests that began a second later."""

    @property
    def slowest(self) -> float:
        """All must be below a bound."""
        return max(self.token, self.create, self.later)


class Watch:
    """Looks at a server's memory and health, each time on a new connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0.0
        self.slowest_health = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        target = Target(url=f"{self._server.url}/health/live")
        while not self._ended.wait(LOOK_EVERY):
            self.peak = max(self.peak, self._server.memory())
            self.slowest_health = max(self.slowest_health, ask(self._server.port, target))


def recovery(place: OverloadedSite) -> Recovery:
    """Asks again and again until the server is itself again."""
    ended = time.monotonic()
    first = {}
    for name, target in place.targets.items():
        first[name] = ENDLESS
        while time.monotonic() < ended + PATIENCE:
            if ask(place.server.port, target) < ENDLESS:
                first[name] = (time.monotonic() - ended) * 1000
                break
            time.sleep(0.01)
    time.sleep(max(0.0, ended + 1 - time.monotonic()))
    later = [ask(place.server.port, target) for target in place.targets.values() for _ in range(20)]
    return Recovery(first["token"], first["create"], max(later))


def ask(port: int, target: Target) -> float:
    """One request on a new connection; the milliseconds until it was answered with 200."""
    started = time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    headers = {"Authorization": target.authorization} if target.authorization else {}
    if target.content_type:
        headers["Content-Type"] = target.content_type
    try:
        path = "/" + target.url.split("/", 3)[3]
        connection.request(target.method, path, target.body or None, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return ENDLESS
    finally:
        connection.close()
    return (time.monotonic() - started) * 1000 if answer.status == 200 else ENDLESS
