"""JWT access tokens: clients that get them, verifiers apart from the server, and forgers."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import jwt

from grantory.crypto.jwt_keys import JwtKey
from grantory.domain.signing import SigningAlgorithm
from grantory.public_address import public_url
from tests.support.world import Member, World

JWKS = "/.well-known/jwks.json"
FORMATS = {f"JWT_{algorithm.value.upper()}": algorithm for algorithm in SigningAlgorithm}


async def jwt_client(world: World, form: str = "JWT_ES256", **fields: Any) -> Member:
    """A machine client, which may look at clients, whose tokens are JWTs."""
    role_id = await world.admin.make_role("oauth:client:view")
    return await world.admin.make_client(role_id, accessTokenFormat=form, **fields)


async def published(http: httpx.AsyncClient, path: str = JWKS) -> dict[str, Any]:
    """The public keys, by kid, as JWKs."""
    answer = await http.get(path)
    assert answer.status_code == 200
    return {key["kid"]: key for key in answer.json()["keys"]}


def own_audience(world: World, organization_id: str = "") -> str:
    """What a token of an organisation is for, by default of the first."""
    organization_id = organization_id or world.founding.organization.id
    return f"{public_url(world.settings)}/organizations/{organization_id}"


def verified(
    world: World, token: str, keys: Mapping[str, Any], audience: str = "", **options: bool
) -> dict[str, Any]:
    """The claims of a token, as PyJWT verifies it by these keys; the times are the clock's."""
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    checks: Any = {"verify_exp": False, "verify_iat": False, **options}
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[str(key.algorithm_name)],
        audience=audience or own_audience(world),
        issuer=public_url(world.settings),
        options=checks,
    )
    now = world.clock.now_ms() / 1000
    assert claims["iat"] - 300 <= now < claims["exp"]
    return claims


async def signer(
    world: World, algorithm: SigningAlgorithm = SigningAlgorithm.ES256, organization_id: str = ""
) -> JwtKey:
    """The server's own key, for forging what only its holder could."""
    reads = world.application._reads  # a store tells of its changes to one memory alone
    await reads.refresh()
    organization_id = organization_id or world.founding.organization.id
    key = (await reads.jwt_keys()).signer(organization_id, algorithm, world.clock.now_ms())
    assert key is not None
    return key


def part(value: Any) -> str:
    """A part of a JWT: JSON, or bytes as they are."""
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, not verified."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(text + "==")) for text in token.split(".")[:2]
    )
    return header, claims


def signed(key: JwtKey, claims: Any, header: Any = None) -> str:
    """A token that the server's key has signed, whatever it says."""
    start = key.header.decode() if header is None else part(header) + "."
    text = start + part(claims)
    return f"{text}.{part(key.sign(text.encode()))}"
