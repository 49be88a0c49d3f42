"""The pages of the login side: HTML without a script, an image or anything from elsewhere."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grantory.http.login.sources import form_action
from grantory.http.login.views import ConsentView, ErrorView, LoginView, SignedOutView
from grantory.http.response import NO_STORE, Headers, Response

NO_REFERRER: Final = (b"referrer-policy", b"no-referrer")
_PACKAGE: Final = "grantory.http.login"
_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    NO_STORE,
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    NO_REFERRER,
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""No Cross-Origin-Opener-Policy: an application that opens the login in a window of its own is
told the outcome through ``window.opener`` by the page to which that window is sent at last, and
any value would cut the two apart."""


class Pages:
    """Writes the pages; templates and style are read once, when it is made."""

    def __init__(self) -> None:
        environment = Environment(
            loader=PackageLoader(_PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        style = files(_PACKAGE).joinpath("style.css").read_text("utf-8")
        environment.globals["style"] = Markup(style)  # noqa: S704 -- a file of this package
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; "
            "frame-ancestors 'none'; base-uri 'none'; "
        )
        self._login = environment.get_template("login.html")
        self._consent = environment.get_template("consent.html")
        self._error = environment.get_template("error.html")
        self._signed_out = environment.get_template("signed_out.html")

    def login(self, view: LoginView) -> Response:
        """The page that asks who a person is; it posts to ``login`` beside its address.

        Raises:
            ValueError: when a source is no source expression.
        """
        headers = self._headers(view.sources, view.retry_after)
        return Response(view.status, self._login.render(_fields(view)).encode(), headers)

    def consent(self, view: ConsentView) -> Response:
        """The page that asks for consent; it posts to ``consent`` beside its address.

        Raises:
            ValueError: when a source is no source expression.
        """
        page = self._consent.render(_fields(view))
        return Response(200, page.encode(), self._headers(view.sources))

    def error(self, view: ErrorView) -> Response:
        """The page for whatever must not be sent to an application (RFC 6749 section 4.1.2.1)."""
        page = self._error.render(_fields(view))
        return Response(view.status, page.encode(), self._headers((), view.retry_after))

    def signed_out(self, view: SignedOutView) -> Response:
        """The page after a logout that leads nowhere else."""
        return Response(200, self._signed_out.render(_fields(view)).encode(), self._headers(()))

    def _headers(self, sources: tuple[str, ...], retry_after: int = 0) -> Headers:
        policy = (b"content-security-policy", (self._policy + form_action(sources)).encode())
        wait = ((b"retry-after", str(retry_after).encode()),) if retry_after else ()
        return (*_HEADERS, policy, *wait)


def _fields(view: msgspec.Struct) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__struct_fields__}
