"""New connections are taken however much there is to do, and shared out while there is little."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from grantory.cli.event_loop import run
from grantory.http import acceptor
from grantory.http.acceptor import MOST_AT_ONCE, SHORT_WAIT, Acceptor, how_many

COUNT = 400


class Guest(asyncio.Protocol):
    """A connection that notes when it was made, and answers what it is sent."""

    def __init__(self, made: list["Guest"]) -> None:
        self._made = made
        self.transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._made.append(self)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that takes connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=COUNT) as listener:
        yield listener


async def until(condition: Callable[[], bool]) -> int:
    """Give the loop turns until a condition holds; tells how many."""
    turns = 0
    while not condition():
        turns += 1
        await asyncio.sleep(0)
    return turns


def test_how_many_depends_on_how_long_others_wait() -> None:
    for short in (0.0, SHORT_WAIT - 0.0001):
        assert how_many(short, 0.004) == 1
    assert how_many(SHORT_WAIT, 0.0001) == 1
    assert how_many(SHORT_WAIT, 0.0101) == 61
    assert how_many(1.0, 0.5) == MOST_AT_ONCE


@pytest.mark.parametrize("busy", [False, True])
def test_a_busy_process_takes_many_in_a_turn(busy: bool) -> None:
    async def work() -> None:
        made: list[Guest] = []
        with listening() as listener:
            calls = [socket.create_connection(listener.getsockname()) for _ in range(COUNT)]
            taking = Acceptor(listener, lambda: Guest(made))
            steps = []
            while len(made) < COUNT:
                before = len(made)
                if busy:
                    until_then = time.thread_time() + SHORT_WAIT
                    while time.thread_time() < until_then:
                        pass
                await asyncio.sleep(0.001)
                steps.append(len(made) - before)
            if busy:
                assert max(steps) >= 10
            calls[-1].sendall(b"hello")
            assert await asyncio.to_thread(calls[-1].recv, 10) == b"hello"
            taking.close()
            await taking.wait_closed()
            for call in calls:
                call.close()

    run(work())


def test_none_is_taken_after_the_end() -> None:
    async def work() -> None:
        made: list[Guest] = []
        with listening() as listener:
            taking = Acceptor(listener, lambda: Guest(made))
            with contextlib.closing(socket.create_connection(listener.getsockname())):
                await until(lambda: len(made) == 1)
            taking.close()
            await taking.wait_closed()
            with contextlib.closing(socket.create_connection(listener.getsockname())):
                await asyncio.sleep(0.05)
            assert len(made) == 1
            assert listener.fileno() >= 0

    run(work())


def test_a_connection_that_is_being_handed_over_at_the_end_is_closed() -> None:
    async def work() -> None:
        made: list[Guest] = []
        with listening() as listener, contextlib.closing(socket.socket()) as call:
            call.connect(listener.getsockname())
            taking = Acceptor(listener, lambda: Guest(made))
            taking._accept()
            taking.close()
            await taking.wait_closed()
            assert len(made) == 1
            assert await asyncio.to_thread(call.recv, 1) == b""

    run(work())


def test_out_of_files_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "PAUSE_SECONDS", 0.02)

    async def work() -> None:
        made: list[Guest] = []
        with listening() as listener:
            taking = Acceptor(listener, lambda: Guest(made))
            call = socket.socket()
            with no_more_files():
                call.connect(listener.getsockname())
                started = time.thread_time()
                await asyncio.sleep(0.1)
                assert not made
                assert time.thread_time() - started < 0.08, "it asks without a pause"
            await until(lambda: len(made) == 1)
            with no_more_files():  # closed while it waits to try again
                second = socket.socket(fileno=_reserved.pop())
                second.connect(listener.getsockname())
                await asyncio.sleep(0.01)
                taking.close()
            await asyncio.sleep(0.05)
            assert len(made) == 1
            call.close()
            second.close()

    _reserved.append(socket.socket().detach())
    run(work())


_reserved: list[int] = []


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open nothing."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    spare = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                spare.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in spare:
            os.close(descriptor)
