# Derived from _async/token_endpoint.py by tools/derive_sdk.py: change it there.
"""What is asked of the login side: tokens, and their end."""

import base64

from grantory_sdk._sync.sender import Sender
from grantory_sdk.errors import UnreadableAnswer
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.token_sources import TokenRequest, can_be_sent


class TokenEndpoint:
    """The endpoints to which a client speaks with its own credentials.

    Args:
        sender: sends the requests.
        login_url: the address of the login side.
    """

    def __init__(self, sender: Sender, login_url: str) -> None:
        self._sender = sender
        self.login_url = login_url

    def ask(self, request: TokenRequest) -> TokenAnswer:
        """Asks for a token.

        Raises:
            TokenRefused: if there is none.
        """
        answer = self._sender.send(
            "POST",
            self.login_url + "/oauth/token",
            headers=_authorization(request),
            form=request.form,
        )
        given = answer.read(TokenAnswer)
        if not can_be_sent(given.access_token):
            raise UnreadableAnswer("The token endpoint gave a token that cannot be sent.")
        return given

    def revoke(self, request: TokenRequest) -> None:
        """Ends a token (RFC 7009).

        Args:
            request: whose form names it.
        """
        self._sender.send(
            "POST",
            self.login_url + "/oauth/revoke",
            headers=_authorization(request),
            form=request.form,
        )


def _authorization(request: TokenRequest) -> dict[str, str]:
    if request.client_secret is None:
        return {}
    pair = f"{request.client_id}:{request.client_secret}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
