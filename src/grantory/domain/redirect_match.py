"""Whether a redirect URI that a request names was registered (RFC 9700 section 4.1.3)."""

import re
from collections.abc import Iterable
from typing import Final

_LOOPBACK: Final = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[1-9][0-9]{0,4})?((?:[/?].*)?)", re.ASCII | re.DOTALL
)
_HIGHEST_PORT: Final = 65_535


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Tells whether a URI equals a registered one, character by character.

    The port of a loopback address may be another: a program gets a free one from its system when
    it starts (RFC 8252 section 7.3). ``localhost`` is a name, and gets no such freedom.

    Args:
        uri: as the request names it.
        registered: the client's.
    """
    known = tuple(registered)
    if uri in known:
        return True
    asked = _without_port(uri)
    return asked is not None and any(asked == _without_port(each) for each in known)


def _without_port(uri: str) -> tuple[str, str] | None:
    match = _LOOPBACK.fullmatch(uri)
    if match is None:
        return None
    port = uri[len(match[1]) + 1 : len(uri) - len(match[2])]
    if port and int(port) > _HIGHEST_PORT:
        return None
    return match[1], match[2]
