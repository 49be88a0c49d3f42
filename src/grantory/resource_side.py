"""What resource servers and careful clients use: introspection, revocation, public keys."""

from collections.abc import Awaitable, Callable

from grantory.errors import OAuthError
from grantory.http.early_answers import INTROSPECTION_PATH, REVOCATION_PATH
from grantory.http.oauth.introspection import IntrospectionResource
from grantory.http.oauth.jwks import JWKS, JWKS_OF, JwksResource
from grantory.http.oauth.metadata import METADATA_PATH, MetadataResource
from grantory.http.oauth.revocation import RevocationResource
from grantory.http.request import Request
from grantory.http.response import Response
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.client_auth.bearer import BearerOrSecret
from grantory.protocol.grants import GRANTS
from grantory.protocol.grants.password import PasswordGrant
from grantory.protocol.introspection import PERMISSIONS, IntrospectionEndpoint
from grantory.protocol.jwt_codec import Recipients
from grantory.protocol.refresh_tokens import RefreshTokens
from grantory.protocol.revocation import RevocationEndpoint
from grantory.settings import Settings

__all__ = ["PERMISSIONS", "resource_routes"]
Route = tuple[str, str, Callable[[Request], Awaitable[Response]]]


def resource_routes(
    store: Store,
    reads: HotReads,
    clock: Clock,
    tokens: AccessTokens,
    authenticator: ClientAuthenticator,
    settings: Settings,
    recipients: Recipients,
    refused: Callable[[OAuthError, str, str], None],
) -> tuple[Route, ...]:
    """Makes the endpoints.

    Args:
        store: holds families and ended tokens.
        reads: what every request asks for.
        clock: the time.
        tokens: verifies access tokens.
        authenticator: that of the token endpoint, so that failures count together.
        settings: what the deployment allows.
        recipients: the server's address, as the issuer, and for whom its tokens are.
        refused: told of each refusal, with address and correlation id.
    """
    refresh_tokens = RefreshTokens(reads)
    introspection = IntrospectionEndpoint(
        reads=reads,
        authenticator=BearerOrSecret(reads, tokens, authenticator),
        tokens=tokens,
        refresh_tokens=refresh_tokens,
        store=store,
        clock=clock,
        recipients=recipients,
    )
    revocation = RevocationEndpoint(
        reads=reads,
        authenticator=authenticator,
        tokens=tokens,
        refresh_tokens=refresh_tokens,
        store=store,
        clock=clock,
    )
    grant_types = tuple(
        grant.name for grant in GRANTS if grant is not PasswordGrant or settings.grants_password
    )
    metadata = MetadataResource(
        recipients.issuer,
        grant_types,
        implicit=settings.grants_implicit,
        prefix=settings.http_login_prefix,
    )
    jwks = JwksResource(reads)
    return (
        ("POST", INTROSPECTION_PATH, IntrospectionResource(introspection, refused).answer),
        ("POST", REVOCATION_PATH, RevocationResource(revocation, refused).answer),
        ("GET", METADATA_PATH, metadata.answer),
        ("GET", JWKS, jwks.all),
        ("GET", JWKS_OF, jwks.of_organization),
    )
