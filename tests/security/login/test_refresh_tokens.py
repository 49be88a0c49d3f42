"""Attack cases 28, 29 and 31 to 34: refresh tokens that are old, stolen or asked too much of."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from grantory.domain.organization import UserState
from grantory.ports.storage import Transaction
from tests.security.answers import oauth_refused
from tests.security.login.visits import (
    Tokens,
    are_ended,
    events,
    is_refused,
    nothing_failed,
    tokens_of,
)
from tests.support.soak import ON_BOTH
from tests.support.visitor import PKCE, REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World

AT_ONCE = 50


async def begin(visitor: Visitor, app: App, **more: str | None) -> Tokens:
    return tokens_of(await visitor.redeem(app, (await visitor.arrive(app, **more))["code"]))


async def state_of(world: World) -> list[tuple[int, int, bool]]:
    """Generation and epoch of each family, and whether it lives."""
    found = await world.rows("SELECT generation, epoch, ended_at FROM token_families")
    return [(row[0], row[1], row[2] is None) for row in found]


@ON_BOTH
async def test_case_28_fifty_at_once_make_one_generation(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    answers = await asyncio.gather(*(visitor.refresh(app, first.refresh) for _ in range(AT_ONCE)))
    given = [tokens_of(answer) for answer in answers]
    [refresh] = {tokens.refresh for tokens in given}
    assert refresh != first.refresh
    assert len({tokens.access for tokens in given}) == AT_ONCE
    assert await state_of(world) == [(2, 1, True)]
    assert await visitor.use(given[0].access) == await visitor.use(given[-1].access) == 200
    assert await events(world, "Revoke") == []
    # All of them hang on the one family.
    tokens_of(await visitor.refresh(app, refresh))
    is_refused(await visitor.refresh(app, first.refresh))
    for tokens in (first, given[0], given[-1]):
        assert await visitor.use(tokens.access) == 401
    await nothing_failed(world)


@ON_BOTH
async def test_case_28_generations_race_and_never_fork(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    both = [first.refresh, second.refresh] * (AT_ONCE // 2)
    answers = await asyncio.gather(*(visitor.refresh(app, token) for token in both))
    # Once the second is used, the first is an old one: that ends all of it, in whatever order.
    given = {a.json()["refresh_token"] for a in answers if a.status_code == 200}
    [state] = await state_of(world)
    assert state == (3, 2, False)
    for token in {*given, *both}:
        is_refused(await visitor.refresh(app, token))
    assert len(await events(world, "Revoke")) == 1


async def test_case_28_a_lost_answer_can_be_asked_for_again(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    for seconds in (0, 5, 5):
        world.clock.advance(seconds)
        again = tokens_of(await visitor.refresh(app, first.refresh))
        assert again.refresh == second.refresh
        assert await visitor.use(again.access) == 200
    assert await state_of(world) == [(2, 1, True)]
    world.clock.advance(0.001)
    is_refused(await visitor.refresh(app, first.refresh))
    assert await state_of(world) == [(2, 2, False)]
    await are_ended(visitor, app, second)


async def test_case_28_the_grace_is_the_clients_own(world: World) -> None:
    app, other, visitor = await make_app(world), await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    is_refused(await visitor.refresh(other, first.refresh))
    is_refused(await visitor.refresh(other, second.refresh))
    # A stranger who holds one can neither use it nor end it.
    tokens_of(await visitor.refresh(app, second.refresh))


async def test_case_29_an_old_one_ends_the_family_and_is_recorded(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    bystander = await begin(visitor, app)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    world.clock.advance(11)
    is_refused(await visitor.refresh(app, first.refresh))
    assert await visitor.use(first.access) == 401
    await are_ended(visitor, app, second)
    [event] = await events(world, "Revoke")
    assert event[:6] == (
        "TokenFamily",
        "a refresh token was used after it had been replaced",
        "client",
        app.client_id,
        app.client_id,
        "127.0.0.1",
    )
    assert event[6] in {row[0] for row in await world.rows("SELECT id FROM token_families")}
    # Once is enough to be recorded, and the other family goes on.
    is_refused(await visitor.refresh(app, first.refresh))
    assert len(await events(world, "Revoke")) == 1
    tokens_of(await visitor.refresh(app, bystander.refresh))


async def test_case_29_two_generations_back_is_old_at_once(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    third = tokens_of(await visitor.refresh(app, second.refresh))
    is_refused(await visitor.refresh(app, first.refresh))
    await are_ended(visitor, app, third)


async def test_case_31_another_client_or_no_proof(world: World) -> None:
    app, other, visitor = await make_app(world), await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
    for more in ({}, {"client_id": app.client_id}, {"client_secret": app.secret}):
        answer = await visitor.http.post("/oauth/token", data={**form, **more})
        assert answer.status_code in (400, 401)
        assert answer.json()["error"] in ("invalid_client", "invalid_request")
    for thief in (
        App(app.client_id, ""),
        App(app.client_id, "wrong"),
        App(app.client_id, other.secret),
        App(other.client_id, app.secret),
    ):
        oauth_refused(await visitor.refresh(thief, tokens.refresh), 401, "invalid_client")
    is_refused(await visitor.refresh(other, tokens.refresh))
    elsewhere = world.member(await world.found("Elsewhere"))
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    created = await elsewhere.post(CLIENTS, body)
    is_refused(await visitor.refresh(App(created["id"], created["secret"]), tokens.refresh))
    tokens_of(await visitor.refresh(app, tokens.refresh))


async def test_case_31_who_has_shown_no_secret_gets_none(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app, **PKCE))["code"]
    answer = await visitor.redeem_public(app, code, scope="offline_access")
    assert {*answer.json()} == {"access_token", "token_type", "expires_in"}
    assert await state_of(world) == [(0, 1, True)]


async def test_case_32_a_wider_scope(world: World) -> None:
    app = await make_app(world, scope=["users", "oauth", "routing"])
    visitor = Visitor(world)
    tokens = await begin(visitor, app, scope="users routing")
    for scope in ("oauth", "users oauth", "users:readonly", "*", "openid", "users,routing"):
        oauth_refused(await visitor.refresh(app, tokens.refresh, scope=scope), 400, "invalid_scope")
    # That has used nothing up; less may be asked for, and all of it again afterwards.
    less = tokens_of(await visitor.refresh(app, tokens.refresh, scope="users"))
    assert await scopes_of(world, less) == ["users"]
    more = tokens_of(await visitor.refresh(app, less.refresh, scope="routing users"))
    assert sorted(await scopes_of(world, more)) == ["routing", "users"]
    every = tokens_of(await visitor.refresh(app, more.refresh))
    assert sorted(await scopes_of(world, every)) == ["routing", "users"]


async def test_case_32_a_scope_that_the_client_has_lost(world: World) -> None:
    app = await make_app(world, scope=["users", "oauth"])
    visitor = Visitor(world)
    tokens = await begin(visitor, app)
    await change(world, app, scope=["users", "routing"])
    tokens = tokens_of(await visitor.refresh(app, tokens.refresh))
    assert await scopes_of(world, tokens) == ["users"]
    oauth_refused(await visitor.refresh(app, tokens.refresh, scope="oauth"), 400, "invalid_scope")
    await change(world, app, scope=["routing"])
    is_refused(await visitor.refresh(app, tokens.refresh))
    # A client without limits got all of it; once it is limited, so is what it holds.
    free = await make_app(world)
    tokens = await begin(visitor, free)
    assert await scopes_of(world, tokens) == []
    await change(world, free, scope=["routing"])
    tokens = tokens_of(await visitor.refresh(free, tokens.refresh))
    assert await scopes_of(world, tokens) == ["routing"]


async def test_case_33_an_access_token_refreshes_nothing(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    machine = await world.admin.log_in()
    for token in (tokens.access, "grt_" + tokens.access[4:], machine, "grt_" + machine[4:]):
        is_refused(await visitor.refresh(app, token))
    for form in ({"refresh_token": ""}, {"refresh_token": " "}, {"refresh_token": "\u00e9" * 80}):
        answer = await visitor.refresh(app, tokens.refresh, **form)
        assert answer.status_code == 400
    for position in range(0, len(tokens.refresh), 5):
        other = "A" if tokens.refresh[position] != "A" else "B"
        changed = tokens.refresh[:position] + other + tokens.refresh[position + 1 :]
        is_refused(await visitor.refresh(app, changed))
    tokens_of(await visitor.refresh(app, tokens.refresh))
    await nothing_failed(world)


async def change(world: World, app: App, **fields: Any) -> None:
    body = {
        "name": "app",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": [REDIRECT],
        **fields,
    }
    await world.admin.put(f"{CLIENTS}/{app.client_id}", body)


async def scopes_of(world: World, tokens: Tokens) -> list[str]:
    headers = {"Authorization": f"Bearer {tokens.access}"}
    answer = await world.http.get("/api/v2/tokens/me", headers=headers)
    assert answer.status_code == 200
    scopes: list[str] = answer.json().get("authorizedScope", [])
    return scopes


async def change_user(world: World, **fields: object) -> None:
    def work(transaction: Transaction) -> None:
        organization_id = world.founding.organization.id
        user = transaction.users.find_by_email(organization_id, world.founding.email)
        assert user is not None
        transaction.users.replace(msgspec.structs.replace(user, **fields))

    await world.node.store.write(work)


async def user_id(world: World) -> str:
    [(found,)] = await world.rows("SELECT id FROM users")
    return str(found)


async def ends(
    world: World, action: Callable[[Visitor, App], Awaitable[object]], *, access: int = 401
) -> tuple[Visitor, App]:
    """Does something after which neither code, token nor refresh token is good any more."""
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    code = (await visitor.arrive(app))["code"]
    await action(visitor, app)
    assert await visitor.use(tokens.access) == access
    for answer in (await visitor.refresh(app, tokens.refresh), await visitor.redeem(app, code)):
        assert answer.status_code in (400, 401)
        assert answer.json()["error"] in ("invalid_grant", "unauthorized_client", "invalid_client")
    # Nor does what was ended come back in its grace, or by being asked for again.
    assert (await visitor.refresh(app, tokens.refresh)).status_code >= 400
    assert await visitor.use(tokens.access) == access
    return visitor, app


async def test_case_34_a_logout(world: World) -> None:
    visitor, app = await ends(world, lambda visitor, _: visitor.http.get("/logout"))
    assert page_of(await visitor.authorize(app)).action == "login"
    [event] = await events(world, "Logout")
    assert event[2:4] == ("user", await user_id(world))


async def test_case_34_a_logout_after_another_login_in_the_same_browser(world: World) -> None:
    async def log_in_again_and_out(visitor: Visitor, app: App) -> None:
        answer = await visitor.log_in(await visitor.authorize(app, prompt="login"))
        assert "code" in told(answer)
        await visitor.http.get("/logout")

    await ends(world, log_in_again_and_out)


async def test_case_34_somebody_elses_login_in_the_same_browser(world: World) -> None:
    other = await world.found("Elsewhere")
    elsewhere = world.member(other)
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    created = await elsewhere.post(CLIENTS, body)

    async def log_in_as_somebody_else(visitor: Visitor, app: App) -> None:
        visitor.email, visitor.password = other.email, other.password.reveal()
        given = await visitor.arrive(App(created["id"], created["secret"]))
        assert "code" in given

    await ends(world, log_in_as_somebody_else)


async def test_case_34_a_new_password(world: World) -> None:
    async def change_password(*_: object) -> None:
        name = await user_id(world)
        await world.node.store.write(lambda t: t.users.set_password(name, "x"))

    visitor, app = await ends(world, change_password)
    assert page_of(await visitor.authorize(app)).action == "login"


async def test_case_34_all_tokens_of_a_user(world: World) -> None:
    async def end_tokens(*_: object) -> None:
        answer = await world.admin.call("DELETE", f"/api/v2/tokens/{await user_id(world)}")
        assert answer.status_code == 200

    visitor, app = await ends(world, end_tokens)
    assert page_of(await visitor.authorize(app)).action == "login"


async def test_case_34_a_user_who_may_log_in_no_more(world: World) -> None:
    async def disable(*_: object) -> None:
        await change_user(world, state=UserState.INACTIVE)

    visitor, app = await ends(world, disable)
    login = await visitor.authorize(app)
    assert (await visitor.log_in(login)).status_code == 403


async def test_case_34_a_user_who_was_deleted(world: World) -> None:
    async def delete(*_: object) -> None:
        name, organization_id = await user_id(world), world.founding.organization.id

        def work(transaction: Transaction) -> None:
            user = transaction.users.get_for_change(organization_id, name)
            assert user is not None
            transaction.users.delete(user, world.clock.now_ms())

        await world.node.store.write(work)

    await ends(world, delete)


async def test_case_34_a_client_that_is_disabled_or_gone(world: World) -> None:
    await ends(world, lambda _, app: change(world, app, state="disabled"))
    await ends(world, lambda _, app: change(world, app, state="inactive"), access=200)
    await ends(world, lambda _, app: world.admin.call("DELETE", f"{CLIENTS}/{app.client_id}"))

    async def disable_and_enable(_: Visitor, app: App) -> None:
        await change(world, app, state="disabled")
        await change(world, app, state="active")

    await ends(world, disable_and_enable)


async def test_case_34_a_client_of_another_grant_type(world: World) -> None:
    await ends(world, lambda _, app: change(world, app, authorizedGrantType="TOKEN"))

    async def there_and_back(_: Visitor, app: App) -> None:
        await change(world, app, authorizedGrantType="TOKEN")
        await change(world, app)

    await ends(world, there_and_back)


async def test_case_34_a_consent_that_was_taken_back(world: World) -> None:
    async def revoke(_: Visitor, app: App) -> None:
        path = f"/api/v2/oauth/authorizations/{app.client_id}"
        assert (await world.admin.call("DELETE", path)).status_code == 204

    visitor, app = await ends(world, revoke)
    assert page_of(await visitor.authorize(app)).action == "consent"


async def test_case_34_keys_that_are_ended(world: World) -> None:
    keys, organization_id = world.node.keys, world.founding.organization.id
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=False))
    tokens = tokens_of(await visitor.refresh(app, tokens.refresh))
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=True))
    is_refused(await visitor.refresh(app, tokens.refresh))
    assert await visitor.use(tokens.access) == 401


async def test_case_34_a_refresh_token_that_lay_too_long(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    days = world.settings.tokens_refresh_days
    world.clock.advance(days * 86_400 - 1)
    tokens = tokens_of(await visitor.refresh(app, tokens.refresh))
    world.clock.advance(days * 86_400)
    is_refused(await visitor.refresh(app, tokens.refresh))
