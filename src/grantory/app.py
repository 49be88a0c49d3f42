"""The composition root: the only module that knows every layer."""

import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from grantory.crypto.passwords import Argon2Hasher, PasswordThreads
from grantory.crypto.runtime import SystemClock, SystemRandom
from grantory.crypto.sealing import MasterKey
from grantory.errors import OAuthError, SetupError
from grantory.http.api_v2.authorizations import AuthorizationResource
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
from grantory.master_key_file import find_master_key, make_master_key, master_key_path
from grantory.observability.log_writer import LogStream
from grantory.observability.reports import (
    report_failure,
    report_held_back,
    report_refusals,
    report_unreadable,
)
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.jwt_codec import Recipients
from grantory.protocol.jwt_tokens import JwtTokens
from grantory.protocol.saml.threads import AssertionThreads
from grantory.protocol.throttle import FailureThrottle, ThrottleLimits
from grantory.protocol.token_endpoint import TokenEndpoint
from grantory.registry.authorizations import AuthorizationRegistry
from grantory.registry.client_search import ClientSearch
from grantory.registry.clients import ClientPolicy, ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.divisions import DivisionRegistry
from grantory.registry.gathered_refusals import GatheredRefusals
from grantory.registry.grants import GrantRegistry
from grantory.registry.identity_providers import IdentityProviderRegistry
from grantory.registry.jwt_keys import JwtKeys
from grantory.registry.keys import TokenKeys
from grantory.registry.new_passwords import NewPasswords
from grantory.registry.organizations import Founder, Founding
from grantory.registry.own_organization import OwnOrganization
from grantory.registry.refusals import RefusalKeeper
from grantory.registry.roles import RoleRegistry
from grantory.registry.tokens import TokenRegistry
from grantory.registry.upkeep import REFRESH_DAYS, REFUSALS_KEPT_DAYS, Rotate, Upkeep, no_keys
from grantory.registry.user_passwords import UserPasswords
from grantory.registry.users import UserRegistry
from grantory.resource_side import PERMISSIONS, resource_routes
from grantory.settings import Settings
from grantory.storage.database import Database, OpenStore, find_database
from grantory.storage.hot_reads import RememberedReads
from grantory.storage.sql.migrations import HEAD, fits
from grantory.watching import Watch, Watching

DATABASE_FILE = "grantory.db"
PASSWORD_CHANGES = ThrottleLimits(per_name_and_address=10, per_address=0)
"""How often a user may try to change their own password in a minute, at each worker."""


class Node(msgspec.Struct):
    """An opened store with what stands on it."""

    store: OpenStore
    master_key: MasterKey
    clock: Clock
    random: Random
    founder: Founder
    keys: TokenKeys
    jwt_keys: JwtKeys
    refusals: GatheredRefusals
    passwords: PasswordThreads
    assertions: AssertionThreads
    new_key_file: Path | None = None
    """The master key's file, where this process has just made it."""

    async def close(self) -> None:
        """Finishes waiting writes and closes the store."""
        await self.store.close()
        self.passwords.close()
        self.assertions.close()


def database_of(settings: Settings) -> Database:
    """Finds the database that the settings mean."""
    return find_database(settings.database_url, settings.data_dir / DATABASE_FILE)


async def open_node(
    settings: Settings,
    clock: Clock | None = None,
    random: Random | None = None,
    *,
    patient: bool = False,
) -> Node:
    """Opens a store that is set up, with its master key.

    Args:
        settings: say where it is.
        clock: by default the system's.
        random: by default the system's.
        patient: whether a transaction may take long; for commands.

    Raises:
        SetupError: when it is not set up, of another schema, or of another master key.
    """
    database = database_of(settings)
    await _require_fitting_schema(database)
    key = require_master_key(settings)
    return await _node(database, key, clock, random, settings, patient=patient)


def require_master_key(settings: Settings) -> MasterKey:
    """Reads the master key of a store that was set up before.

    Raises:
        SetupError: when it is missing or cannot be read.
    """
    master_key = find_master_key(settings)
    if master_key is None:
        raise SetupError(
            "the master key is missing: copy it to the data directory as master.key, "
            "or set GRANTORY_MASTER_KEY_FILE"
        )
    return master_key


