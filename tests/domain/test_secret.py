"""The form of client secrets, and a type that never shows one."""

import copy
import io
import json
import logging
import pickle
import re
import string
import traceback
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.secret import (
    KEY_ID_ENTROPY_BYTES,
    SECRET_ENTROPY_BYTES,
    SECRET_LENGTH,
    ClientSecret,
    Secret,
    base62,
    compose_client_secret,
    digest_of,
    key_id_of,
    matches,
)

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
VALUE = "gcs_do-not-show-me"
key_bytes = st.binary(min_size=KEY_ID_ENTROPY_BYTES, max_size=KEY_ID_ENTROPY_BYTES)
secret_bytes = st.binary(min_size=SECRET_ENTROPY_BYTES, max_size=SECRET_ENTROPY_BYTES)


def number_of(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 62 + DIGITS.index(digit)
    return number


@given(key_bytes, secret_bytes)
def test_a_secret_holds_its_key_id_all_its_randomness_and_a_checksum(
    key_entropy: bytes, entropy: bytes
) -> None:
    key_id, secret = compose_client_secret(key_entropy, entropy)
    text = secret.reveal()
    form = re.fullmatch(r"gcs_([0-9A-Za-z]{8})([0-9A-Za-z]{43})([0-9A-Za-z]{6})", text, re.ASCII)
    assert form is not None
    assert form[1] == key_id == key_id_of(text)
    # 8 digits hold 47.6 of the key id's 48 bits, so the topmost may be cut off.
    assert number_of(form[1]) == int.from_bytes(key_entropy, "big") % 62**8
    assert number_of(form[2]) == int.from_bytes(entropy, "big")
    assert number_of(form[3]) == zlib.crc32(text[:-6].encode())
    assert len(text) == SECRET_LENGTH == 61


@given(key_bytes, secret_bytes, st.data())
def test_one_changed_character_is_noticed_before_any_look_up(
    key_entropy: bytes, entropy: bytes, data: st.DataObject
) -> None:
    text = compose_client_secret(key_entropy, entropy)[1].reveal()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in DIGITS + "_-=+/ %é" if c != text[place]]))
    assert key_id_of(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("gcs_", "gat_"),
        lambda text: text.replace("gcs_", ""),
        lambda text: "\u0660" * len(text),
    ],
)
def test_a_text_of_another_form_has_no_key_id(change: object) -> None:
    text = compose_client_secret(bytes(6), bytes(range(32)))[1].reveal()
    assert key_id_of(text) == "00000000"
    assert callable(change)
    assert key_id_of(change(text)) is None


@pytest.mark.parametrize(("keys", "randoms"), [(5, 32), (7, 32), (6, 31), (6, 33), (0, 0)])
def test_a_secret_is_never_made_of_less_or_more_randomness(keys: int, randoms: int) -> None:
    with pytest.raises(ValueError, match="32 and 6"):
        compose_client_secret(bytes(keys), bytes(randoms))


@given(st.binary(max_size=40), st.integers(0, 60))
def test_base62_keeps_the_length_asked_for(data: bytes, length: int) -> None:
    text = base62(data, length)
    assert len(text) == length
    assert number_of(text) == int.from_bytes(data, "big") % 62**length


def test_digests_differ_by_secret_and_compare_by_value() -> None:
    one, other = digest_of("one"), digest_of("other")
    assert matches(one, digest_of("one"))
    assert not matches(one, other)
    assert len(one) == 32
    assert one != zlib.crc32(b"one").to_bytes(32, "big")


def test_a_digest_is_bound_to_its_domain() -> None:
    import hashlib

    assert digest_of("one") != hashlib.sha256(b"one").digest()
    assert digest_of("one") == hashlib.sha256(b"grantory client secret v1\x00one").digest()


@pytest.mark.parametrize(
    ("expires_at", "now", "live"),
    [(None, 10**15, True), (1000, 999, True), (1000, 1000, False), (1000, 1001, False)],
)
def test_a_secret_ends_at_its_expiry(expires_at: int | None, now: int, live: bool) -> None:
    secret = ClientSecret(
        key_id="k",
        client_id="c",
        organization_id="o",
        digest=b"",
        created_at=0,
        expires_at=expires_at,
    )
    assert secret.is_live(now) is live


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        ascii,
        lambda s: f"{s}",
        lambda s: f"{s!r}",
        lambda s: f"{s:>80}",
        lambda s: "%s %r" % (s, s),  # noqa: UP031 - old formatting is one of the ways
        lambda s: "{} {!s} {!a}".format(s, s, s),  # noqa: UP032
        lambda s: str([s]) + str({"a": s}) + str((s,)),
        lambda s: json.dumps({"s": s}, default=repr),
    ],
)
def test_a_text_form_shows_nothing(show: object) -> None:
    assert callable(show)
    shown = show(Secret(VALUE))
    assert "****" in shown
    assert VALUE not in shown


@pytest.mark.parametrize(
    "serialize",
    [
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        vars,
        len,
        iter,
        hash,
        bytes,
    ],
)
def test_it_cannot_be_written_out_or_copied_by_accident(serialize: object) -> None:
    assert callable(serialize)
    with pytest.raises(TypeError) as caught:
        serialize(Secret(VALUE))
    assert VALUE not in str(caught.value)


def test_it_has_no_room_for_further_attributes() -> None:
    with pytest.raises(AttributeError):
        Secret(VALUE).note = "x"  # type: ignore[attr-defined]


def test_tracebacks_and_logs_with_all_local_variables_show_nothing() -> None:
    def fail(secret: Secret) -> None:
        kept = {"secret": secret}
        raise RuntimeError(f"cannot use {secret} of {kept}")

    stream = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(stream))
    with pytest.raises(RuntimeError) as caught:
        fail(Secret(VALUE))
    full = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(full.format())
    logger.error("it failed with %r", Secret(VALUE), exc_info=caught.value)
    assert "kept = " in text
    assert "Secret(****)" in text
    assert VALUE not in text
    assert "Secret(****)" in stream.getvalue()
    assert VALUE not in stream.getvalue()


def test_it_equals_by_value_and_only_another_secret() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("ä") == Secret("ä")
    assert Secret(VALUE).reveal() == VALUE
