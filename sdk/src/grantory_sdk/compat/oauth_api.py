"""The generated SDK's OAuthApi: the six operations on OAuth clients under its names."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import msgspec

from grantory_sdk.compat.api_client import ApiClient
from grantory_sdk.compat.configuration import Configuration
from grantory_sdk.compat.models import (
    OAuthClient,
    OAuthClientEntityListing,
    OAuthClientRequest,
)
from grantory_sdk.compat.rest import ApiException
from grantory_sdk.errors import GrantoryError
from grantory_sdk.requests import path_of

T = TypeVar("T")
Body = OAuthClientRequest | dict[str, Any]
Callback = Callable[[Any], object]
CLIENTS: Final = "/api/v2/oauth/clients"


class OAuthApi:
    """The operations. With a ``callback`` each returns a thread, and hands it what it gets.

    Args:
        api_client: makes the calls; by default the configuration's.
    """

    def __init__(self, api_client: ApiClient | None = None) -> None:
        configuration = Configuration()
        if api_client is None:
            api_client = configuration.api_client = configuration.api_client or ApiClient()
        self.api_client = api_client

    def get_oauth_clients(self, *, callback: Callback | None = None) -> OAuthClientEntityListing:
        """The list of OAuth clients, all of them at once.

        Raises:
            ApiException: if the call fails.
        """
        return _do(callback, lambda: self._read(OAuthClientEntityListing, "GET", CLIENTS))

    def post_oauth_clients(self, body: Body, *, callback: Callback | None = None) -> OAuthClient:
        """Creates a client; its secret is in the answer, and nowhere again.

        Raises:
            ApiException: if the call fails.
            ValueError: without a body.
        """
        sent = _sent(body, "post_oauth_clients")
        return _do(callback, lambda: self._read(OAuthClient, "POST", CLIENTS, sent))

    def get_oauth_client(self, client_id: str, *, callback: Callback | None = None) -> OAuthClient:
        """Reads a client.

        Raises:
            ApiException: if the call fails.
            ValueError: without an id.
        """
        path = _path(client_id, "get_oauth_client")
        return _do(callback, lambda: self._read(OAuthClient, "GET", path))

    def put_oauth_client(
        self, client_id: str, body: Body, *, callback: Callback | None = None
    ) -> OAuthClient:
        """Replaces a client.

        Raises:
            ApiException: if the call fails.
            ValueError: without an id or a body.
        """
        path, sent = _path(client_id, "put_oauth_client"), _sent(body, "put_oauth_client")
        return _do(callback, lambda: self._read(OAuthClient, "PUT", path, sent))

    def delete_oauth_client(self, client_id: str, *, callback: Callback | None = None) -> None:
        """Deletes a client.

        Raises:
            ApiException: if the call fails.
            ValueError: without an id.
        """
        path = _path(client_id, "delete_oauth_client")
        done = _do(callback, lambda: self.api_client.call("DELETE", path))
        return None if callback is None else cast(None, done)

    def post_oauth_client_secret(
        self, client_id: str, *, callback: Callback | None = None
    ) -> OAuthClient:
        """Gives a client a new random secret, which is in the answer, and nowhere again.

        Raises:
            ApiException: if the call fails.
            ValueError: without an id.
        """
        path = _path(client_id, "post_oauth_client_secret") + "/secret"
        return _do(callback, lambda: self._read(OAuthClient, "POST", path))

    def _read(self, kind: type[T], method: str, path: str, body: Any = None) -> T:
        answer = self.api_client.call(method, path, body)
        try:
            return answer.read(kind)
        except GrantoryError as error:
            raise ApiException.of(error) from error


def _do(callback: Callback | None, work: Callable[[], T]) -> T:
    """Does it now; or on a thread, which is then returned instead, as the generated SDK does."""
    if callback is None:
        return work()
    thread = threading.Thread(target=lambda: callback(work()))
    thread.start()
    return cast(T, thread)


def _path(client_id: str | None, method: str) -> str:
    if not client_id:
        raise ValueError(f"Missing the required parameter `client_id` when calling `{method}`")
    return path_of(CLIENTS, client_id)


def _sent(body: Body | None, method: str) -> dict[str, Any]:
    if body is None:
        raise ValueError(f"Missing the required parameter `body` when calling `{method}`")
    document: dict[str, Any] = msgspec.to_builtins(body)
    return {name: value for name, value in document.items() if name != "secret"}
