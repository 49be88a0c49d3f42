"""A code or a token is issued as things stood when it was asked for, or not at all."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import pytest

from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.authorization.issuing import AnswerIssuer, LoginEnded
from grantory.protocol.authorization.request import AuthorizationRequest, RequestReader
from grantory.protocol.logins import Login, Logins
from tests.security.test_tokens import reads_of
from tests.support.visitor import REDIRECT, App, Visitor, make_app
from tests.support.world import CLIENTS, World

Event = Callable[[World, Visitor, App], Awaitable[object]]


async def revoke(world: World, _: Visitor, app: App) -> object:
    return await world.admin.call("DELETE", f"/api/v2/oauth/authorizations/{app.client_id}")


async def delete(world: World, _: Visitor, app: App) -> object:
    return await world.admin.call("DELETE", f"{CLIENTS}/{app.client_id}")


async def log_out(_: World, visitor: Visitor, __: App) -> object:
    return await visitor.http.get("/logout")


async def end_tokens(world: World, _: Visitor, __: App) -> object:
    [(user_id,)] = await world.rows("SELECT id FROM users")
    return await world.admin.call("DELETE", f"/api/v2/tokens/{user_id}")


class Asked:
    """A request that was read, and a person who is logged in, with what answers them."""

    def __init__(self, world: World) -> None:
        node, reads = world.node, reads_of(world)
        tokens = AccessTokens(reads, node.clock, node.random)
        self._issuer = AnswerIssuer(node.store, tokens, node.clock, node.random)
        self._reader = RequestReader(reads, "http://login.example", implicit_is_allowed=True)
        self._logins = Logins(node.store, node.clock, node.random)

    async def ask(
        self, visitor: Visitor, app: App, kind: str
    ) -> tuple[AuthorizationRequest, Login]:
        query = {"client_id": app.client_id, "redirect_uri": REDIRECT, "response_type": kind}
        request = await self._reader.read(urlencode(query))
        login = await self._logins.find(visitor.http.cookies["grantory-session"])
        assert login is not None
        return request, login

    async def answer(self, request: AuthorizationRequest, login: Login) -> str:
        return await self._issuer.answer(request, login)


@pytest.mark.parametrize("event", [revoke, delete, log_out, end_tokens])
@pytest.mark.parametrize(("grant", "kind"), [("CODE", "code"), ("TOKEN", "token")])
async def test_nothing_is_issued_after_it_was_ended(
    world: World, event: Event, grant: str, kind: str
) -> None:
    app, visitor, asked = await make_app(world, grant), Visitor(world), Asked(world)
    await visitor.arrive(app, response_type=kind)
    request, login = await asked.ask(visitor, app, kind)
    assert (await asked.answer(request, login)).startswith(REDIRECT)
    counts = "SELECT (SELECT count(*) FROM authorization_codes), count(*) FROM token_families"
    before = await world.rows(counts)
    await event(world, visitor, app)
    with pytest.raises(LoginEnded):
        await asked.answer(request, login)
    assert await world.rows(counts) == before
