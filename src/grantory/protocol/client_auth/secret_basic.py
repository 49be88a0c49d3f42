"""``client_secret_basic``: id and secret in the Authorization header (RFC 6749 section 2.3.1)."""

import base64
import binascii
from urllib.parse import unquote_plus

from grantory.errors import OAuthError
from grantory.protocol.client_auth.presented import PresentedSecret
from grantory.protocol.token_request import TokenRequest

MAX_HEADER = 2048


class ClientSecretBasic:
    """HTTP Basic, whose two parts are form-encoded."""

    name = "client_secret_basic"

    def detect(self, request: TokenRequest) -> PresentedSecret | None:
        """Returns what the header presents; None where there is no header.

        Raises:
            OAuthError: ``invalid_client`` for another scheme or a malformed value.
        """
        header = request.authorization
        if header is None:
            return None
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic" or len(header) > MAX_HEADER:
            raise _malformed()
        try:
            pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
            client_id, colon, secret = pair.partition(":")
            if "%" in pair or "+" in pair:
                client_id = unquote_plus(client_id, errors="strict")
                secret = unquote_plus(secret, errors="strict")
        except (binascii.Error, ValueError):
            raise _malformed() from None
        if not colon or not client_id:
            raise _malformed()
        return PresentedSecret(client_id, secret)


def _malformed() -> OAuthError:
    return OAuthError(
        "invalid_client",
        "the Authorization header must be Basic with client id and secret",
        status=401,
        challenge=True,
    )
