"""A server's inside that can be taken down and put up again while the server listens."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from grantory.app import build_watched
from grantory.background import kept_small
from grantory.errors import GrantoryError
from grantory.http.cors import Cors
from grantory.http.exchange import Application
from grantory.http.request import Receive, Scope, Send
from grantory.http.request_limits import SharedCounts
from grantory.http.response import BrokenOff
from grantory.node import Node, first_start, open_node, open_or_create_node
from grantory.observability.log_writer import LogStream
from grantory.registry.organizations import DEFAULT_EMAIL, DEFAULT_NAME, Founder, Founding
from grantory.settings import Settings
from grantory.testing.clock import MovableClock
from grantory.testing.faults import Faults, Opened
from grantory.testing.quick_hasher import QuickHasher
from grantory.watching import Watch


class Stage:
    """The application that is served, which begins anew at each reset.

    Args:
        settings: the effective settings, with an empty data directory.
        lines: where the log goes.
    """

    def __init__(self, settings: Settings, lines: LogStream) -> None:
        self._settings = settings
        self._lines = lines
        self._kept: dict[str, bytes] = {}
        self._running = AsyncExitStack()
        self._open = asyncio.Event()
        self._ended = False
        self._answering: set[asyncio.Task[object]] = set()
        self._node: Node | None = None
        self._opened: Opened | None = None
        self.clock = MovableClock()
        self.faults = Faults(self._standing, settings.http_api_prefix, settings.http_login_prefix)

    def application(self) -> Application:
        """Gives the server's own application, past every fault."""
        return self._standing().application

    def _standing(self) -> Opened:
        if self._opened is None:
            raise GrantoryError("the server is not open")
        return self._opened

    def room(self) -> int:
        """Tells how many more changes the store would make in time."""
        return 0 if self._node is None else self._node.store.room()

    async def found(self) -> tuple[Founding, str]:
        """Sets the store up, and keeps a copy of it to begin from.

        Returns:
            The first credentials, and the id of the first user.
        """
        node = await open_or_create_node(self._settings, self.clock)
        node.founder = Founder(node.store, node.clock, node.random, QuickHasher(), node.keys)
        try:
            founding = await first_start(node, DEFAULT_NAME, DEFAULT_EMAIL)
            if founding is None:
                raise GrantoryError("the store was set up before")
            organization_id, email = founding.organization.id, founding.email
            user = await node.store.read(lambda s: s.users.find_by_email(organization_id, email))
        finally:
            await node.close()
        if user is None:
            raise GrantoryError("the first user is missing")
        folder = self._settings.data_dir
        self._kept = {path.name: path.read_bytes() for path in folder.iterdir()}
        await self._put_up()
        return founding, user.id

    async def reset(self) -> None:
        """Begins anew: the store, the memory, the clock, no faults, no request seen."""
        await self._take_down()
        folder = self._settings.data_dir
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        for name, content in self._kept.items():
            (folder / name).write_bytes(content)
        await self._put_up()

    async def close(self) -> None:
        """Closes the store for good; whoever still asks loses the connection."""
        self._ended = True
        await self._take_down()

    async def _take_down(self) -> None:
        """Cuts off what is being answered, and closes the store; whoever comes now waits."""
        self._open.clear()
        cut_off = set(self._answering)
        for task in cut_off:
            task.cancel()
        if cut_off:
            await asyncio.wait(cut_off)
        await self._running.aclose()

    async def _put_up(self) -> None:
        settings = self._settings
        self.clock.reset()
        self.faults.reset()
        node = await open_node(settings, self.clock)
        self._running.push_async_callback(node.close)
        watched = build_watched(node, settings, self._lines, Watch(), SharedCounts())
        waiting = watched.watching.metrics.lists_waiting
        await self._running.enter_async_context(kept_small(node, settings, waiting))
        await self._running.enter_async_context(watched.watching.running())
        cors = Cors(node.store, settings.http_cors_origins, self.clock)
        self._node, self._opened = node, Opened(watched.application, cors)
        self._open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3), once the server is open."""
        with self._counted():
            if self._ended:
                raise BrokenOff("the server has ended")
            await self._open.wait()
            await self.faults(scope, receive, send)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        if task is None:
            raise GrantoryError("a request is answered in a task of its own")
        self._answering.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self._open.is_set():
                raise
            raise BrokenOff("the server was reset") from None
        finally:
            self._answering.discard(task)
