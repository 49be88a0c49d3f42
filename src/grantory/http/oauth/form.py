"""The form that a request to one of OAuth's endpoints carries, read strictly."""

from typing import Final

from grantory.errors import OAuthError
from grantory.http.request import BodyTooLarge, Request
from grantory.protocol.token_request import MAX_FORM_BYTES, TokenRequest, parse_form

FORM: Final = "application/x-www-form-urlencoded"
_AS_SENT: Final = FORM.encode()
"""As nearly all send it."""


async def read_form(request: Request) -> TokenRequest:
    """Reads a form (RFC 6749 section 3.2), which is at most 262,144 bytes.

    Raises:
        OAuthError: ``invalid_request`` for parameters in the address, for another or an encoded
            content, for a form that is too large (413) or cannot be read.
    """
    if request.scope["query_string"]:
        raise OAuthError("invalid_request", "parameters belong in the body, not in the address")
    if request.headers.get(b"content-type") != _AS_SENT and request.media_type != FORM:
        raise OAuthError("invalid_request", f"the content type must be {FORM}")
    if request.headers.get(b"content-encoding") not in (None, b"identity"):
        raise OAuthError("invalid_request", "an encoded body is not accepted")
    try:
        body = request.body_at_hand(MAX_FORM_BYTES)
        if body is None:
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
