"""Signatures of access tokens that others can verify (RFC 7518, RFC 8037)."""

from enum import StrEnum
from typing import Final

MAX_JWT_LIFETIME: Final = 172_800
"""Seconds. Who verifies such a token offline does not hear that it was ended, so it lives no longer
than a person's longest token, whatever the grant type; and its key need not be kept for longer."""


class SigningAlgorithm(StrEnum):
    """The algorithms there are, by their names in a JWT's header."""

    EDDSA = "EdDSA"
    """With the curve Ed25519 (RFC 8037)."""
    ES256 = "ES256"
    RS256 = "RS256"
    """For verifiers that know no other."""
