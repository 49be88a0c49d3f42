"""``POST /oauth/introspect`` (RFC 7662): what is told, to whom, and how it is asked for."""

import base64
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from grantory.app import build_refusal_keeper
from grantory.http.early_answers import is_change
from tests.security.answers import oauth_refused
from tests.support.about_tokens import (
    INACTIVE,
    INTROSPECT,
    PERMISSION,
    REVOKE,
    introspect,
    told,
)
from tests.support.jwts import jwt_client, opened, own_audience
from tests.support.scrape import Scrape
from tests.support.user_tokens import user_token
from tests.support.world import ADDRESS, CLIENTS, Member, World, new_world

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def api(world: World) -> Member:
    """A resource server."""
    return await world.admin.make_member(PERMISSION)


async def ask(world: World, **options: Any) -> httpx.Response:
    return await world.http.post(INTROSPECT, **options)


def id_of(jti: str) -> bytes:
    """The token's id in bytes."""
    assert "=" not in jti
    return base64.urlsafe_b64decode(jti + "==")


async def test_all_that_is_told_of_a_clients_own_token(world: World, api: Member) -> None:
    client = await world.admin.make_member("routing:queue:view")
    token = await client.log_in()
    now = world.clock.now_ms() // 1000
    body = await told(world, api, token)
    assert len(id_of(body.pop("jti"))) == 16
    assert body == {
        "active": True,
        "client_id": client.client_id,
        "sub": client.client_id,
        "org_id": world.founding.organization.id,
        "iss": "http://127.0.0.1:8080",
        "exp": now + 86_400,
        "iat": now,
        "aud": own_audience(world),
        "token_type": "Bearer",
    }


async def test_the_audience_is_the_same_for_both_forms(tmp_path: Path) -> None:
    shared = "https://api.example.com"
    for audience in ("", shared):
        folder = tmp_path / f"data{len(audience)}"
        async with new_world(folder, tokens_audience=audience) as world:
            member = await jwt_client(world)
            jwt, opaque = await member.log_in(), await world.admin.log_in()
            own = own_audience(world)
            expected = [shared, own] if audience else own
            assert opened(jwt)[1]["aud"] == expected
            for token in (jwt, opaque):
                assert (await told(world, world.admin, token))["aud"] == expected


async def test_a_users_token_tells_the_user_and_the_scopes(world: World, api: Member) -> None:
    token = await user_token(world, "users", "oauth:readonly")
    body = await told(world, api, token)
    assert body["scope"] == "users oauth:readonly"
    assert body["client_id"] == world.admin.client_id
    [(user_id, email)] = await world.rows("SELECT id, email FROM users WHERE name = 'Ann'")
    assert (body["sub"], body["username"]) == (user_id, email)
    assert "scope" not in await told(world, api, await user_token(world))


async def test_what_was_told_before_is_told_only_while_it_is_so(world: World, api: Member) -> None:
    token = await user_token(world, "users")
    before = await told(world, api, token)
    assert await told(world, api, token) == before
    user = await world.admin.get(f"/api/v2/users/{before['sub']}")
    change = {"email": "new@example.com", "version": user["version"]}
    answer = await world.admin.call("PATCH", f"/api/v2/users/{before['sub']}", change)
    assert answer.status_code == 200
    assert await told(world, api, token) == {**before, "username": "new@example.com"}
    other = await world.admin.make_member("routing:queue:view")
    assert (await introspect(world, other, token)).content == INACTIVE
    change = {"state": "inactive", "version": answer.json()["version"]}
    answer = await world.admin.call("PATCH", f"/api/v2/users/{before['sub']}", change)
    assert answer.status_code == 200
    assert (await introspect(world, api, token)).content == INACTIVE


