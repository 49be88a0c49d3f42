"""The composition root: the only module that knows every layer."""

import sys
from importlib import import_module
from typing import Final

import msgspec

from grantory import __version__
from grantory.errors import OAuthError
from grantory.http.api_v2.authorizations import AuthorizationResource
from grantory.http.api_v2.changes import ChangesResource
from grantory.http.api_v2.client_list import ClientListResource
from grantory.http.api_v2.clients import ClientResource
from grantory.http.api_v2.directory import DirectoryResource
from grantory.http.api_v2.divisions import DivisionResource
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.api_v2.grants import GrantResource
from grantory.http.api_v2.identity_providers import IdentityProviderResource
from grantory.http.api_v2.organization import OrganizationResource
from grantory.http.api_v2.own_user import OwnUserResource
from grantory.http.api_v2.permissions import PermissionResource
from grantory.http.api_v2.roles import RoleResource
from grantory.http.api_v2.scopes import ScopeResource
from grantory.http.api_v2.tokens import TokenResource
from grantory.http.api_v2.users import UserResource
from grantory.http.api_viewer import viewer_routes
from grantory.http.application import Application, HttpSettings
from grantory.http.cors import Cors
from grantory.http.early_answers import TOKEN_PATH
from grantory.http.health import HealthResource
from grantory.http.landing import landing_page
from grantory.http.metrics import METRICS
from grantory.http.oauth.token import TokenResource as TokenEndpointResource
from grantory.http.openapi import build_document
from grantory.http.operation import Operation
from grantory.http.request import Request
from grantory.http.request_limits import RequestCounter, RequestLimits, SharedCounts
from grantory.http.response import Response
from grantory.login_side import LoginSide
from grantory.node import Node
from grantory.observability.log_writer import LogStream
from grantory.observability.reports import (
    report_failure,
    report_held_back,
    report_refusals,
    report_unreadable,
)
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.jwt_codec import Recipients
from grantory.protocol.jwt_tokens import JwtTokens
from grantory.protocol.throttle import FailureThrottle, ThrottleLimits
from grantory.protocol.token_endpoint import TokenEndpoint
from grantory.public_address import issues_jwts, public_url
from grantory.registry.authorizations import AuthorizationRegistry
from grantory.registry.changes import Changes
from grantory.registry.client_search import ClientSearch
from grantory.registry.clients import ClientPolicy, ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.divisions import DivisionRegistry
from grantory.registry.grants import GrantRegistry
from grantory.registry.identity_providers import IdentityProviderRegistry
from grantory.registry.new_passwords import NewPasswords
from grantory.registry.own_organization import OwnOrganization
from grantory.registry.refusals import RefusalKeeper
from grantory.registry.roles import RoleRegistry
from grantory.registry.tokens import TokenRegistry
from grantory.registry.upkeep import REFRESH_DAYS, REFUSALS_KEPT_DAYS, Rotate, Upkeep, no_keys
from grantory.registry.user_passwords import UserPasswords
from grantory.registry.users import UserRegistry
from grantory.resource_side import PERMISSIONS, resource_routes
from grantory.settings import Settings
from grantory.storage.database import OpenStore
from grantory.storage.hot_reads import RememberedReads
from grantory.watching import Watch, Watching

PASSWORD_CHANGES = ThrottleLimits(per_name_and_address=10, per_address=0)
"""How often a user may try to change their own password in a minute, at each worker."""
LOADED_LATER: Final = (
    "cryptography.x509",
    "grantory.http.login.layout",
    "grantory.observability.prometheus_text",
)
"""What a server is ready without, and what a request would take some ten milliseconds to load."""


def load_the_rest() -> None:
    """Loads what is not needed to be ready: workers share what is there before they are forked."""
    for name in LOADED_LATER:
        import_module(name)


class WatchedApplication(msgspec.Struct, frozen=True):
    """The server's application, and what watches it."""

    application: Application
    watching: Watching


def build_application(
    node: Node,
    settings: Settings,
    log_stream: LogStream | None = None,
    counts: SharedCounts | None = None,
) -> Application:
    """Wires the server together, for a process by itself.

    Args:
        node: the opened store.
        settings: the effective settings.
        log_stream: where request lines go; by default standard error.
        counts: of requests, shared by all workers; by default this process counts alone.
    """
    stream = log_stream or sys.stderr
    return build_watched(node, settings, stream, Watch(), counts or SharedCounts()).application


