"""``accessTokenFormat``, and what clients get who have one."""

from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from grantory.crypto.jwt_keys import JwtKey
from grantory.domain.signing import MAX_JWT_LIFETIME, SigningAlgorithm
from grantory.domain.token import AccessToken
from grantory.ports.storage import Transaction
from grantory.protocol import jwt_tokens
from grantory.protocol.grants.decision import Decision
from grantory.protocol.jwt_codec import PresentedJwt, Recipients, decode_jwt
from grantory.public_address import issues_jwts
from grantory.registry import jwt_keys
from grantory.registry.upkeep import Upkeep
from grantory.settings import Settings
from tests.security.answers import oauth_refused, refused
from tests.support.jwts import FORMATS, JWKS, jwt_client, opened, own_audience, published, verified
from tests.support.user_tokens import make_administrator
from tests.support.world import CLIENTS, World, new_world

NAME = "accessTokenFormat"
CODE = {"name": "a", "authorizedGrantType": "CODE"}


@pytest.mark.parametrize("form", FORMATS)
async def test_a_client_gets_jwts_that_others_verify_and_uses_them(world: World, form: str) -> None:
    member = await jwt_client(world, form)
    token = await member.log_in()
    claims = verified(world, token, await published(world.http))
    assert claims["client_id"] == claims["sub"] == member.client_id
    assert claims["org_id"] == world.founding.organization.id
    assert (await member.get(f"{CLIENTS}/{member.client_id}"))[NAME] == form
    info = await member.get("/api/v2/tokens/me")
    assert info["OAuthClient"]["id"] == member.client_id
    assert NAME not in info["OAuthClient"]
    answer = await world.ask_token(member.client_id, member.secret)
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}


async def test_the_signature_of_one_that_is_good_is_verified_once_until_something_is_heard_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified_ones = []

    def counted(presented: PresentedJwt, key: JwtKey, recipients: Recipients) -> AccessToken:
        verified_ones.append(presented)
        return decode_jwt(presented, key, recipients)

    monkeypatch.setattr(jwt_tokens, "decode_jwt", counted)
    member = await jwt_client(world, "JWT_ES256")
    await member.log_in()
    for _ in range(3):
        await member.get("/api/v2/tokens/me")
    assert len(verified_ones) == 1
    path = f"{CLIENTS}/{member.client_id}"
    whole = await world.admin.get(path)
    await world.admin.put(path, {**whole, "description": "changed"})
    await member.get("/api/v2/tokens/me")
    assert len(verified_ones) == 2
    await world.admin.put(path, {**whole, "state": "disabled"})
    assert (await member.call("GET", "/api/v2/tokens/me")).status_code == 401


async def test_no_client_sees_it_who_has_not_asked_for_it(world: World) -> None:
    plain = await world.admin.post(CLIENTS, CODE)
    told = await world.admin.post(CLIENTS, {**CODE, NAME: "opaque"})
    assert NAME not in plain
    assert NAME not in told
    assert plain.keys() == told.keys()
    assert NAME not in await world.admin.get(f"{CLIENTS}/{plain['id']}")
    assert (await world.admin.log_in()).startswith("gat_")
    assert await published(world.http) == {}


async def test_a_put_that_leaves_it_out_keeps_it(world: World) -> None:
    made = await world.admin.post(CLIENTS, {**CODE, NAME: "jwt_es256"})
    assert made[NAME] == "JWT_ES256"
    path = f"{CLIENTS}/{made['id']}"
    steps: list[tuple[dict[str, Any], str | None]] = [
        ({}, "JWT_ES256"),
        ({NAME: None}, "JWT_ES256"),
        ({NAME: "JWT_EDDSA"}, "JWT_EDDSA"),
        ({"authorizedGrantType": "TOKEN"}, "JWT_EDDSA"),
        ({NAME: "OPAQUE"}, None),
        ({}, None),
    ]
    for fields, expected in steps:
        changed = await world.admin.put(path, {**CODE, **fields})
        assert changed.get(NAME) == expected
        assert (await world.admin.get(path)).get(NAME) == expected
    listed = await world.admin.get(CLIENTS)
    assert [NAME in client for client in listed["entities"]] == [False, False]
    [event, *_] = [
        row for row in await world.rows("SELECT changes FROM audit_events") if b"jwt" in _bytes(row)
    ]
    assert b"jwt_algorithm" in _bytes(event)


def _bytes(row: tuple[Any, ...]) -> bytes:
    return str(row[0]).encode()


