"""Changes of every kind from several threads, on a server that fails and comes back."""

import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.crashes.drawing import Drawing
from tests.crashes.families import make_app
from tests.crashes.ledger import Ledger
from tests.crashes.request import ROLES
from tests.crashes.writer import PATIENCE, Writer
from tests.support.server import RunningServer
from tests.support.soak import rounds_until


class Load:
    """Writers that go on through whatever happens to the server; their ledgers outlive them.

    Args:
        server: that the store was set up by.
        writers: how many there are.
        others: further nodes; the writers are dealt out to all of them in turn.
    """

    def __init__(
        self, server: RunningServer, writers: int = 4, others: Sequence[RunningServer] = ()
    ) -> None:
        role = {"name": "base role", "permissions": ["oauth:client:view"]}
        self.base_role: str = server.call("POST", ROLES, role).json()["id"]
        self._ports = [node.port for node in (server, *others)]
        self.admin = server.token()
        self.app = make_app(server)
        self.ledgers = [Ledger(self.base_role) for _ in range(writers)]
        self._drawings = [Drawing(each, f"writer {n}") for n, each in enumerate(self.ledgers)]
        self.acknowledged = threading.Semaphore(0)
        self.stopping = threading.Event()
        self._writers: list[Writer] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Writers write while the context lasts; when it ends, every request has its outcome."""
        self.stopping.clear()
        ports = itertools.cycle(self._ports)
        self._writers = [
            Writer(self, ledger, drawing, port)
            for ledger, drawing, port in zip(self.ledgers, self._drawings, ports, strict=False)
        ]
        for writer in self._writers:
            writer.start()
        try:
            yield
        finally:
            self.stopping.set()
            for writer in self._writers:
                writer.join(2 * PATIENCE)
        self._look_for_failures()
        assert not any(writer.is_alive() for writer in self._writers)

    def wait_for(self, count: int) -> None:
        """Wait until so many more changes have been acknowledged."""
        while self.acknowledged.acquire(blocking=False):
            pass
        deadline = time.monotonic() + PATIENCE
        while count:
            self._look_for_failures()
            assert time.monotonic() < deadline, f"no more is acknowledged: {self.counted()}"
            count -= self.acknowledged.acquire(timeout=0.5)

    def _look_for_failures(self) -> None:
        for writer in self._writers:
            if writer.failure is not None:
                raise writer.failure

    def counted(self) -> Counter[tuple[str, str]]:
        """How often each kind of change had each outcome."""
        total: Counter[tuple[str, str]] = Counter()
        for ledger in self.ledgers:
            total.update(ledger.counted)
        return total

    def rounds(self, short: int, long: int) -> Iterator[int]:
        """Numbers rounds; some more than asked for while, by chance, none has cut anything off."""
        return rounds_until(short, long, self.left_open)

    def left_open(self) -> int:
        """How many changes had an unknown outcome."""
        return sum(n for (_, outcome), n in self.counted().items() if outcome == "open")

    def first(self, what: str, after: float) -> float:
        """When the first change (or token) that was asked for after a moment was answered."""
        nodes = range(len(self._ports))
        return min(min(self._answered(what, after, node), default=math.inf) for node in nodes)

    def every_node_goes_on(self, after: float) -> bool:
        """Whether each has made a change and given a token that were asked for after a moment."""
        return all(
            self._answered(what, after, node)
            for what in ("change", "token")
            for node in range(len(self._ports))
        )

    def _answered(self, what: str, after: float, node: int) -> list[float]:
        return [
            answered
            for ledger in self.ledgers[node :: len(self._ports)]
            for kind, sent, answered in list(ledger.times)
            if sent > after and (kind == "token") == (what == "token")
        ]
