"""Credentials that say nothing by themselves: authorization codes and session cookies.

A prefix, by which a leak scanner and a log's reader recognise the kind, and 256 random bits in
base62. The store knows a digest alone, under a domain of its own for each kind, so that one kind
can never be taken for another.
"""

import hashlib
import re
from enum import StrEnum
from typing import Final

from grantory.domain.secret import SECRET_ENTROPY_BYTES, Secret, base62

_RANDOM: Final = 43
_FORM = re.compile(rf"[0-9A-Za-z]{{{_RANDOM}}}", re.ASCII)


class OpaqueKind(StrEnum):
    """What a credential is for; the value is its prefix."""

    CODE = "gac_"
    """An authorization code (RFC 6749 section 4.1.2)."""
    SESSION = "gls_"
    """The cookie of a login session."""


def compose_opaque(kind: OpaqueKind, entropy: bytes) -> Secret:
    """Makes a credential from random bytes.

    Args:
        kind: what it is for.
        entropy: ``SECRET_ENTROPY_BYTES`` random bytes.
    """
    if len(entropy) != SECRET_ENTROPY_BYTES:
        raise ValueError("an opaque credential takes exactly 32 random bytes")
    return Secret(kind + base62(entropy, _RANDOM))


def digest_of_opaque(kind: OpaqueKind, presented: str) -> bytes | None:
    """Digests a presented credential, to look it up.

    Returns:
        SHA-256 under the kind's domain; None for a text that cannot be of this kind.
    """
    if not presented.startswith(kind) or _FORM.fullmatch(presented, len(kind)) is None:
        return None
    return hashlib.sha256(f"grantory {kind.name.lower()}\x00{presented}".encode()).digest()
