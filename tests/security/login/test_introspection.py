"""Attack case 64: introspection tells nobody of what is not good, or not for them to know of."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest

from grantory.crypto.private_keys import new_private_key, read_private_key
from tests.security.answers import log_of, oauth_refused
from tests.security.login.test_restarts import LEASE_SECONDS, another_process
from tests.security.login.visits import nothing_failed, tokens_of
from tests.security.test_tokens import URL_SAFE, forger
from tests.support.about_tokens import (
    INTROSPECT,
    PERMISSION,
    Holder,
    introspect,
    is_inactive,
    told,
)
from tests.support.jwts import FORMATS, opened, part, signed, signer
from tests.support.visitor import App, Visitor, make_app
from tests.support.world import CLIENTS, Member, World

HINTS: tuple[dict[str, str], ...] = (
    {},
    {"token_type_hint": "access_token"},
    {"token_type_hint": "refresh_token"},
)


@pytest.fixture
async def api(world: World) -> Member:
    """A resource server."""
    return await world.admin.make_member(PERMISSION)


in_each_form = pytest.mark.parametrize("form", ["OPAQUE", *FORMATS])
"""Whatever is true of one form of access tokens must be so of all."""


async def client_of(world: World, form: str, *permissions: str, **fields: Any) -> Member:
    """A machine client whose tokens have this form."""
    role_id = await world.admin.make_role(*permissions or ("routing:queue:view",))
    return await world.admin.make_client(role_id, accessTokenFormat=form, **fields)


@in_each_form
async def test_case_64_without_authentication_nothing_is_told(world: World, form: str) -> None:
    token = await (await client_of(world, form, PERMISSION)).log_in()
    good = await introspect(world, world.admin, token)
    refusals: list[httpx.Response] = []
    for data in ({}, {"client_id": world.admin.client_id}, {"client_id": "x"}):
        asked = {"token": token, **data}
        refusals.append(await world.http.post(INTROSPECT, data=asked))
    for scheme in ("Basic", "Digest x", "Basic eDp5", "Bearer x", f"Bearer {token[:-1]}"):
        headers = {"Authorization": scheme}
        refusals.append(await world.http.post(INTROSPECT, data={"token": token}, headers=headers))
    refusals.append(await introspect(world, Member(world, world.admin.client_id, "wrong"), token))
    for answer in refusals:
        oauth_refused(answer, 401, answer.json()["error"])
        assert answer.json()["error"] in ("invalid_client", "invalid_token")
        assert "active" not in answer.text
    assert good.json()["active"] is True


async def test_case_64_a_code_client_is_told_of_nothing_without_its_secret(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = await visitor.tokens(app)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        form = {"token": token, "client_id": app.client_id}
        for data in (form, {**form, "client_secret": ""}):
            oauth_refused(await world.http.post(INTROSPECT, data=data), 401, "invalid_client")


@in_each_form
async def test_case_64_who_may_know_of_which_token(world: World, api: Member, form: str) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    given = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    machine = await client_of(world, form, "routing:queue:view", "oauth:token:delete")
    other = world.member(await world.found("Elsewhere"))
    role_id = await other.make_role(PERMISSION)
    elsewhere = await other.make_client(role_id, accessTokenFormat=form)
    own: dict[str, Holder] = {
        await machine.log_in(): machine,
        given.access: app,
        await elsewhere.log_in(): elsewhere,
    }
    for token, owner in own.items():
        assert (await told(world, owner, token))["client_id"] == owner.client_id
        for caller in (machine, app, elsewhere):
            assert await is_inactive(world, caller, token) is (caller != owner)
        for caller in (api, world.admin):
            assert await is_inactive(world, caller, token) is (owner == elsewhere)
    # A refresh token is its own client's alone, however it is asked for.
    for hint in HINTS:
        body = await told(world, app, given.refresh, **hint)
        assert "token_type" not in body
        for caller in (api, world.admin, machine, elsewhere):
            assert await is_inactive(world, caller, given.refresh, **hint)


@in_each_form
async def test_case_64_the_right_to_ask_is_lost_at_once(world: World, form: str) -> None:
    role_id = await world.admin.make_role(PERMISSION)
    api = await world.admin.make_client(role_id, accessTokenFormat=form)
    token = await world.admin.log_in()
    bearer = {"Authorization": f"Bearer {await api.log_in()}"}
    assert not await is_inactive(world, api, token)
    body = {"name": "less", "permissionPolicies": []}
    await world.admin.put(f"/api/v2/authorization/roles/{role_id}", body)
    assert await is_inactive(world, api, token)
    by_token = await world.http.post(INTROSPECT, data={"token": token}, headers=bearer)
    assert by_token.json() == {"active": False}


@in_each_form
async def test_case_64_an_altered_token_is_inactive(world: World, api: Member, form: str) -> None:
    token = await (await client_of(world, form)).log_in()
    altered = [token[:-1], token[:-2], token[1:], token + "A", token.swapcase(), token[4:], "gat_"]
    altered += [token[:-1] + URL_SAFE[URL_SAFE.index(token[-1]) ^ bit] for bit in (1, 2, 4, 32)]
    altered += [token[:20] + other + token[21:] for other in "AB" if other != token[20]]
    parts = token.split(".")  # one alone where the token is opaque
    altered += [part for part in (*parts[1:], ".".join(parts[1:]), ".".join(parts[:-1])) if part]
    altered += [text for text in (".".join(parts[::-1]), f"{token}.", f".{token}") if text != token]
    altered += ["x", " ", token + "\n", "\u00e4", "a.b.c", "gat_" + "A" * 5_000, "{}", "null"]
    for text in altered:
        assert await is_inactive(world, api, text), text
    assert not await is_inactive(world, api, token)


async def test_case_64_other_credentials_are_no_tokens(world: World, api: Member) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    cookies = set(visitor.http.cookies.values())
    for text in {code, app.secret, api.secret, app.client_id, visitor.password, *cookies}:
        for caller in (app, api):
            for hint in HINTS:
                assert await is_inactive(world, caller, text, **hint)
    # To be asked of does not use a code up.
    tokens_of(await visitor.redeem(app, code))


@in_each_form
async def test_case_64_what_has_ended_is_inactive(world: World, api: Member, form: str) -> None:
    admin = world.admin

    async def revoked(member: Member) -> None:
        assert (await member.call("DELETE", "/api/v2/tokens/me")).status_code == 200

    async def disabled(member: Member) -> None:
        path = f"{CLIENTS}/{member.client_id}"
        await admin.put(path, {**await admin.get(path), "state": "disabled"})

    async def deleted(member: Member) -> None:
        await admin.call("DELETE", f"{CLIENTS}/{member.client_id}")

    async def ended(member: Member) -> None:
        await admin.call("DELETE", f"{CLIENTS}/{member.client_id}/tokens")

    async def expired(_: Member) -> None:
        world.clock.advance(300)

    async def without_its_key(_: Member) -> None:
        keys = world.node.keys
        await world.node.store.write(lambda t: keys.rotate(t, None, end_tokens=True))
        admin.token = ""

    ways: tuple[Callable[[Member], Awaitable[None]], ...] = (
        *(revoked, disabled, deleted, ended, expired, without_its_key),
    )
    for way in ways:
        member = await client_of(world, form, accessTokenValiditySeconds=300)
        token = await member.log_in()
        assert not await is_inactive(world, api, token)
        await way(member)
        assert await is_inactive(world, api, token), way.__name__


async def test_case_64_what_a_stolen_key_has_signed_is_inactive_where_it_is_nobodys(
    world: World, api: Member
) -> None:
    mine = await forger(world, await world.admin.log_in())
    for claims in ({"client_epoch": 99}, {"organization_epoch": 0}, {"user_id": api.client_id}):
        assert await is_inactive(world, api, mine.sign(**claims))
    assert not await is_inactive(world, api, mine.sign())


async def test_case_64_a_forged_jwt_is_inactive(world: World, api: Member) -> None:
    """The whole lists of cases 47 to 51 and 70 ask introspection, too."""
    token = await (await client_of(world, "JWT_ES256")).log_in()
    key, (header, claims) = await signer(world), opened(token)
    mine = read_private_key(key.algorithm, new_private_key(key.algorithm))
    other = world.member(await world.found("Other"))
    role_id = await other.make_role("routing:queue:view")
    theirs = await (await other.make_client(role_id, accessTokenFormat="JWT_ES256")).log_in()
    their_key = await signer(world, organization_id=opened(theirs)[1]["org_id"])
    bare = f"{part({**header, 'alg': 'none'})}.{part(claims)}"
    text = token.rpartition(".")[0]
    forged = [
        *(f"{bare}.", bare, f"{bare}.{token.rpartition('.')[2]}", f"{text}."),
        f"{text}.{part(mine.sign(text.encode()))}",
        *(signed(key, claims, {**header, "alg": name}) for name in ("EdDSA", "RS256", "HS256")),
        *(signed(key, claims, {**header, "typ": typ}) for typ in ("JWT", "id_token")),
        signed(key, claims, {**header, "jwk": mine.public_members()}),
        signed(key, claims | {"iss": "https://evil.example"}),
        signed(key, claims | {"aud": "https://api.example.com"}),
        signed(key, claims | {"exp": claims["iat"]}),
        signed(key, claims | {"iat": claims["iat"] + 301}),
        signed(key, opened(theirs)[1]),
        signed(their_key, claims),
        signed(their_key, claims, header),
        theirs,
    ]
    for presented in forged:
        for hint in HINTS:
            assert await is_inactive(world, api, presented, **hint), presented
    assert not await is_inactive(world, api, signed(key, claims))
    await nothing_failed(world)


async def test_case_64_a_refresh_token_that_is_no_longer_good_is_inactive(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth"]), Visitor(world)
    first = await visitor.tokens(app)
    old = first["refresh_token"]
    body = await told(world, app, old)
    assert body["scope"] == "users oauth"
    assert body["username"] == visitor.email
    assert body["iat"] == world.clock.now_ms() // 1000
    assert body["exp"] > body["iat"] + 86_400
    new = tokens_of(await visitor.refresh(app, old))
    # It would give the same once more for ten seconds, but that is no life of its own.
    assert await is_inactive(world, app, old)
    assert not await is_inactive(world, app, new.refresh)
    assert await is_inactive(world, app, new.refresh[:-1])
    world.clock.advance(body["exp"] - body["iat"])
    assert await is_inactive(world, app, new.refresh)
    again = await visitor.tokens(app)
    assert not await is_inactive(world, app, again["refresh_token"])
    await visitor.http.get("/logout")
    for token in (again["refresh_token"], again["access_token"]):
        assert await is_inactive(world, app, token)
    await nothing_failed(world)


@in_each_form
async def test_case_64_what_one_process_has_ended_is_inactive_at_the_other(
    world: World, form: str
) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    given = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    api = await world.admin.make_member(PERMISSION)
    machine = await client_of(world, form)
    token = await machine.log_in()
    async with another_process(world) as other:
        for text, caller in ((token, api), (given.access, api), (given.refresh, app)):
            assert not await is_inactive(other, caller, text)
        assert (await machine.call("DELETE", "/api/v2/tokens/me")).status_code == 200
        data = {"token": given.refresh}
        answer = await world.http.post("/oauth/revoke", data=data, auth=(app.client_id, app.secret))
        assert answer.status_code == 200
        world.clock.advance(LEASE_SECONDS)
        for text, caller in ((token, api), (given.access, api), (given.refresh, app)):
            assert await is_inactive(other, caller, text)


@in_each_form
async def test_case_64_neither_log_nor_refusals_hold_a_token(world: World, form: str) -> None:
    app, visitor = await make_app(world, accessTokenFormat=form), Visitor(world)
    given = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    api = await client_of(world, form, PERMISSION)
    bearer = await api.log_in()
    held = {given.access, given.refresh, bearer, given.access[:-1], given.refresh[:-1]}
    for token in held:
        for caller in (app, api, App(app.client_id, "wrong")):
            await introspect(world, caller, token)
        for data in ({"token": token}, {"token": token, "token_type_hint": token}, {"x": token}):
            headers = {"Authorization": f"Bearer {bearer[:-1]}"}
            await world.http.post(INTROSPECT, data=data, headers=headers)
        await world.http.post(f"{INTROSPECT}?token={token}")
    log = await log_of(world)
    assert '"route":"/oauth/introspect"' in log
    assert "refresh token: none of this organisation" in log
    kept = str(world.node.refusals._new)
    for text in held:  # a JWT begins like any other, and ends like none
        for some in (text, text[4:30], text[-30:-4]):
            assert some not in log
            assert some not in kept
    await nothing_failed(world)
