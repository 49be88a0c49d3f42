"""``POST /oauth/revoke`` over HTTP."""

from collections.abc import Callable

from grantory.errors import OAuthError
from grantory.http.errors import oauth_error
from grantory.http.oauth.form import read_form
from grantory.http.request import Request
from grantory.http.response import Response, empty_response
from grantory.protocol.revocation import RevocationEndpoint


class RevocationResource:
    """Answers 200 without a body, or an RFC 6749 error.

    Args:
        endpoint: decides.
        refused: told of each refusal, with the caller's address and the correlation id.
    """

    def __init__(
        self, endpoint: RevocationEndpoint, refused: Callable[[OAuthError, str, str], None]
    ) -> None:
        self._endpoint = endpoint
        self._refused = refused

    async def answer(self, request: Request) -> Response:
        """Answers a revocation request."""
        try:
            caller = await self._endpoint.answer(await read_form(request))
        except OAuthError as error:
            self._refused(error, request.address, request.correlation_id)
            return oauth_error(error)
        response = empty_response(200)
        client = caller.record.client
        response.client_id, response.organization_id = client.id, client.organization_id
        return response
