"""The parameter ``assertion`` as clients send it (RFC 7522 section 2.1)."""

import binascii
import re
from base64 import b64decode
from typing import Final

from grantory.protocol.saml.refused import AssertionRefused

MAX_DOCUMENT: Final = 131_072
"""Bytes of XML."""
_MAX_TEXT: Final = MAX_DOCUMENT // 3 * 4 + 8
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)
_TO_BASE64: Final = str.maketrans("-_", "+/")


def decode_assertion(text: str) -> bytes:
    """Decodes base64url, as the RFC says, or base64, as an identity provider posts it.

    Args:
        text: with or without padding and line breaks.

    Returns:
        The document, 1 to 131,072 bytes.

    Raises:
        AssertionRefused: for anything else.
    """
    joined = _BLANKS.sub("", text)
    if len(joined) > _MAX_TEXT:
        raise AssertionRefused(f"it is larger than {MAX_DOCUMENT} bytes")
    bare = joined.removesuffix("=").removesuffix("=").translate(_TO_BASE64)
    if _BASE64.fullmatch(bare) is None:
        raise AssertionRefused("it is not base64")
    try:
        document = b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise AssertionRefused("it is not base64") from None
    if len(document) > MAX_DOCUMENT:
        raise AssertionRefused(f"it is larger than {MAX_DOCUMENT} bytes")
    return document
