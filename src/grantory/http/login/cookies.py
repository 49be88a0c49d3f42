"""The two cookies of the login side: who is logged in, and which forms are this browser's."""

import re
from typing import Final, NamedTuple

from grantory.domain.secret import Secret
from grantory.http.request import Request

Header = tuple[bytes, bytes]
MAX_HEADER: Final = 16_384
_VALUE = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_ATTRIBUTES: Final = "Path=/; HttpOnly; SameSite=Lax"


class Cookies(NamedTuple):
    """What a browser has sent."""

    session: str | None
    form: str | None


class CookieJar:
    """Reads cookies and writes them.

    Under TLS their names have the prefix ``__Host-``: browsers take them then from this host
    alone, and over TLS alone (RFC 6265bis section 4.1.3.2). Both are Lax and not Strict, since
    people come here by a link on the client's pages.

    Args:
        secure: whether people reach the server over TLS.
    """

    def __init__(self, *, secure: bool) -> None:
        prefix = "__Host-" if secure else ""
        self._session = f"{prefix}grantory-session"
        self._form = f"{prefix}grantory-form"
        self._attributes = f"{_ATTRIBUTES}; Secure" if secure else _ATTRIBUTES

    def read(self, request: Request) -> Cookies:
        """Returns the cookies of a request; one that comes twice counts as none."""
        found: dict[str, str | None] = {}
        pairs = b"; ".join(value for name, value in request.scope["headers"] if name == b"cookie")
        for pair in pairs[:MAX_HEADER].decode("latin-1").split(";"):
            name, _, value = pair.strip().partition("=")
            if name in (self._session, self._form):
                good = name not in found and _VALUE.fullmatch(value) is not None
                found[name] = value if good else None
        return Cookies(found.get(self._session), found.get(self._form))

    def of_session(self, cookie: Secret) -> Header:
        """Gives the browser a session; the cookie goes when the browser is closed."""
        return self._header(self._session, cookie.reveal())

    def of_form(self, cookie: str) -> Header:
        """Gives the browser what its forms are known by."""
        return self._header(self._form, cookie)

    def without_session(self) -> Header:
        """Takes the session from the browser."""
        return self._header(self._session, "", "; Max-Age=0")

    def _header(self, name: str, value: str, more: str = "") -> Header:
        return b"set-cookie", f"{name}={value}; {self._attributes}{more}".encode()