@pytest.mark.parametrize("value", ["", "jwt", "JWT", "JWT_NONE", "JWT_HS256", "none", 1, True, []])
async def test_another_value_is_refused_by_its_name(world: World, value: Any) -> None:
    answer = await world.admin.call("POST", CLIENTS, {**CODE, NAME: value})
    body = refused(answer, 400, "invalid.value")
    assert [detail["fieldName"] for detail in body["details"]] == [NAME]


async def test_a_jwt_lives_for_two_days_at_most(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    machine = {
        "name": "a",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleIds": [role_id],
        "accessTokenValiditySeconds": MAX_JWT_LIFETIME + 1,
    }
    made = await world.admin.post(CLIENTS, machine)
    path = f"{CLIENTS}/{made['id']}"
    for method, where in (("POST", CLIENTS), ("PUT", path)):
        answer = await world.admin.call(method, where, {**machine, NAME: "JWT_EDDSA"})
        body = refused(answer, 400, "invalid.value")
        assert [d["fieldName"] for d in body["details"]] == ["accessTokenValiditySeconds"]
    longest = {**machine, "accessTokenValiditySeconds": MAX_JWT_LIFETIME}
    await world.admin.put(path, {**longest, NAME: "JWT_EDDSA"})
    refused(await world.admin.call("PUT", path, machine), 400, "invalid.value")
    # As an earlier version beside this one would have kept it, which knows nothing of the bound.
    client = await world.node.store.read(lambda s: s.clients.get(made["id"]))
    assert client is not None

    def lengthen(t: Transaction) -> None:
        t.clients.replace(
            msgspec.structs.replace(client, access_token_lifetime=10 * MAX_JWT_LIFETIME)
        )

    await world.node.store.write(lengthen)
    answer = await world.ask_token(made["id"], made["secret"])
    assert answer.json()["expires_in"] == MAX_JWT_LIFETIME
    claims = verified(world, answer.json()["access_token"], await published(world.http))
    assert claims["exp"] - claims["iat"] == MAX_JWT_LIFETIME


async def test_what_ends_tokens_ends_jwts_at_once(world: World) -> None:
    member = await jwt_client(world)

    async def is_good(token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await world.http.get("/api/v2/tokens/me", headers=headers)
        if answer.status_code != 200:
            refused(answer, 401, "bad.credentials")
        return answer.status_code == 200

    one, other = await member.log_in(), await member.log_in()
    assert (await member.call("DELETE", "/api/v2/tokens/me")).status_code == 200
    assert await is_good(one)
    assert not await is_good(other)
    path = f"{CLIENTS}/{member.client_id}"
    assert (await world.admin.call("DELETE", f"{path}/tokens")).status_code == 204
    assert not await is_good(one)
    # The signature is as good as ever: only who asks the server hears of it.
    verified(world, one, await published(world.http))
    last = await member.log_in()
    world.clock.advance(86_399)
    assert await is_good(last)
    world.clock.advance(1)
    assert not await is_good(last)
    disabled = await member.log_in()
    await world.admin.log_in()
    client = await world.admin.get(path)
    await world.admin.put(path, {**client, "state": "disabled"})
    assert not await is_good(disabled)


async def test_they_are_introspected_and_revoked_as_others_are(world: World) -> None:
    member = await jwt_client(world)
    token = await member.log_in()
    own = (member.client_id, member.secret)

    async def introspected() -> dict[str, Any]:
        answer = await world.http.post("/oauth/introspect", data={"token": token}, auth=own)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    claims, told = opened(token)[1], await introspected()
    assert told["active"] is True
    for name in ("iss", "sub", "aud", "client_id", "iat", "exp", "jti"):
        assert told[name] == claims[name], name
    ended = await world.http.post("/oauth/revoke", data={"token": token}, auth=own)
    assert ended.status_code == 200
    assert await introspected() == {"active": False}
    refused(await member.call("GET", CLIENTS), 401, "bad.credentials")


async def test_a_change_of_form_leaves_tokens_alone(world: World) -> None:
    member = await jwt_client(world)
    path = f"{CLIENTS}/{member.client_id}"
    client = await world.admin.get(path)
    tokens = [await member.log_in()]
    for form in ("OPAQUE", "JWT_EDDSA"):
        await world.admin.put(path, {**client, NAME: form})
        tokens.append(await member.log_in())
    assert [token[:3] for token in tokens] == ["eyJ", "gat", "eyJ"]
    for token in tokens:
        member.token = token
        await member.get("/api/v2/tokens/me")


async def test_a_persons_token_names_the_person_and_what_it_is_limited_to(world: World) -> None:
    reads, tokens = world.application._reads, world.application._tokens
    made = await world.admin.post(CLIENTS, {**CODE, NAME: "JWT_EDDSA"})
    user_id = await make_administrator(world)
    await reads.refresh()
    record, user = await reads.client(made["id"]), await reads.user(user_id)
    assert record is not None
    text, _ = await tokens.issue(record, Decision(user=user, scopes=("oauth", "users")))
    claims = verified(world, text, await published(world.http))
    assert (claims["sub"], claims["client_id"]) == (user_id, made["id"])
    assert claims["scope"] == "oauth users"
    headers = {"Authorization": f"Bearer {text}"}
    me = await world.http.get("/api/v2/users/me", headers=headers)
    assert me.json()["id"] == user_id


async def test_the_published_keys_are_for_everybody_and_for_ten_minutes(world: World) -> None:
    other = await world.found("Other")
    await jwt_client(world, "JWT_EDDSA")
    await world.member(other).post(CLIENTS, {**CODE, NAME: "JWT_RS256"})
    everything = await published(world.http)
    assert sorted(key["alg"] for key in everything.values()) == ["EdDSA", "RS256"]
    for organization_id, algorithm in (
        (world.founding.organization.id, "EdDSA"),
        (other.organization.id.upper(), "RS256"),
    ):
        [key] = (await published(world.http, f"/oauth/jwks/{organization_id}")).values()
        assert key["alg"] == algorithm
        assert everything[key["kid"]] == key
    assert await published(world.http, "/oauth/jwks/nobody") == {}
    answer = await world.http.get(JWKS, headers={"Origin": "https://anywhere.example"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=600"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert (await world.http.head(JWKS)).content == b""
    assert (await world.http.post(JWKS)).status_code == 405


async def test_where_there_are_no_keys_the_answer_is_kept_for_a_minute(world: World) -> None:
    here, empty = world.founding.organization.id, (await world.found("Other")).organization.id

    async def ages() -> list[str]:
        paths = (JWKS, f"/oauth/jwks/{here}", f"/oauth/jwks/{empty}")
        return [(await world.http.get(path)).headers["cache-control"] for path in paths]

    assert await ages() == ["public, max-age=60"] * 3
    await jwt_client(world)
    assert await ages() == ["public, max-age=600"] * 2 + ["public, max-age=60"]


async def test_a_request_that_is_refused_makes_no_key(world: World) -> None:
    made = await world.admin.post(CLIENTS, CODE)
    await world.found("Other")
    path = f"{CLIENTS}/{made['id']}"
    bad = {"accessTokenValiditySeconds": MAX_JWT_LIFETIME + 1}
    unknown = f"{CLIENTS}/00000000-0000-4000-8000-000000000000"
    for method, where, fields, status in (
        ("POST", CLIENTS, bad, 400),
        ("PUT", path, bad, 400),
        ("PUT", unknown, {}, 404),
    ):
        body = {**CODE, NAME: "JWT_ES256", **fields}
        assert (await world.admin.call(method, where, body)).status_code == status
    assert await published(world.http) == {}


@pytest.mark.parametrize(
    ("settings", "is_refused"),
    [
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "0.0.0.0", "public_url": "https://auth.example.com"}, False),
        ({"database_url": "postgresql://db.example.com/grantory"}, True),
        (
            {
                "database_url": "postgresql://db.example.com/grantory",
                "public_url": "https://auth.example.com",
            },
            False,
        ),
        ({"host": "auth.example.com"}, False),
    ],
)
def test_nodes_that_must_name_themselves_alike_are_told_an_address(
    settings: dict[str, Any], is_refused: bool
) -> None:
    assert issues_jwts(Settings(**settings)) is not is_refused


async def test_no_client_gets_jwts_where_the_address_does_not_hold(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", host="0.0.0.0") as world:
        client = {**CODE, NAME: "JWT_ES256"}
        body = refused(await world.admin.call("POST", CLIENTS, client), 400, "invalid.value")
        assert [detail["fieldName"] for detail in body["details"]] == [NAME]
        assert "public_url" in body["message"]
        made = await world.admin.post(CLIENTS, {**CODE, NAME: "OPAQUE"})
        path = f"{CLIENTS}/{made['id']}"
        refused(await world.admin.call("PUT", path, client), 400, "invalid.value")
        assert await published(world.http) == {}
        found = await world.node.store.read(lambda s: s.clients.get(made["id"]))
        assert found is not None
        earlier = msgspec.structs.replace(found, jwt_algorithm=SigningAlgorithm.ES256)
        await world.node.store.write(lambda t: t.clients.replace(earlier))
        for kept in (CODE, client):  # as it was before the address was taken away
            assert (await world.admin.put(path, kept))[NAME] == "JWT_ES256"


async def test_a_key_that_cannot_be_opened_is_one_organisations_trouble(world: World) -> None:
    mine = await jwt_client(world)
    other = world.member(await world.found("Other"))
    role_id = await other.make_role("oauth:client:view")
    theirs = await other.make_client(role_id, accessTokenFormat="JWT_ES256")
    token = await mine.log_in()
    here = world.founding.organization.id

    def spoil(t: Transaction) -> None:
        [key] = [key for key in t.keys.private() if key.organization_id == here]
        t.keys.replace_sealed(msgspec.structs.replace(key, sealed=bytes(len(key.sealed))))

    await world.node.store.write(spoil)
    asked = await world.ask_token(mine.client_id, mine.secret)
    assert (asked.status_code, asked.json()["error"]) == (503, "temporarily_unavailable")
    refused(await mine.call("GET", CLIENTS), 503, "service.unavailable")
    assert (await world.http.get(f"/oauth/jwks/{here}")).status_code == 503
    [kid] = await published(world.http)
    assert opened(await theirs.log_in())[0]["kid"] == kid != opened(token)[0]["kid"]
    await theirs.get(f"{CLIENTS}/{theirs.client_id}")
    assert (await world.admin.log_in()).startswith("gat_")


async def test_a_key_is_published_no_more_when_it_leaves_the_store(world: World) -> None:
    await jwt_client(world)
    [first] = await published(world.http)
    await world.node.jwt_keys.rotate(None)
    assert len(await published(world.http)) == 2
    world.clock.step(70 * 60 + jwt_keys.KEPT_MS / 1000 + 2 * 86_400)
    await Upkeep(world.node.store, world.clock).finish()
    [last] = await published(world.http)
    assert last != first


async def test_keys_come_back_at_the_next_use_after_all_tokens_were_ended(world: World) -> None:
    member = await jwt_client(world)
    old = await member.log_in()
    [kid] = await published(world.http)
    keys, store = world.node.keys, world.node.store
    await store.write(lambda t: keys.rotate(t, None, end_tokens=True))
    assert await published(world.http) == {}
    refused(await member.call("GET", CLIENTS), 401, "bad.credentials")
    new = await member.log_in()
    [found] = await published(world.http)
    assert opened(new)[0]["kid"] == found != kid
    assert opened(old)[0]["kid"] == kid
    await member.get(f"{CLIENTS}/{member.client_id}")


async def test_without_room_for_its_key_a_client_gets_no_token_and_is_told_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = await jwt_client(world)
    keys, store = world.node.keys, world.node.store
    await store.write(lambda t: keys.rotate(t, None, end_tokens=True))
    await world.admin.log_in()
    monkeypatch.setattr(jwt_keys, "MOST_SIGNERS", 0)
    answer = await world.ask_token(member.client_id, member.secret)
    body = oauth_refused(answer, 503, "temporarily_unavailable")
    assert "set the client to opaque tokens" in body["error_description"]
    refusing = await world.admin.call("POST", CLIENTS, {**CODE, NAME: "JWT_ES256"})
    assert [
        detail["fieldName"] for detail in refused(refusing, 400, "invalid.value")["details"]
    ] == [NAME]
    client = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    await world.admin.put(f"{CLIENTS}/{member.client_id}", {**client, NAME: "OPAQUE"})
    assert (await member.log_in()).startswith("gat_")


async def test_each_organisation_has_an_audience_of_its_own(world: World) -> None:
    other = world.member(await world.found("Other"))
    role_id = await other.make_role("oauth:client:view")
    theirs = await (await other.make_client(role_id, accessTokenFormat="JWT_ES256")).log_in()
    mine = await (await jwt_client(world)).log_in()
    keys = await published(world.http)
    elsewhere = other.world.founding.organization.id
    their_organization = opened(theirs)[1]["org_id"]
    assert their_organization != elsewhere
    verified(world, mine, keys)
    verified(world, theirs, keys, own_audience(world, their_organization))
    with pytest.raises(jwt.InvalidAudienceError):
        verified(world, theirs, keys)
