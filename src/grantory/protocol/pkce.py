"""Proof Key for Code Exchange (RFC 7636), by the method S256 alone."""

import base64
import hashlib
import hmac
import re
from typing import Final

METHOD: Final = "S256"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def is_challenge(text: str) -> bool:
    """Tells whether a text can be a S256 challenge: 32 bytes in base64url without padding."""
    return _CHALLENGE.fullmatch(text) is not None


def fits(verifier: str, challenge: str) -> bool:
    """Tells whether a verifier is the one that a challenge was made of (section 4.6)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())
