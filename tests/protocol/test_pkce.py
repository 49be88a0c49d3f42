"""Which verifier fits which challenge (RFC 7636)."""

import base64
import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.protocol import pkce

UNRESERVED = string.ascii_letters + string.digits + "-._~"
verifiers = st.text(UNRESERVED, min_size=43, max_size=128)
RFC_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RFC_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_the_example_of_the_rfc() -> None:
    assert pkce.is_challenge(RFC_CHALLENGE)
    assert pkce.fits(RFC_VERIFIER, RFC_CHALLENGE)
    assert pkce.METHOD == "S256"


@given(verifiers)
def test_a_verifier_fits_its_own_challenge(verifier: str) -> None:
    challenge = challenge_of(verifier)
    assert pkce.is_challenge(challenge)
    assert pkce.fits(verifier, challenge)
    # Never plainly.
    assert not pkce.fits(verifier, verifier)


@given(verifiers, st.integers(0, 127), st.sampled_from(UNRESERVED))
def test_a_changed_verifier_does_not(verifier: str, at: int, character: str) -> None:
    position = at % len(verifier)
    changed = verifier[:position] + character + verifier[position + 1 :]
    assert pkce.fits(changed, challenge_of(verifier)) == (changed == verifier)


@given(st.text(max_size=140))
def test_a_text_of_another_form_fits_nothing(text: str) -> None:
    good = 43 <= len(text) <= 128 and set(text) <= set(UNRESERVED)
    try:
        challenge = challenge_of(text)
    except UnicodeEncodeError:
        challenge = RFC_CHALLENGE
    assert pkce.fits(text, challenge) == good


@pytest.mark.parametrize(
    "verifier",
    ["", "a" * 42, "a" * 129, "a" * 43 + "\n", "a" * 43 + "=", "a" * 42 + "+", "\u00e9" * 43],
)
def test_the_form_counts_before_the_digest(verifier: str) -> None:
    assert not pkce.fits(verifier, challenge_of(verifier))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 42,
        "a" * 44,
        RFC_CHALLENGE + "=",
        RFC_CHALLENGE + "\n",
        RFC_CHALLENGE[:-1] + "+",
        RFC_CHALLENGE[:-1] + "/",
        RFC_CHALLENGE[:-1] + ".",
        RFC_CHALLENGE[:-1] + "\u0660",
    ],
)
def test_what_is_no_challenge(text: str) -> None:
    assert not pkce.is_challenge(text)
