"""The form of access tokens that others can verify: a JWT as RFC 9068 has it.

Its header must be, to the byte, the one that its key's tokens begin with, and so must its claims
be what is written here. Whoever gave us a text by another path than ``encode_jwt`` is refused
before anything that he wrote is followed.
"""

from typing import Final, NamedTuple

import msgspec

from grantory.crypto.base64url import base64url, read_base64url
from grantory.crypto.jwt_keys import JwtKey
from grantory.domain.token import AccessToken
from grantory.protocol.token_codec import MAX_LENGTH, MalformedToken

_START: Final = "eyJ"
"""How a JSON object begins in base64url; no other credential of ours does."""
_PARTS: Final = 3
_TOKEN_ID_BYTES: Final = 16


class Recipients(NamedTuple):
    """For whom the tokens of this server are.

    Attributes:
        issuer: the server's public address.
        audience: a resource server that all organisations share; empty for none.
    """

    issuer: str
    audience: str = ""

    def own(self, organization_id: str) -> str:
        """Names what belongs to one organisation: its tokens are for that, always."""
        return f"{self.issuer}/organizations/{organization_id}"

    def audience_of(self, organization_id: str) -> str | tuple[str, ...]:
        """Lists for whom an organisation's tokens are, as ``aud`` has it."""
        own = self.own(organization_id)
        return (self.audience, own) if self.audience else own


class _Standing(msgspec.Struct, array_like=True, frozen=True):
    """What only this server understands: the epochs, and the authorization behind the token."""

    organization_epoch: int
    client_epoch: int
    user_epoch: int | None = None
    """None where the client acts for itself."""
    family_id: str | None = None
    family_epoch: int = 0


class _Claims(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """RFC 9068 section 2.2."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    client_id: str
    org_id: str
    iat: int
    exp: int
    jti: str
    grantory: _Standing
    scope: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Claims).decode


def looks_like_jwt(text: str) -> bool:
    """Tells whether a presented token is to be read as a JWT."""
    return text.startswith(_START)


def encode_jwt(token: AccessToken, key: JwtKey, recipients: Recipients) -> str:
    """Writes and signs a token.

    Args:
        token: what it says.
        key: of the token's organisation.
        recipients: for whom it is.
    """
    claims = _Claims(
        recipients.issuer,
        token.subject_id,
        recipients.audience_of(token.organization_id),
        token.client_id,
        token.organization_id,
        token.issued_at,
        token.expires_at,
        base64url(token.token_id).decode(),
        _Standing(
            token.organization_epoch,
            token.client_epoch,
            None if token.user_id is None else token.user_epoch,
            token.family_id,
            token.family_epoch,
        ),
        " ".join(token.scopes),
    )
    signed = key.header + base64url(_encode(claims))
    return (signed + b"." + base64url(key.sign(signed))).decode()


class PresentedJwt(NamedTuple):
    """A JWT taken apart, before its key is known."""

    header: bytes
    """With the dot after it."""
    claims: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return self.header + self.claims


def take_apart(text: str) -> PresentedJwt:
    """Takes a JWT's text apart (RFC 7515 section 7.1).

    Raises:
        MalformedToken: for a text that is none of ours.
    """
    if len(text) > MAX_LENGTH or not text.isascii():
        raise MalformedToken("length or alphabet")
    parts = text.encode("ascii").split(b".", _PARTS)
    if len(parts) != _PARTS:
        raise MalformedToken("parts")
    header, claims, signature = parts
    return PresentedJwt(header + b".", claims, signature)


def decode_jwt(presented: PresentedJwt, key: JwtKey, recipients: Recipients) -> AccessToken:
    """Checks the signature of a JWT and reads it.

    Raises:
        MalformedToken: for a wrong signature, for claims that were not written here, and for a
            token that is for others.
    """
    try:
        signature = read_base64url(presented.signature)
        written = read_base64url(presented.claims)
    except ValueError:
        raise MalformedToken("alphabet") from None
    if not key.verifies(signature, presented.signed):
        raise MalformedToken("signature")
    try:
        claims: _Claims = _decode(written)
        token_id = read_base64url(claims.jti.encode())
    except (msgspec.MsgspecError, ValueError):
        raise MalformedToken("claims") from None
    if _encode(claims) != written:
        raise MalformedToken("claims in another form")
    if claims.org_id != key.organization_id or len(token_id) != _TOKEN_ID_BYTES:
        raise MalformedToken("claims")
    if claims.iss != recipients.issuer:
        raise MalformedToken("issuer")
    audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    if recipients.own(claims.org_id) not in audience:
        raise MalformedToken("audience")
    standing = claims.grantory
    acts_for_itself = standing.user_epoch is None
    if acts_for_itself != (claims.sub == claims.client_id):
        raise MalformedToken("subject")
    return AccessToken(
        token_id=token_id,
        organization_id=claims.org_id,
        client_id=claims.client_id,
        user_id=None if acts_for_itself else claims.sub,
        issued_at=claims.iat,
        expires_at=claims.exp,
        organization_epoch=standing.organization_epoch,
        client_epoch=standing.client_epoch,
        user_epoch=standing.user_epoch or 0,
        scopes=tuple(claims.scope.split(" ")) if claims.scope else (),
        family_id=standing.family_id,
        family_epoch=standing.family_epoch,
    )
