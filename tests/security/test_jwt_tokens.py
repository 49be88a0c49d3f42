"""Attack cases 47 to 51, 70 and 71: forged JWTs, and keys that are removed or followed."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from grantory.crypto.private_keys import new_private_key, read_private_key
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import StorageUnavailable
from grantory.node import open_node
from tests.security.answers import refused
from tests.support.about_tokens import is_inactive
from tests.support.jwts import (
    jwt_client,
    opened,
    part,
    published,
    signed,
    signer,
    verified,
)
from tests.support.world import Member, World, new_world

ES256, EDDSA, RS256 = SigningAlgorithm.ES256, SigningAlgorithm.EDDSA, SigningAlgorithm.RS256
ME = "/api/v2/tokens/me"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def is_good(world: World, token: str) -> bool:
    """Whether the API takes a token; a refusal is always the same one, and introspection agrees."""
    inactive = await is_inactive(world, world.admin, token)
    answer = await world.http.get(ME, headers={b"authorization": b"Bearer " + token.encode()})
    if answer.status_code == 200:
        assert not inactive
        return True
    refused(answer, 401, "bad.credentials")
    assert inactive
    return False


async def test_case_47_no_token_is_good_without_a_signature(world: World) -> None:
    token = await (await jwt_client(world)).log_in()
    header, claims = opened(token)
    assert await is_good(world, token)
    for algorithm in ("none", "None", "NONE", "nOnE", "", None, 0, [], ["ES256"]):
        for forged in (
            {**header, "alg": algorithm},
            {"alg": algorithm},
            {"alg": algorithm, "typ": "JWT"},
        ):
            text = f"{part(forged)}.{part(claims)}"
            for signature in ("", token.rpartition(".")[2], "AA"):
                assert not await is_good(world, f"{text}.{signature}")
            assert not await is_good(world, text)
    without = {key: value for key, value in header.items() if key != "alg"}
    assert not await is_good(world, f"{part(without)}.{part(claims)}.")
    assert not await is_good(world, token.rpartition(".")[0] + ".")


async def test_case_48_a_public_key_is_no_shared_secret(world: World) -> None:
    for form, algorithm in (("JWT_RS256", RS256), ("JWT_ES256", ES256), ("JWT_EDDSA", EDDSA)):
        token = await (await jwt_client(world, form)).log_in()
        header, claims = opened(token)
        jwk = (await published(world.http))[header["kid"]]
        public: Any = jwt.PyJWK(jwk).key
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        secrets = (pem, pem.strip(), der, json.dumps(jwk).encode(), b"", header["kid"].encode())
        for name in ("HS256", "hs256", algorithm.value):
            for secret in secrets:
                text = f"{part({**header, 'alg': name})}.{part(claims)}"
                mac = hmac.digest(secret, text.encode(), hashlib.sha256)
                assert not await is_good(world, f"{text}.{part(mac)}")
        # Nor is one algorithm's key another's.
        for other in SigningAlgorithm:
            if other is not algorithm:
                key = await signer(world, algorithm)
                assert not await is_good(world, signed(key, claims, {**header, "alg": other.value}))


async def test_case_49_no_key_comes_from_a_header(world: World) -> None:
    member = await jwt_client(world)
    header, claims = opened(await member.log_in())
    mine = read_private_key(ES256, new_private_key(ES256))
    jwk = {**mine.public_members(), "kid": "mine", "alg": "ES256", "use": "sig"}
    offers: list[dict[str, Any]] = [
        {"jwk": jwk},
        {"jwk": jwk, "kid": "mine"},
        {"jku": "https://evil.example/jwks.json"},
        {"jku": "file:///etc/passwd", "kid": "mine"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"x5t": "AAAA"},
    ]
    hostile = (
        "../../../../dev/null",
        "' OR '1'='1",
        "https://evil.example/key",
        "\x00",
        "",
        "a" * 4096,
    )
    offers += [
        {"kid": kid} for kid in (*hostile, header["kid"].upper(), header["kid"] + " ", 1, None)
    ]
    before = await published(world.http)
    for offer in offers:
        text = f"{part({**header, **offer})}.{part(claims)}"
        assert not await is_good(world, f"{text}.{part(mine.sign(text.encode()))}")
    # Also a good signature does not carry over what stands beside it.
    key = await signer(world)
    for offer in offers:
        assert not await is_good(world, signed(key, claims, {**header, **offer}))
    assert await is_good(world, signed(key, claims))
    assert await published(world.http) == before


async def test_case_50_what_a_header_may_not_hold(world: World) -> None:
    member = await jwt_client(world)
    token = await member.log_in()
    header, claims = opened(token)
    key = await signer(world)
    assert await is_good(world, signed(key, claims))
    additions: list[dict[str, Any]] = [
        {"crit": ["exp"]},
        {"crit": ["unknown"], "unknown": 1},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"zip": "DEF"},
        {"enc": "A256GCM", "alg": "dir"},
        {"cty": "JWT"},
        {"x": "a" * 1_000},
    ]
    for more in additions:
        assert not await is_good(world, signed(key, claims, {**header, **more}))
    plain = json.dumps(header, separators=(",", ":"))
    for text in (
        plain.replace("{", '{"alg":"none",', 1),
        plain.replace("{", '{"kid":"x",', 1),
        plain.replace("}", f',"kid":"{header["kid"]}"}}'),
        plain.replace(":", ": "),
        " " + plain,
        plain + "\n",
        json.dumps(dict(reversed(header.items()))),
        plain.replace("kid", "\\u006bid"),
        "\ufeff" + plain,
        f"[{plain}]",
    ):
        assert not await is_good(world, signed(key, claims, text.encode()))
    body = json.dumps(claims, separators=(",", ":"))
    twice = body.replace("{", '{"sub":"admin",', 1)
    assert not await is_good(world, signed(key, twice.encode()))


async def test_case_50_large_and_deep_texts_are_refused_unread(world: World) -> None:
    header, claims = opened(await (await jwt_client(world)).log_in())
    key = await signer(world)
    deep = b"[" * 20_000 + b"]" * 20_000
    for text in (
        signed(key, claims, {**header, "x": "a" * 40_000}),
        signed(key, claims | {"scope": "a" * 40_000}),
        signed(key, claims, deep),
        signed(key, deep),
        ".".join(["eyJ"] * 10_000),
        "eyJ" + "." * 40_000,
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0..AAAA.AAAA.AAAA",
    ):
        assert not await is_good(world, text)


async def test_case_51_signatures_of_ecdsa_that_are_none(world: World) -> None:
    token = await (await jwt_client(world)).log_in()
    text, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")

    def pair(one: int, other: int) -> bytes:
        return one.to_bytes(32, "big") + other.to_bytes(32, "big")

    bad = [pair(0, 0), pair(r, 0), pair(0, s), pair(ORDER, ORDER), pair(1, 1), pair(2**256 - 1, s)]
    bad += [encode_dss_signature(r, s), pair(r, ORDER - s), raw + b"\x00", raw[:-1], b"", bytes(64)]
    curves: tuple[ec.EllipticCurve, ...] = (ec.SECP256R1(), ec.SECP384R1(), ec.SECP256K1())
    for curve in curves:
        der = ec.generate_private_key(curve).sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        bad += [der, der.ljust(64, b"\x00")[:64]]
    for forged in bad:
        assert not await is_good(world, f"{text}.{part(forged)}")
    # One text for one signature: the last character has unused bits.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in alphabet:
        assert await is_good(world, token[:-1] + last) == (last == token[-1])


async def test_case_67_neither_jwts_nor_what_signs_them_stand_in_the_store(world: World) -> None:
    for form, algorithm in (("JWT_ES256", ES256), ("JWT_EDDSA", EDDSA)):
        token = await (await jwt_client(world, form)).log_in()
        keys = await world.node.store.read(lambda s: s.keys.private())
        [key] = [key for key in keys if key.algorithm is algorithm]
        material = world.node.master_key.open(key.sealed, key.context)
        files = b"".join(path.read_bytes() for path in world.file.parent.glob("grantory.db*"))
        assert key.sealed in files
        for secret in (material, material[-32:], token.encode(), token.rpartition(".")[2].encode()):
            assert secret not in files


async def test_case_70_a_jwt_of_another_kind_or_for_others_is_refused(world: World) -> None:
    member = await jwt_client(world)
    header, claims = opened(await member.log_in())
    key = await signer(world)
    for typ in ("JWT", "jwt", "application/at+jwt", "AT+JWT", "id_token", "", None):
        assert not await is_good(world, signed(key, claims, {**header, "typ": typ}))
    changes: list[dict[str, Any]] = [
        {"aud": "https://api.example.com"},
        {"aud": []},
        {"aud": member.client_id},
        {"aud": claims["iss"]},
        {"iss": "https://evil.example"},
        {"iss": claims["iss"] + "/"},
        {"exp": claims["iat"]},
        {"iat": claims["iat"] + 301},
        {"nbf": claims["iat"] + 60},
        {"grantory": [2, 1, None, None, 0]},
        {"grantory": [1, 2, None, None, 0]},
        {"nonce": "n"},
    ]
    for wrong in changes:
        assert not await is_good(world, signed(key, claims | wrong))
    assert await is_good(world, signed(key, claims))
    # A key vouches for its own organisation alone.
    other = world.member(await world.found("Other"))
    role_id = await other.make_role("oauth:client:view")
    theirs = await other.make_client(role_id, accessTokenFormat="JWT_ES256")
    _, their_claims = opened(await theirs.log_in())
    assert not await is_good(world, signed(key, their_claims))
    assert not await is_good(world, signed(key, claims | {"client_id": theirs.client_id}))
    moved = claims | {"client_id": theirs.client_id, "sub": theirs.client_id}
    assert not await is_good(world, signed(key, moved))


async def test_case_70_a_jwt_of_a_deleted_key_is_refused(world: World) -> None:
    member = await jwt_client(world)
    early = await member.log_in()
    world.clock.advance(1)
    await world.node.jwt_keys.rotate(None)
    world.clock.advance(4200)
    late = await member.log_in()
    assert opened(early)[0]["kid"] != opened(late)[0]["kid"]
    for token in (early, late):
        assert await is_good(world, token)
        verified(world, token, await published(world.http))
    keys = world.node.keys
    await world.node.store.write(lambda t: keys.rotate(t, None, end_tokens=True))
    for token in (early, late):
        assert not await is_good(world, token)
        with pytest.raises(KeyError):
            verified(world, token, await published(world.http))
    assert await is_good(world, await member.log_in())


DAYS, STEP_SECONDS, KEPT_SECONDS = 2, 1800, 3600
"""A resource server keeps the keys six times as long as it is told, and never asks for a kid."""


@asynccontextmanager
async def two_nodes(folder: Path, on_postgres: bool) -> AsyncIterator[list[World]]:
    """Two servers on one store, with one clock; a key signs for a day."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(
            new_world(folder, on_postgres=on_postgres, keys_jwt_rotation_days=1)
        )
        node = await open_node(first.settings, clock=first.clock)
        stack.push_async_callback(node.close)
        second = World(node, first.settings, first.clock, first.founding)
        await stack.enter_async_context(second.http)
        yield [first, second]