async def test_the_id_is_that_of_the_audit_event(world: World, api: Member) -> None:
    client = await world.admin.make_member("routing:queue:view")
    jti = (await told(world, api, await client.log_in()))["jti"]
    assert (await client.call("DELETE", "/api/v2/tokens/me")).status_code == 200
    revoked = "SELECT entity_id FROM audit_events WHERE entity_type = 'AccessToken'"
    assert await world.rows(revoked) == [(id_of(jti).hex(),)]


async def test_the_form_and_a_bearer_token_are_ways_to_authenticate(
    world: World, api: Member
) -> None:
    token = await world.admin.log_in()
    expected = await told(world, api, token)
    secret = {"client_id": api.client_id, "client_secret": api.secret}
    by_form = await ask(world, data={"token": token, **secret})
    bearer = {"Authorization": f"bearer {await api.log_in()}"}
    by_token = await ask(world, data={"token": token}, headers=bearer)
    named = {"token": token, "client_id": api.client_id.upper()}
    and_named = await ask(world, data=named, headers=bearer)
    for answer in (by_form, by_token, and_named):
        assert answer.json() == expected
    for more in ({"client_id": world.admin.client_id}, secret):
        both = await ask(world, data={"token": token, **more}, headers=bearer)
        oauth_refused(both, 400, "invalid_request")


async def test_a_bearer_token_that_is_not_good_is_refused(world: World, api: Member) -> None:
    token = await api.log_in()
    users = await user_token(world)
    await api.call("DELETE", "/api/v2/tokens/me")
    for bearer in (token, users, "x", api.secret):
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = await ask(world, data={"token": token}, headers=headers)
        oauth_refused(answer, 401, "invalid_token")
        challenge = 'Bearer realm="grantory", error="invalid_token"'
        assert answer.headers["www-authenticate"] == challenge


async def test_without_authentication_it_is_401_whatever_is_asked(world: World) -> None:
    token = await world.admin.log_in()
    for data in (
        {"token": token},
        {"x": "1"},
        {"token": token, "client_id": world.admin.client_id},
    ):
        oauth_refused(await ask(world, data=data), 401, "invalid_client")


async def test_a_client_that_is_not_active_is_told_so(world: World, api: Member) -> None:
    token = await world.admin.log_in()
    path = f"{CLIENTS}/{api.client_id}"
    bearer = {"Authorization": f"Bearer {await api.log_in()}"}
    await world.admin.put(path, {**await world.admin.get(path), "state": "inactive"})
    oauth_refused(await introspect(world, api, token), 400, "unauthorized_client")
    # Its tokens run on, but to be asked with is to act.
    by_token = await ask(world, data={"token": token}, headers=bearer)
    oauth_refused(by_token, 400, "unauthorized_client")


async def test_a_broken_request_is_refused_as_at_the_token_endpoint(
    world: World, api: Member
) -> None:
    auth = (api.client_id, api.secret)
    token = await api.log_in()
    broken: list[tuple[str, dict[str, Any], int]] = [
        ("", {"data": {}}, 400),
        ("", {"data": {"token": ""}}, 400),
        ("", {"json": {"token": token}}, 400),
        ("", {"content": f"token={token}&token={token}", "headers": {"Content-Type": FORM}}, 400),
        (f"?token={token}", {"data": {"token": token}}, 400),
        ("", {"data": {"token": "x" * 300_000}}, 413),
    ]
    for query, options, status in broken:
        answer = await world.http.post(INTROSPECT + query, auth=auth, **options)
        oauth_refused(answer, status, "invalid_request")
    for method in ("GET", "PUT", "DELETE"):
        assert (await world.http.request(method, INTROSPECT)).status_code == 405


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "no_such_type", ""])
async def test_a_hint_is_no_more_than_that(world: World, api: Member, hint: str) -> None:
    token = await world.admin.log_in()
    assert await told(world, api, token, token_type_hint=hint) == await told(world, api, token)


