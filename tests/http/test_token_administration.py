"""Ending the tokens of users and clients, and the idle timeout that there is not."""

import asyncio
import uuid

import msgspec

from grantory.domain.organization import User
from grantory.protocol.token_codec import encode
from grantory.storage.hot_reads import RememberedReads
from tests.support.entities import a_user, put
from tests.support.world import CLIENTS, World

TOKENS = "/api/v2/tokens"
TIMEOUT = f"{TOKENS}/timeout"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"


async def add_user(world: World, number: int = 1, organization_id: str = "") -> User:
    organization_id = organization_id or world.founding.organization.id
    user = a_user(number, organization_id=organization_id, token_epoch=3, version=4)
    await world.node.store.write(put(user))
    return user


async def token_of(world: World, user: User) -> str:
    """A token of a user, as a grant for users will issue it."""
    tokens, reads = world.application._tokens, world.application._reads
    text = await world.admin.log_in()
    token = await tokens.verify(text)
    assert isinstance(reads, RememberedReads)
    key = await reads.newest_signing_key(user.organization_id)
    mine = msgspec.structs.replace(token, user_id=user.id, user_epoch=user.token_epoch)
    return encode(mine, key, uuid.UUID(mine.client_id).bytes)


async def status(world: World, token: str) -> int:
    answer = await world.http.get(f"{TOKENS}/me", headers={"authorization": f"Bearer {token}"})
    return answer.status_code


async def last_event(world: World) -> tuple[object, ...]:
    (found,) = await world.rows(
        "SELECT action, entity_type, entity_id, entity_name, actor_id FROM audit_events "
        "ORDER BY id DESC LIMIT 1"
    )
    return found


