"""A MAC whose key is prepared is the one of the standard library."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.keyed_mac import KeyedMac


@given(st.binary(max_size=200), st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_it_is_hmac_sha_256_for_every_key_and_message(key: bytes, messages: list[bytes]) -> None:
    mac = KeyedMac(key)
    for message in messages:
        assert mac.of(message) == hmac.digest(key, message, "sha256")


def test_it_shows_nothing_of_its_key() -> None:
    assert "secret" not in repr(KeyedMac(b"secret"))
