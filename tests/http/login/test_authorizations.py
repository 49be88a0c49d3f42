"""``/api/v2/oauth/authorizations``: what organisations and people have allowed to clients."""

from typing import Any

from tests.security.answers import refused
from tests.support.people import GOOD_PASSWORD, make_user
from tests.support.visitor import App, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World

PATH = "/api/v2/oauth/authorizations"


def one(app: App) -> str:
    return f"{PATH}/{app.client_id}"


async def listed(world: World) -> list[dict[str, Any]]:
    listing = await world.admin.get(PATH)
    assert {*listing} == {"total", "entities", "selfUri"}
    assert listing["selfUri"] == PATH
    entities: list[dict[str, Any]] = listing["entities"]
    assert listing["total"] == len(entities)
    return entities


async def test_a_consent_is_a_persons_authorization(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth"]), Visitor(world)
    assert await listed(world) == []
    refused(await world.admin.call("GET", one(app)), 404, "not.found")
    await visitor.arrive(app, scope="users")
    [found] = await listed(world)
    assert found == await world.admin.get(one(app))
    assert found["client"]["id"] == app.client_id
    assert "secret" not in found["client"]
    assert (found["scope"], found["state"], found["pending"]) == (["users"], "Authorized", False)
    assert found["resourceOwner"]["name"] == "Administrator"
    assert found["dateCreated"] == found["dateModified"]
    assert found["selfUri"] == one(app)
    [event] = await world.rows(
        "SELECT entity_type, entity_id, actor_kind, changes FROM audit_events "
        "WHERE action = 'Authorize'"
    )
    assert event[:3] == ("OAuthClient", app.client_id, "user")
    assert "users" in event[3]


async def test_a_refusal_is_none(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    consent = await visitor.log_in(await visitor.authorize(app))
    assert told(await visitor.submit(consent, decision="deny"))["error"] == "access_denied"
    assert await listed(world) == []
    assert page_of(await visitor.authorize(app)).action == "consent"


async def test_the_organisation_allows_it_for_everybody(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth"]), Visitor(world)
    approved = await world.admin.put(one(app), {"scope": ["users", "users"]})
    assert (approved["scope"], approved["state"]) == (["users"], "Authorized")
    assert "resourceOwner" not in approved or approved["resourceOwner"] is None
    assert approved["createdBy"]["id"] == world.admin.client_id
    answer = await visitor.log_in(await visitor.authorize(app, scope="users"))
    assert "code" in told(answer)
    # For more than that, people are asked.
    assert page_of(await visitor.authorize(app)).action == "consent"
    await world.admin.put(one(app), {})
    assert "code" in told(await visitor.authorize(app))


async def test_a_client_that_is_limited_later_asks_for_less(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    approved = await world.admin.put(one(app), {})
    assert approved["scope"] == []
    assert "code" in told(await visitor.log_in(await visitor.authorize(app)))
    body = {
        "name": "a",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": ["https://app.example.com/callback"],
    }
    await world.admin.put(f"{CLIENTS}/{app.client_id}", {**body, "scope": ["users"]})
    assert "code" in told(await visitor.authorize(app))
    # The other way round it asks for more than was allowed.
    await world.admin.put(one(app), {})
    await world.admin.put(f"{CLIENTS}/{app.client_id}", body)
    assert page_of(await visitor.authorize(app)).action == "consent"


async def test_what_may_not_be_approved(world: World) -> None:
    app = await make_app(world, scope=["users"])
    for scope in (["oauth"], ["users", "oauth"], []):
        error = refused(
            await world.admin.call("PUT", one(app), {"scope": scope}), 400, "invalid.value"
        )
        assert error["details"][0]["fieldName"] == "scope"
    odd: tuple[Any, ...] = ({"scope": "users"}, {"scope": [1]}, {"scope": ["x"] * 201}, [])
    for body in odd:
        answer = await world.admin.call("PUT", one(app), body)
        assert answer.status_code == 400
    other = await world.found("Elsewhere")
    elsewhere = world.member(other)
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        refused(await elsewhere.call(method, one(app), body), 404, "not.found")
    assert await listed(world) == []


async def test_what_is_taken_back_is_asked_for_again(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    refused(await world.admin.call("DELETE", one(app)), 404, "not.found")
    await world.admin.put(one(app), {})
    tokens = await visitor.tokens(app)
    await visitor.arrive(app)
    assert (await world.admin.call("DELETE", one(app))).status_code == 204
    assert {found["state"] for found in await listed(world)} == {"Revoked"}
    assert await visitor.use(tokens["access_token"]) == 401
    assert page_of(await visitor.authorize(app)).action == "consent"
    # A new consent counts; what was ended stays ended.
    assert "code" in await visitor.arrive(app)
    assert await visitor.use(tokens["access_token"]) == 401
    assert {found["state"] for found in await listed(world)} == {"Authorized"}


async def test_a_deleted_clients_are_gone(world: World) -> None:
    app, other, visitor = await make_app(world), await make_app(world), Visitor(world)
    for each in (app, other):
        await visitor.arrive(each)
    await world.admin.call("DELETE", f"{CLIENTS}/{app.client_id}")
    [found] = await listed(world)
    assert found["client"]["id"] == other.client_id
    refused(await world.admin.call("GET", one(app)), 404, "not.found")


async def test_who_alternates_between_scopes_is_asked_once_for_each(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth"]), Visitor(world)
    await visitor.arrive(app, scope="users")
    await visitor.arrive(app, scope="oauth")
    for scope in ("users", "oauth", "users oauth"):
        assert "code" in told(await visitor.authorize(app, scope=scope))


async def test_only_who_holds_every_right_approves_for_everybody(world: World) -> None:
    app = await make_app(world)
    member = await world.admin.make_member("oauth:client:authorize")
    refused(await member.call("PUT", one(app), {}), 403, "missing.permissions")
    assert await listed(world) == []


async def test_another_address_of_a_client_asks_people_again(world: World) -> None:
    """Who may change clients alone must not come to codes of people with more rights."""
    app, visitor = await make_app(world), Visitor(world)
    await visitor.arrive(app)
    member = await world.admin.make_member("oauth:client:edit", "oauth:client:view")
    client = await member.get(f"{CLIENTS}/{app.client_id}")
    client["description"] = "changed"
    await member.put(f"{CLIENTS}/{app.client_id}", client)
    assert "code" in told(await visitor.authorize(app))
    client["registeredRedirectUri"].append("https://elsewhere.example/cb")
    await member.put(f"{CLIENTS}/{app.client_id}", client)
    assert page_of(await visitor.authorize(app)).action == "consent"
    await visitor.arrive(app)
    client["registeredRedirectUri"].append("https://third.example/cb")
    await world.admin.put(f"{CLIENTS}/{app.client_id}", client)
    assert "code" in told(await visitor.authorize(app))


async def test_a_deleted_users_word_goes_with_them(world: World) -> None:
    app = await make_app(world)
    user = await make_user(world.admin, password=GOOD_PASSWORD)
    visitor = Visitor(world)
    visitor.email, visitor.password = user["email"], GOOD_PASSWORD
    await visitor.arrive(app)
    assert [each["resourceOwner"]["id"] for each in await listed(world)] == [user["id"]]
    await world.admin.call("DELETE", f"/api/v2/users/{user['id']}")
    assert await listed(world) == []
