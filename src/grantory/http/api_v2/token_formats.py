"""How a client's access tokens are written: ``accessTokenFormat``, which is Grantory's own."""

from enum import StrEnum
from typing import Final

from grantory.domain.signing import SigningAlgorithm


class TokenFormat(StrEnum):
    """The forms that there are."""

    OPAQUE = "OPAQUE"
    JWT_EDDSA = "JWT_EDDSA"
    JWT_ES256 = "JWT_ES256"
    JWT_RS256 = "JWT_RS256"

    @property
    def algorithm(self) -> SigningAlgorithm | None:
        """By which tokens of this form are signed; None for opaque ones."""
        return _ALGORITHMS.get(self)


_ALGORITHMS: Final = {
    TokenFormat.JWT_EDDSA: SigningAlgorithm.EDDSA,
    TokenFormat.JWT_ES256: SigningAlgorithm.ES256,
    TokenFormat.JWT_RS256: SigningAlgorithm.RS256,
}
_TEXTS: Final = {algorithm: form.value for form, algorithm in _ALGORITHMS.items()}


def read_token_format(text: str) -> TokenFormat:
    """Reads a form, in any case.

    Raises:
        ValueError: for any other text.
    """
    try:
        return TokenFormat(text.upper())
    except ValueError:
        raise ValueError(f"must be one of {', '.join(TokenFormat)}") from None


def token_format_text(algorithm: SigningAlgorithm | None) -> str | None:
    """Writes a form; opaque tokens have none, so that it is left out."""
    return None if algorithm is None else _TEXTS[algorithm]
