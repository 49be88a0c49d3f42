"""Both halves of the SDK, to be driven by the same test against the same server."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any, Literal, TypeVar

from grantory.testing import GrantoryServer, SeenRequest
from grantory_sdk import AsyncGrantory, ClientCredentials, Grantory
from tests.support.scripted import Hand

T = TypeVar("T")
Half = Literal["blocking", "awaited"]
HALVES: tuple[Half, ...] = ("blocking", "awaited")
Sdk = Grantory | AsyncGrantory


@asynccontextmanager
async def opened(
    half: Half, server: GrantoryServer, hand: Hand, **options: Any
) -> AsyncIterator[Sdk]:
    """A client of the SDK that calls as the server's first client.

    Args:
        half: which one.
        server: is called.
        hand: the client's time and chance.
        options: further ones of the client.
    """
    auth = ClientCredentials(server.client.id, server.client.secret)
    options = {"auth": auth, "timeout": 60, **options}
    if half == "awaited":
        async with AsyncGrantory(server.url, runtime=hand.awaited, **options) as awaited:
            yield awaited
    else:
        with Grantory(server.url, runtime=hand.blocking, **options) as blocking:
            yield blocking


async def done(result: T | Awaitable[T]) -> T:
    """What a call comes to, of whichever half it is."""
    return await result if isawaitable(result) else result


class Seen:
    """Reads what came to a server, each request once.

    Args:
        server: saw them.
    """

    def __init__(self, server: GrantoryServer) -> None:
        self._server = server
        self._told = len(server.requests())

    def requests(self, path: str = "/api/", method: str = "") -> list[SeenRequest]:
        """Those that came since the last question.

        Args:
            path: how their paths begin.
            method: of HTTP; empty for any.
        """
        new = self._server.requests()[self._told :]
        self._told += len(new)
        return [each for each in new if each.path.startswith(path) and method in ("", each.method)]
