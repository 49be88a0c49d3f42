"""Faults for chosen requests, put around the server's application.

They stand in this package alone: ``grantory serve`` has nothing that could be told to fail.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from grantory.errors import ApiError
from grantory.http.application import correlation_line
from grantory.http.cors import API_ROOT, Cors
from grantory.http.early_answers import is_oauth
from grantory.http.errors import api_error, api_error_on_oauth, unauthenticated
from grantory.http.exchange import Application
from grantory.http.request import Message, Receive, Request, Scope, Send
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


class Opened(msgspec.Struct, frozen=True):
    """What answers, from one reset to the next."""

    application: Application
    cors: Cors
    """Says to which pages a refusal may be shown: they are told nothing of any other."""


class _Pending:
    """A fault, and for how many requests more it is."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times

    def takes(self, method: str, path: str) -> bool:
        """Tells whether this request is meant, and counts it then."""
        fault = self.fault
        # A page's own calls are meant, and not the browser's question before them.
        if self.left == 0 or not (fault.method == method or self._is_any(method)):
            return False
        if not fnmatchcase(path, fault.path):
            return False
        if isinstance(fault.effect, ExpiredToken) and API_ROOT not in path:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def _is_any(self, method: str) -> bool:
        return self.fault.method == ANY and method != "OPTIONS"


class Faults:
    """Lets chosen requests fail, and remembers every request.

    Args:
        opened: gives what answers, which is another after a reset.
        api_prefix: what may stand before the addresses of the management API.
        login_prefix: what may stand before OAuth's.
    """

    def __init__(self, opened: Callable[[], Opened], api_prefix: str, login_prefix: str) -> None:
        self._opened = opened
        self._api_prefix = api_prefix
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

        opened = self._opened()
        application = opened.application
        match effect:
            case Refusal() | ExpiredToken():
                await self._refuse(opened.cors, scope, receive, told, effect)
            case Delay(seconds):
                await application(scope, receive, _late(told, seconds))
            case Drop("before"):
                # What is unread when a connection is closed makes it a reset, now and then.
                while (await receive()).get("more_body"):
                    pass
                raise BrokenOff("a fault of the test")
            case Drop("after"):
                await application(scope, receive, _cut)
            case Drop("midway"):
                await application(scope, receive, _halved(told))
            case _:
                await application(scope, receive, told)

    def _effect(self, method: str, path: str) -> Effect | None:
        for pending in self._pending:
            if pending.takes(method, path):
                return pending.fault.effect
        return None

    async def _refuse(
        self,
        cors: Cors,
        scope: Scope,
        receive: Receive,
        send: Send,
        effect: Refusal | ExpiredToken,
    ) -> None:
        correlation_id = str(uuid.uuid4())
        request, error = Request(scope, receive, correlation_id, ()), _error(effect)
        if is_oauth(scope["path"], self._login_prefix):
            response = api_error_on_oauth(error)
        else:
            response = api_error(error, correlation_id)
        path = scope["path"].removeprefix(self._api_prefix).removeprefix(self._login_prefix)
        if cors.covers(path):
            response.headers += await cors.headers(request, response, path)
        head = scope["method"] == "HEAD"
        response.lines = correlation_line(correlation_id)
        await response.send(send, head=head)


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
