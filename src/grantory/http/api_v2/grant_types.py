"""The platform's spellings of grant types, through its years."""

from enum import StrEnum
from typing import Final

from grantory.domain.client import GrantType

_HYPHEN: Final = {
    GrantType.AUTHORIZATION_CODE: "CODE",
    GrantType.IMPLICIT: "TOKEN",
    GrantType.SAML2_BEARER: "SAML2-BEARER",
    GrantType.PASSWORD: "PASSWORD",
    GrantType.CLIENT_CREDENTIALS: "CLIENT-CREDENTIALS",
}
_UNDERSCORE: Final = {
    **_HYPHEN,
    GrantType.SAML2_BEARER: "SAML2BEARER",
    GrantType.CLIENT_CREDENTIALS: "CLIENT_CREDENTIALS",
}
SPELLINGS: Final = tuple(dict.fromkeys((*_HYPHEN.values(), *_UNDERSCORE.values())))
"""Every text that is answered; more are accepted."""
_READ: Final = {text.replace("-", ""): grant_type for grant_type, text in _HYPHEN.items()}


class GrantTypeStyle(StrEnum):
    """Which spelling is answered: today's, or that of the first SDKs."""

    HYPHEN = "hyphen"
    UNDERSCORE = "underscore"


def read_grant_type(text: str) -> GrantType:
    """Reads a grant type with ``-``, ``_`` or neither between its words, in any case.

    Raises:
        ValueError: for any other text.
    """
    found = _READ.get(text.upper().replace("-", "").replace("_", "")) if len(text) < 40 else None
    if found is None:
        raise ValueError(f"must be one of {', '.join(_HYPHEN.values())}")
    return found


def grant_type_text(grant_type: GrantType, style: GrantTypeStyle) -> str:
    """Writes a grant type as the style has it."""
    return (_UNDERSCORE if style is GrantTypeStyle.UNDERSCORE else _HYPHEN)[grant_type]
