"""PostgreSQL: whoever waits for a lock is told how things stand when it is had, not as before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import httpx2 as httpx
import msgspec
import pytest

from grantory.ports.storage import Transaction
from tests.security.answers import oauth_refused
from tests.support.postgres_locks import until_waiting
from tests.support.visitor import REDIRECT, App, Visitor, make_app
from tests.support.world import CLIENTS, World

pytestmark = pytest.mark.parametrize("world", ["postgresql"], indirect=True)
FAMILIES = "SELECT 1 FROM token_families FOR UPDATE"
SESSIONS = "SELECT 1 FROM login_sessions FOR UPDATE"
CODES = "SELECT 1 FROM authorization_codes FOR UPDATE"
Change = Callable[[World, App], Awaitable[None]]


async def make_inactive(world: World, app: App) -> None:
    """A client that is to gain no more tokens."""
    path = f"{CLIENTS}/{app.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "state": "inactive"})


async def end_all_of_the_organization(world: World, app: App) -> None:
    """Every token of the organisation ends."""
    organization_id = world.founding.organization.id

    def end(transaction: Transaction) -> None:
        found = transaction.organizations.get_for_change(organization_id)
        assert found
        transaction.organizations.replace(
            msgspec.structs.replace(found, token_epoch=found.token_epoch + 1)
        )

    await world.node.store.write(end)


either_change = pytest.mark.parametrize("change", [make_inactive, end_all_of_the_organization])


@pytest.fixture
async def other(world: World) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Somebody else at the same database."""
    connection = await asyncpg.connect(str(world.settings.database_url))
    yield connection
    await connection.close()


async def ask(world: World, app: App, **form: str) -> httpx.Response:
    """Ask for a token, once."""
    return await world.http.post("/oauth/token", data=form, auth=(app.client_id, app.secret))


async def changed_while_it_waits(
    other: "asyncpg.Connection[Any]",
    lock: str,
    asking: Awaitable[httpx.Response],
    change: Awaitable[None],
) -> httpx.Response:
    """Let a request wait for rows; make a change, which is answered; and let the request go on."""
    locking = other.transaction()
    await locking.start()
    await other.execute(lock)
    task = asyncio.ensure_future(asking)
    await until_waiting(other, 1)
    await change
    assert not task.done()
    await locking.rollback()
    return await task


@either_change
async def test_a_refresh_that_waits_for_its_family(
    world: World, other: "asyncpg.Connection[Any]", change: Change
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    token = (await visitor.tokens(app))["refresh_token"]
    asking = ask(world, app, grant_type="refresh_token", refresh_token=token)
    answer = await changed_while_it_waits(other, FAMILIES, asking, change(world, app))
    oauth_refused(answer, 400, "invalid_grant")


@pytest.mark.parametrize("lock", [CODES, SESSIONS])
@either_change
async def test_a_code_that_waits_for_its_row_or_its_login(
    world: World, other: "asyncpg.Connection[Any]", change: Change, lock: str
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    asking = ask(world, app, grant_type="authorization_code", code=code, redirect_uri=REDIRECT)
    answer = await changed_while_it_waits(other, lock, asking, change(world, app))
    oauth_refused(answer, 400, "invalid_grant")


async def test_a_code_that_is_used_again_waits_for_no_login(
    world: World, other: "asyncpg.Connection[Any]"
) -> None:
    """It ends what the first use has begun, whoever holds the session."""
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    tokens = (await visitor.redeem(app, code)).json()
    locking = other.transaction()
    await locking.start()
    await other.execute(SESSIONS)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    async with asyncio.timeout(5):  # a lock is waited for longer
        oauth_refused(await ask(world, app, **form), 400, "invalid_grant")
    await locking.rollback()
    assert await visitor.use(tokens["access_token"]) == 401
