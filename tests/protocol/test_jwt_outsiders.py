"""Three libraries that are not ours verify our tokens, by what the server publishes alone."""

import contextlib
import importlib
import warnings
from typing import Any

import jwt
import pytest
from authlib.deprecate import AuthlibDeprecationWarning  # type: ignore[import-untyped]
from authlib.oauth2.rfc6750 import InvalidTokenError  # type: ignore[import-untyped]
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator  # type: ignore[import-untyped]
from joserfc import jwt as joserfc
from joserfc.errors import (
    BadSignatureError,
    InvalidClaimError,
    SecurityWarning,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import KeySet
from jwt import InvalidAudienceError, InvalidSignatureError

from grantory.public_address import public_url
from tests.support.jwts import FORMATS, JWKS, jwt_client, own_audience, published, verified
from tests.support.world import World


def other_signature(token: str) -> str:
    """The token with a signature that is not its own."""
    start, _, signature = token.rpartition(".")
    return f"{start}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def deprecations(form: str) -> contextlib.AbstractContextManager[object]:
    """RFC 9864 would rather have the name Ed25519, which fewer verifiers know."""
    return pytest.warns(SecurityWarning) if form == "JWT_EDDSA" else contextlib.nullcontext()


@pytest.mark.parametrize("form", FORMATS)
async def test_pyjwt_verifies_them(world: World, form: str) -> None:
    member = await jwt_client(world, form)
    token, keys = await member.log_in(), await published(world.http)
    assert verified(world, token, keys)["client_id"] == member.client_id
    with pytest.raises(InvalidSignatureError):
        verified(world, other_signature(token), keys)
    with pytest.raises(InvalidAudienceError):
        verified(world, token, keys, "https://other.example")


@pytest.mark.parametrize("form", FORMATS)
async def test_joserfc_verifies_them(world: World, form: str) -> None:
    member = await jwt_client(world, form)
    token = await member.log_in()
    keys = KeySet.import_key_set((await world.http.get(JWKS)).json())
    with deprecations(form):
        found = joserfc.decode(token, keys, algorithms=[FORMATS[form].value])
    assert found.header["typ"] == "at+jwt"
    assert found.claims["client_id"] == member.client_id

    def look(audience: str) -> None:
        registry = joserfc.JWTClaimsRegistry(
            now=world.clock.now_ms() // 1000,
            iss={"essential": True, "value": public_url(world.settings)},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        registry.validate(found.claims)

    look(own_audience(world))
    with pytest.raises(InvalidClaimError):
        look("https://other.example")
    with pytest.raises(BadSignatureError), deprecations(form):
        joserfc.decode(other_signature(token), keys, algorithms=[FORMATS[form].value])


@pytest.mark.parametrize("form", ["JWT_ES256", "JWT_RS256"])
async def test_authlib_takes_them_by_rfc_9068(world: World, form: str) -> None:
    member = await jwt_client(world, form)
    text = await member.log_in()
    for other in set(FORMATS) - {form}:  # the set holds one that it is not set to
        await jwt_client(world, other)
    keys = KeySet.import_key_set((await world.http.get(JWKS)).json())

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> KeySet:
            return keys

    issuer, now = public_url(world.settings), world.clock.now_ms() // 1000
    validator = Validator(issuer, own_audience(world))
    claims = validator.authenticate_token(text)
    claims.validate(now=now)
    assert claims["sub"] == claims["client_id"] == member.client_id
    with pytest.raises(InvalidTokenError):
        validator.authenticate_token(other_signature(text))
    for wrong in (Validator(issuer, "https://other"), Validator("https://other", validator.issuer)):
        with pytest.raises(Exception, match=r"aud|iss"):
            wrong.authenticate_token(text).validate(now=now)


def reader_of_eddsa() -> tuple[Any, Any, Any]:
    """Authlib's older reader, its keys and its errors, which are told to be given up some day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AuthlibDeprecationWarning)
        jose = importlib.import_module("authlib.jose")
    return jose.JsonWebToken(["EdDSA"]), jose.JsonWebKey, jose.errors


async def test_authlib_takes_eddsa_by_its_older_reader_alone(world: World) -> None:
    member = await jwt_client(world, "JWT_EDDSA")
    token = await member.log_in()
    document = (await world.http.get(JWKS)).json()
    issuer, audience = public_url(world.settings), own_audience(world)

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> KeySet:
            return KeySet.import_key_set(document)

    # If this fails, Authlib has learned it: the guide is to say so, and the test above to ask it.
    with pytest.raises(InvalidTokenError) as caught:
        Validator(issuer, audience).authenticate_token(token)
    assert isinstance(caught.value.__cause__, UnsupportedAlgorithmError)

    reader, keys, errors = reader_of_eddsa()
    found = keys.import_key_set(document)

    def read(text: str, **expected: str) -> Any:
        wanted = {"iss": issuer, "aud": audience, **expected}
        options = {name: {"essential": True, "value": value} for name, value in wanted.items()}
        claims = reader.decode(text, found, claims_options={**options, "exp": {"essential": True}})
        claims.validate(now=world.clock.now_ms() // 1000)
        return claims

    claims = read(token)
    assert claims.header["typ"] == "at+jwt"
    assert claims["sub"] == claims["client_id"] == member.client_id
    with pytest.raises(errors.BadSignatureError):
        read(other_signature(token))
    for wrong in ({"aud": "https://other.example"}, {"iss": "https://other.example"}):
        with pytest.raises(errors.InvalidClaimError):
            read(token, **wrong)
    world.clock.advance(claims["exp"] - claims["iat"] + 1)
    with pytest.raises(errors.ExpiredTokenError):
        read(token)


async def test_each_finds_its_key_in_a_set_with_every_algorithm(world: World) -> None:
    tokens = {form: await (await jwt_client(world, form)).log_in() for form in FORMATS}
    answer = await world.http.get(JWKS)
    found, keys = KeySet.import_key_set(answer.json()), await published(world.http)
    everything = jwt.PyJWKSet.from_dict(answer.json())
    assert len(everything.keys) == len(found.keys) == len(FORMATS) == 3
    for form, token in tokens.items():
        assert verified(world, token, keys)["org_id"] == world.founding.organization.id
        with deprecations(form):
            joserfc.decode(token, found, algorithms=[FORMATS[form].value])
        # None is taken for another's algorithm.
        for other in set(FORMATS) - {form}:
            with pytest.raises(UnsupportedAlgorithmError):
                joserfc.decode(token, found, algorithms=[FORMATS[other].value])