async def _node(
    database: Database,
    master_key: MasterKey,
    clock: Clock | None,
    random: Random | None,
    settings: Settings,
    *,
    patient: bool = False,
) -> Node:
    clock = clock or SystemClock()
    random = random or SystemRandom()
    store = await database.open(clock, settings.workers, patient=patient)
    keys = TokenKeys(clock, random, master_key)
    jwt_keys = JwtKeys(store, clock, random, master_key, settings.key_life)
    founder = Founder(store, clock, random, Argon2Hasher(), keys)
    refusals = GatheredRefusals(clock)
    return Node(
        store,
        master_key,
        clock,
        random,
        founder,
        keys,
        jwt_keys,
        refusals,
        PasswordThreads(),
        AssertionThreads(),
    )


async def _require_fitting_schema(database: Database) -> None:
    found = await database.revision()
    if found is None:
        raise SetupError(f"{database.name} is not set up: run grantory init, or grantory serve")
    if not fits(found):
        raise SetupError(
            f"{database.name} has schema {found} and this program needs {HEAD}: "
            "run grantory db upgrade"
        )


async def check_master_key(node: Node) -> bool:
    """Tells whether the store is set up.

    Raises:
        SetupError: when it was set up with another master key.
    """
    check = await node.store.read(lambda snapshot: snapshot.installation.master_key_check())
    if check is None:
        return False
    if not node.master_key.fits(check):
        if node.new_key_file is not None:  # another node was faster: this key opens nothing
            node.new_key_file.unlink(missing_ok=True)
        raise SetupError("this store was set up with another master key; nothing was changed")
    return True


async def open_or_create_node(
    settings: Settings, clock: Clock | None = None, random: Random | None = None
) -> Node:
    """Opens a store, making tables and master key where there is none yet.

    Raises:
        SetupError: as ``open_node``.
    """
    database = database_of(settings)
    if await database.revision() is None:
        await database.upgrade()
    await _require_fitting_schema(database)
    master_key = find_master_key(settings)
    if master_key is None:
        if await database.is_set_up():
            return await open_node(settings, clock, random)
        node = await _node(database, make_master_key(settings), clock, random, settings)
        node.new_key_file = master_key_path(settings)
        return node
    return await _node(database, master_key, clock, random, settings)


async def first_start(node: Node, name: str, email: str) -> Founding | None:
    """Sets the store up where that is still to be done; of several nodes, one does it.

    Returns:
        The first credentials; None when the store was set up before.

    Raises:
        SetupError: when it was set up with another master key.
    """
    if await check_master_key(node):
        return None
    try:
        return await node.founder.set_up(node.master_key.check_value(), name, email)
    except SetupError:
        if await check_master_key(node):  # by another node, at the same moment
            return None
        raise


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
    reads = RememberedReads(watching.store, node.store.feed, node.master_key, node.clock)
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
        return landing_page(version("grantory"), public_url(settings))

    operations = build_operations(node, settings, watching.store)

    def document() -> bytes:
        return build_document(operations, version("grantory"), settings.public_url or "/")

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
    node: Node, settings: Settings, store: Store | None = None
) -> tuple[Operation, ...]:
    """Lists every operation of the management API.

    Args:
        node: the opened store.
        settings: the effective settings.
        store: stands in for the node's.
    """
    store = store or node.store
    style = GrantTypeStyle(settings.api_grant_type_style)
    policy = ClientPolicy(settings.clients_delete_requires_inactive, issues_jwts(settings))
    clients = ClientRegistry(store, node.clock, node.random, policy, node.jwt_keys)
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
    return (*operations, *PermissionResource(operations, PERMISSIONS).operations())


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


def public_url(settings: Settings) -> str:
    """Tells the address under which the server is reached."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.tls_dev:
        return f"https://{settings.tls_dev}:{settings.port}"
    return f"{'https' if settings.tls_cert else 'http'}://{host}:{settings.port}"


def issues_jwts(settings: Settings) -> bool:
    """Tells whether every node knows one and the same address for the server, as JWTs need it.

    Where it is not set, each takes the one that it listens on.
    """
    on_any = settings.host.strip("[]") in ("0.0.0.0", "::", "0", "*")  # noqa: S104
    on_several = settings.database_url.startswith("postgres")
    return bool(settings.public_url or settings.tls_dev) or not (on_any or on_several)
