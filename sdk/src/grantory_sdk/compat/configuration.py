"""The generated SDK's configuration."""

from typing import TYPE_CHECKING, Final, Self

from grantory_sdk.masking import shown

if TYPE_CHECKING:
    from grantory_sdk.compat.api_client import ApiClient

VENDORS_ADDRESS: Final = "https://api.mypurecloud.com"


class Configuration:
    """What calls are made with; there is one for the whole program.

    Attributes:
        host: the address of the API.
        access_token: the token, unless a client has one of its own.
        api_client: what calls are made through where none is named.
    """

    _only: "Configuration | None" = None
    host: str
    access_token: str
    api_client: "ApiClient | None"

    def __new__(cls) -> Self:
        """The one that there is."""
        if not isinstance(cls._only, cls):
            made = super().__new__(cls)
            made.host, made.access_token, made.api_client = VENDORS_ADDRESS, "", None
            cls._only = made
            return made
        return cls._only

    def __repr__(self) -> str:
        fields = {"host": self.host, "access_token": self.access_token}
        return shown("Configuration", fields)
