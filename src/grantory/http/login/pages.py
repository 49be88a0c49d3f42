"""The pages of the login side: HTML without a script, an image or anything from elsewhere."""

from typing import Final

import msgspec

from grantory.http.login.sources import form_action
from grantory.http.login.views import ConsentView, ErrorView, LoginView, SignedOutView
from grantory.http.response import NO_STORE, Headers, Response

NO_REFERRER: Final = (b"referrer-policy", b"no-referrer")
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
        policy = (b"content-security-policy", (_policy() + form_action(sources)).encode())
        wait = ((b"retry-after", str(retry_after).encode()),) if retry_after else ()
        return (*_HEADERS, policy, *wait)


# The templates are loaded with their first page, or right after the start: not before it.
def _policy() -> str:
    from grantory.http.login.layout import layout  # noqa: PLC0415

    return layout().policy


def _written(template: str, view: msgspec.Struct) -> str:
    from grantory.http.login.layout import written  # noqa: PLC0415

    return written(template, {name: getattr(view, name) for name in view.__struct_fields__})
