"""Grants (RFC 6749 section 4): one file each, one tuple of them."""

from typing import Final

from grantory.protocol.grants.client_credentials import ClientCredentials
from grantory.protocol.grants.grant import Grant

GRANTS: Final[tuple[type[Grant], ...]] = (ClientCredentials,)
