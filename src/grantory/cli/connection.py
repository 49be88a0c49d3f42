"""Which server a command calls, and as whom."""

import os
from typing import Final

from grantory.errors import SetupError
from grantory_sdk.addresses import REGIONS, is_of_this_machine
from grantory_sdk.configuration import Connection, resolve
from grantory_sdk.profiles import FILE_VARIABLE, default_profile, profiles_file

DEFAULT_URL: Final = "http://127.0.0.1:8080"
_CREDENTIALS: Final = ("GRANTORY_CLIENT_ID", "GRANTORY_CLIENT_SECRET")
_VENDORS: Final = (
    "GENESYSCLOUD_REGION",
    "GENESYSCLOUD_OAUTHCLIENT_ID",
    "GENESYSCLOUD_ACCESS_TOKEN",
)


def connection(host: str | None, profile: str | None) -> Connection:
    """Finds the server and the credentials: what is said, the environment, a profile.

    Args:
        host: a server's address, or a region of the vendor's cloud.
        profile: the name of a profile.

    Raises:
        SetupError: naming what is not set.
        ConfigurationError: if something is wrong.
    """
    url, region = address(host) if host else (None, None)
    if profile is None and not os.environ.get("GRANTORY_PROFILE"):
        url = _of_environment(url, region)
    return resolve(url, region=region, profile=profile)


def address(host: str) -> tuple[str | None, str | None]:
    """What ``--host`` says.

    Args:
        host: an address; a host alone, which stands for https, and on this machine for http; or
            a region of the vendor's cloud or its domain.

    Returns:
        An address or a region; the other one is None.
    """
    name = host.strip().lower().replace("_", "-")
    if name in REGIONS or name in REGIONS.values():
        return None, name
    if "://" in host:
        return host, None
    scheme = "http" if is_of_this_machine(f"http://{host}") else "https"
    return f"{scheme}://{host}", None


def _of_environment(url: str | None, region: str | None) -> str | None:
    """Sees that the variables say enough, and names what they do not say."""
    given = {name for name in _CREDENTIALS if os.environ.get(name)}
    place = os.environ.get("GRANTORY_URL")
    if os.environ.get("GRANTORY_ACCESS_TOKEN"):
        return url if url or region or place else DEFAULT_URL
    missing = [name for name in _CREDENTIALS if name not in given]
    if (given or (place and not (url or region))) and missing:
        raise SetupError(
            f"set {' and '.join(missing)} to call {url or region or place or DEFAULT_URL}, "
            "or run grantory login and unset the other GRANTORY_ variables"
        )
    if given:
        return url if url or region or place else DEFAULT_URL
    if not any(os.environ.get(name) for name in _VENDORS) and not default_profile(os.environ):
        raise SetupError(
            f"no server is chosen: run grantory login, or set GRANTORY_URL, {_CREDENTIALS[0]} and "
            f"{_CREDENTIALS[1]} (profiles are in {profiles_file(os.environ)}, or where "
            f"{FILE_VARIABLE} says)"
        )
    return url
