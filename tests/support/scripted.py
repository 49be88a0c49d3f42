"""Servers made of a list of answers, and time and chance in hand, for tests of the SDK."""

import json
from collections.abc import Iterable
from typing import Any

import httpx2 as httpx

from grantory_sdk import Grantory
from grantory_sdk._async import runtime as awaited
from grantory_sdk._sync import runtime as blocking

URL = "https://grantory.test"
TOKEN_PATH = "/oauth/token"
Step = httpx.Response | Exception


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    """An answer with a JSON body; ``_`` in the names of headers is ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(status, headers=named, content=content)


def refused(status: int, code: str = "", message: str = "No.", **headers: str) -> httpx.Response:
    """The platform's error."""
    body = {"message": message, "code": code, "status": status, "details": []}
    return answer(status, body, **headers)


def token(text: str = "token-1", expires_in: int = 3600, **more: Any) -> httpx.Response:
    """What the token endpoint gives."""
    body = {"access_token": text, "token_type": "bearer", "expires_in": expires_in, **more}
    return answer(200, body)


class Scripted:
    """Answers one request after the other as the script says, and keeps what it was asked.

    Args:
        steps: answers, and errors that stand for answers that do not come; the last one is given
            again to whoever comes after.
        tokens: the same for the token endpoint.
    """

    def __init__(self, *steps: Step, tokens: Iterable[Step] = ()) -> None:
        self._steps = list(steps)
        self._tokens = list(tokens) or [token()]
        self.requests: list[httpx.Request] = []
        self.token_requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        at_login = request.url.path == TOKEN_PATH
        (self.token_requests if at_login else self.requests).append(request)
        steps = self._tokens if at_login else self._steps
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    @property
    def transport(self) -> httpx.MockTransport:
        """For the SDK's clients."""
        return httpx.MockTransport(self)

    @property
    def bearers(self) -> list[str]:
        """The tokens of the calls."""
        return [
            request.headers["authorization"].removeprefix("Bearer ") for request in self.requests
        ]


class Hand:
    """Time and chance: sleeping moves the clock and is kept, chance is always the same."""

    def __init__(self, chance: float = 0.0) -> None:
        self.now = 1_800_000_000.0
        self.chance = chance
        self.slept: list[float] = []

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def _sleep_awaited(self, seconds: float) -> None:
        self._sleep(seconds)

    @property
    def blocking(self) -> blocking.Runtime:
        """For ``Grantory``."""
        return blocking.Runtime(lambda: self.now, self._sleep, lambda: self.chance)

    @property
    def awaited(self) -> awaited.Runtime:
        """For ``AsyncGrantory``."""
        return awaited.Runtime(lambda: self.now, self._sleep_awaited, lambda: self.chance)


class Pages:
    """A server with many clients, which are written when they are asked for."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.asked: list[tuple[int, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        size = int(request.url.params["pageSize"])
        number = int(request.url.params["pageNumber"])
        self.asked.append((size, number))
        ids = range((number - 1) * size, min(number * size, self.total))
        entities = [{"id": str(each), "name": f"client {each}"} for each in ids]
        count = max(1, -(-self.total // size))
        body = {"entities": entities, "pageNumber": number, "pageCount": count}
        return httpx.Response(200, content=json.dumps(body).encode())

    def client(self) -> Grantory:
        return Grantory(URL, access_token="t", transport=httpx.MockTransport(self))