async def pass_time(worlds: list[World], seconds: float = STEP_SECONDS) -> None:
    """Moves the clock, and lets questions end that were asked before: they extend no lease."""
    worlds[0].clock.advance(seconds)
    for world in worlds:
        with contextlib.suppress(StorageUnavailable):
            await world.node.store.feed.catch_up()


@pytest.mark.parametrize("on_postgres", [False, True])
async def test_case_71_nothing_is_signed_by_a_key_that_was_not_published_long_before(
    tmp_path: Path, on_postgres: bool
) -> None:
    async with two_nodes(tmp_path / "data", on_postgres) as worlds:
        clock = worlds[0].clock
        made = await jwt_client(worlds[0], accessTokenValiditySeconds=7200)
        clients = [Member(world, made.client_id, made.secret) for world in worlds]
        verifiers: list[dict[str, Any]] = [await published(world.http) for world in worlds]
        assert verifiers[0] == verifiers[1]
        read_at = clock.now_ms()
        earlier: list[str] = []
        kids: set[str] = set()
        for step in range(DAYS * 86_400 // STEP_SECONDS):
            tokens, rotated = await asyncio.gather(
                asyncio.gather(*(client.log_in() for client in clients)),
                asyncio.gather(*(world.node.jwt_keys.rotate_due() for world in worlds)),
            )
            assert sum(rotated) <= 1
            for token in (*tokens, *earlier):
                for world, keys in zip(worlds, verifiers, strict=True):
                    verified(world, token, keys)
                assert await is_good(worlds[step % 2], token)
            kids |= {opened(token)[0]["kid"] for token in tokens}
            earlier = tokens
            await pass_time(worlds)
            if clock.now_ms() - read_at >= KEPT_SECONDS * 1000:
                verifiers = [await published(world.http) for world in worlds]
                assert verifiers[0] == verifiers[1]
                read_at = clock.now_ms()
        assert len(kids) == DAYS


async def test_case_71_a_first_key_is_published_before_its_first_token_is_given(
    tmp_path: Path,
) -> None:
    async with two_nodes(tmp_path / "data", on_postgres=True) as (first, second):
        assert await published(second.http) == {}
        member = await jwt_client(first, "JWT_EDDSA")
        verified(first, await member.log_in(), await published(second.http))
        keys = first.node.keys
        for number in range(5):  # and so whenever all tokens were ended
            await first.node.store.write(lambda t: keys.rotate(t, None, end_tokens=True))
            token, *_ = await asyncio.gather(
                *(Member(w, member.client_id, member.secret).log_in() for w in (first, first))
            )
            other = await published(second.http)
            verified(first, token, other)
            assert len(other) == 1
            assert await published(first.http) == other, number
