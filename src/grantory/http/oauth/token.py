"""``POST /oauth/token`` over HTTP."""

from collections.abc import Callable
from typing import Final

from grantory.errors import OAuthError
from grantory.http.errors import oauth_error
from grantory.http.request import BodyTooLarge, Request
from grantory.http.response import OAUTH_HEADERS, Response
from grantory.protocol.token_endpoint import TokenEndpoint
from grantory.protocol.token_request import MAX_FORM_BYTES, TokenRequest, parse_form

FORM: Final = "application/x-www-form-urlencoded"


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
            asked = await _read(request)
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


async def _read(request: Request) -> TokenRequest:
    if request.scope["query_string"]:
        raise OAuthError("invalid_request", "parameters belong in the body, not in the address")
    if request.media_type != FORM:
        raise OAuthError("invalid_request", f"the content type must be {FORM}")
    if request.header(b"content-encoding") not in (None, "identity"):
        raise OAuthError("invalid_request", "an encoded body is not accepted")
    try:
        body = await request.body(MAX_FORM_BYTES)
    except BodyTooLarge:
        raise OAuthError(
            "invalid_request", f"the form is larger than {MAX_FORM_BYTES} bytes", status=413
        ) from None
    return TokenRequest(
        parse_form(body),
        request.header(b"authorization"),
        request.address,
        request.correlation_id,
    )
