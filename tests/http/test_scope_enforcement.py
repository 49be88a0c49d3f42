"""Scopes of a user's token, beside permissions: for every operation that declares one."""

import re
from typing import Any

import httpx2 as httpx
import pytest

from grantory.app import build_operations
from grantory.domain.scopes import READ_ONLY, SCOPES
from grantory.http.operation import Operation
from tests.support.user_tokens import make_administrator, user_token
from tests.support.world import CLIENTS, World, declared_operations

OWN = "/api/v2/organizations/me"
NOBODY = "00000000-0000-4000-8000-000000000000"
OPERATIONS = declared_operations()
WITHOUT = {"getTokensMe", "headTokensMe", "deleteTokensMe", "postGrantoryChanges"}
"""Whoever has a token may look at it and end it; what makes changes asks for the scopes of each."""


async def call(world: World, token: str, operation: Operation, body: Any = None) -> httpx.Response:
    """Call an operation on things that are not there: what is asked for is whether it may."""
    path = re.sub(r"\{\w+\}", NOBODY, operation.path)
    options: dict[str, Any] = {} if body is None else {"json": body}
    headers = {"Authorization": f"Bearer {token}"}
    return await world.http.request(operation.method, path, headers=headers, **options)


async def enforce(world: World, wanted: bool = True) -> None:
    await world.admin.put(OWN, {"scopeEnforcement": wanted})


def is_refused(answer: httpx.Response) -> bool:
    """Whether it was the scope, and nothing else."""
    if answer.status_code == 403 and answer.request.method == "HEAD":
        return True
    return answer.status_code == 403 and answer.json()["code"] == "not.authorized"


def test_every_operation_declares_a_scope_that_there_is() -> None:
    assert {each.id for each in OPERATIONS if not each.scope} == WITHOUT
    for each in OPERATIONS:
        if each.scope:
            assert {each.scope, each.scope + READ_ONLY} <= set(SCOPES)
        assert not each.narrow_scope or each.narrow_scope in SCOPES


async def test_each_operation_needs_its_scope(world: World) -> None:
    await enforce(world)
    user_id = await make_administrator(world)
    for operation in build_operations(world.node, world.settings):
        if not operation.scope:
            continue
        reads = operation.method in ("GET", "HEAD")
        named = operation.scope + READ_ONLY if reads else operation.scope
        others = [s for s in ("oauth", "organization", "users", "routing") if s != operation.scope]
        lacking = [(), tuple(others), (f"{operation.scope}x",), ("user-basic-inf",)]
        lacking += [] if reads else [(operation.scope + READ_ONLY, "routing:readonly")]
        for scopes in lacking:
            token = await user_token(world, *scopes, user_id=user_id)
            answer = await call(world, token, operation)
            assert is_refused(answer), f"{operation.id} with {scopes}: {answer.text}"
            if operation.method != "HEAD":
                text = answer.json()["message"]
                assert named in text, text
        enough = [(operation.scope,), ("routing", "all")]
        enough += [(operation.scope + READ_ONLY,)] if reads else []
        enough += [(operation.narrow_scope,)] if operation.narrow_scope else []
        for scopes in enough:
            token = await user_token(world, *scopes, user_id=user_id)
            answer = await call(world, token, operation)
            assert not is_refused(answer), f"{operation.id} with {scopes}: {answer.text}"
            assert answer.status_code not in (401, 500), answer.text


async def test_a_scope_gives_no_permission(world: World) -> None:
    await enforce(world)
    token = await user_token(world, "all")
    for operation in build_operations(world.node, world.settings):
        if operation.permissions:
            answer = await call(world, token, operation)
            assert answer.status_code == 403
            assert answer.json()["code"] == "missing.any.permissions"


async def test_without_enforcement_scopes_limit_nothing(world: World) -> None:
    token = await user_token(world, user_id=await make_administrator(world))
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.http.get(CLIENTS, headers=headers)).status_code == 200
    await enforce(world)
    assert is_refused(await world.http.get(CLIENTS, headers=headers))
    await enforce(world, False)
    assert (await world.http.get(CLIENTS, headers=headers)).status_code == 200


