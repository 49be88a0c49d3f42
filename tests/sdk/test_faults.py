"""Faults of a real network: what comes through a socket, or does not, and what is tried again."""

import socket

import pytest

from grantory_sdk import AsyncGrantory, ConnectionFailed, Grantory, TimedOut, UnreadableAnswer
from tests.support.raw_server import SILENCE, RawServer
from tests.support.scripted import Hand

HUNG_UP = b""
HALF_A_HEAD = b"HTTP/1.1 200 OK\r\nContent-Le"
HALF_A_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
NO_HTTP = b"220 mail.example ESMTP\r\n\r\n"
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{"id":"1"}'
NOT_ZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
FAULTS = (HUNG_UP, HALF_A_HEAD, HALF_A_BODY, NO_HTTP)


def client(server: RawServer, max_retries: int = 2, timeout: float = 30) -> Grantory:
    return Grantory(
        server.url,
        access_token="t",
        max_retries=max_retries,
        timeout=timeout,
        runtime=Hand().blocking,
    )


def test_a_read_goes_on_over_every_fault() -> None:
    with RawServer(*FAULTS, GOOD) as server, client(server, len(FAULTS)) as grantory:
        assert grantory.oauth_clients.get("1").id == "1"
    assert len(server.requests) == len(FAULTS) + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_create_is_sent_once_whatever_comes_back(fault: bytes) -> None:
    with (
        RawServer(fault, GOOD) as server,
        client(server) as grantory,
        pytest.raises(ConnectionFailed),
    ):
        grantory.oauth_clients.create(name="one", authorized_grant_type="CODE")
    assert len(server.requests) == 1
    assert server.requests[0].startswith(b"POST /api/v2/oauth/clients HTTP/1.1\r\n")


def test_what_does_not_come_is_not_waited_for_longer_than_the_option_says() -> None:
    with (
        RawServer(SILENCE) as server,
        client(server, 0, timeout=0.05) as grantory,
        pytest.raises(TimedOut, match=r"0\.05 s"),
    ):
        grantory.oauth_clients.get("1")


def test_what_cannot_be_unpacked_is_told() -> None:
    with (
        RawServer(NOT_ZIPPED) as server,
        client(server) as grantory,
        pytest.raises(UnreadableAnswer),
    ):
        grantory.oauth_clients.get("1")
    assert len(server.requests) == 1


def test_where_nobody_listens_a_read_is_tried_as_often_as_the_option_says() -> None:
    with socket.socket() as bound:  # and so taken, but it does not listen
        bound.bind(("127.0.0.1", 0))
        hand = Hand()
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        grantory = Grantory(url, access_token="t", runtime=hand.blocking)
        with grantory, pytest.raises(ConnectionFailed):
            grantory.oauth_clients.get("1")
    assert hand.slept == [0.5, 1]


async def test_the_awaited_half_goes_on_over_every_fault() -> None:
    with RawServer(*FAULTS, GOOD) as server:
        async with AsyncGrantory(
            server.url, access_token="t", max_retries=len(FAULTS), runtime=Hand().awaited
        ) as grantory:
            assert (await grantory.oauth_clients.get("1")).id == "1"
    assert len(server.requests) == len(FAULTS) + 1
