"""The form of access tokens: a compact text that carries itself and its keyed MAC.

``gat_`` + base64url of: format (1 byte), key id (8), body (msgpack), HMAC-SHA256 (32) over all
before it, under a prefix that no other kind of credential shares. The key belongs to one
organisation, so a token says which organisation it is for by saying which key signed it.
"""

import binascii
import hmac
from typing import Final

import msgspec

from grantory.domain.token import AccessToken, SigningKey

PREFIX: Final = "gat_"
MAX_LENGTH: Final = 32_768
"""Room for all the scopes that a client can be registered for."""
KEY_ID_BYTES: Final = 8
_MAC_BYTES: Final = 32
_FORMAT: Final = b"\x01"
_DOMAIN: Final = b"grantory access token\x00"
_HEAD: Final = 1 + KEY_ID_BYTES
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


class _Body(msgspec.Struct, array_like=True, frozen=True):
    token_id: bytes
    client: bytes
    user: bytes | None
    issued_at: int
    lifetime: int
    organization_epoch: int
    client_epoch: int
    user_epoch: int
    scopes: tuple[str, ...]
    family: bytes | None = None
    family_epoch: int = 0
    audience: tuple[str, ...] = ()
    confirmation: bytes | None = None
    """The last two are kept free for resource servers and ``cnf``."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


class MalformedToken(ValueError):
    """The text is no access token of ours."""


def encode(token: AccessToken, key: SigningKey, client_bytes: bytes) -> str:
    """Writes and signs a token.

    Args:
        token: what it says.
        key: the organisation's key.
        client_bytes: the client's id in 16 bytes.

    Returns:
        The token's text: letters, digits, ``-`` and ``_`` only.
    """
    body = _Body(
        token.token_id,
        client_bytes,
        None if token.user_id is None else uuid_bytes(token.user_id),
        token.issued_at,
        token.expires_at - token.issued_at,
        token.organization_epoch,
        token.client_epoch,
        token.user_epoch,
        token.scopes,
        None if token.family_id is None else uuid_bytes(token.family_id),
        token.family_epoch,
    )
    signed = _FORMAT + key.key_id + _encode(body)
    return PREFIX + _base64url(signed + key.mac.of(_DOMAIN + signed))


def read_key_id(text: str) -> tuple[bytes, bytes]:
    """Takes a token's text apart, before its key is known.

    Returns:
        The key id and the decoded bytes, for ``decode``.

    Raises:
        MalformedToken: for a text that is not exactly what ``encode`` would have written.
    """
    if not text.startswith(PREFIX) or len(text) > MAX_LENGTH:
        raise MalformedToken("prefix or length")
    encoded = text[len(PREFIX) :]
    try:
        raw = binascii.a2b_base64(
            encoded.encode("ascii").translate(_FROM_URL) + b"=" * (-len(encoded) % 4)
        )
    except ValueError:
        raise MalformedToken("alphabet") from None
    if len(raw) <= _HEAD + _MAC_BYTES or raw[:1] != _FORMAT or _base64url(raw) != encoded:
        raise MalformedToken("form")
    return raw[1:_HEAD], raw


def decode(raw: bytes, key: SigningKey) -> AccessToken:
    """Checks the MAC of a token and reads it.

    Raises:
        MalformedToken: for a wrong MAC or body.
    """
    signed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if not hmac.compare_digest(key.mac.of(_DOMAIN + signed), mac):
        raise MalformedToken("signature")
    try:
        body = _decode(signed[_HEAD:])
    except msgspec.MsgspecError:
        raise MalformedToken("body") from None
    return AccessToken(
        token_id=body.token_id,
        organization_id=key.organization_id,
        client_id=uuid_text(body.client),
        user_id=None if body.user is None else uuid_text(body.user),
        issued_at=body.issued_at,
        expires_at=body.issued_at + body.lifetime,
        organization_epoch=body.organization_epoch,
        client_epoch=body.client_epoch,
        user_epoch=body.user_epoch,
        scopes=body.scopes,
        family_id=None if body.family is None else uuid_text(body.family),
        family_epoch=body.family_epoch,
    )


def _base64url(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def uuid_bytes(text: str) -> bytes:
    """Returns the bytes of an id; several times as fast as ``uuid.UUID`` is."""
    return bytes.fromhex(text.replace("-", ""))


def uuid_text(data: bytes) -> str:
    """Returns an id as it is written, of its 16 bytes."""
    digits = data.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
