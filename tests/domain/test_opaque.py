"""Codes and session cookies: one form each, and one digest."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.opaque import OpaqueKind, compose_opaque, digest_of_opaque
from grantory.domain.secret import SECRET_ENTROPY_BYTES

entropies = st.binary(min_size=SECRET_ENTROPY_BYTES, max_size=SECRET_ENTROPY_BYTES)
kinds = st.sampled_from(OpaqueKind)
CODE, SESSION = OpaqueKind.CODE, OpaqueKind.SESSION


@given(kinds, entropies, entropies)
def test_a_credential_holds_all_its_randomness(kind: OpaqueKind, one: bytes, other: bytes) -> None:
    text = compose_opaque(kind, one).reveal()
    assert text.startswith(kind.value)
    assert len(text) == 47
    assert text[4:].isascii()
    assert text[4:].isalnum()
    assert (compose_opaque(kind, other).reveal() == text) == (one == other)


@given(entropies)
def test_each_kind_has_digests_of_its_own(entropy: bytes) -> None:
    code, session = (compose_opaque(kind, entropy).reveal() for kind in (CODE, SESSION))
    digests = {digest_of_opaque(CODE, code), digest_of_opaque(SESSION, session)}
    assert len(digests) == 2
    assert {len(digest or b"") for digest in digests} == {32}
    assert hashlib.sha256(code.encode()).digest() not in digests
    assert digest_of_opaque(CODE, session) is None
    assert digest_of_opaque(SESSION, code) is None


@given(kinds, entropies, st.integers(0, 46), st.characters())
def test_a_changed_character_is_another_credential_or_none(
    kind: OpaqueKind, entropy: bytes, position: int, character: str
) -> None:
    text = compose_opaque(kind, entropy).reveal()
    changed = text[:position] + character + text[position + 1 :]
    same = digest_of_opaque(kind, changed) == digest_of_opaque(kind, text)
    assert same == (changed == text)


@given(kinds, st.text(max_size=60))
def test_no_other_text_has_a_digest(kind: OpaqueKind, text: str) -> None:
    assert digest_of_opaque(kind, text) is None


@pytest.mark.parametrize("kind", OpaqueKind)
def test_nothing_may_stand_before_or_behind(kind: OpaqueKind) -> None:
    text = compose_opaque(kind, bytes(32)).reveal()
    for changed in (
        *(f" {text}", f"{text} ", f"{text}\n", f"{text}\x00", text + "A", text[:-1]),
        *(text[4:], text.upper(), text[:4] * 2 + text[4:], "", kind.value, text[:-1] + "\u0660"),
    ):
        assert digest_of_opaque(kind, changed) is None


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_less_randomness_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        compose_opaque(CODE, bytes(length))


def test_it_does_not_show_itself() -> None:
    secret = compose_opaque(SESSION, bytes(32))
    assert secret.reveal() not in f"{secret!r} {secret}"
