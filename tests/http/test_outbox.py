"""Answers of one turn of the event loop go out together, each behind what came before it."""

import asyncio
from typing import Any

import pytest

from grantory.http.admission import Admission
from grantory.http.connection import BoundedProtocol
from grantory.http.pacing import Connections
from grantory.http.turns import Turns
from tests.security.single_connection import WHOLE, Wire
from tests.security.wire import replies

CLOSING = WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
BODY = {"type": "http.response.body"}


class NotedWire(Wire):
    """A connection that tells when something is written to it."""

    def __init__(self, name: str, events: list[str]) -> None:
        super().__init__()
        self._name, self._events = name, events

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it, and tell."""
        self._events.append(f"sent {self._name}")
        super().write(data)


class Scene:
    """Several connections of one server, and in which order things happen."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.in_parts = False
        turns = Turns()
        admission = Admission(lambda _: None, lambda: 1_000, turns)
        self._shared = Connections(
            self._serve, admission, turns, lambda *_: None, lambda _address: True
        )

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert scope["method"] == "GET"
        self.events.append("answered")
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.in_parts:
            await send({**BODY, "body": b"o", "more_body": True})
            self.events.append("half")
            await send({**BODY, "body": b"k"})
        else:
            await send({**BODY, "body": b"ok"})

    def connect(self, name: str) -> tuple[BoundedProtocol, NotedWire]:
        """Begin a connection."""
        protocol, wire = BoundedProtocol(self._shared), NotedWire(name, self.events)
        protocol.connection_made(wire)
        return protocol, wire


async def settled() -> None:
    """Give everything its turns."""
    for _ in range(8):
        await asyncio.sleep(0)


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_all_requests_of_a_turn_are_answered_before_the_first_answer_is_sent(
    scene: Scene,
) -> None:
    connections = [scene.connect(name) for name in "abc"]
    for protocol, _ in connections:
        protocol.data_received(WHOLE)
    await settled()

    assert scene.events == ["answered"] * 3 + ["sent a", "sent b", "sent c"]
    assert all(replies(wire.written)[0].status == 200 for _, wire in connections)


async def test_what_is_to_be_sent_goes_out_before_the_connection_is_closed(scene: Scene) -> None:
    protocol, wire = scene.connect("a")
    protocol.data_received(CLOSING)
    await settled()

    assert wire.closed
    assert [reply.status for reply in replies(wire.written)] == [200]


async def test_a_server_that_ends_sends_what_was_answered(scene: Scene) -> None:
    protocol, wire = scene.connect("a")
    protocol.data_received(WHOLE)
    await asyncio.sleep(0)
    assert scene.events == ["answered"]
    assert not wire.written

    protocol.shutdown()

    assert wire.closed
    assert [reply.status for reply in replies(wire.written)] == [200]


async def test_a_refusal_stands_behind_the_answer_that_was_still_to_be_sent(scene: Scene) -> None:
    protocol, wire = scene.connect("a")
    protocol.data_received(WHOLE)
    await asyncio.sleep(0)
    assert scene.events == ["answered"]

    protocol.data_received(b"no request at all\r\n\r\n")
    await settled()

    assert [reply.status for reply in replies(wire.written)] == [200, 400]


async def test_the_first_part_of_a_long_answer_does_not_wait(scene: Scene) -> None:
    scene.in_parts = True
    protocol, wire = scene.connect("a")
    protocol.data_received(WHOLE)
    await settled()

    assert scene.events == ["answered", "sent a", "half", "sent a"]
    assert wire.written.endswith(b"\r\n\r\nok")


async def test_whoever_went_away_meanwhile_is_sent_nothing(scene: Scene) -> None:
    protocol, wire = scene.connect("a")
    other, wire_of_other = scene.connect("b")
    protocol.data_received(WHOLE)
    other.data_received(WHOLE)
    await asyncio.sleep(0)
    assert scene.events == ["answered"] * 2

    wire.close()
    protocol.connection_lost(None)
    await settled()

    assert not wire.written
    assert [reply.status for reply in replies(wire_of_other.written)] == [200]


async def test_whoever_says_no_more_hears_the_answer(scene: Scene) -> None:
    protocol, wire = scene.connect("a")
    protocol.data_received(WHOLE)
    await asyncio.sleep(0)
    assert scene.events == ["answered"]

    protocol.eof_received()  # behind which the transport closes
    wire.close()

    assert [reply.status for reply in replies(wire.written)] == [200]


async def test_one_answer_that_cannot_be_sent_keeps_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_data: object) -> None:
        raise RuntimeError("no room")

    protocol, wire = scene.connect("a")
    other, wire_of_other = scene.connect("b")
    monkeypatch.setattr(wire, "write", fail)
    protocol.data_received(WHOLE)
    other.data_received(WHOLE)
    await settled()

    assert [reply.status for reply in replies(wire_of_other.written)] == [200]
