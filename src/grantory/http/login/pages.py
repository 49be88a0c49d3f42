"""The pages of the login side: HTML without a script, an image or anything from elsewhere."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

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


class _Layout(NamedTuple):
    """The templates of this process, and the policy that goes with their style."""

    environment: Environment
    policy: str


@cache
def _layout() -> _Layout:
    """Reads templates and style when the first page is asked for: commands never need them."""
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
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "frame-ancestors 'none'; base-uri 'none'; "
    )
    return _Layout(environment, policy)


class Pages:
    """Writes the pages."""

    def login(self, view: LoginView) -> Response:
        """The page that asks who a person is; it posts to ``login`` beside its address.

        Raises:
            ValueError: when a source is no source expression.
        """
        headers = self._headers(view.sources, view.retry_after)
        return Response(view.status, _written("login.html", view).encode(), headers)

    def consent(self, view: ConsentView) -> Response:
        """The page that asks for consent; it posts to ``consent`` beside its address.

        Raises:
            ValueError: when a source is no source expression.
        """
        page = _written("consent.html", view)
        return Response(200, page.encode(), self._headers(view.sources))

    def error(self, view: ErrorView) -> Response:
        """The page for whatever must not be sent to an application (RFC 6749 section 4.1.2.1)."""
        page = _written("error.html", view)
        return Response(view.status, page.encode(), self._headers((), view.retry_after))

    def signed_out(self, view: SignedOutView) -> Response:
        """The page after a logout that leads nowhere else."""
        return Response(200, _written("signed_out.html", view).encode(), self._headers(()))

    def _headers(self, sources: tuple[str, ...], retry_after: int = 0) -> Headers:
        policy = (b"content-security-policy", (_layout().policy + form_action(sources)).encode())
        wait = ((b"retry-after", str(retry_after).encode()),) if retry_after else ()
        return (*_HEADERS, policy, *wait)


def _written(template: str, view: msgspec.Struct) -> str:
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    return _layout().environment.get_template(template).render(fields)