async def test_a_client_that_acts_for_itself_has_no_scopes_and_needs_none(world: World) -> None:
    await enforce(world)
    assert (await world.admin.get(CLIENTS))["total"] == 1
    assert (await world.admin.get("/api/v2/tokens/me"))["authorizedScope"] == []


async def test_whoever_has_a_token_may_look_at_it_and_end_it(world: World) -> None:
    await enforce(world)
    headers = {"Authorization": f"Bearer {await user_token(world)}"}
    path = "/api/v2/tokens/me"
    assert (await world.http.get(path, headers=headers)).status_code == 200
    assert (await world.http.head(path, headers=headers)).status_code == 200
    assert (await world.http.delete(path, headers=headers)).status_code == 200
    assert (await world.http.get(path, headers=headers)).status_code == 401


async def test_the_switch_shows_only_where_it_is_on_and_is_audited(world: World) -> None:
    before = await world.admin.get(OWN)
    assert "scopeEnforcement" not in before
    after = await world.admin.put(OWN, {"scopeEnforcement": True})
    assert after == {**before, "scopeEnforcement": True, "version": 2}
    assert await world.admin.put(OWN, {"defaultCountryCode": "US"}) == {**after, "version": 3}
    assert await world.admin.put(OWN, {"scopeEnforcement": False}) == {**before, "version": 4}
    own = world.founding.organization.id
    events = await world.node.store.read(lambda s: s.audit.of_entity(own, own, 10))
    told = [[(c.property, c.old_values, c.new_values) for c in e.changes] for e in events]
    assert [("enforces_scopes", [False], [True])] in told
    assert [("enforces_scopes", [True], [False])] in told


@pytest.mark.parametrize("value", ["true", 1, 0, "on", [], {}])
async def test_the_switch_is_true_or_false(world: World, value: Any) -> None:
    answer = await world.admin.call("PUT", OWN, {"scopeEnforcement": value})
    assert answer.status_code == 400
    assert [detail["fieldName"] for detail in answer.json()["details"]] == ["scopeEnforcement"]


async def test_a_limited_token_cannot_lift_its_own_limits(world: World) -> None:
    await enforce(world)
    user_id = await make_administrator(world)
    token = await user_token(world, "organization", user_id=user_id)
    limited = {"Authorization": f"Bearer {token}"}
    off = {"scopeEnforcement": False}
    answer = await world.http.put(OWN, headers=limited, json=off)
    assert is_refused(answer)
    assert "lacks the scope all." in answer.json()["message"]
    assert (await world.admin.get(OWN))["scopeEnforcement"] is True
    named = await world.http.put(OWN, headers=limited, json={"name": "n", "scopeEnforcement": True})
    assert named.status_code == 200
    whole = {"Authorization": f"Bearer {await user_token(world, 'all', user_id=user_id)}"}
    assert (await world.http.put(OWN, headers=whole, json=off)).status_code == 200


async def test_only_who_may_do_everything_lifts_everybodys_limits(world: World) -> None:
    """It makes a wide token of every narrow one."""
    member = await world.admin.make_member("directory:organization:admin")
    assert (await member.call("PUT", OWN, {"scopeEnforcement": False})).status_code == 200
    assert (await member.call("PUT", OWN, {"scopeEnforcement": True})).status_code == 200

    answer = await member.call("PUT", OWN, {"scopeEnforcement": False})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing.permissions")
    assert (await world.admin.get(OWN))["scopeEnforcement"] is True
    assert (await member.call("PUT", OWN, {"name": "other"})).status_code == 200


async def test_the_description_tells_each_operations_scopes(world: World) -> None:
    paths = (await world.http.get("/openapi.json")).json()["paths"]
    for operation in build_operations(world.node, world.settings):
        told = paths[operation.path][operation.method.lower()]
        assert ("x-scopes" in told) is bool(operation.scope)
        if operation.scope:
            assert told["x-scopes"][-2:] == [operation.scope, "all"]
            assert operation.scope in told["description"]
            reads = operation.method in ("GET", "HEAD")
            assert (operation.scope + READ_ONLY in told["x-scopes"]) is reads
    assert paths["/api/v2/users/me"]["get"]["x-scopes"][0] == "user-basic-info"
