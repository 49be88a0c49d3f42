"""Every token ends by its key while a request for tokens waits: none that it gives is good."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx2 as httpx
import pytest

from grantory.ports.storage import Transaction
from tests.security.answers import oauth_refused
from tests.support.soak import ON_BOTH
from tests.support.visitor import REDIRECT, App, Visitor, make_app, told
from tests.support.world import World

T = TypeVar("T")
Change = Callable[[World], Awaitable[None]]
Asking = Callable[[World, Visitor, App], Awaitable[Callable[[], Awaitable[httpx.Response]]]]


async def end_by_new_keys(world: World) -> None:
    """What ``grantory keys rotate --end-tokens`` does."""
    await world.node.store.write(lambda t: world.node.keys.rotate(t, None, end_tokens=True))


async def recover(world: World) -> None:
    """What ``grantory db recovered`` does."""
    await world.node.store.write(world.node.keys.recover)


async def rotate(world: World) -> None:
    """What ``grantory keys rotate`` does."""
    await world.node.store.write(lambda t: world.node.keys.rotate(t, None, end_tokens=False))


def let_happen(
    world: World, patch: pytest.MonkeyPatch, change: Change, *, first: bool, heard: bool = True
) -> None:
    """Have another process make a change around the next one, before it or after."""
    store = world.node.store
    write = store.write

    async def and_change(work: Callable[[Transaction], T]) -> T:
        patch.setattr(store, "write", write)
        if first:
            await change(world)
        done = await write(work)
        if not first:
            await change(world)
        if heard:  # as any other request sees to
            await world.application._reads.catch_up()
        return done

    patch.setattr(store, "write", and_change)


async def refresh(
    world: World, visitor: Visitor, app: App
) -> Callable[[], Awaitable[httpx.Response]]:
    """Tokens, to be refreshed."""
    token = (await visitor.tokens(app))["refresh_token"]
    return lambda: visitor.refresh(app, token)


async def redeem(
    world: World, visitor: Visitor, app: App
) -> Callable[[], Awaitable[httpx.Response]]:
    """A code, to be redeemed."""
    code = (await visitor.arrive(app))["code"]
    return lambda: visitor.redeem(app, code)


@ON_BOTH
@pytest.mark.parametrize("form", ["OPAQUE", "JWT_ES256"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("change", [end_by_new_keys, recover])
@pytest.mark.parametrize("ask", [refresh, redeem])
async def test_they_are_refused_once_that_is_heard(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    ask: Asking,
    change: Change,
    first: bool,
    form: str,
) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    asking = await ask(world, visitor, app)
    let_happen(world, monkeypatch, change, first=first)
    oauth_refused(await asking(), 400, "invalid_grant")


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)  # the other hears its own at once
@pytest.mark.parametrize("form", ["OPAQUE", "JWT_ES256"])
@pytest.mark.parametrize("ask", [refresh, redeem])
async def test_they_are_no_good_where_it_is_heard_later(
    world: World, monkeypatch: pytest.MonkeyPatch, ask: Asking, form: str
) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    asking = await ask(world, visitor, app)
    let_happen(world, monkeypatch, end_by_new_keys, first=False, heard=False)
    answer = await asking()
    if answer.status_code != 200:  # a key that was not in memory was looked for in the store
        assert (ask, form) == (redeem, "JWT_ES256")
        oauth_refused(answer, 400, "invalid_grant")
        return
    given = answer.json()
    await world.application._reads.catch_up()
    assert await visitor.use(given["access_token"]) == 401
    oauth_refused(await visitor.refresh(app, given["refresh_token"]), 400, "invalid_grant")


@ON_BOTH
@pytest.mark.parametrize("form", ["OPAQUE", "JWT_ES256"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("ask", [refresh, redeem])
async def test_a_rotation_that_ends_nothing_is_no_matter(
    world: World, monkeypatch: pytest.MonkeyPatch, ask: Asking, first: bool, form: str
) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    asking = await ask(world, visitor, app)
    let_happen(world, monkeypatch, rotate, first=first)
    given = (await asking()).json()
    assert await visitor.use(given["access_token"]) == 200
    assert (await visitor.refresh(app, given["refresh_token"])).status_code == 200


@pytest.mark.parametrize("change", [end_by_new_keys, recover])
async def test_nor_is_a_token_given_to_a_browser(
    world: World, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    assert "access_token" in await visitor.arrive(app, response_type="token")
    let_happen(world, monkeypatch, change, first=False)
    answer = await visitor.authorize(app, response_type="token", prompt="none")
    assert told(answer)["error"] == "login_required"


async def test_a_code_is_no_token_and_outlives_the_keys_but_no_recovery(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    codes = [(await visitor.arrive(app))["code"] for _ in range(2)]
    await end_by_new_keys(world)
    given = (await visitor.redeem(app, codes[0])).json()
    assert await visitor.use(given["access_token"]) == 200
    await recover(world)
    form = {"grant_type": "authorization_code", "code": codes[1], "redirect_uri": REDIRECT}
    answer = await world.http.post("/oauth/token", data=form, auth=(app.client_id, app.secret))
    oauth_refused(answer, 400, "invalid_grant")
    assert await visitor.use(given["access_token"]) == 401