async def test_the_permission_is_in_the_catalogue_and_the_first_role(world: World) -> None:
    page = await world.admin.get("/api/v2/authorization/permissions?query=oauth")
    [oauth] = page["entities"]
    assert [item["action"] for item in oauth["permissionMap"]["token"]] == ["delete", "introspect"]
    client = await world.admin.make_member("routing:queue:view")
    assert (await told(world, world.admin, await client.log_in()))["sub"] == client.client_id


async def test_a_wrong_secret_counts_with_those_at_the_token_endpoint(
    world: World, api: Member
) -> None:
    token = await world.admin.log_in()
    wrong = Member(world, api.client_id, "wrong")
    for _ in range(10):
        oauth_refused(await introspect(world, wrong, token), 401, "invalid_client")
        await world.ask_token(api.client_id, "wrong")
    for answer in (
        await introspect(world, api, token),
        await world.ask_token(api.client_id, api.secret),
    ):
        body = oauth_refused(answer, 400, "invalid_request")
        assert body["error_description"].startswith("rate limit exceeded;")
        assert answer.headers["retry-after"] == "60"


async def test_it_asks_no_database_once_it_knows_client_and_token(
    world: World, api: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [await user_token(world, "users"), await world.admin.log_in()]
    for token in tokens:
        await told(world, api, token)
    asked: list[str] = []
    for name in ("read", "scan", "write"):
        monkeypatch.setattr(type(world.node.store), name, lambda *_: asked.append("store"))
    for token in (*tokens, *tokens, "x", tokens[0][:-1]):
        answer = await introspect(world, api, token)
        assert (answer.content == INACTIVE) is (token not in tokens)
    assert asked == []


async def test_the_gateways_prefix_and_the_public_address(tmp_path: Path) -> None:
    options: dict[str, Any] = {"http_login_prefix": "/login", "public_url": "https://auth.example"}
    async with new_world(tmp_path / "data", **options) as other:
        admin = other.admin
        token, auth = await admin.log_in(), (admin.client_id, admin.secret)
        answer = await other.http.post(f"/login{INTROSPECT}", data={"token": token}, auth=auth)
        assert answer.json()["iss"] == "https://auth.example"
        assert ADDRESS not in answer.text


async def test_refusals_are_counted_and_listed_as_at_the_token_endpoint(
    world: World, api: Member
) -> None:
    token = await api.log_in()
    path = f"{CLIENTS}/{api.client_id}"
    await introspect(world, Member(world, api.client_id, "wrong"), token)
    await ask(world, data={"token": token}, headers={"Authorization": "Bearer x"})
    await world.http.post(REVOKE, data={"x": "1"}, auth=(api.client_id, api.secret))
    await world.admin.put(path, {**await world.admin.get(path), "state": "disabled"})
    await introspect(world, api, token)
    await build_refusal_keeper(world.node, world.node.store).flush()
    organization_id = world.founding.organization.id
    kept = await world.node.store.read(lambda s: s.refusals.newest(organization_id, 9))
    assert {refusal.client_id for refusal in kept} == {api.client_id}
    assert {refusal.reason for refusal in kept} == {"wrong_secret", "malformed", "disabled"}
    counted = await world.node.store.read(lambda s: s.refusals.counted("", 0))
    assert {counter.reason: number for counter, number in counted.items()} == {"bearer_token": 1}
    seen = Scrape((await world.http.get("/metrics")).text)
    for reason in ("wrong_secret", "bearer_token", "malformed", "disabled"):
        assert seen.value("grantory_token_refusals_total", reason=reason) == 1
    assert seen.value("grantory_refusals_total", code="invalid_token") == 1
    asked = {"method": "POST", "route": INTROSPECT}
    assert seen.value("grantory_http_requests_total", status="401", **asked) == 2
    # They are no token requests.
    assert seen.value("grantory_token_requests_total") == 2


def test_to_ask_is_no_change_and_to_end_is_one() -> None:
    assert not is_change("POST", INTROSPECT)
    assert is_change("POST", REVOKE)
