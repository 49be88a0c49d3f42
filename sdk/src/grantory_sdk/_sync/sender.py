# Derived from _async/sender.py by tools/derive_sdk.py: change it there.
"""Sends requests: each try within its time, the next one after a pause."""

from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec

from grantory_sdk._sync.runtime import HttpClient, Runtime
from grantory_sdk.answers import Answer, record
from grantory_sdk.errors import ConnectionFailed, GrantoryError, TimedOut, UnreadableAnswer
from grantory_sdk.refusals import error_of
from grantory_sdk.requests import Query, pairs_of
from grantory_sdk.retries import may_repeat, pause


class Sender:
    """Sends requests with the same options.

    Args:
        http: what sends them.
        runtime: time and chance.
        timeout: seconds for each step of a try: connecting, sending, each wait for the answer.
        max_retries: how many tries may follow the first.
    """

    def __init__(
        self, http: HttpClient, runtime: Runtime, timeout: float, max_retries: int
    ) -> None:
        self.http = http
        self.runtime = runtime
        self.timeout = timeout
        self.max_retries = max_retries

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        query: Query | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
    ) -> Answer:
        """Sends a request, again where that is allowed and helps.

        Args:
            method: the HTTP method.
            url: the address without a query.
            headers: besides those that every request has.
            query: the parameters.
            body: what is sent as JSON; None for nothing.
            form: what is sent as a form instead.

        Raises:
            ApiError: if the answer is no success.
            ConnectionFailed: if there is none.
        """
        content = b""
        given = {"Accept": "application/json", **headers}
        if form is not None:
            content = urlencode(form).encode()
            given["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = msgspec.json.encode(body)
            given["Content-Type"] = "application/json"
        pairs = pairs_of(query or {})
        address = f"{url}?{urlencode(pairs)}" if pairs else url
        tries = 0
        while True:
            tries += 1
            try:
                return self._try(method, address, given, content, form is not None)
            except GrantoryError as error:
                if tries > self.max_retries or not may_repeat(method, error):
                    raise
                wait = pause(tries, error, self.runtime.random)
            self.runtime.sleep(wait)

    def _try(
        self, method: str, url: str, headers: dict[str, str], content: bytes, login_side: bool
    ) -> Answer:
        try:
            response = self.http.request(
                method, url, headers=headers, content=content or None, timeout=self.timeout
            )
        except httpx2.TimeoutException as error:
            raise TimedOut(
                f"{method} {url} was not answered within {self.timeout:g} s ({_kind(error)})."
            ) from None
        except httpx2.DecodingError:
            raise UnreadableAnswer(f"The answer to {method} {url} is broken.") from None
        except httpx2.RequestError as error:
            raise ConnectionFailed(f"{method} {url} was not answered ({_kind(error)}).") from None
        answer = Answer(response.status_code, response.headers, response.content, method, url)
        if not login_side:
            record(answer)
        if not answer.ok:
            raise error_of(answer, self.runtime.clock(), login_side=login_side)
        return answer


def _kind(error: httpx2.RequestError) -> str:
    """What happened, without what a header or body of the request may say in it."""
    text = str(error) if isinstance(error, httpx2.NetworkError) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
