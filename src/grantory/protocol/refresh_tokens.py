"""Refresh tokens: the id of a family, a generation, and a keyed MAC over both.

Nothing of them is stored but the generation that is good now, in the family's row. So an answer
that was lost can be given again, word for word, without keeping anything secret.
"""

import binascii
import hmac
import struct
from typing import Final, NamedTuple

from grantory.domain.code import TokenFamily
from grantory.domain.secret import Secret
from grantory.domain.token import SigningKey
from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.ports.hot_reads import HotReads
from grantory.protocol.token_codec import uuid_bytes, uuid_text
from grantory.protocol.vouch import Vouch

PREFIX: Final = "grt_"
_FORMAT: Final = b"\x01"
_DOMAIN: Final = b"grantory refresh token\x00"
_BODY: Final = struct.Struct(">c8s16sQ")
_MAC_BYTES: Final = 32
_LENGTH: Final = len(PREFIX) + -(-(_BODY.size + _MAC_BYTES) * 4 // 3)
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


class Generation(NamedTuple):
    """What a refresh token says: which one it is of which family."""

    organization_id: str
    family_id: str
    number: int
    key_id: bytes
    """Of the key that signed it."""


class RefreshTokens:
    """Writes refresh tokens and reads them."""

    def __init__(self, reads: HotReads) -> None:
        self._reads = reads

    async def newest_key_id(self, organization_id: str) -> bytes:
        """Returns the id of the key that signs an organisation's refresh tokens now."""
        return (await self._reads.newest_signing_key(organization_id)).key_id

    async def write(self, family: TokenFamily, vouch: Vouch | None) -> Secret:
        """Writes the refresh token of a family's generation, which was begun just before.

        Args:
            family: whose.
            vouch: the key that was there when a credential was taken for good; None where none was.

        Raises:
            GrantoryError: the refusal, where that key is gone.
            OutcomeUnknown: where a key cannot be had any more, though it was at hand.
        """
        try:
            key = await self._reads.newest_signing_key(family.organization_id)
            if vouch is not None:
                await vouch.require_after_opaque(self._reads, key.key_id)
        except StorageUnavailable as error:
            raise OutcomeUnknown(f"used up, but not answered: {error.detail}") from error
        body = _BODY.pack(_FORMAT, key.key_id, uuid_bytes(family.id), family.generation)
        return Secret(PREFIX + _base64url(body + _mac(key, body)))

    async def read(self, presented: str) -> Generation | None:
        """Reads a presented refresh token; None for a text that no server of ours has written."""
        if not presented.startswith(PREFIX) or len(presented) != _LENGTH:
            return None
        encoded = presented[len(PREFIX) :]
        try:
            padded = encoded.encode("ascii").translate(_FROM_URL) + b"=" * (-len(encoded) % 4)
            raw = binascii.a2b_base64(padded)
        except ValueError:
            return None
        if len(raw) != _BODY.size + _MAC_BYTES or _base64url(raw) != encoded:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        form, key_id, family, number = _BODY.unpack(body)
        key = await self._reads.signing_key(key_id) if form == _FORMAT else None
        if key is None or not hmac.compare_digest(_mac(key, body), mac):
            return None
        return Generation(key.organization_id, uuid_text(family), number, key.key_id)


def _mac(key: SigningKey, body: bytes) -> bytes:
    return key.mac.of(_DOMAIN + body)


def _base64url(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode()
