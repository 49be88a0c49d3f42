"""The client: all operations on one server, as one caller."""

import sys
from types import TracebackType
from typing import Any, Self

from grantory_sdk._async.authorizations import AsyncAuthorizations, AsyncScopes
from grantory_sdk._async.caller import Caller
from grantory_sdk._async.changes import AsyncChanges
from grantory_sdk._async.divisions import AsyncDivisions
from grantory_sdk._async.oauth_clients import AsyncOAuthClients
from grantory_sdk._async.roles import AsyncRoles
from grantory_sdk._async.runtime import DirectTransport, HttpClient, Runtime, Transport
from grantory_sdk._async.sender import Sender
from grantory_sdk._async.token_endpoint import TokenEndpoint
from grantory_sdk._async.token_keeper import TokenKeeper
from grantory_sdk._async.tokens import AsyncTokens
from grantory_sdk._async.users import AsyncUsers
from grantory_sdk.addresses import is_of_this_machine
from grantory_sdk.answers import Answer
from grantory_sdk.configuration import resolve
from grantory_sdk.errors import ConfigurationError
from grantory_sdk.requests import Query
from grantory_sdk.token_sources import Auth
from grantory_sdk.trust import trusted_by
from grantory_sdk.version import VERSION

TIMEOUT = 30.0
MAX_RETRIES = 2
_AGENT = f"grantory-sdk/{VERSION} python/{'.'.join(map(str, sys.version_info[:3]))}"


class AsyncGrantory:
    """Calls Grantory, or the vendor's cloud. An async context manager; or ``aclose`` it.

    What is left out comes from a profile or from the environment: README.md says in which order.

    Args:
        url: the address of the API, such as ``https://auth.example.com``.
        region: a region of the vendor's cloud, such as ``eu-central-1``, instead of an address.
        login_url: the address of the login side, where it does not follow from that of the API.
        client_id: a client that acts for itself.
        client_secret: its secret.
        access_token: a token that is there already.
        auth: any other way to a token.
        profile: the name of a profile.
        timeout: seconds for each step of a try: connecting, sending, each wait for the answer.
        max_retries: how many tries may follow the first, where trying again is allowed.
        transport: how requests are sent, such as an ``httpx2`` transport with certificates of its
            own; it is closed with the client.
        runtime: time and chance, for tests.

    Raises:
        ConfigurationError: if something is missing, wrong, or said twice.
    """

    oauth_clients: AsyncOAuthClients
    roles: AsyncRoles
    divisions: AsyncDivisions
    users: AsyncUsers
    authorizations: AsyncAuthorizations
    scopes: AsyncScopes
    tokens: AsyncTokens
    changes: AsyncChanges

    def __init__(  # noqa: PLR0913 - they are named
        self,
        url: str | None = None,
        *,
        region: str | None = None,
        login_url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        access_token: str | None = None,
        auth: Auth | None = None,
        profile: str | None = None,
        timeout: float = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        transport: Transport | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        if auth is not None and (client_id or client_secret or access_token):
            raise ConfigurationError("Give either auth or a client's credentials or a token.")
        _check(timeout, max_retries)
        connection = resolve(
            url,
            login_url=login_url,
            region=region,
            client_id=client_id,
            client_secret=client_secret,
            access_token=access_token,
            auth=auth,
            profile=profile,
        )
        verify = True if transport is not None else trusted_by(connection.url, connection.login_url)
        if transport is None and is_of_this_machine(connection.url):
            transport = DirectTransport(verify=verify)
        http = HttpClient(
            transport=transport,
            verify=verify,
            headers={"User-Agent": _AGENT},
            follow_redirects=False,
        )
        sender = Sender(http, runtime or Runtime(), timeout, max_retries)
        endpoint = TokenEndpoint(sender, connection.login_url)
        tokens = TokenKeeper(connection.auth, endpoint, sender.runtime)
        self._set_up(Caller(sender, tokens, connection.url))

    def _set_up(self, caller: Caller) -> None:
        self._caller = caller
        self.oauth_clients = AsyncOAuthClients(caller)
        self.roles = AsyncRoles(caller)
        self.divisions = AsyncDivisions(caller)
        self.users = AsyncUsers(caller)
        self.authorizations = AsyncAuthorizations(caller)
        self.scopes = AsyncScopes(caller)
        self.tokens = AsyncTokens(caller)
        self.changes = AsyncChanges(caller)

    @property
    def url(self) -> str:
        """The address of the API."""
        return self._caller.url

    @property
    def login_url(self) -> str:
        """The address of the login side."""
        return self._caller.tokens.endpoint.login_url

    async def access_token(self) -> str:
        """The token that the next call is made with; a new one where there is none.

        Raises:
            TokenRefused: if there is none to be had.
        """
        return await self._caller.tokens.get()

    async def request(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None
    ) -> Answer:
        """Makes a call that this library has no method for.

        Args:
            method: the HTTP method.
            path: what follows the address, such as ``/api/v2/organizations/me``.
            query: the parameters; those that are None are left out.
            body: what is sent as JSON.

        Raises:
            ValueError: if the path is none.
            GrantoryError: as every call does.
        """
        if not path.startswith("/") or not path.isprintable():
            raise ValueError("a path begins with a slash and has no control characters")
        return await self._caller.call(method.upper(), path, query=query, body=body)

    def with_options(self, *, timeout: float | None = None, max_retries: int | None = None) -> Self:
        """The same client with other options; it shares connections and token with this one.

        Args:
            timeout: seconds for each step of a try.
            max_retries: how many tries may follow the first.
        """
        old = self._caller.sender
        timeout = old.timeout if timeout is None else timeout
        max_retries = old.max_retries if max_retries is None else max_retries
        _check(timeout, max_retries)
        sender = Sender(old.http, old.runtime, timeout, max_retries)
        other = object.__new__(type(self))
        other._set_up(Caller(sender, self._caller.tokens, self._caller.url))
        return other

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._caller.sender.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncGrantory(url={self.url!r}, auth={self._caller.tokens.auth!r})"


def _check(timeout: float, max_retries: int) -> None:
    if timeout <= 0:
        raise ConfigurationError("timeout must be more than 0 seconds.")
    if max_retries < 0:
        raise ConfigurationError("max_retries must not be less than 0.")
