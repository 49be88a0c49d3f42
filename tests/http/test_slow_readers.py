"""Readers that take their answers slowly, and those that take nothing."""

import asyncio
import socket
from typing import Any

import pytest
import uvloop

from grantory.http import response
from grantory.http.pacing import LOOK_SECONDS, UNREAD_SECONDS
from grantory.http.progress import progress
from grantory.http.response import BrokenOff, StreamedResponse
from tests.security.single_connection import WHOLE, Connection

PART = b"a" * 200_000


class Stream:
    """An application that sends parts until it is broken off."""

    def __init__(self) -> None:
        self.sent = 0
        self.error = ""

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": PART, "more_body": True})
                self.sent += 1
        except BrokenOff as error:
            self.error = str(error)
            raise


@pytest.fixture
def stream() -> Stream:
    """The application."""
    return Stream()


@pytest.fixture
async def connection(stream: Stream) -> Connection:
    """A connection whose reader has taken nothing of the first part yet."""
    connection = Connection()
    connection.application = stream
    write = connection.wire.write

    def fill(data: Any) -> None:
        write(data)
        connection.wire.unread += len(data)
        connection.protocol.pause_writing()

    connection.wire.write = fill  # type: ignore[method-assign]
    await connection.send(WHOLE)
    assert stream.sent == 1
    return connection


async def let_pass(connection: Connection, seconds: int) -> None:
    """Let time pass, second by second, as timers of one second see it."""
    for _ in range(seconds):
        connection.loop.advance(1)
        await connection.send(b"")


async def test_a_reader_that_takes_nothing_for_so_long_is_cut(
    connection: Connection, stream: Stream
) -> None:
    await let_pass(connection, UNREAD_SECONDS - 1)
    assert connection.is_open()
    await let_pass(connection, 1)
    assert connection.wire.aborted
    assert (stream.sent, stream.error) == (1, "the reader stalled")


async def test_a_byte_in_time_keeps_a_reader_however_long_a_part_takes(
    connection: Connection, stream: Stream
) -> None:
    for _ in range(20):  # ten minutes
        await let_pass(connection, UNREAD_SECONDS - 1)
        connection.wire.unread -= 1
        await let_pass(connection, 1)
    assert connection.is_open()
    assert (stream.sent, stream.error) == (1, "")
    await let_pass(connection, UNREAD_SECONDS - 1)
    assert connection.is_open()
    await let_pass(connection, 1)
    assert connection.wire.aborted
    assert stream.error == "the reader stalled"


async def test_once_a_part_was_taken_the_time_begins_anew(
    connection: Connection, stream: Stream
) -> None:
    await let_pass(connection, UNREAD_SECONDS - 1)
    connection.wire.unread = 0
    connection.protocol.resume_writing()
    await connection.send(b"")
    await let_pass(connection, UNREAD_SECONDS - 1)
    assert connection.is_open()
    assert stream.sent == 2
    await let_pass(connection, LOOK_SECONDS)
    assert connection.wire.aborted


async def test_a_closed_connection_is_kept_while_its_reader_takes_the_rest(
    connection: Connection,
) -> None:
    connection.protocol.close()
    for _ in range(10):
        await let_pass(connection, UNREAD_SECONDS - 1)
        connection.wire.unread -= 1
        await let_pass(connection, 1)
    assert not connection.wire.aborted
    await let_pass(connection, UNREAD_SECONDS)
    assert connection.wire.aborted


async def test_a_stream_that_takes_too_long_in_all_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response, "STREAM_SECONDS", 0)
    ended: list[str] = []

    async def chunks() -> Any:
        try:
            yield PART
        finally:
            ended.append("chunks")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def gone() -> None:
        await asyncio.Event().wait()

    answer = StreamedResponse(200, chunks=chunks(), gone=gone, done=lambda: ended.append("place"))
    with pytest.raises(BrokenOff, match="the reader took too long"):
        await answer.send(send, head=False)
    await answer.close()
    assert ended == ["place", "chunks"]


def test_a_day_is_long_enough_for_a_slow_reader_of_a_million_clients() -> None:
    assert response.STREAM_SECONDS * 5_000 > 400_000_000


def test_what_a_reader_takes_is_seen_before_the_systems_buffer_has_room() -> None:
    """On a real connection, whose system takes no more for a while, and on the loop that serves."""

    class Sender(asyncio.Protocol):
        transport: asyncio.Transport

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

    async def look() -> None:
        loop, sender = asyncio.get_running_loop(), Sender()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            reader.connect(listener.getsockname())
            reader.setblocking(False)
            await loop.connect_accepted_socket(lambda: sender, listener.accept()[0])
            transport = sender.transport
            transport.write(PART * 50)  # more than the system takes
            before = progress(transport)
            while (now := progress(transport)) != before:
                before = now
                await asyncio.sleep(0.05)
            waiting = transport.get_write_buffer_size()
            assert waiting
            assert progress(transport) == before
            taken = 0
            while progress(transport) == before:
                taken += len(await loop.sock_recv(reader, 4_096))
            assert taken <= 65_536
            assert progress(transport)[0] > before[0]
            assert transport.get_write_buffer_size() == waiting
            transport.abort()

    uvloop.run(look())
