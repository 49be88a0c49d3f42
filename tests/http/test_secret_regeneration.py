"""``POST /api/v2/oauth/clients/{clientId}/secret`` and deleting, as official SDKs send them."""

import httpx2 as httpx
import pytest

from tests.support.world import CLIENTS, World, new_world

BODIES = {
    "nothing": {},
    "content type alone": {"headers": {"content-type": "application/json"}},
    "null": {"content": b"null", "headers": {"content-type": "application/json"}},
    "empty object": {"content": b"{}", "headers": {"content-type": "application/json"}},
    "empty text": {"content": b"", "headers": {"content-type": "text/plain"}},
    "form": {
        "content": b"",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    },
    "length 0": {"content": b"", "headers": {"content-length": "0"}},
}


@pytest.mark.parametrize("options", list(BODIES.values()), ids=list(BODIES))
async def test_a_new_secret_is_made_whatever_the_body(
    world: World, options: dict[str, object]
) -> None:
    member = await world.admin.make_member("oauth:client:view")
    before = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    world.clock.advance(5)
    answer = await send(world, f"{CLIENTS}/{member.client_id}/secret", options)
    assert answer.status_code == 200
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith("gcs_")
    assert secret != member.secret
    assert made == {
        **before,
        "dateModified": "2027-01-15T08:00:05.000Z",
        "modifiedBy": made["modifiedBy"],
    }
    assert made["modifiedBy"]["id"] == world.admin.client_id
    assert (await world.ask_token(member.client_id, secret)).status_code == 200
    assert (await world.ask_token(member.client_id, member.secret)).status_code == 401


async def send(world: World, path: str, options: dict[str, object]) -> httpx.Response:
    token = world.admin.token or await world.admin.log_in()
    headers = {"authorization": f"Bearer {token}"}
    extra = options.get("headers")
    assert extra is None or isinstance(extra, dict)
    content = options.get("content")
    assert content is None or isinstance(content, bytes)
    return await world.http.post(path, content=content, headers={**headers, **(extra or {})})


@pytest.mark.parametrize("grant_type", ["CODE", "TOKEN", "SAML2-BEARER", "PASSWORD"])
async def test_every_grant_type_has_a_secret(world: World, grant_type: str) -> None:
    member = await world.admin.make_client(authorizedGrantType=grant_type)
    assert member.secret.startswith("gcs_")
    made = await world.admin.post(f"{CLIENTS}/{member.client_id}/secret")
    assert made["secret"] not in ("", member.secret)


async def test_of_two_regenerations_the_last_counts(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    secrets = [member.secret]
    for _ in range(3):
        made = await world.admin.post(f"{CLIENTS}/{member.client_id}/secret")
        secrets.append(made["secret"])
    answers = [await world.ask_token(member.client_id, secret) for secret in secrets]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 200]


@pytest.mark.parametrize("path", ["x", "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"])
async def test_an_unknown_client_is_not_found_by_any_operation(world: World, path: str) -> None:
    body = {"name": "x", "authorizedGrantType": "CODE"}
    calls = [
        ("GET", f"{CLIENTS}/{path}", None),
        ("PUT", f"{CLIENTS}/{path}", body),
        ("DELETE", f"{CLIENTS}/{path}", None),
        ("POST", f"{CLIENTS}/{path}/secret", None),
    ]
    for method, address, document in calls:
        answer = await world.admin.call(method, address, document)
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")
        stranger = await world.admin.call(method, address.upper().replace("/API", "/api"), None)
        assert stranger.status_code in (404, 405)


async def test_a_deleted_client_is_gone_for_every_operation(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    token = await member.log_in()
    path = f"{CLIENTS}/{member.client_id}"
    answer = await world.admin.call("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    body = {"name": "x", "authorizedGrantType": "CODE"}
    calls = [("GET", path, None), ("PUT", path, body), ("DELETE", path, None)]
    for method, address, document in [*calls, ("POST", path + "/secret", None)]:
        answer = await world.admin.call(method, address, document)
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")
    assert (await world.ask_token(member.client_id, member.secret)).status_code == 401
    ended = await world.http.get(CLIENTS, headers={"authorization": f"Bearer {token}"})
    assert ended.status_code == 401
    assert (await world.admin.get(CLIENTS))["total"] == 1


async def test_the_strict_setting_wants_an_inactive_client(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    async with new_world(tmp_path / "data", clients_delete_requires_inactive=True) as world:
        member = await world.admin.make_client(authorizedGrantType="CODE")
        path = f"{CLIENTS}/{member.client_id}"
        answer = await world.admin.call("DELETE", path)
        assert (answer.status_code, answer.json()["code"]) == (400, "cannot.delete.client")
        for state in ("inactive", "disabled"):
            body = {"name": "x", "authorizedGrantType": "CODE", "state": state}
            await world.admin.put(path, body)
            member = await world.admin.make_client(authorizedGrantType="CODE", state=state)
            gone = await world.admin.call("DELETE", f"{CLIENTS}/{member.client_id}")
            assert gone.status_code == 204
        assert (await world.admin.call("DELETE", path)).status_code == 204
