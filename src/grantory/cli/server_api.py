"""The little of the management API that the first commands need, over HTTP."""

import os
from typing import Any, Final

import httpx2 as httpx

from grantory.errors import SetupError

TIMEOUT_SECONDS: Final = 30
_STRANGE: Final = "the answer is none of Grantory's: does GRANTORY_URL name the right server?"
CLIENTS: Final = "/api/v2/oauth/clients"


class ServerApi:
    """Calls a running server as the client that the environment names."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self._credentials = (client_id, client_secret)
        # No connection is kept: a command makes one or two calls, and nobody would close it.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, limits=limits)
        self._token: str | None = None

    def token(self) -> dict[str, Any]:
        """Gets an access token.

        Raises:
            SetupError: when the server refuses or is not there.
        """
        answer = self._send(
            "POST",
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=self._credentials,
        )
        found = _object(answer)
        if "access_token" not in found:
            raise SetupError(_STRANGE)
        return found

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Calls an operation with a token; returns the answer's JSON, None for an empty one.

        Raises:
            SetupError: when the server refuses or is not there.
        """
        if self._token is None:
            self._token = str(self.token()["access_token"])
        answer = self._send(
            method, path, json=body, headers={"Authorization": f"Bearer {self._token}"}
        )
        return _object(answer) if answer.content else None

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise SetupError(f"cannot reach {self._http.base_url}: {error}") from None
        if not answer.is_success:
            raise SetupError(_refusal(answer))
        return answer


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        raise SetupError(_STRANGE) from None
    if not isinstance(found, dict):
        raise SetupError(_STRANGE)
    return found


def _refusal(answer: httpx.Response) -> str:
    try:
        body = answer.json()
        text = body.get("message") or body.get("error_description")
        code = body.get("code") or body.get("error")
        correlation = body.get("contextId") or answer.headers.get("ININ-Correlation-Id", "")
    except (ValueError, AttributeError):
        return f"the server answered {answer.status_code}"
    return f"the server answered {answer.status_code} {code}: {text} (correlation id {correlation})"


def server_api() -> ServerApi:
    """Makes the API client from ``GRANTORY_URL``, ``_CLIENT_ID`` and ``_CLIENT_SECRET``.

    Raises:
        SetupError: naming what is not set.
    """
    url = os.environ.get("GRANTORY_URL", "http://127.0.0.1:8080")
    names = ("GRANTORY_CLIENT_ID", "GRANTORY_CLIENT_SECRET")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise SetupError(f"set {' and '.join(missing)} to call {url}")
    return ServerApi(url, os.environ[names[0]], os.environ[names[1]])
