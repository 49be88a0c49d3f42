"""Faults for chosen requests, put around the server's application.

They stand in this package alone: ``grantory serve`` has nothing that could be told to fail.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Final

from grantory.errors import ApiError
from grantory.http.application import CORRELATION
from grantory.http.cors import API_ROOT
from grantory.http.early_answers import is_oauth
from grantory.http.errors import api_error, api_error_on_oauth, unauthenticated
from grantory.http.exchange import Application
from grantory.http.request import Message, Receive, Scope, Send
from grantory.http.response import BrokenOff
from grantory.testing.messages import (
    ANY,
    Delay,
    Drop,
    Effect,
    ExpiredToken,
    Fault,
    Refusal,
    SeenRequest,
)

MOST_SEEN: Final = 10_000
"""Requests that are remembered; of more, the first ones."""
_CODES: Final = {
    429: "too.many.requests",
    500: "internal.server.error",
    502: "bad.gateway",
    503: "service.unavailable",
    504: "gateway.timeout",
}
_START: Final = "http.response.start"


class _Pending:
    """A fault, and for how many requests more it is."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times

    def takes(self, method: str, path: str) -> bool:
        """Tells whether this request is meant, and counts it then."""
        fault = self.fault
        if self.left == 0 or fault.method not in (ANY, method):
            return False
        if not fnmatchcase(path, fault.path):
            return False
        if isinstance(fault.effect, ExpiredToken) and API_ROOT not in path:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """Lets chosen requests fail, and remembers every request.

    Args:
        application: gives the one that answers, which may be another after a reset.
        login_prefix: what may stand before OAuth's addresses.
    """

    def __init__(self, application: Callable[[], Application], login_prefix: str) -> None:
        self._application = application
        self._login_prefix = login_prefix
        self._pending: list[_Pending] = []
        self.seen: list[SeenRequest] = []

    def add(self, fault: Fault) -> None:
        """Adds one; the first that a request fits is taken."""
        self._pending.append(_Pending(fault))

    def clear(self) -> None:
        """Takes all of them away."""
        self._pending.clear()

    def reset(self) -> None:
        """Takes all of them away, and forgets all requests."""
        self.clear()
        self.seen = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3), or lets it fail.

        Raises:
            BrokenOff: to close the connection.
        """
        method, path = scope["method"], scope["path"]
        seen = SeenRequest(method, path)
        if len(self.seen) < MOST_SEEN:
            self.seen.append(seen)
        effect = self._effect(method, path)
        if effect is not None:
            seen.fault = type(effect).__name__

        async def told(message: Message) -> None:
            if message["type"] == _START:
                seen.status = message["status"]
            await send(message)

        match effect:
            case Refusal() | ExpiredToken():
                await self._refuse(scope, told, effect)
            case Delay(seconds):
                await self._application()(scope, receive, _late(told, seconds))
            case Drop("before"):
                raise BrokenOff("a fault of the test")
            case Drop("after"):
                await self._application()(scope, receive, _cut)
            case Drop("midway"):
                await self._application()(scope, receive, _halved(told))
            case _:
                await self._application()(scope, receive, told)

    def _effect(self, method: str, path: str) -> Effect | None:
        for pending in self._pending:
            if pending.takes(method, path):
                return pending.fault.effect
        return None

    async def _refuse(self, scope: Scope, send: Send, effect: Refusal | ExpiredToken) -> None:
        correlation_id = str(uuid.uuid4())
        error = _error(effect)
        if is_oauth(scope["path"], self._login_prefix):
            response = api_error_on_oauth(error)
        else:
            response = api_error(error, correlation_id)
        head = scope["method"] == "HEAD"
        await response.send(send, (CORRELATION, correlation_id.encode()), head=head)


def _error(effect: Refusal | ExpiredToken) -> ApiError:
    if isinstance(effect, ExpiredToken):
        return unauthenticated(presented=True)
    status = effect.status
    return ApiError(
        status,
        effect.code or _CODES.get(status, f"http.{status}"),
        "The test asked for this request to fail; nothing was done.",
        retry_after=effect.retry_after,
    )


def _late(send: Send, seconds: float) -> Send:
    async def wait(message: Message) -> None:
        if message["type"] == _START:
            await asyncio.sleep(seconds)
        await send(message)

    return wait


async def _cut(_message: Message) -> None:
    raise BrokenOff("a fault of the test")


def _halved(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def half(message: Message) -> None:
        if message["type"] == _START:
            await send(message)
            return
        body = message.get("body", b"")
        await send({**message, "body": body[: len(body) // 2], "more_body": True})
        raise BrokenOff("a fault of the test")

    return half