def build_watched(
    node: Node, settings: Settings, log_stream: LogStream, watch: Watch, counts: SharedCounts
) -> WatchedApplication:
    """Wires the server together.

    Args:
        node: the opened store.
        settings: the effective settings.
        log_stream: where request lines go.
        watch: what counts and traces.
        counts: of requests, for their limits.
    """
    watching = Watching(node.store, node.store, node.clock, settings, log_stream, watch)
    reads = RememberedReads(watching.store, node.store.feed, node.master_key)
    recipients = Recipients(public_url(settings), settings.tokens_audience)
    jwts = JwtTokens(reads, node.clock, node.jwt_keys, recipients)
    tokens = AccessTokens(reads, node.clock, node.random, jwts)
    limits = ThrottleLimits(
        settings.throttle_failures_per_client_and_address, settings.throttle_failures_per_address
    )
    authenticator = ClientAuthenticator(reads, FailureThrottle(limits, node.clock), node.clock)

    def refused(error: OAuthError, address: str, correlation_id: str) -> None:
        watching.token_refused(error)
        node.refusals.add(error, address, correlation_id)

    issuer = watching.issuer(tokens)
    login_side = LoginSide(
        store=watching.store,
        reads=reads,
        clock=node.clock,
        random=node.random,
        passwords=node.passwords,
        assertions=node.assertions,
        settings=settings,
        public_url=public_url(settings),
    )
    steps = TokenEndpoint(reads, authenticator, issuer, login_side.grants())
    endpoint = TokenEndpointResource(steps, refused)
    health = HealthResource(node.store, node.master_key.fits, node.clock)

    async def landing(_request: Request) -> Response:
        return landing_page(__version__, public_url(settings))

    operations = build_operations(node, settings, watching.store, reads)

    def document() -> bytes:
        return build_document(operations, __version__, settings.public_url or "/")

    application = Application(
        operations=operations,
        plain=(
            ("POST", TOKEN_PATH, endpoint.answer),
            *login_side.routes(issuer, refused),
            *resource_routes(
                *(watching.store, reads, node.clock, tokens, authenticator),
                *(settings, recipients, refused),
            ),
            ("GET", "/health/live", health.live),
            ("GET", "/health/ready", health.ready),
            ("GET", METRICS, watching.reading.answer),
            ("GET", "/", landing),
            *viewer_routes(document),
        ),
        tokens=tokens,
        reads=reads,
        requests=RequestCounter(
            RequestLimits(
                settings.limits_requests_per_client, settings.limits_requests_per_organization
            ),
            counts,
            node.clock,
        ),
        cors=Cors(watching.store, settings.http_cors_origins, node.clock),
        random=node.random,
        settings=HttpSettings(
            api_prefix=settings.http_api_prefix,
            login_prefix=settings.http_login_prefix,
            trusted_proxies=watching.trusted_proxies,
        ),
        record=watching.record,
        failed=report_failure,
    )
    watching.begin(application.routes, reads.entries)
    reads.count_for(watching.metrics.loaded, watching.metrics.forgot)
    reads.tell(report_unreadable)
    return WatchedApplication(application, watching)


def build_operations(
    node: Node, settings: Settings, store: Store | None = None, reads: HotReads | None = None
) -> tuple[Operation, ...]:
    """Lists every operation of the management API.

    Args:
        node: the opened store.
        settings: the effective settings.
        store: stands in for the node's.
        reads: what is in memory.
    """
    store = store or node.store
    style = GrantTypeStyle(settings.api_grant_type_style)
    policy = ClientPolicy(settings.clients_delete_requires_inactive, issues_jwts(settings))
    clients = ClientRegistry(store, node.clock, node.random, policy, node.jwt_keys, reads)
    directory = Directory(store)
    grants = GrantRegistry(store, node.clock)
    new_passwords = NewPasswords(node.passwords, settings.passwords_min_length)
    users = UserRegistry(store, node.clock, node.random, new_passwords)
    attempts = FailureThrottle(PASSWORD_CHANGES, node.clock)
    passwords = UserPasswords(store, node.clock, new_passwords, attempts)
    operations = (
        *ClientListResource(clients, ClientSearch(store), style).operations(),
        *ClientResource(clients, style).operations(),
        *RoleResource(RoleRegistry(store, node.clock, node.random)).operations(),
        *DirectoryResource(directory).operations(),
        *GrantResource(grants).operations(),
        *UserResource(users, passwords).operations(),
        *OwnUserResource(users, passwords, grants, directory, clients, style).operations(),
        *DivisionResource(DivisionRegistry(store, node.clock, node.random)).operations(),
        *OrganizationResource(directory, OwnOrganization(store, node.clock)).operations(),
        *IdentityProviderResource(
            IdentityProviderRegistry(store, node.clock, node.random)
        ).operations(),
        *ScopeResource().operations(),
        *AuthorizationResource(AuthorizationRegistry(store, node.clock), style).operations(),
        *TokenResource(TokenRegistry(store, node.clock), clients, directory, style).operations(),
    )
    changes = ChangesResource(Changes(store, node.jwt_keys), operations)
    catalogue = PermissionResource(operations, PERMISSIONS)
    return (*operations, *changes.operations(), *catalogue.operations())


def build_refusal_keeper(node: Node, store: OpenStore) -> RefusalKeeper:
    """Makes what writes refused token requests.

    Args:
        node: whose.
        store: opened for work that no caller asks for.
    """
    return RefusalKeeper(
        node.refusals,
        store,
        node.clock,
        failed=lambda error: report_failure(error, "refusals"),
        told=report_refusals,
    )


def build_upkeep(
    store: OpenStore,
    clock: Clock,
    refusals_kept_days: int = REFUSALS_KEPT_DAYS,
    refresh_days: int = REFRESH_DAYS,
    rotate: Rotate = no_keys,
) -> Upkeep:
    """Makes what keeps the store small.

    Args:
        store: opened for this alone; what callers ask of their own would leave it no room.
        clock: the time of day.
        refusals_kept_days: how long refused token requests stay.
        refresh_days: how long a refresh token may lie unused.
        rotate: lets keys be followed by new ones; by default none are.
    """
    return Upkeep(
        store,
        clock,
        lambda error: report_failure(error, "upkeep"),
        held_back=report_held_back,
        refusals_kept_days=refusals_kept_days,
        refresh_days=refresh_days,
        rotate=rotate,
    )
