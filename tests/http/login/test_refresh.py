"""Refreshing: the grant CODE goes on without its user, for as long as it is used."""

from tests.support.visitor import Visitor, make_app
from tests.support.world import CLIENTS, World


async def test_a_refresh_gives_both_tokens_anew(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await visitor.tokens(app)
    answer = await visitor.refresh(app, first["refresh_token"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    second = answer.json()
    assert {*second} == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (second["token_type"], second["expires_in"]) == ("bearer", 86_400)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    # The access token before it runs out by itself.
    for tokens in (first, second):
        assert await visitor.use(tokens["access_token"]) == 200


async def test_a_refresh_is_for_the_same_person(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth"]), Visitor(world)
    tokens = await visitor.tokens(app)
    for _ in range(3):
        tokens = (await visitor.refresh(app, tokens["refresh_token"])).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    info = (await world.http.get("/api/v2/tokens/me", headers=headers)).json()
    assert info["authorizedScope"] == ["users", "oauth"]
    assert info["OAuthClient"]["id"] == app.client_id
    subject = await world.http.get("/api/v2/authorization/subjects/me", headers=headers)
    assert subject.json()["name"] == "Administrator"


async def test_who_refreshes_in_time_goes_on_for_ever(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    for _ in range(4):
        world.clock.advance(29 * 86_400)
        tokens = (await visitor.refresh(app, tokens["refresh_token"])).json()
        assert await visitor.use(tokens["access_token"]) == 200
    # Nobody is logged in any more, and need not be.
    assert "password" in (await visitor.authorize(app)).text


async def test_another_lifetime_counts_from_the_next_refresh(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    body = {"name": "a", "authorizedGrantType": "CODE", "accessTokenValiditySeconds": 300}
    await world.admin.put(f"{CLIENTS}/{app.client_id}", body)
    tokens = (await visitor.refresh(app, tokens["refresh_token"])).json()
    assert tokens["expires_in"] == 300
    world.clock.advance(300)
    assert await visitor.use(tokens["access_token"]) == 401
    tokens = (await visitor.refresh(app, tokens["refresh_token"])).json()
    assert await visitor.use(tokens["access_token"]) == 200


async def test_ending_one_access_token_leaves_the_refresh_token(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    ended = await world.http.delete("/api/v2/tokens/me", headers=headers)
    assert ended.status_code == 200
    assert await visitor.use(tokens["access_token"]) == 401
    again = await visitor.refresh(app, tokens["refresh_token"])
    assert await visitor.use(again.json()["access_token"]) == 200


async def test_a_secret_that_was_replaced_refreshes_no_more_and_the_new_one_does(
    world: World,
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    made = await world.admin.post(f"{CLIENTS}/{app.client_id}/secret")
    refused = await visitor.refresh(app, tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    renewed = app._replace(secret=made["secret"])
    assert (await visitor.refresh(renewed, tokens["refresh_token"])).status_code == 200
