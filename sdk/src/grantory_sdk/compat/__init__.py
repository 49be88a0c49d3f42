"""The generated SDK's names for the operations on OAuth clients.

``import grantory_sdk.compat as PureCloudPlatformClientV2`` is all that a program changes.
"""

from grantory_sdk.compat import api_client, rest
from grantory_sdk.compat.api_client import ApiClient
from grantory_sdk.compat.configuration import Configuration
from grantory_sdk.compat.models import (
    DomainEntityRef,
    OAuthClient,
    OAuthClientEntityListing,
    OAuthClientListing,
    OAuthClientRequest,
    RoleDivision,
    UriReference,
)
from grantory_sdk.compat.oauth_api import OAuthApi
from grantory_sdk.compat.region_hosts import PureCloudRegionHosts
from grantory_sdk.compat.rest import ApiException

configuration: Configuration = Configuration()

__all__ = [
    "ApiClient",
    "ApiException",
    "Configuration",
    "DomainEntityRef",
    "OAuthApi",
    "OAuthClient",
    "OAuthClientEntityListing",
    "OAuthClientListing",
    "OAuthClientRequest",
    "PureCloudRegionHosts",
    "RoleDivision",
    "UriReference",
    "api_client",
    "configuration",
    "rest",
]
