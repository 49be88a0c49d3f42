"""``client_secret_post``: id and secret in the form (RFC 6749 section 2.3.1)."""

from grantory.errors import OAuthError
from grantory.protocol.client_auth.presented import PresentedSecret
from grantory.protocol.token_request import TokenRequest


class ClientSecretPost:
    """Two parameters of the form."""

    name = "client_secret_post"

    def detect(self, request: TokenRequest) -> PresentedSecret | None:
        """Returns what the form presents; None where it holds no secret.

        Raises:
            OAuthError: ``invalid_request`` for a secret without a client id.
        """
        secret = request.form.get("client_secret")
        if secret is None:
            return None
        client_id = request.form.get("client_id")
        if client_id is None:
            if request.authorization is not None:
                return PresentedSecret("", secret)
            raise OAuthError("invalid_request", "client_secret was sent without client_id")
        return PresentedSecret(client_id, secret)
