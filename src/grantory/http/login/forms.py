"""Forms that only the browser can send to which they were given (RFC 9700 section 4.7).

A form's token is a MAC, keyed by a cookie that only this browser and its owner have, over what
the form is for and the request that it goes on with. So it fits one browser, one form and one
request, and the server keeps nothing.
"""

import base64
import hmac
from enum import StrEnum
from typing import Final

from grantory.errors import OAuthError
from grantory.http.login.cookies import Cookies
from grantory.http.request import BodyTooLarge, Request
from grantory.protocol.token_request import parse_form

MAX_FORM_BYTES: Final = 65_536
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_OURS: Final = ("same-origin", "none")


class Form(StrEnum):
    """What a form is for."""

    LOGIN = "login"
    CONSENT = "consent"


class ForeignForm(Exception):
    """The form was not made for this browser, or is none; the text says what to tell."""


def form_token(form: Form, cookie: str, request: str) -> str:
    """Makes the token of a form.

    Args:
        form: what it is for.
        cookie: the browser's: of its forms for the login, of its session for the consent.
        request: the authorization request that the form goes on with.
    """
    mac = hmac.digest(cookie.encode(), f"{form}\x00{request}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


async def read_form(form: Form, request: Request, cookies: Cookies) -> dict[str, str]:
    """Reads what a person has sent.

    Raises:
        ForeignForm: where it is no form, or not one that this browser was given.
    """
    cookie = cookies.session if form is Form.CONSENT else cookies.form
    if request.media_type != _FORM_TYPE:
        raise ForeignForm("This address takes a form.")
    if request.header(b"sec-fetch-site") not in (None, *_OURS):
        raise ForeignForm("The form was sent from another site.")
    try:
        values = parse_form(await request.body(MAX_FORM_BYTES))
    except (BodyTooLarge, OAuthError):
        raise ForeignForm("The form could not be read.") from None
    asked = values.get("request", "")
    expected = form_token(form, cookie or "", asked)
    presented = values.get("csrf", "")
    right = hmac.compare_digest(expected.encode(), presented.encode())
    if cookie is None or not right:
        raise ForeignForm("The form is no longer good, or cookies are turned off.")
    return values
