"""Web origins, as browsers write them in a request (RFC 6454 section 6.2)."""

import re
from typing import Final

MAX_LENGTH: Final = 300
_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]{0,31}://([a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[1-9][0-9]{0,4})?"
)
_DEFAULT_PORT: Final = re.compile(r"http://.*:80|https://.*:443")


def is_origin(text: str) -> bool:
    """Tells whether a text is an origin: in lower case, without a path or a default port.

    ``null``, which stands for whatever has no origin, is none.
    """
    return (
        len(text) <= MAX_LENGTH
        and _ORIGIN.fullmatch(text) is not None
        and _DEFAULT_PORT.fullmatch(text) is None
    )
