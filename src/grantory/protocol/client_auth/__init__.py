"""Client authentication (RFC 6749 section 2.3): one file a method, one tuple of them."""

from typing import Protocol

from grantory.protocol.client_auth.presented import PresentedSecret
from grantory.protocol.client_auth.secret_basic import ClientSecretBasic
from grantory.protocol.client_auth.secret_post import ClientSecretPost
from grantory.protocol.token_request import TokenRequest


class ClientAuthMethod(Protocol):
    """A way in which a client proves who it is."""

    name: str

    def detect(self, request: TokenRequest) -> PresentedSecret | None:
        """Returns what was presented by this method; None where it was not used.

        Raises:
            OAuthError: where it was used in a wrong form.
        """
        ...


METHODS: tuple[ClientAuthMethod, ...] = (ClientSecretBasic(), ClientSecretPost())
