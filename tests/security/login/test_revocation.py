"""Attack case 65: a client ends what was issued to it, and nothing else (RFC 7009)."""

from typing import Any

from tests.security.answers import log_of, oauth_refused
from tests.security.login.test_restarts import LEASE_SECONDS, another_process
from tests.security.login.visits import (
    Tokens,
    are_ended,
    events,
    is_refused,
    nothing_failed,
    tokens_of,
)
from tests.support.about_tokens import INTROSPECT, REVOKE, is_done, revoke
from tests.support.visitor import PKCE, REDIRECT, App, Visitor, make_app
from tests.support.world import CLIENTS, Member, World

HINTS: tuple[dict[str, str], ...] = (
    {},
    {"token_type_hint": "access_token"},
    {"token_type_hint": "refresh_token"},
    {"token_type_hint": "no_such_type"},
)


async def begin(visitor: Visitor, app: App) -> Tokens:
    return tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))


async def families(world: World) -> list[tuple[Any, ...]]:
    return await world.rows("SELECT id, epoch, ended_at FROM token_families ORDER BY created_at")


async def test_case_65_an_access_token_ends_alone(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    for hint, token in zip(HINTS, (first.access, second.access), strict=False):
        await is_done(await revoke(world, app, token, **hint))
        assert await visitor.use(token) == 401
    third = tokens_of(await visitor.refresh(app, second.refresh))
    assert await visitor.use(third.access) == 200
    ended = await events(world, "Revoke")
    assert len(ended) == 2
    for event in ended:
        assert event[:6] == (
            *("AccessToken", "its client revoked it", "client", app.client_id),
            *(app.client_id, "127.0.0.1"),
        )
    denied = await world.rows("SELECT token_id FROM denied_tokens")
    assert {bytes(row[0]).hex() for row in denied} == {event[6] for event in ended}
    # Once more is no error, and no event.
    await is_done(await revoke(world, app, first.access))
    assert len(await events(world, "Revoke")) == 2
    await nothing_failed(world)


async def test_case_65_a_refresh_token_ends_with_all_its_access_tokens(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    for number, hint in enumerate(HINTS, 1):
        bystander = await begin(visitor, app)
        world.clock.advance(1)
        first = await begin(visitor, app)
        second = tokens_of(await visitor.refresh(app, first.refresh))
        # The one before the last ends it likewise.
        token = (first if number == len(HINTS) else second).refresh
        await is_done(await revoke(world, app, token, **hint))
        assert await visitor.use(first.access) == 401
        await are_ended(visitor, app, second)
        is_refused(await visitor.refresh(app, first.refresh))
        event = (await events(world, "Revoke"))[-1]
        assert event[:3] == ("TokenFamily", "its client revoked it", "client")
        assert event[6] == (await families(world))[-1][0]
        await is_done(await revoke(world, app, token))
        assert len(await events(world, "Revoke")) == number
        assert await visitor.use(bystander.access) == 200
        tokens_of(await visitor.refresh(app, bystander.refresh))
    await nothing_failed(world)


async def test_case_65_another_clients_token_stays(world: World) -> None:
    app, other, visitor = await make_app(world), await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    machine = await world.admin.make_member("oauth:client:view")
    own = await machine.log_in()
    elsewhere = world.member(await world.found("Elsewhere"))
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    created = await elsewhere.post(CLIENTS, body)
    foreign = App(created["id"], created["secret"])
    thieves = (world.admin, other, elsewhere, foreign, App(other.client_id, ""), machine)
    for thief in thieves:
        for hint in HINTS:
            for token in (tokens.access, tokens.refresh):
                await is_done(await revoke(world, thief, token, **hint))
            if thief != machine:
                await is_done(await revoke(world, thief, own, **hint))
    assert await visitor.use(tokens.access) == await visitor.use(own) == 200
    tokens_of(await visitor.refresh(app, tokens.refresh))
    assert await events(world, "Revoke") == []
    assert await world.rows("SELECT 1 FROM denied_tokens") == []


async def test_case_65_an_unknown_token_is_no_error(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    code = (await visitor.arrive(app))["code"]
    cookie = next(iter(visitor.http.cookies.values()))
    unknown = ["x", "gat_", "grt_", tokens.access[:-1], tokens.refresh[:-1], tokens.access + "A"]
    unknown += [app.secret, app.client_id, code, cookie, "\u00e4", "x" * 10_000, "a.b.c"]
    for text in unknown:
        for hint in HINTS:
            await is_done(await revoke(world, app, text, **hint))
    tokens_of(await visitor.redeem(app, code))
    assert await visitor.use(tokens.access) == 200
    tokens_of(await visitor.refresh(app, tokens.refresh))
    assert await events(world, "Revoke") == []


async def test_case_65_who_may_ask_at_all(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await begin(visitor, app)
    machine = await world.admin.make_member("oauth:client:view")
    own = await machine.log_in()
    post = world.http.post
    bearer = {"Authorization": f"Bearer {tokens.access}"}
    for answer in (
        await post(REVOKE, data={"token": tokens.access}),
        await post(REVOKE, data={"token": tokens.access}, headers=bearer),
        await revoke(world, App(app.client_id, "wrong"), tokens.access),
        await revoke(world, App("11111111-2222-4333-8444-555555555555", ""), tokens.access),
        # Only who acts for people by redirects may name itself alone.
        await revoke(world, App(machine.client_id, ""), own),
    ):
        oauth_refused(answer, 401, "invalid_client")
    for data in ({"x": "1"}, {"token": ""}):
        answer = await post(REVOKE, data=data, auth=(app.client_id, app.secret))
        oauth_refused(answer, 400, "invalid_request")
    assert (await world.http.get(REVOKE)).status_code == 405
    assert await visitor.use(tokens.access) == await visitor.use(own) == 200


async def test_case_65_a_client_without_a_secret_ends_its_own(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app, **PKCE))["code"]
    token = (await visitor.redeem_public(app, code)).json()["access_token"]
    assert await visitor.use(token) == 200
    await is_done(await revoke(world, App(app.client_id, ""), token))
    assert await visitor.use(token) == 401
    # A page of the implicit grant has no secret either.
    page = await make_app(world, "TOKEN")
    tokens = [(await visitor.arrive(page, response_type="token"))["access_token"] for _ in range(2)]
    await is_done(await revoke(world, App(page.client_id, ""), tokens[0]))
    assert [await visitor.use(token) for token in tokens] == [401, 200]
    # That is for ending alone: for whatever gives, it must show its secret.
    asked = {"client_id": page.client_id, "token": tokens[1]}
    oauth_refused(await world.http.post(INTROSPECT, data=asked), 401, "invalid_client")
    form = {"client_id": page.client_id, "grant_type": "authorization_code", "code": "x"}
    oauth_refused(await world.http.post("/oauth/token", data=form), 401, "invalid_client")


async def test_case_65_a_refresh_token_ends_by_the_secret_alone(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    first = await begin(visitor, app)
    second = tokens_of(await visitor.refresh(app, first.refresh))
    for token in (first.refresh, second.refresh):
        for hint in HINTS:
            await is_done(await revoke(world, App(app.client_id, ""), token, **hint))
    assert await visitor.use(first.access) == await visitor.use(second.access) == 200
    assert await events(world, "Revoke") == []
    tokens_of(await visitor.refresh(app, second.refresh))


async def test_case_65_a_client_that_is_not_active_may_end_its_own(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    token = await member.log_in()
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "state": "inactive"})
    assert (await member.call("GET", CLIENTS)).status_code == 200
    await is_done(await revoke(world, member, token))
    assert (await member.call("GET", CLIENTS)).status_code == 401


async def test_case_65_what_is_answered_is_so_everywhere_and_for_good(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens, machine = await begin(visitor, app), await world.admin.make_member("oauth:client:view")
    own = await machine.log_in()
    async with another_process(world) as other:
        there = Visitor(other)
        assert await there.use(tokens.access) == await there.use(own) == 200
        await is_done(await revoke(world, app, tokens.refresh))
        await is_done(await revoke(world, machine, own))
        world.clock.advance(LEASE_SECONDS)
        assert await there.use(tokens.access) == await there.use(own) == 401
        is_refused(await there.refresh(app, tokens.refresh))
    async with another_process(world) as later:
        visitor = Visitor(later)
        assert await visitor.use(tokens.access) == await visitor.use(own) == 401


async def test_case_65_wrong_secrets_are_slowed_down_and_no_token_is_logged(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    token = await member.log_in()
    wrong = Member(world, member.client_id, "wrong")
    for _ in range(20):
        oauth_refused(await revoke(world, wrong, token), 401, "invalid_client")
    for caller in (wrong, member):
        body = oauth_refused(await revoke(world, caller, token), 400, "invalid_request")
        assert body["error_description"].startswith("rate limit exceeded;")
    world.clock.advance(60)
    await is_done(await revoke(world, member, token))
    log = await log_of(world)
    assert '"route":"/oauth/revoke"' in log
    assert token[4:30] not in log
    audit = str(await world.rows("SELECT * FROM audit_events"))
    assert token[4:30] not in audit
    assert "refresh_token" not in audit
