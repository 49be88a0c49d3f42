"""Grants (RFC 6749 section 4): one file each, one tuple of them."""

from typing import Final

from grantory.protocol.grants.authorization_code import AuthorizationCodeGrant
from grantory.protocol.grants.client_credentials import ClientCredentials
from grantory.protocol.grants.grant import Grant
from grantory.protocol.grants.password import PasswordGrant
from grantory.protocol.grants.refresh_token import RefreshTokenGrant
from grantory.protocol.grants.saml2_bearer import Saml2Bearer

GRANTS: Final[tuple[type[Grant], ...]] = (
    ClientCredentials,
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    PasswordGrant,
    Saml2Bearer,
)
