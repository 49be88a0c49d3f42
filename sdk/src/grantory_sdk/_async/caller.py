"""Calls the API with a token."""

from typing import Any

from grantory_sdk._async.sender import Sender
from grantory_sdk._async.token_keeper import TokenKeeper
from grantory_sdk.answers import Answer
from grantory_sdk.errors import TokenRefused, Unauthorized
from grantory_sdk.requests import Query


class Caller:
    """Calls with the client's token.

    Args:
        sender: sends the requests.
        tokens: has the token.
        url: the address of the API.
    """

    def __init__(self, sender: Sender, tokens: TokenKeeper, url: str) -> None:
        self.sender = sender
        self.tokens = tokens
        self.url = url

    async def call(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None
    ) -> Answer:
        """Calls; a token that is refused is renewed, and the call repeated with it, once.

        Args:
            method: the HTTP method.
            path: what follows the address of the API.
            query: the parameters; those that are None are left out.
            body: what is sent as JSON.

        Raises:
            GrantoryError: one of those in ``grantory_sdk.errors``.
        """
        token = await self.tokens.get()
        try:
            return await self._send(method, path, token, query, body)
        except Unauthorized:
            if not self.tokens.renews:
                raise
        renewed = await self.tokens.get(instead_of=token)
        return await self._send(method, path, renewed, query, body)

    async def introspect(self, form: dict[str, str]) -> Answer:
        """Asks the login side about a token, with the client's own; renews that as ``call`` does.

        Raises:
            TokenRefused: if the client may not ask.
        """
        token = await self.tokens.get()
        try:
            return await self._introspect(token, form)
        except TokenRefused as refused:
            if refused.status != 401 or not self.tokens.renews:
                raise
        return await self._introspect(await self.tokens.get(instead_of=token), form)

    async def _introspect(self, token: str, form: dict[str, str]) -> Answer:
        url = self.tokens.endpoint.login_url + "/oauth/introspect"
        headers = {"Authorization": f"Bearer {token}"}
        return await self.sender.send("POST", url, headers=headers, form=form)

    async def _send(
        self, method: str, path: str, token: str, query: Query | None, body: Any
    ) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.sender.send(
            method, self.url + path, headers=headers, query=query, body=body
        )
