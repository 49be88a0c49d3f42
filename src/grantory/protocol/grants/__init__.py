"""Grants (RFC 6749 section 4): one file each, one tuple of them."""

from typing import Protocol

from grantory.domain.client import ClientRecord, GrantType
from grantory.protocol.grants.client_credentials import ClientCredentials
from grantory.protocol.grants.decision import Decision
from grantory.protocol.token_request import TokenRequest


class Grant(Protocol):
    """A way to a token. It only decides; the endpoint checks before it and acts after it."""

    grant_type: GrantType

    async def decide(self, request: TokenRequest, client: ClientRecord) -> Decision:
        """Tells what the token may hold.

        Raises:
            OAuthError: where there is to be no token.
        """
        ...


GRANTS: tuple[Grant, ...] = (ClientCredentials(),)
