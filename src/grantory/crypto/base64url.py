"""Base64 as JWTs have it (RFC 7515 section 2), taken in its one exact form alone."""

import binascii
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/", b"+/!!")


def base64url(data: bytes) -> bytes:
    """Writes bytes."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def read_base64url(text: bytes) -> bytes:
    """Reads bytes.

    Raises:
        ValueError: for whatever ``base64url`` would not have written.
    """
    data = binascii.a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("not the one form of its bytes")
    return data
