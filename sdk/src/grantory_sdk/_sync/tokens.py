# Derived from _async/tokens.py by tools/derive_sdk.py: change it there.
"""The operations on tokens."""

from typing import Literal

from grantory_sdk._sync.caller import Caller
from grantory_sdk.errors import ConfigurationError, Unauthorized
from grantory_sdk.models.tokens import Introspection, TokenInfo
from grantory_sdk.requests import path_of
from grantory_sdk.token_sources import TokenRequest

TOKENS = "/api/v2/tokens"
Hint = Literal["access_token", "refresh_token"]


class Tokens:
    """Tokens: the one that calls are made with, and others."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def me(self) -> TokenInfo:
        """What the token of these calls is for."""
        return (self._caller.call("GET", TOKENS + "/me")).read(TokenInfo)

    def check(self) -> bool:
        """Whether the token of these calls is good, or another one was got in its place.

        Raises:
            TokenRefused: if the token endpoint gives none.
        """
        try:
            self._caller.call("HEAD", TOKENS + "/me")
        except Unauthorized:
            return False
        return True

    def revoke_me(self) -> None:
        """Ends the token of these calls; the next call gets another one, if it can."""
        self._caller.call("DELETE", TOKENS + "/me")

    def revoke_all_of_user(self, user_id: str) -> None:
        """Ends every token of a user. Needs ``oauth:token:delete``."""
        self._caller.call("DELETE", path_of(TOKENS, user_id))

    def introspect(self, token: str, *, hint: Hint | None = None) -> Introspection:
        """What a token is for (Grantory's own: RFC 7662).

        Of other clients' tokens only those are told that hold ``oauth:token:introspect``.

        Args:
            token: an access token, or a refresh token of one's own.
            hint: which of both it is.
        """
        form = {"token": token, "token_type_hint": hint} if hint else {"token": token}
        return (self._caller.introspect(form)).read(Introspection)

    def revoke(self, token: str, *, hint: Hint | None = None) -> None:
        """Ends a token of one's own client (Grantory's own: RFC 7009).

        Args:
            token: an access token, or a refresh token, which ends its login.
            hint: which of both it is.

        Raises:
            ConfigurationError: where there is nothing but an access token to call with.
        """
        auth = self._caller.tokens.auth
        client_id = getattr(auth, "client_id", None)
        if not isinstance(client_id, str):
            raise ConfigurationError("Only a client can end its tokens: give its id and secret.")
        form = {"token": token, "token_type_hint": hint} if hint else {"token": token}
        secret: str | None = getattr(auth, "client_secret", None)
        self._caller.tokens.endpoint.revoke(TokenRequest(form, client_id, secret))
