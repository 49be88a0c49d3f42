"""``POST /oauth/introspect`` over HTTP."""

from collections.abc import Callable
from typing import Final

from grantory.errors import OAuthError
from grantory.http.errors import REALM, oauth_error
from grantory.http.oauth.form import read_form
from grantory.http.request import Request
from grantory.http.response import OAUTH_HEADERS, Response
from grantory.protocol.introspection import IntrospectionEndpoint

INACTIVE: Final = b'{"active":false}'
"""All that is said of a token that is not good, or not for the caller to know of, so that nobody
learns which of both it is (RFC 7662 section 2.2)."""
_CHALLENGE: Final = (
    b"www-authenticate",
    b'Bearer realm="' + REALM + b'", error="invalid_token"',
)


class IntrospectionResource:
    """Answers 200 or an RFC 6749 error.

    Args:
        endpoint: decides.
        refused: told of each refusal, with the caller's address and the correlation id.
    """

    def __init__(
        self, endpoint: IntrospectionEndpoint, refused: Callable[[OAuthError, str, str], None]
    ) -> None:
        self._endpoint = endpoint
        self._refused = refused

    async def answer(self, request: Request) -> Response:
        """Answers an introspection request."""
        try:
            found = await self._endpoint.answer(await read_form(request))
        except OAuthError as error:
            self._refused(error, request.address, request.correlation_id)
            response = oauth_error(error)
            if error.error == "invalid_token":
                response.headers += (_CHALLENGE,)
            return response
        body = INACTIVE if found.answer is None else found.answer
        response = Response(200, body, OAUTH_HEADERS)
        response.detail = found.detail
        client = found.record.client
        response.client_id, response.organization_id = client.id, client.organization_id
        return response
