"""The form of access tokens: what is written is read, and nothing else is."""

import re
import uuid

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grantory.domain.token import AccessToken, SigningKey
from grantory.protocol.token_codec import (
    MAX_LENGTH,
    MalformedToken,
    decode,
    encode,
    read_key_id,
)

KEY = SigningKey(
    key_id=bytes(range(8)),
    organization_id="3f5d8a52-98a4-4e0c-9b6e-0c5f5a2f6f11",
    material=bytes(range(32)),
    created_at=0,
)
ids = st.uuids().map(str)
seconds = st.integers(0, 2**40)
epochs = st.integers(0, 2**31)
tokens = st.builds(
    lambda issued, lifetime, **rest: AccessToken(
        organization_id=KEY.organization_id,
        issued_at=issued,
        expires_at=issued + lifetime,
        **rest,
    ),
    issued=seconds,
    lifetime=st.integers(0, 38_880_000),
    token_id=st.binary(min_size=16, max_size=16),
    client_id=ids,
    user_id=st.none() | ids,
    organization_epoch=epochs,
    client_epoch=epochs,
    user_epoch=epochs,
    scopes=st.lists(st.text("abc:-", min_size=1, max_size=20), max_size=5).map(tuple),
)
TYPICAL = AccessToken(
    token_id=bytes(range(16)),
    organization_id=KEY.organization_id,
    client_id="0b4c8f5e-0d0e-4f0a-8a3b-5a1c2d3e4f50",
    user_id=None,
    issued_at=1_800_000_000,
    expires_at=1_800_086_400,
    organization_epoch=1,
    client_epoch=3,
)


def written(token: AccessToken, key: SigningKey = KEY) -> str:
    return encode(token, key, uuid.UUID(token.client_id).bytes)


def read(text: str, key: SigningKey = KEY) -> AccessToken:
    key_id, raw = read_key_id(text)
    assert key_id == key.key_id
    return decode(raw, key)


@given(tokens)
def test_what_is_written_is_read(token: AccessToken) -> None:
    text = written(token)
    assert read(text) == token
    assert re.fullmatch(r"gat_[A-Za-z0-9_-]+", text, re.ASCII)


def test_the_common_token_is_short_and_needs_no_escaping_anywhere() -> None:
    assert len(written(TYPICAL)) <= 220


def test_the_organisation_is_the_keys_and_not_the_writers_word() -> None:
    elsewhere = msgspec.structs.replace(TYPICAL, organization_id="other")
    assert read(written(elsewhere)).organization_id == KEY.organization_id


@given(st.integers(0, 8 * 200))
@settings(max_examples=400)
def test_one_flipped_bit_anywhere_in_the_text_is_refused(bit: int) -> None:
    text = written(TYPICAL).encode()
    changed = bytearray(text)
    changed[bit // 8 % len(text)] ^= 1 << bit % 8
    refused(changed.decode("latin-1"))


def test_every_bit_of_the_signed_bytes_and_of_the_mac_counts() -> None:
    _, raw = read_key_id(written(TYPICAL))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(MalformedToken):
            decode(bytes(changed), KEY)


def test_every_character_of_the_text_counts() -> None:
    text = written(TYPICAL)
    for place in range(len(text)):
        for other in "A_-9":
            if text[place] != other:
                refused(text[:place] + other + text[place + 1 :])


def refused(text: str) -> None:
    with pytest.raises(MalformedToken):
        decode(read_key_id(text)[1], KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "",
        lambda t: "gat_",
        lambda t: t[4:],
        lambda t: t.replace("gat_", "gcs_"),
        lambda t: t + "=",
        lambda t: t + "A",
        lambda t: t + "AAAA",
        lambda t: t + "\n",
        lambda t: " " + t,
        lambda t: t[:-1],
        lambda t: t[:20],
        lambda t: t[:30] + "." + t[30:],
        lambda t: t[:30] + " " + t[30:],
        lambda t: t.replace("_", "/", 2).replace("/", "_", 1),
        lambda t: t + "é",
        lambda t: t.ljust(MAX_LENGTH + 1, "A"),
    ],
)
def test_a_text_that_encode_would_not_have_written_is_refused(change: object) -> None:
    # An underscore in the body, so that the other alphabet of base64 can be tried.
    token = next(
        token
        for number in range(1000)
        if "_" in written(token := msgspec.structs.replace(TYPICAL, issued_at=number))[4:]
    )
    text = written(token)
    assert read(text) == token
    assert callable(change)
    assert change(text) != text
    refused(change(text))


def test_another_key_of_the_same_id_is_refused() -> None:
    other = msgspec.structs.replace(KEY, material=bytes(32))
    _, raw = read_key_id(written(TYPICAL))
    with pytest.raises(MalformedToken, match="signature"):
        decode(raw, other)


def test_a_body_of_another_shape_is_refused_even_when_it_is_signed() -> None:
    import hmac

    for body in (b"", b"\xc0", b"\x93\x01\x02\x03", b"{}"):
        signed = b"\x01" + KEY.key_id + body
        mac = hmac.digest(KEY.material, b"grantory access token\x00" + signed, "sha256")
        with pytest.raises(MalformedToken, match="body"):
            decode(signed + mac, KEY)


def test_the_mac_is_bound_to_access_tokens() -> None:
    import hmac

    _, raw = read_key_id(written(TYPICAL))
    signed = raw[:-32]
    bare = hmac.digest(KEY.material, signed, "sha256")
    with pytest.raises(MalformedToken, match="signature"):
        decode(signed + bare, KEY)
    right = hmac.digest(KEY.material, b"grantory access token\x00" + signed, "sha256")
    assert decode(signed + right, KEY) == TYPICAL


def test_a_key_does_not_show_its_material() -> None:
    assert KEY.material.hex() not in repr(KEY)
    assert repr(KEY) == "SigningKey(0001020304050607)"


def test_all_the_scopes_that_a_client_can_have_fit_in() -> None:
    scopes = tuple(f"{number:0100d}" for number in range(200))
    token = msgspec.structs.replace(TYPICAL, scopes=scopes)
    text = written(token)
    assert len(text) <= MAX_LENGTH
    assert read(text) == token