async def test_every_token_of_a_user_ends_at_once_and_no_other(world: World) -> None:
    user, other = await add_user(world), await add_user(world, 2)
    ended = [await token_of(world, user) for _ in range(2)]
    good = [await token_of(world, other), await world.admin.log_in()]
    assert [await status(world, token) for token in (*ended, *good)] == [200] * 4
    member = await world.admin.make_member("oauth:token:delete")
    answer = await member.call("DELETE", f"{TOKENS}/{user.id.upper()}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [await status(world, token) for token in (*ended, *good)] == [401, 401, 200, 200]
    event = ("Revoke", "User", user.id, user.name, member.client_id)
    assert await last_event(world) == event
    told = await world.rows(f"SELECT kind FROM changes WHERE entity_id = '{user.id}'")
    assert told == [("user",)]
    after = await world.node.store.read(lambda s: s.users.get(user.id))
    assert after == msgspec.structs.replace(user, token_epoch=4, version=5)
    assert await status(world, await token_of(world, after)) == 200


async def test_two_who_end_a_users_tokens_at_once_both_do(world: World) -> None:
    user = await add_user(world)
    calls = [world.admin.call("DELETE", f"{TOKENS}/{user.id}") for _ in range(4)]
    await world.admin.log_in()
    assert {answer.status_code for answer in await asyncio.gather(*calls)} == {200}
    after = await world.node.store.read(lambda s: s.users.get(user.id))
    assert after is not None
    assert after.token_epoch == user.token_epoch + 4


async def test_only_users_of_ones_own_organisation_are_found(world: World) -> None:
    other = await world.found("Other")
    theirs = await add_user(world, organization_id=other.organization.id)
    for user_id in (theirs.id, UNKNOWN, "x", world.admin.client_id):
        answer = await world.admin.call("DELETE", f"{TOKENS}/{user_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")
    assert await world.node.store.read(lambda s: s.users.get(theirs.id)) == theirs


async def test_ending_a_users_tokens_needs_its_permission(world: World) -> None:
    user = await add_user(world)
    member = await world.admin.make_member("oauth:client:edit", "oauth:client:delete")
    answer = await member.call("DELETE", f"{TOKENS}/{user.id}")
    assert answer.status_code == 403
    assert "oauth:token:delete" in answer.json()["message"]


async def test_me_and_timeout_are_no_users(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    assert (await member.call("DELETE", f"{TOKENS}/me")).status_code == 200
    assert (await member.call("GET", f"{TOKENS}/me")).status_code == 401
    assert (await world.admin.call("DELETE", TIMEOUT)).status_code == 405
    assert (await world.admin.call("GET", f"{TOKENS}/{UNKNOWN}")).status_code == 405


async def test_the_idle_timeout_is_off_and_stays_so(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    off = {"enableIdleTokenTimeout": False, "inactivityTimeoutGroupsEnabled": False}
    assert await member.get(TIMEOUT) == off
    body = {"idleTokenTimeoutSeconds": 300, "enableIdleTokenTimeout": True}
    refused = await member.call("PUT", TIMEOUT, body)
    assert refused.status_code == 403
    assert "directory:organization:admin" in refused.json()["message"]
    answer = await world.admin.call("PUT", TIMEOUT, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert "idle timeout" in answer.json()["message"]
    answer = await world.admin.call("PUT", TIMEOUT, {"enableIdleTokenTimeout": "x"})
    assert answer.json()["details"][0]["fieldName"] == "enableIdleTokenTimeout"
    assert await member.get(TIMEOUT) == off


async def test_every_token_of_a_client_ends_and_its_secret_gains_new_ones(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    ended = [await member.log_in() for _ in range(2)]
    other = await world.admin.log_in()
    path = f"{CLIENTS}/{member.client_id}"
    before = await world.admin.get(path)
    answer = await world.admin.call("DELETE", f"{path}/tokens")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [await status(world, token) for token in (*ended, other)] == [401, 401, 200]
    assert await status(world, await member.log_in()) == 200
    assert await world.admin.get(path) == before
    event = ("Revoke", "OAuthClient", member.client_id, before["name"], world.admin.client_id)
    assert await last_event(world) == event


async def test_a_client_may_end_its_own_tokens(world: World) -> None:
    for permission in ("oauth:token:delete", "oauth:client:edit"):
        member = await world.admin.make_member(permission)
        answer = await member.call("DELETE", f"{CLIENTS}/{member.client_id}/tokens")
        assert answer.status_code == 204
        assert await status(world, member.token) == 401


async def test_ending_a_clients_tokens_needs_a_permission_and_what_it_holds(world: World) -> None:
    target = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{target.client_id}/tokens"
    token = await target.log_in()
    viewer = await world.admin.make_member("oauth:client:view", "oauth:client:delete")
    refused = await viewer.call("DELETE", path)
    assert refused.json()["code"] == "missing.any.permissions"
    assert "oauth:token:delete, oauth:client:edit" in refused.json()["message"]
    limited = await world.admin.make_member("oauth:token:delete")
    refused = await limited.call("DELETE", path)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing.permissions")
    assert await status(world, token) == 200
    covering = await world.admin.make_member("oauth:token:delete", "oauth:client:view")
    assert (await covering.call("DELETE", path)).status_code == 204
    assert await status(world, token) == 401


async def test_clients_of_other_organisations_are_not_found(world: World) -> None:
    stranger = world.member(await world.found("Other"))
    token = await world.admin.log_in()
    for client_id in (world.admin.client_id, UNKNOWN, "x"):
        answer = await stranger.call("DELETE", f"{CLIENTS}/{client_id}/tokens")
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")
    assert await status(world, token) == 200


async def test_ending_and_changing_at_once_lose_neither(world: World) -> None:
    member = await world.admin.make_client(authorizedGrantType="CODE")
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.log_in()
    ends = [world.admin.call("DELETE", f"{path}/tokens") for _ in range(3)]
    body = {"name": "new", "authorizedGrantType": "CODE"}
    answers = await asyncio.gather(*ends, world.admin.call("PUT", path, body))
    assert {answer.status_code for answer in answers} == {200, 204}
    after = await world.node.store.read(lambda s: s.clients.get(member.client_id))
    assert after is not None
    assert (after.name, after.token_epoch, after.version) == ("new", 4, 5)
