"""The composition root: the only module that knows every layer."""

import ipaddress
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

import msgspec

from grantory.crypto.passwords import Argon2Hasher
from grantory.crypto.runtime import SystemClock, SystemRandom
from grantory.crypto.sealing import MasterKey
from grantory.errors import SetupError
from grantory.http.api_v2.clients import ClientResource
from grantory.http.api_v2.directory import DirectoryResource
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.api_v2.permissions import PermissionResource
from grantory.http.api_v2.roles import RoleResource
from grantory.http.api_v2.tokens import TokenResource
from grantory.http.application import Application, HttpSettings, RequestRecord
from grantory.http.health import HealthResource
from grantory.http.landing import landing_page
from grantory.http.oauth.token import TokenResource as TokenEndpointResource
from grantory.http.operation import Operation
from grantory.http.request import Request
from grantory.http.response import Response
from grantory.master_key_file import find_master_key, make_master_key
from grantory.observability.access_log import AccessLog, RequestLine
from grantory.observability.events import log
from grantory.ports.runtime import Clock, Random
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.throttle import FailureThrottle, ThrottleLimits
from grantory.protocol.token_endpoint import TokenEndpoint
from grantory.registry.clients import ClientPolicy, ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.organizations import Founder, Founding
from grantory.registry.roles import RoleRegistry
from grantory.registry.tokens import TokenRegistry
from grantory.settings import Settings
from grantory.storage.hot_reads import RememberedReads
from grantory.storage.sql.migrations import HEAD
from grantory.storage.sqlite import schema
from grantory.storage.sqlite.store import SqliteStore

DATABASE_FILE = "grantory.db"


class Node(msgspec.Struct):
    """An opened store with what stands on it."""

    store: SqliteStore
    master_key: MasterKey
    clock: Clock
    random: Random
    founder: Founder

    def close(self) -> None:
        """Finishes waiting writes and closes the store."""
        self.store.close()


def database_path(settings: Settings) -> Path:
    """Tells where the embedded store is."""
    if settings.database_url:
        return Path(settings.database_url.removeprefix("sqlite:///"))
    return settings.data_dir / DATABASE_FILE


def open_node(settings: Settings, clock: Clock | None = None, random: Random | None = None) -> Node:
    """Opens a store that is set up, with its master key.

    Raises:
        SetupError: when it is not set up, of another schema, or of another master key.
    """
    path = database_path(settings)
    _require_newest_schema(path)
    master_key = find_master_key(settings)
    if master_key is None:
        raise SetupError(
            "the master key is missing: copy it to the data directory as master.key, "
            "or set GRANTORY_MASTER_KEY_FILE"
        )
    return _node(path, master_key, clock, random)


def _node(path: Path, master_key: MasterKey, clock: Clock | None, random: Random | None) -> Node:
    clock = clock or SystemClock()
    random = random or SystemRandom()
    store = SqliteStore(path, clock)
    founder = Founder(store, clock, random, Argon2Hasher(), master_key)
    return Node(store, master_key, clock, random, founder)


def _require_newest_schema(path: Path) -> None:
    found = schema.revision(path)
    if found is None:
        raise SetupError(f"{path} is not set up: run grantory init, or grantory serve")
    if found != HEAD:
        raise SetupError(
            f"{path} has schema {found} and this program needs {HEAD}: run grantory db upgrade"
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
        raise SetupError("this store was set up with another master key; nothing was changed")
    return True


def open_or_create_node(
    settings: Settings, clock: Clock | None = None, random: Random | None = None
) -> Node:
    """Opens a store, making file, tables and master key where there is none yet.

    Raises:
        SetupError: as ``open_node``.
    """
    path = database_path(settings)
    if schema.revision(path) is None:
        schema.upgrade(path)
    _require_newest_schema(path)
    master_key = find_master_key(settings)
    if master_key is None:
        if schema.is_set_up(path):
            return open_node(settings, clock, random)
        master_key = make_master_key(settings)
    return _node(path, master_key, clock, random)


async def first_start(node: Node, name: str, email: str) -> Founding | None:
    """Sets the store up where that is still to be done.

    Returns:
        The first credentials; None when the store was set up before.

    Raises:
        SetupError: when it was set up with another master key.
    """
    if await check_master_key(node):
        return None
    return await node.founder.set_up(node.master_key.check_value(), name, email)


def build_application(
    node: Node, settings: Settings, log_stream: TextIO | None = None
) -> Application:
    """Wires the server together.

    Args:
        node: the opened store.
        settings: the effective settings.
        log_stream: where request lines go; by default standard error.
    """
    reads = RememberedReads(node.store, node.store, node.master_key, node.clock)
    tokens = AccessTokens(reads, node.clock, node.random)
    limits = ThrottleLimits(
        settings.throttle_failures_per_client_and_address, settings.throttle_failures_per_address
    )
    authenticator = ClientAuthenticator(reads, FailureThrottle(limits, node.clock), node.clock)
    endpoint = TokenEndpointResource(TokenEndpoint(reads, authenticator, tokens))
    health = HealthResource(node.store)
    access_log = AccessLog(log_stream or sys.stderr, node.clock)

    async def landing(_request: Request) -> Response:
        return landing_page(version("grantory"), public_url(settings))

    def record(entry: RequestRecord) -> None:
        access_log.write(
            RequestLine(
                method=entry.method,
                route=entry.route,
                status=entry.status,
                ms=round(entry.seconds * 1000, 3),
                error=entry.error,
                detail=entry.detail,
                client=entry.client_id,
                organization=entry.organization_id,
                address=entry.address,
                correlation_id=entry.correlation_id,
            )
        )

    return Application(
        operations=build_operations(node, settings),
        plain=(
            ("POST", "/oauth/token", endpoint.answer),
            ("GET", "/health/live", health.live),
            ("GET", "/health/ready", health.ready),
            ("GET", "/", landing),
        ),
        tokens=tokens,
        reads=reads,
        random=node.random,
        settings=HttpSettings(
            api_prefix=settings.http_api_prefix,
            login_prefix=settings.http_login_prefix,
            trusted_proxies=tuple(ipaddress.ip_network(n) for n in settings.trusted_proxies),
        ),
        record=record,
        failed=_report,
    )


def build_operations(node: Node, settings: Settings) -> tuple[Operation, ...]:
    """Lists every operation of the management API."""
    style = GrantTypeStyle(settings.api_grant_type_style)
    policy = ClientPolicy(settings.clients_delete_requires_inactive)
    clients = ClientRegistry(node.store, node.clock, node.random, policy)
    directory = Directory(node.store)
    operations = (
        *ClientResource(clients, style).operations(),
        *RoleResource(RoleRegistry(node.store, node.clock, node.random)).operations(),
        *DirectoryResource(directory).operations(),
        *TokenResource(
            TokenRegistry(node.store, node.clock), clients, directory, style
        ).operations(),
    )
    return (*operations, *PermissionResource(operations).operations())


def public_url(settings: Settings) -> str:
    """Tells the address under which the server is reached."""
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _report(error: BaseException, correlation_id: str) -> None:
    log().error(
        "unexpected failure",
        correlation_id=correlation_id,
        kind=type(error).__name__,
        exc_info=error,
    )
