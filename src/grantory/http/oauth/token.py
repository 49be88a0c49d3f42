"""``POST /oauth/token`` over HTTP."""

from collections.abc import Callable

from grantory.errors import OAuthError
from grantory.http.errors import oauth_error
from grantory.http.oauth.form import read_form
from grantory.http.request import Request
from grantory.http.response import OAUTH_HEADERS, Response
from grantory.protocol.token_endpoint import TokenEndpoint


class TokenResource:
    """Answers with exactly 200 or an RFC 6749 error; nothing else.

    Args:
        endpoint: decides.
        refused: told of each refusal, with the caller's address and the correlation id.
    """

    def __init__(
        self, endpoint: TokenEndpoint, refused: Callable[[OAuthError, str, str], None]
    ) -> None:
        self._endpoint = endpoint
        self._refused = refused

    async def answer(self, request: Request) -> Response:
        """Answers a token request."""
        try:
            asked = await read_form(request)
            request.grant_type = asked.form.get("grant_type", "")
            answer = await self._endpoint.answer(asked)
        except OAuthError as error:
            self._refused(error, request.address, request.correlation_id)
            return oauth_error(error)
        # Every part is plain ASCII without quotes or backslashes, so no JSON escaping applies.
        refresh = f',"refresh_token":"{answer.refresh_token}"' if answer.refresh_token else ""
        response = Response(
            200,
            f'{{"access_token":"{answer.access_token}","token_type":"bearer",'
            f'"expires_in":{answer.expires_in}{refresh}}}'.encode(),
            OAUTH_HEADERS,
        )
        response.client_id = answer.client_id
        response.organization_id = answer.organization_id
        return response
