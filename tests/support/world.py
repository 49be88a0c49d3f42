"""The whole server inside the test's own process, on a real store, with a clock in hand."""

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg
import httpx2 as httpx
import msgspec

from grantory.app import build_application, build_operations
from grantory.http.operation import Operation
from grantory.node import Node, database_of, first_start, open_or_create_node
from grantory.public_address import public_url
from grantory.registry.organizations import Founding
from grantory.settings import Settings
from grantory.storage.sqlite.database import SqliteDatabase
from tests.support.postgres import fresh_database
from tests.support.rows import rows
from tests.support.runtime import FakeClock

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
ADDRESS = "http://grantory.test"


class Member:
    """A client of the server under test, with a token of its own."""

    def __init__(self, world: "World", client_id: str, secret: str) -> None:
        self.world = world
        self.client_id = client_id
        self.secret = secret
        self.token = ""

    async def log_in(self) -> str:
        """Get a token; later calls use it."""
        answer = await self.world.ask_token(self.client_id, self.secret)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self.token

    async def call(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> httpx.Response:
        """Call the API with the token."""
        if not self.token:
            await self.log_in()
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return await self.world.http.request(method, path, headers=headers, **options)

    async def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        return _good(await self.call("GET", path))

    async def post(self, path: str, body: Any = None) -> Any:
        """The JSON of a POST that must succeed."""
        return _good(await self.call("POST", path, body))

    async def put(self, path: str, body: Any = None) -> Any:
        """The JSON of a PUT that must succeed."""
        return _good(await self.call("PUT", path, body))

    async def make_role(self, *permissions: str, name: str = "") -> str:
        """Create a role with permissions ``domain:entity:action``; returns its id."""
        policies = [
            {"domain": d, "entityName": e, "actionSet": [a]}
            for d, e, a in (permission.split(":") for permission in permissions)
        ]
        title = name or f"role {self.world.count()}"
        role = await self.post(ROLES, {"name": title, "permissionPolicies": policies})
        return str(role["id"])

    async def make_client(self, *role_ids: str, division: str = "*", **fields: Any) -> "Member":
        """Create a machine client that holds roles in one division."""
        body = {
            "name": f"client {self.world.count()}",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleDivisions": [{"roleId": r, "divisionId": division} for r in role_ids],
            **fields,
        }
        created = await self.post(CLIENTS, body)
        return Member(self.world, created["id"], created["secret"])

    async def make_member(self, *permissions: str, division: str = "*") -> "Member":
        """Create a machine client that holds just these permissions."""
        role_id = await self.make_role(*permissions)
        return await self.make_client(role_id, division=division)


class World:
    """A server, its clock, its log and the first credentials."""

    def __init__(
        self, node: Node, settings: Settings, clock: FakeClock, founding: Founding
    ) -> None:
        self.node = node
        self.settings = settings
        self.clock = clock
        self.log = io.StringIO()
        self.founding = founding
        self.application = build_application(node, settings, self.log)
        transport = httpx.ASGITransport(app=self.application)
        self.http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        self.admin = Member(self, founding.client.id, founding.secret.reveal())
        self._count = 0

    @property
    def file(self) -> Path:
        """The store's file, for a test that looks at it as another process does."""
        database = database_of(self.settings)
        assert isinstance(database, SqliteDatabase)
        return database.path

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in the store, past the server."""
        if not self.settings.database_url:
            return rows(self.file, sql)
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    def count(self) -> int:
        """A number that no earlier call gave."""
        self._count += 1
        return self._count

    def member(self, founding: Founding) -> Member:
        """The first client of another organisation."""
        return Member(self, founding.client.id, founding.secret.reveal())

    async def found(self, name: str) -> Founding:
        """A further organisation."""
        return await self.node.founder.found(name, "admin@example.com")

    async def ask_token(
        self, client_id: str, secret: str, data: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """The answer of the token endpoint to Basic credentials."""
        form = {"grant_type": "client_credentials", **(data or {})}
        return await self.http.post("/oauth/token", data=form, auth=(client_id, secret), **options)


class _SetUp(NamedTuple):
    """A store that was set up once; each test goes on from a copy, which is much faster."""

    founding: Founding
    files: dict[str, bytes]


_set_up: dict[str, _SetUp] = {}


async def _set_up_once(database_url: str = "") -> _SetUp:
    kind = "postgresql" if database_url else "sqlite"
    if kind not in _set_up:
        with TemporaryDirectory(prefix="grantory-test-") as name:
            settings = Settings(data_dir=Path(name), database_url=database_url)
            node = await open_or_create_node(settings, clock=FakeClock())
            try:
                founding = await first_start(node, "Example", "admin@example.com")
            finally:
                await node.close()
            assert founding is not None
            files = {path.name: path.read_bytes() for path in settings.data_dir.iterdir()}
            _set_up[kind] = _SetUp(founding, files)
    return _set_up[kind]


def _fill(url: str) -> None:
    with ThreadPoolExecutor(1) as thread:  # the test that asks first runs on an event loop
        thread.submit(asyncio.run, _set_up_once(url)).result()


@asynccontextmanager
async def new_world(
    folder: Path, *, on_postgres: bool = False, **settings: Any
) -> AsyncIterator[World]:
    """A server on a store of its own that is set up; it is closed at the end."""
    clock = FakeClock()
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database("world", _fill)) if on_postgres else ""
        founding, files = await _set_up_once(url)
        effective = Settings(data_dir=folder, database_url=url)
        if on_postgres:  # where every node must be told the same
            settings.setdefault("public_url", public_url(effective))
        effective = msgspec.structs.replace(effective, **settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        node = await open_or_create_node(effective, clock=clock)
        try:
            world = World(node, effective, clock, founding)
            async with world.http:
                yield world
        finally:
            await node.close()


def declared_operations() -> tuple[Operation, ...]:
    """The operations of a server, for tests that are drawn from their declarations."""

    async def look(folder: Path) -> tuple[Operation, ...]:
        settings = Settings(data_dir=folder)
        node = await open_or_create_node(settings)
        try:
            return build_operations(node, settings)
        finally:
            await node.close()

    with TemporaryDirectory(prefix="grantory-test-") as name:
        return asyncio.run(look(Path(name)))


def _good(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 204), f"{answer.status_code} {answer.text}"
    return answer.json() if answer.content else None
