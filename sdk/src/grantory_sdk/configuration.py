"""Where to call and as whom: arguments, profiles and variables, in an order that mixes none."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from grantory_sdk.addresses import api_address, login_address, region_address
from grantory_sdk.errors import ConfigurationError
from grantory_sdk.masking import shown
from grantory_sdk.profiles import default_profile, profiles_file, read_profile
from grantory_sdk.stored_login import StoredLogin
from grantory_sdk.token_sources import AccessToken, Auth, ClientCredentials

_OURS: Final = {
    "url": "GRANTORY_URL",
    "login_url": "GRANTORY_LOGIN_URL",
    "client_id": "GRANTORY_CLIENT_ID",
    "client_secret": "GRANTORY_CLIENT_SECRET",
    "access_token": "GRANTORY_ACCESS_TOKEN",
}
_VENDORS: Final = {
    "region": "GENESYSCLOUD_REGION",
    "client_id": "GENESYSCLOUD_OAUTHCLIENT_ID",
    "client_secret": "GENESYSCLOUD_OAUTHCLIENT_SECRET",
    "access_token": "GENESYSCLOUD_ACCESS_TOKEN",
}
_CREDENTIALS: Final = ("access_token", "client_id", "client_secret")
_OF_LOGINS: Final = ("access_token_expires", "refresh_token")
_ADDRESSES: Final = ("url", "region", "login_url")


class Connection(NamedTuple):
    """Where to call and as whom."""

    url: str
    login_url: str
    auth: Auth


class _Place(NamedTuple):
    """Somewhere that says where to call or as whom."""

    name: str
    values: Mapping[str, str]
    file: Path | None = None
    profile: str = ""

    def __repr__(self) -> str:
        return shown(self.name, dict(self.values))


def resolve(
    url: str | None = None,
    *,
    login_url: str | None = None,
    region: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    access_token: str | None = None,
    auth: Auth | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Finds out where to call and as whom.

    Arguments count first. What they leave open comes from one further place: the profile that is
    named, ``GRANTORY_*``, ``GENESYSCLOUD_*``, or the file's default profile, whichever is the first
    to say anything. Credentials that stand beside an address there are sent to that address alone.

    Args:
        url: the address of the API.
        login_url: the address of the login side, where it is another that does not follow from it.
        region: a region of the vendor's cloud, instead of an address.
        client_id: a client that acts for itself, with ``client_secret``.
        client_secret: its secret.
        access_token: a token that is there already.
        auth: any other way to a token.
        profile: the name of a profile.
        environment: by default the process's.

    Returns:
        Address of the API, address of the login side, source of tokens.

    Raises:
        ConfigurationError: if something is missing, wrong, or said twice.
    """
    if url is not None and region is not None:
        raise ConfigurationError("Give either url or region.")
    variables = os.environ if environment is None else environment
    named = {
        "url": url,
        "login_url": login_url,
        "region": region,
        "client_id": client_id,
        "client_secret": client_secret,
        "access_token": access_token,
    }
    given = {name: value for name, value in named.items() if value is not None}
    complete = (url or region) and (auth or access_token or (client_id and client_secret))
    place = _Place("", {}) if complete else _place(variables, profile)
    address = _address(given, place)
    return Connection(*address, auth or _auth(given, place, address[0]))


def _place(variables: Mapping[str, str], profile: str | None) -> _Place:
    chosen = profile or variables.get("GRANTORY_PROFILE")
    file = profiles_file(variables)
    if chosen:
        return _Place(f"the profile {chosen}", read_profile(file, chosen), file, chosen)
    for table, kind in ((_OURS, "GRANTORY_*"), (_VENDORS, "GENESYSCLOUD_*")):
        values = {name: variables[key] for name, key in table.items() if variables.get(key)}
        if values:
            return _Place(kind, values)
    name = default_profile(variables)
    return _Place(f"the default profile of {file}", read_profile(file), file, name)


def _address(given: Mapping[str, str], place: _Place) -> tuple[str, str]:
    from_arguments = "url" in given or "region" in given
    values = given if from_arguments else {**place.values, **given}
    if values.get("region") and not values.get("url"):
        url = region_address(values["region"])
    elif values.get("url"):
        url = api_address(values["url"])
    else:
        raise ConfigurationError(
            "Where is the server? Give its address as the first argument, or in GRANTORY_URL."
        )
    login = values.get("login_url")
    return url, api_address(login) if login else login_address(url)


def _auth(given: Mapping[str, str], place: _Place, url: str) -> Auth:
    values = {name: given[name] for name in _CREDENTIALS if name in given}
    found = _credentials_for(place, url)
    if not values and place.file is not None and any(name in found for name in _OF_LOGINS):
        return StoredLogin(place.file, place.profile)
    if not values:
        values = found
    elif "access_token" not in values and _same_client(values, found):
        values = {name: value for name, value in found.items() if name != "access_token"} | values
    if token := values.get("access_token"):
        return AccessToken(token)
    if values.get("client_id") and values.get("client_secret"):
        return ClientCredentials(values["client_id"], values["client_secret"])
    raise ConfigurationError(
        f"As whom is {url} to be called? Give client_id and client_secret, access_token or auth, "
        "or set GRANTORY_CLIENT_ID and GRANTORY_CLIENT_SECRET."
    )


def _same_client(given: Mapping[str, str], found: Mapping[str, str]) -> bool:
    return given.get("client_id") in (None, found.get("client_id")) or "client_id" not in found


def _credentials_for(place: _Place, url: str) -> dict[str, str]:
    """What a place holds for an address: nothing, if it is another one's."""
    values = place.values
    if any(values.get(name) for name in _ADDRESSES) or place.name == "GENESYSCLOUD_*":
        try:
            if _address(values, place)[0] != url:
                return {}
        except ConfigurationError:
            return {}
    return {name: values[name] for name in (*_CREDENTIALS, *_OF_LOGINS) if name in values}
