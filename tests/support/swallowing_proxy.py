"""A network that fails on demand: a TCP proxy that swallows, cuts or delays what it is given."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from tests.support.ports import HOST, free_port

RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() send a reset
CALL_SECONDS = 30.0
CHUNK = 65_536
KEPT_CHUNKS = 1024

Direction = Literal["to_target", "to_client"]


class SwallowingProxy:
    """Takes connections on a port of its own, and hands them on to a target, in its own thread.

    Each method returns when the change is in force. It begins with ``pass_on``; ``delay`` holds
    besides. Where bytes do not pass, neither do the ends of connections: the target keeps what
    it holds for a client that is gone, as with a broken network.
    """

    def __init__(self, target_port: int, target_host: str = HOST) -> None:
        self.port = free_port()
        self._target = (target_host, target_port)
        self._delays: dict[Direction, float] = {"to_target": 0.0, "to_client": 0.0}
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._silencing = False

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.pass_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._call(self._cut())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CALL_SECONDS)
            self._loop.close()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def url(self, original_url: str) -> str:
        """A URL with this proxy in place of its host and port, or of all its hosts."""
        parts = urlsplit(original_url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}{HOST}:{self.port}"))

    def pass_on(self) -> None:
        """Hand everything on; and first, what was kept."""
        self._call(self._pass_on())

    def swallow(self, *, deliver_later: bool = False) -> None:
        """Let no byte pass either way; connections stay open, and new ones are accepted.

        With ``deliver_later`` nothing is lost: ``pass_on`` goes on where this began. Otherwise
        the connections that are open now, or made meanwhile, stay silent for good.
        """
        self._call(self._swallow(deliver_later))

    def cut(self) -> None:
        """Reset all connections, and refuse new ones."""
        self._call(self._cut())

    def delay(self, *, to_target: float = 0.0, to_client: float = 0.0) -> None:
        """Hold what comes from now on for so many seconds, in order; 0 ends it."""
        self._delays.update({"to_target": to_target, "to_client": to_client})

    async def _pass_on(self) -> None:
        await self._listen()
        self._leave_behind_the_silent()
        self._passing.set()

    async def _swallow(self, deliver_later: bool) -> None:
        await self._listen()
        self._leave_behind_the_silent()
        self._passing.clear()
        self._silencing = not deliver_later

    def _leave_behind_the_silent(self) -> None:
        # They wait for an event that nobody sets any more.
        if self._silencing:
            self._passing = asyncio.Event()
            self._silencing = False

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        links = list(self._links)
        for link in links:
            link.reset()
        await asyncio.gather(*(link.task for link in links), return_exceptions=True)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(reader, writer, self._target, self._passing, self._delays)
        self._links.add(link)
        link.task.add_done_callback(lambda _: self._links.discard(link))
        if self._server is None:  # cut while it was being accepted
            link.reset()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)


class _Link:
    """One connection of a client, and the one to the target that belongs to it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: tuple[str, int],
        passing: asyncio.Event,
        delays: dict[Direction, float],
    ) -> None:
        self._reader = reader
        self._writers = [writer]
        self._target = target
        self._passing = passing
        self._delays = delays
        self.task = asyncio.get_running_loop().create_task(self._run())

    def reset(self) -> None:
        """Close both sides with a reset."""
        for writer in self._writers:
            if not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, RESET
                )
            writer.transport.abort()
        self.task.cancel()

    async def _run(self) -> None:
        client = self._writers[0]
        try:
            await self._passing.wait()
            reader, target = await asyncio.open_connection(*self._target)
            self._writers.append(target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(self._reader, target, "to_target"))
                group.create_task(self._pump(reader, client, "to_client"))
            for writer in self._writers:
                writer.close()
        except* OSError:
            self.reset()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes | OSError]] = asyncio.Queue(KEPT_CHUNKS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read(reader, queue, direction))
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._passing.wait()
                if isinstance(data, OSError):
                    raise data
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

    async def _read(
        self,
        reader: asyncio.StreamReader,
        queue: "asyncio.Queue[tuple[float, bytes | OSError]]",
        direction: Direction,
    ) -> None:
        loop = asyncio.get_running_loop()
        data: bytes | OSError = b"begin"
        while isinstance(data, bytes) and data:
            try:
                data = await reader.read(CHUNK)
            except OSError as error:
                data = error
            await queue.put((loop.time() + self._delays[direction], data))
