"""Where the API is, and the login side that belongs to it."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from grantory_sdk.errors import ConfigurationError

REGIONS: Final = {
    "us-east-1": "mypurecloud.com",
    "us-east-2": "use2.us-gov-pure.cloud",
    "us-west-2": "usw2.pure.cloud",
    "ca-central-1": "cac1.pure.cloud",
    "sa-east-1": "sae1.pure.cloud",
    "mx-central-1": "mxc1.pure.cloud",
    "eu-west-1": "mypurecloud.ie",
    "eu-west-2": "euw2.pure.cloud",
    "eu-central-1": "mypurecloud.de",
    "eu-central-2": "euc2.pure.cloud",
    "eusc-de-east-1": "edee1.eusc-pure.cloud",
    "me-central-1": "mec1.pure.cloud",
    "ap-south-1": "aps1.pure.cloud",
    "ap-northeast-1": "mypurecloud.jp",
    "ap-northeast-2": "apne2.pure.cloud",
    "ap-northeast-3": "apne3.pure.cloud",
    "ap-southeast-1": "apse1.pure.cloud",
    "ap-southeast-2": "mypurecloud.com.au",
}
"""The vendor's regions and their domains."""


def region_address(region: str) -> str:
    """The address of the API in a region of the vendor's cloud.

    Args:
        region: its name such as ``eu-central-1``, or its domain such as ``mypurecloud.de``.

    Raises:
        ConfigurationError: if it is neither.
    """
    name = region.strip().lower()
    domain = REGIONS.get(name.replace("_", "-"), name)
    if domain not in REGIONS.values():
        raise ConfigurationError(
            f"There is no region {region!r}: it must be one of {', '.join(REGIONS)}, or the domain "
            "of one. The address of another server is given as url."
        )
    return f"https://api.{domain}"


def api_address(url: str) -> str:
    """Checks the address of the API.

    Args:
        url: ``http`` or ``https``, a host, and at most a path that stands before the API's.

    Returns:
        The address without a slash at its end.

    Raises:
        ConfigurationError: if it is no such address.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"{_plain(url)!r} is no address") from None
    if port == 0 or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{_plain(url)!r} is no address such as https://auth.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{_plain(url)!r} must be an address alone, without user, query and fragment"
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def login_address(url: str) -> str:
    """The login side of an API: ``api.`` at the start of the host becomes ``login.``, as in the
    official SDKs; any other address has both.
    """
    parts = urlsplit(url)
    if not parts.netloc.lower().startswith("api."):
        return url
    return urlunsplit(parts._replace(netloc="login." + parts.netloc[4:]))


def is_of_this_machine(url: str) -> bool:
    """Whether an address is one of this machine, where no proxy has anything to do."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(url: str) -> str:
    """The address without what may be a password in it."""
    return url.rpartition("@")[2].partition("?")[0][:200]
