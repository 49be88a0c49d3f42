"""Every operation of the SDK, awaited, on a whole server in this process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import pytest

from grantory_sdk import (
    AccessToken,
    ApiError,
    AsyncGrantory,
    BadRequest,
    Change,
    ClientCredentials,
    ConfigurationError,
    Conflict,
    Forbidden,
    NotFound,
    PermissionPolicy,
    RoleDivision,
    TokenRefused,
    Unauthorized,
    capture_answers,
)
from grantory_sdk._async.runtime import Runtime
from grantory_sdk.models import OAuthClientRequest
from grantory_sdk.token_sources import Auth
from tests.support.people import GOOD_PASSWORD, make_person, make_user
from tests.support.world import ADDRESS, World, new_world

URI = "https://app.example/callback"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server on SQLite alone: nothing here is stored."""
    async with new_world(tmp_path / "data") as made:
        yield made


def connect(world: World, auth: Auth | None = None) -> AsyncGrantory:
    """A client of the server, by default the first one, whose clock is the server's."""
    admin = world.admin
    return AsyncGrantory(
        ADDRESS,
        auth=auth or ClientCredentials(admin.client_id, admin.secret),
        transport=httpx.ASGITransport(app=world.application),
        runtime=Runtime(clock=lambda: world.clock.now_ms() / 1000),
    )


@pytest.fixture
async def grantory(world: World) -> AsyncIterator[AsyncGrantory]:
    """The administrator's client."""
    async with connect(world) as made:
        yield made


