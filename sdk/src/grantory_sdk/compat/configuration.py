"""The generated SDK's configuration."""

from typing import TYPE_CHECKING, Final, Self

from grantory_sdk.masking import shown

if TYPE_CHECKING:
    from grantory_sdk.compat.api_client import ApiClient

VENDORS_ADDRESS: Final = "https://api.mypurecloud.com"


class Configuration:
    """What calls are made with; there is one for the whole program.

    The generated SDK's other settings are not there: to set one is an error, since nothing would
    follow from it.

    Attributes:
        host: the address of the API.
        access_token: the token, unless a client has one of its own.
        ssl_ca_cert: a file with the authorities to trust, instead of the machine's.
        api_client: what calls are made through where none is named.
    """

    __slots__ = ("access_token", "api_client", "host", "ssl_ca_cert")
    _only: "Configuration | None" = None
    host: str
    access_token: str
    ssl_ca_cert: str | None
    api_client: "ApiClient | None"

    def __new__(cls) -> Self:
        """The one that there is."""
        if not isinstance(cls._only, cls):
            made = super().__new__(cls)
            made.host, made.access_token = VENDORS_ADDRESS, ""
            made.ssl_ca_cert, made.api_client = None, None
            cls._only = made
            return made
        return cls._only

    def __repr__(self) -> str:
        fields = {"host": self.host, "access_token": self.access_token}
        return shown("Configuration", fields)
