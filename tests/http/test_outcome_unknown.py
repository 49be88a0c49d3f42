"""A store that goes away at COMMIT: OAuth's addresses say so without a time to wait."""

from collections.abc import Callable
from typing import TypeVar

import httpx2 as httpx
import pytest

from grantory.errors import OutcomeUnknown
from grantory.ports.storage import Transaction
from tests.support.visitor import Visitor, make_app
from tests.support.world import World

T = TypeVar("T")


def goes_away_at_commit(world: World, patch: pytest.MonkeyPatch) -> None:
    """Changes are made, and nobody hears of it."""
    write = world.node.store.write

    async def keep(work: Callable[[Transaction], T]) -> T:
        await write(work)
        raise OutcomeUnknown("inner text of the failure")

    patch.setattr(world.node.store, "write", keep)


def assert_unknown(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert "retry-after" not in answer.headers
    body = answer.json()
    assert {*body} == {"error", "error_description", "description"}
    assert body["error"] == "temporarily_unavailable"
    assert body["error_description"] == body["description"]
    assert "not known whether the change was made" in body["description"]
    assert "inner text" not in answer.text


async def test_a_refresh_that_may_be_done_says_so_and_ends_nothing_when_repeated_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    with monkeypatch.context() as patch:
        goes_away_at_commit(world, patch)
        assert_unknown(await visitor.refresh(app, tokens["refresh_token"]))
    again = await visitor.refresh(app, tokens["refresh_token"])
    assert again.status_code == 200, again.text
    assert await visitor.use(again.json()["access_token"]) == 200


async def test_a_refresh_that_was_done_is_reuse_when_it_is_repeated_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    with monkeypatch.context() as patch:
        goes_away_at_commit(world, patch)
        assert_unknown(await visitor.refresh(app, tokens["refresh_token"]))
    world.clock.advance(11)
    again = await visitor.refresh(app, tokens["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert await visitor.use(tokens["access_token"]) == 401


async def test_a_revocation_that_may_be_done_says_so_and_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.admin.log_in()
    own = (world.admin.client_id, world.admin.secret)
    with monkeypatch.context() as patch:
        goes_away_at_commit(world, patch)
        answer = await world.http.post("/oauth/revoke", data={"token": token}, auth=own)
        assert_unknown(answer)
    again = await world.http.post("/oauth/revoke", data={"token": token}, auth=own)
    assert again.status_code == 200
    assert (await world.admin.call("GET", "/api/v2/tokens/me")).status_code == 401