async def test_a_list_of_changes_is_made_as_a_whole_or_not_at_all(
    world: World, grantory: AsyncGrantory
) -> None:
    changes = [
        Change(operation="postAuthorizationDivisions", key="d", body={"name": "North"}),
        Change(operation="postAuthorizationRoles", key="r", body={"name": "Exporter"}),
        Change(
            operation="postOauthClients",
            key="c",
            body=OAuthClientRequest(
                name="nightly",
                authorized_grant_type="CLIENT-CREDENTIALS",
                role_divisions=[RoleDivision("#r", "#d")],
            ),
        ),
        Change(
            operation="postOauthClients",
            body=OAuthClientRequest(
                name="short-lived",
                authorized_grant_type="CODE",
                date_to_delete=datetime(2035, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
            ),
        ),
    ]
    tried = await grantory.changes.apply(changes, dry_run=True)
    assert (tried.applied, tried.changes[2].secret) == (False, None)
    made = await grantory.changes.apply(changes)
    assert made.applied
    assert [each.key for each in made.changes] == ["d", "r", "c", None]
    division, role, client, short_lived = made.changes
    read = await grantory.oauth_clients.get(client.id)
    assert read.role_divisions == [RoleDivision(role.id, division.id)]
    other_read = await grantory.oauth_clients.get(short_lived.id)
    assert other_read.date_to_delete == datetime(2035, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    async with connect(world, ClientCredentials(client.id, client.secret or "")) as other:
        assert (await other.tokens.me()).oauth_client.id == client.id

    body = {"name": "other", "authorizedGrantType": "CODE"}
    update = Change(
        operation="putOauthClient", id=client.id, modified=read.date_modified, body=body
    )
    world.clock.advance(1)
    await grantory.changes.apply([update, Change(operation="deleteAuthorizationRole", id=role.id)])
    with pytest.raises(Conflict) as caught:
        await grantory.changes.apply(
            [Change(operation="postAuthorizationRoles", body={"name": "a"}), update]
        )
    assert caught.value.message.startswith("Change 2 of 2 (putOauthClient): ")
    assert [each.field_name for each in caught.value.details] == ["changes[1].modified"]
    assert [each.name async for each in grantory.roles.list(name="a")] == ["Administrator"]


async def test_a_client_is_made_read_changed_and_deleted(grantory: AsyncGrantory) -> None:
    made = await grantory.oauth_clients.create(
        name="portal",
        authorized_grant_type="CODE",
        registered_redirect_uri=[URI],
        scope=["users", "oauth:readonly"],
        description="For people.",
        access_token_validity_seconds=600,
    )
    assert made.secret
    assert made.date_created is not None
    read = await grantory.oauth_clients.get(made.id)
    assert read.secret is None
    assert (read.name, read.authorized_grant_type, read.state) == ("portal", "CODE", "active")
    assert read.registered_redirect_uri == [URI]
    assert read.created_by is not None

    changed = await grantory.oauth_clients.update(made.id, description=None, state="inactive")
    assert (changed.description, changed.state) == (None, "inactive")
    assert changed.scope == read.scope
    assert changed.access_token_validity_seconds == 600

    ends = made.date_created + timedelta(days=30)
    changed = await grantory.oauth_clients.update(
        made.id, date_to_delete=ends, access_token_format="JWT_ES256", state="active"
    )
    assert changed.date_to_delete == ends
    assert changed.access_token_format == "JWT_ES256"

    replaced = await grantory.oauth_clients.replace(
        made.id, name="portal 2", authorized_grant_type="SAML2-BEARER"
    )
    assert (replaced.name, replaced.scope) == ("portal 2", None)

    renewed = await grantory.oauth_clients.regenerate_secret(made.id, revoke_tokens=True)
    assert renewed.secret not in (None, made.secret)
    await grantory.oauth_clients.revoke_tokens(made.id)
    await grantory.oauth_clients.delete(made.id)
    with pytest.raises(NotFound) as caught:
        await grantory.oauth_clients.get(made.id)
    assert caught.value.code == "not.found"
    assert caught.value.correlation_id


async def test_the_list_of_clients_is_chosen_ordered_and_paged(grantory: AsyncGrantory) -> None:
    for number in range(7):
        await grantory.oauth_clients.create(name=f"app {number}", authorized_grant_type="TOKEN")
    with capture_answers() as answers:
        found = grantory.oauth_clients.list(
            name="APP",
            authorized_grant_type="TOKEN",
            sort_by="name",
            sort_order="DESC",
            page_size=3,
        )
        names = [each.name async for each in found]
    assert names == [f"app {number}" for number in reversed(range(7))]
    assert len(answers) == 3
    assert len(await grantory.oauth_clients.list().all()) == 8
    assert await grantory.oauth_clients.list(state="disabled").first() is None


async def test_what_is_wrong_with_a_client_is_told_by_field(grantory: AsyncGrantory) -> None:
    with pytest.raises(BadRequest) as caught:
        await grantory.oauth_clients.create(
            name="", authorized_grant_type="CODE", access_token_validity_seconds=1
        )
    fields = {detail.field_name for detail in caught.value.details}
    assert fields == {"name", "accessTokenValiditySeconds"}
    with pytest.raises(TypeError, match="descripton"):
        await grantory.oauth_clients.update("1", descripton="x")  # type: ignore[call-arg]


async def test_roles_are_made_given_and_taken(grantory: AsyncGrantory) -> None:
    policy = PermissionPolicy(
        domain="oauth", entity_name="client", action_set=["view"], allow_conditions=False
    )
    role = await grantory.roles.create(name="reader", permission_policies=[policy])
    assert role.permission_policies == [policy]
    assert (await grantory.roles.get(role.id)).name == "reader"
    role = await grantory.roles.update(role.id, description="Reads clients.")
    assert (role.name, role.description) == ("reader", "Reads clients.")
    assert [each.id async for each in grantory.roles.list(name="READ")] == [role.id]
    assert [each.id async for each in grantory.roles.list(ids=[role.id], page_size=1)] == [role.id]
    named = [each.id async for each in grantory.roles.list(permission=["oauth:client:view"])]
    assert role.id in named

    home = await grantory.divisions.home()
    client = await grantory.oauth_clients.create(
        name="machine",
        authorized_grant_type="CLIENT-CREDENTIALS",
        role_divisions=[RoleDivision(role.id, home.id)],
    )
    await grantory.roles.grant(role.id, client.id, subject_type="PC_OAUTH_CLIENT")
    held = (await grantory.roles.grants(client.id)).grants
    assert {(grant.role.id, grant.division.id) for grant in held} == {
        (role.id, home.id),
        (role.id, "*"),
    }
    await grantory.roles.revoke(role.id, client.id)
    assert len((await grantory.roles.grants(client.id)).grants) == 1
    await grantory.roles.delete(role.id)
    with pytest.raises(NotFound):
        await grantory.roles.get(role.id)


async def test_divisions_are_made_changed_and_deleted(grantory: AsyncGrantory) -> None:
    made = await grantory.divisions.create(name="North", description="Up there.")
    assert (await grantory.divisions.get(made.id)).name == "North"
    changed = await grantory.divisions.update(made.id, name="Far North")
    assert (changed.name, changed.description) == ("Far North", "Up there.")
    assert [each.id async for each in grantory.divisions.list(name="far")] == [made.id]
    home = await grantory.divisions.home()
    assert home.home_division
    assert {each.id async for each in grantory.divisions.list(page_size=1)} == {made.id, home.id}
    await grantory.divisions.delete(made.id, force=True)
    with pytest.raises(NotFound):
        await grantory.divisions.get(made.id)


async def test_users_are_made_changed_and_deleted(grantory: AsyncGrantory) -> None:
    made = await grantory.users.create(name="Ann", email="ann@example.com", title="Engineer")
    assert (await grantory.users.get(made.id)).title == "Engineer"
    changed = await grantory.users.update(made.id, name="Ann B", version=made.version)
    assert changed.name == "Ann B"
    with pytest.raises(Conflict):
        await grantory.users.update(made.id, name="Ann C", version=made.version)
    await grantory.users.set_password(made.id, GOOD_PASSWORD)
    role = await grantory.roles.create(name="reader", permissions=["oauth:client:view"])
    roles = await grantory.users.set_roles(made.id, [role.id])
    assert [each.id for each in roles.roles] == [role.id]
    assert (await grantory.users.roles(made.id)).permissions
    assert {each.id async for each in grantory.users.list(ids=[made.id])} == {made.id}
    assert made.id in {each.id async for each in grantory.users.list(page_size=1)}
    await grantory.users.delete(made.id)
    assert made.id not in {each.id async for each in grantory.users.list()}
    with pytest.raises(BadRequest) as caught:
        await grantory.users.me()
    assert caught.value.code == "not.a.user"


async def test_somebody_sees_themselves(world: World) -> None:
    person = await make_person(world.admin, "oauth:client:view")
    async with connect(world, AccessToken(await person.log_in())) as grantory:
        me = await grantory.users.me(expand=["authorization", "token", "organization"])
    assert (me.id, me.email) == (person.user_id, person.email)
    assert me.authorization is not None
    assert me.authorization.permissions == ["oauth:client:view"]
    assert me.token is not None
    assert me.token.oauth_client.id == person.client_id
    assert me.organization is not None
    assert me.organization.name == "Example"


async def test_clients_are_approved_and_what_was_approved_is_taken_back(
    grantory: AsyncGrantory,
) -> None:
    app = await grantory.oauth_clients.create(
        name="app", authorized_grant_type="CODE", scope=["users", "oauth"]
    )
    approved = await grantory.authorizations.approve(app.id, scope=["users"])
    assert (approved.scope, approved.state) == (["users"], "Authorized")
    assert (await grantory.authorizations.get(app.id)).client.id == app.id
    assert [each.client.id async for each in grantory.authorizations.list()] == [app.id]
    await grantory.authorizations.revoke(app.id)
    assert (await grantory.authorizations.get(app.id)).state == "Revoked"


async def test_scopes_are_told(grantory: AsyncGrantory) -> None:
    found = await grantory.scopes.list().all()
    assert len(found) > 130
    scope = await grantory.scopes.get("users:readonly")
    assert scope.id in {each.id for each in found}


async def test_the_token_is_told_introspected_and_ended(grantory: AsyncGrantory) -> None:
    info = await grantory.tokens.me()
    assert info.organization is not None
    assert info.oauth_client.organization == info.organization
    text = await grantory.access_token()
    told = await grantory.tokens.introspect(text, hint="access_token")
    assert (told.active, told.client_id, told.token_type) == (True, info.oauth_client.id, "Bearer")
    assert (await grantory.tokens.introspect("no-token")).active is False
    assert await grantory.tokens.check()

    await grantory.tokens.revoke(text)
    assert await grantory.tokens.check()  # with another one
    other = await grantory.access_token()
    assert other != text
    await grantory.tokens.revoke_me()
    await grantory.tokens.me()
    assert await grantory.access_token() not in (text, other)


async def test_tokens_of_a_user_are_ended(world: World, grantory: AsyncGrantory) -> None:
    person = await make_person(world.admin)
    async with connect(world, AccessToken(await person.log_in())) as theirs:
        assert await theirs.tokens.check()
        await grantory.tokens.revoke_all_of_user(person.user_id)
        assert not await theirs.tokens.check()
        with pytest.raises(Unauthorized):
            await theirs.users.me()
        with pytest.raises(ConfigurationError):
            await theirs.tokens.revoke("a-token")


async def test_a_token_that_ran_out_is_replaced_without_a_refusal(
    world: World, grantory: AsyncGrantory
) -> None:
    first = await grantory.access_token()
    world.clock.advance(86_400)
    with capture_answers() as answers:
        await grantory.tokens.me()
    assert [each.status for each in answers] == [200]
    assert await grantory.access_token() != first


async def test_who_may_not_is_told_so(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    async with connect(world, ClientCredentials(member.client_id, member.secret)) as grantory:
        with pytest.raises(Forbidden) as caught:
            await grantory.oauth_clients.create(name="n", authorized_grant_type="CODE")
    assert caught.value.code == "missing.any.permissions"
    async with connect(world, ClientCredentials(member.client_id, "wrong")) as grantory:
        with pytest.raises(TokenRefused) as refused:
            await grantory.oauth_clients.get("1")
    assert refused.value.code == "invalid_client"


async def test_what_has_no_method_can_be_asked_for(grantory: AsyncGrantory) -> None:
    answer = await grantory.request("get", "/api/v2/organizations/me")
    assert (answer.status, answer.json()["name"]) == (200, "Example")
    with pytest.raises(ApiError):
        await grantory.request("GET", "/api/v2/nothing")


async def test_inactive_users_are_listed_where_they_are_asked_for(
    world: World, grantory: AsyncGrantory
) -> None:
    user = await make_user(world.admin, state="inactive")
    assert user["id"] not in {each.id async for each in grantory.users.list()}
    found = {each.id async for each in grantory.users.list(state="inactive")}
    assert found == {user["id"]}
