"""A client library for the OAuth API of Grantory and of Genesys Cloud."""

from importlib import import_module
from typing import TYPE_CHECKING

from grantory_sdk._sync.client import Grantory
from grantory_sdk._sync.listing import Listing
from grantory_sdk.answers import Answer, capture_answers
from grantory_sdk.errors import (
    ApiError,
    BadRequest,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    ErrorDetail,
    Forbidden,
    GatewayTimeout,
    GrantoryError,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    RequestTimeout,
    ServerError,
    ServiceUnavailable,
    TimedOut,
    TokenRefused,
    TooManyRequests,
    Unauthorized,
    UnreadableAnswer,
)
from grantory_sdk.models import (
    Change,
    Division,
    MadeChange,
    MadeChanges,
    OAuthAuthorization,
    OAuthClient,
    OAuthScope,
    PermissionPolicy,
    Role,
    RoleDivision,
    TokenInfo,
    User,
)
from grantory_sdk.token_sources import (
    AccessToken,
    ClientCredentials,
    RefreshToken,
    SamlBearer,
    TokenSource,
)
from grantory_sdk.version import VERSION

if TYPE_CHECKING:
    from grantory_sdk._async.client import AsyncGrantory
    from grantory_sdk._async.listing import AsyncListing
    from grantory_sdk.browser_login import AuthorizationCode
else:
    # A command that blocks starts faster without an event loop and a listener for browsers.
    _LATER = {
        "AsyncGrantory": "grantory_sdk._async.client",
        "AsyncListing": "grantory_sdk._async.listing",
        "AuthorizationCode": "grantory_sdk.browser_login",
    }

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_LATER[name]), name)
        return found


__version__ = VERSION

__all__ = [
    "AccessToken",
    "Answer",
    "ApiError",
    "AsyncGrantory",
    "AsyncListing",
    "AuthorizationCode",
    "BadRequest",
    "Change",
    "ClientCredentials",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "Division",
    "ErrorDetail",
    "Forbidden",
    "GatewayTimeout",
    "Grantory",
    "GrantoryError",
    "Listing",
    "LoginFailed",
    "MadeChange",
    "MadeChanges",
    "NotFound",
    "OAuthAuthorization",
    "OAuthClient",
    "OAuthScope",
    "OutcomeUnknown",
    "PermissionPolicy",
    "RefreshToken",
    "RequestTimeout",
    "Role",
    "RoleDivision",
    "SamlBearer",
    "ServerError",
    "ServiceUnavailable",
    "TimedOut",
    "TokenInfo",
    "TokenRefused",
    "TokenSource",
    "TooManyRequests",
    "Unauthorized",
    "UnreadableAnswer",
    "User",
    "__version__",
    "capture_answers",
]
