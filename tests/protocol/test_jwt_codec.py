"""The form of JWT access tokens: what stands in them, and that nothing else is read."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grantory.crypto.base64url import base64url, read_base64url
from grantory.crypto.jwt_keys import JwtKey, JwtKeyring, is_a_header
from grantory.crypto.private_keys import new_private_key
from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import AccessToken, SealedKey
from grantory.protocol.jwt_codec import (
    Recipients,
    decode_jwt,
    encode_jwt,
    looks_like_jwt,
    take_apart,
)
from grantory.protocol.token_codec import MAX_LENGTH, PREFIX, MalformedToken
from tests.support.entities import ORG, OTHER_ORG, an_id
from tests.support.jwts import opened, signed

RECIPIENTS = Recipients("https://auth.example.com")
SHARED = Recipients("https://auth.example.com", "https://api.example.com")
OWN = f"https://auth.example.com/organizations/{ORG}"


def sealed(number: int, algorithm: SigningAlgorithm) -> SealedKey:
    return SealedKey(
        key_id=number.to_bytes(8, "big"),
        organization_id=ORG,
        sealed=b"",
        created_at=number,
        algorithm=algorithm,
        signs_from=number,
    )


def a_jwt_key(number: int, algorithm: SigningAlgorithm, **fields: Any) -> JwtKey:
    key = msgspec.structs.replace(sealed(number, algorithm), **fields)
    return JwtKey(key, algorithm, new_private_key(algorithm))


KEYS = {
    algorithm: a_jwt_key(number, algorithm) for number, algorithm in enumerate(SigningAlgorithm, 1)
}
KEY = KEYS[SigningAlgorithm.EDDSA]
MACHINE = AccessToken(
    token_id=bytes(range(16)),
    organization_id=ORG,
    client_id=an_id(1),
    user_id=None,
    issued_at=1_800_000_000,
    expires_at=1_800_000_900,
    organization_epoch=3,
    client_epoch=4,
)
PERSON = msgspec.structs.replace(
    MACHINE,
    user_id=an_id(2),
    user_epoch=5,
    scopes=("oauth", "users:readonly"),
    family_id=an_id(3),
    family_epoch=6,
)
NEW_PERSON = msgspec.structs.replace(
    PERSON, user_epoch=0, scopes=(), family_id=None, family_epoch=0
)


def read(text: str, key: JwtKey = KEY, recipients: Recipients = RECIPIENTS) -> AccessToken:
    return decode_jwt(take_apart(text), key, recipients)


def refusal(text: str, key: JwtKey = KEY, recipients: Recipients = RECIPIENTS) -> str:
    with pytest.raises(MalformedToken) as caught:
        read(text, key, recipients)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", SigningAlgorithm)
@pytest.mark.parametrize("token", [MACHINE, PERSON, NEW_PERSON])
def test_what_was_written_is_read(token: AccessToken, algorithm: SigningAlgorithm) -> None:
    text = encode_jwt(token, KEYS[algorithm], RECIPIENTS)
    assert looks_like_jwt(text)
    assert not looks_like_jwt(PREFIX + text)
    assert read(text, KEYS[algorithm]) == token


def test_the_claims_are_those_of_rfc_9068() -> None:
    header, claims = opened(encode_jwt(PERSON, KEY, RECIPIENTS))
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY.kid}
    assert claims == {
        "iss": "https://auth.example.com",
        "sub": an_id(2),
        "aud": OWN,
        "client_id": an_id(1),
        "org_id": ORG,
        "iat": 1_800_000_000,
        "exp": 1_800_000_900,
        "jti": "AAECAwQFBgcICQoLDA0ODw",
        "grantory": [3, 4, 5, an_id(3), 6],
        "scope": "oauth users:readonly",
    }
    _, claims = opened(encode_jwt(MACHINE, KEY, SHARED))
    assert claims["sub"] == claims["client_id"] == an_id(1)
    assert claims["aud"] == ["https://api.example.com", OWN]
    assert "scope" not in claims


RECORDED = json.loads((Path(__file__).parent / "recorded_jwts.json").read_text("ascii"))
"""Tokens as they were first written, by keys of these tests alone. Never make them anew: such ones
are out."""


@pytest.mark.parametrize("algorithm", SigningAlgorithm)
def test_tokens_of_an_earlier_version_are_read_and_written_to_the_byte(
    algorithm: SigningAlgorithm,
) -> None:
    recorded = RECORDED[algorithm]
    material = base64.b64decode("".join(recorded["key"]))
    key = JwtKey(sealed(1, algorithm), algorithm, material)
    cases = {"machine": (MACHINE, RECIPIENTS), "person": (PERSON, SHARED)}
    for name, (token, recipients) in cases.items():
        text = "".join(recorded[name])
        assert read(text, key, recipients) == token, name
        written = encode_jwt(token, key, recipients)
        if algorithm is SigningAlgorithm.ES256:  # whose signatures are never twice the same
            written, text = written.rpartition(".")[0], text.rpartition(".")[0]
        assert written == text, name


def test_tokens_are_small_and_all_scopes_have_room() -> None:
    longest = {
        SigningAlgorithm.EDDSA: 640,
        SigningAlgorithm.ES256: 640,
        SigningAlgorithm.RS256: 900,
    }
    for algorithm, key in KEYS.items():
        assert len(encode_jwt(MACHINE, key, RECIPIENTS)) <= longest[algorithm]
    scopes = tuple(f"{number:0100d}" for number in range(200))
    token = msgspec.structs.replace(PERSON, scopes=scopes)
    key = KEYS[SigningAlgorithm.RS256]
    text = encode_jwt(token, key, SHARED)
    assert len(text) < MAX_LENGTH
    assert read(text, key, SHARED) == token


def test_who_shares_an_audience_is_named_besides_and_decides_nothing_here() -> None:
    assert read(encode_jwt(MACHINE, KEY, SHARED)) == MACHINE
    assert read(encode_jwt(MACHINE, KEY, RECIPIENTS), recipients=SHARED) == MACHINE


def test_a_token_for_others_is_refused() -> None:
    _, claims = opened(encode_jwt(MACHINE, KEY, SHARED))
    for audience in ("https://api.example.com", ["https://api.example.com"], [], OWN + "/"):
        assert refusal(signed(KEY, claims | {"aud": audience})) == "audience"
    assert refusal(signed(KEY, claims | {"iss": "https://auth.example.com/"})) == "issuer"
    assert refusal(signed(KEY, claims | {"org_id": OTHER_ORG})) == "claims"
    foreign = a_jwt_key(9, SigningAlgorithm.EDDSA, organization_id=OTHER_ORG)
    assert refusal(signed(foreign, claims), foreign) == "claims"


def test_claims_are_as_they_are_written_here_or_refused() -> None:
    _, claims = opened(encode_jwt(PERSON, KEY, RECIPIENTS))
    assert read(signed(KEY, claims)) == PERSON
    text = json.dumps(claims, separators=(",", ":"))
    assert refusal(signed(KEY, claims | {"more": 1})) == "claims"
    assert refusal(signed(KEY, text.replace("{", '{"iss":"x",', 1).encode())).startswith("claims")
    assert refusal(signed(KEY, json.dumps(claims).encode())).startswith("claims")
    assert refusal(signed(KEY, b"[]")) == "claims"
    assert refusal(signed(KEY, b"\xff")) == "claims"
    assert refusal(signed(KEY, claims | {"jti": "AAECAwQFBgcICQoLDA0O"})) == "claims"
    assert refusal(signed(KEY, claims | {"jti": "AAECAwQFBgcICQoLDA0ODx"})) == "claims"
    assert refusal(signed(KEY, claims | {"exp": "1800000900"})) == "claims"
    assert refusal(signed(KEY, claims | {"grantory": [3]})) == "claims"
    for name in set(claims) - {"scope"}:
        assert refusal(signed(KEY, {k: v for k, v in claims.items() if k != name})) == "claims"


def test_a_client_acts_for_itself_or_for_somebody() -> None:
    _, claims = opened(encode_jwt(MACHINE, KEY, RECIPIENTS))
    assert refusal(signed(KEY, claims | {"sub": an_id(2)})) == "subject"
    assert refusal(signed(KEY, claims | {"grantory": [3, 4, 5, None, 0]})) == "subject"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + ".",
        lambda text: text + "=",
        lambda text: text.replace(".", "..", 1),
        lambda text: text.rpartition(".")[0],
        lambda text: text.rpartition(".")[0] + ".",
        lambda text: text + "é",
        lambda text: "eyJ" * MAX_LENGTH + text,
        lambda _: "eyJ",
        lambda _: "..",
    ],
)
def test_a_text_in_another_form_is_refused(change: Any) -> None:
    refusal(change(encode_jwt(MACHINE, KEY, RECIPIENTS)))


def test_the_key_that_signs_is_the_last_whose_time_has_come() -> None:
    keys = [a_jwt_key(number, SigningAlgorithm.EDDSA, signs_from=number) for number in (10, 20, 30)]
    other = a_jwt_key(15, SigningAlgorithm.ES256, signs_from=15)
    ring = JwtKeyring([keys[0], other, *keys[1:]])
    for now, expected in ((0, 0), (10, 0), (19, 0), (20, 1), (29, 1), (30, 2), (99, 2)):
        assert ring.signer(ORG, SigningAlgorithm.EDDSA, now) is keys[expected]
    assert ring.signer(ORG, SigningAlgorithm.ES256, 99) is other
    assert ring.signer(ORG, SigningAlgorithm.RS256, 99) is None
    assert ring.signer(OTHER_ORG, SigningAlgorithm.EDDSA, 99) is None


def test_nothing_of_a_key_is_shown() -> None:
    assert repr(KEY) == f"JwtKey({KEY.kid})"
    published = json.loads(JwtKeyring(KEYS.values()).published)
    assert [set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in published["keys"]] == [
        set()
    ] * 3


@pytest.mark.parametrize("algorithm", SigningAlgorithm)
def test_a_header_of_ours_is_told_from_others(algorithm: SigningAlgorithm) -> None:
    header = a_jwt_key(1, algorithm).header
    assert is_a_header(header)
    text = read_base64url(header[:-1])
    for other in (
        text.replace(b"at+jwt", b"JWT"),
        text.replace(algorithm.value.encode(), b"none"),
        text.replace(b'"kid":"', b'"kid":"0'),
        text[:-1] + b',"crit":[]}',
        text + b" ",
        b"",
    ):
        assert not is_a_header(base64url(other) + b".")
    assert not is_a_header(b"?" + header)
