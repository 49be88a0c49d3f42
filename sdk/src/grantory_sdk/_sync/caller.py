# Derived from _async/caller.py by tools/derive_sdk.py: change it there.
"""Calls the API with a token."""

from typing import Any

from grantory_sdk._sync.sender import Sender
from grantory_sdk._sync.token_keeper import TokenKeeper
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

    def call(
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
        token = self.tokens.get()
        try:
            return self._send(method, path, token, query, body)
        except Unauthorized:
            if not self.tokens.renews:
                raise
        renewed = self.tokens.get(instead_of=token)
        return self._send(method, path, renewed, query, body)

    def introspect(self, form: dict[str, str]) -> Answer:
        """Asks the login side about a token, with the client's own; renews that as ``call`` does.

        Raises:
            TokenRefused: if the client may not ask.
        """
        token = self.tokens.get()
        try:
            return self._introspect(token, form)
        except TokenRefused as refused:
            if refused.status != 401 or not self.tokens.renews:
                raise
        return self._introspect(self.tokens.get(instead_of=token), form)

    def _introspect(self, token: str, form: dict[str, str]) -> Answer:
        url = self.tokens.endpoint.login_url + "/oauth/introspect"
        headers = {"Authorization": f"Bearer {token}"}
        return self.sender.send("POST", url, headers=headers, form=form)

    def _send(self, method: str, path: str, token: str, query: Query | None, body: Any) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        return self.sender.send(method, self.url + path, headers=headers, query=query, body=body)
