# Derived from _async/authorizations.py by tools/derive_sdk.py: change it there.
"""The operations on what clients were allowed to do for people, and on scopes."""

from collections.abc import Sequence

from grantory_sdk._sync.caller import Caller
from grantory_sdk._sync.listing import Listing
from grantory_sdk.models.base import Page
from grantory_sdk.models.clients import OAuthAuthorization, OAuthScope
from grantory_sdk.requests import path_of

AUTHORIZATIONS = "/api/v2/oauth/authorizations"
SCOPES = "/api/v2/oauth/scopes"


class Authorizations:
    """Authorizations: clients that may act for people. Each call needs
    ``oauth:client:authorize``.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Listing[OAuthAuthorization]:
        """The authorizations, to be iterated over."""
        kind = Page[OAuthAuthorization]
        return Listing(self._caller, AUTHORIZATIONS, kind, page_size=None)

    def get(self, client_id: str) -> OAuthAuthorization:
        """What was allowed to a client.

        Raises:
            NotFound: if nothing was.
        """
        path = path_of(AUTHORIZATIONS, client_id)
        return (self._caller.call("GET", path)).read(OAuthAuthorization)

    def approve(self, client_id: str, *, scope: Sequence[str] | None = None) -> OAuthAuthorization:
        """Lets a client act for people without asking them (Grantory's own).

        Args:
            client_id: which one.
            scope: what it may do; None for all that it is registered for.
        """
        path = path_of(AUTHORIZATIONS, client_id)
        body = {} if scope is None else {"scope": [*scope]}
        return (self._caller.call("PUT", path, body=body)).read(OAuthAuthorization)

    def revoke(self, client_id: str) -> None:
        """Takes back what was allowed to a client, and ends its tokens (Grantory's own)."""
        self._caller.call("DELETE", path_of(AUTHORIZATIONS, client_id))


class Scopes:
    """Scopes: what a token that acts for somebody may be limited to."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> Listing[OAuthScope]:
        """The scopes, to be iterated over."""
        return Listing(self._caller, SCOPES, Page[OAuthScope], page_size=None)

    def get(self, scope_id: str) -> OAuthScope:
        """Reads a scope, such as ``users:readonly``.

        Raises:
            NotFound: if there is none of this name.
        """
        return (self._caller.call("GET", path_of(SCOPES, scope_id))).read(OAuthScope)
