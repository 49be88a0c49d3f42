"""The authority of one's own machine: what it vouches for, and for how long."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from grantory.crypto.local_authority import (
    CERTIFICATE_DAYS,
    RENEW_DAYS,
    Pair,
    UnusablePair,
    is_good,
    make_authority,
    make_certificate,
    may_vouch,
)
from grantory.http.tls import server_context

NAME = "grantory.localhost"
NOW = datetime.now(UTC).replace(microsecond=0)
"""Of today: what checks certificates besides goes by the system's clock."""


def verified(folder: Path, authority: Pair, pair: Pair, name: str) -> str:
    """The version of TLS that a client which trusts an authority agrees on.

    Raises:
        SSLCertVerificationError: when it does not believe the certificate.
    """
    for file, content in (("c", pair.certificate), ("k", pair.key), ("a", authority.certificate)):
        (folder / file).write_bytes(content)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(folder / "a")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    into, out_of = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(into, out_of, server_hostname=name)
    theirs = server_context(folder / "c", folder / "k").wrap_bio(out_of, into, server_side=True)
    for _ in range(3):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    version = ours.version()
    assert version is not None
    return version


@pytest.fixture(scope="module")
def authority() -> Pair:
    return make_authority(NAME, NOW)


@pytest.mark.parametrize(
    "name", [NAME, f"api.{NAME}", f"login.{NAME}", "localhost", "127.0.0.1", "::1"]
)
def test_its_certificates_are_believed_for_their_names(
    authority: Pair, tmp_path: Path, name: str
) -> None:
    pair = make_certificate(authority, NAME, NOW)
    assert verified(tmp_path, authority, pair, name) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(tmp_path, authority, pair, f"x.{name}" if name[0].isalpha() else "192.0.2.1")


def test_it_can_vouch_for_nobody_else(authority: Pair, tmp_path: Path) -> None:
    """Even with its key no certificate of another site is believed."""
    for name in ("evil.example", f"{NAME}.evil.example", "example.com"):
        pair = make_certificate(authority, name, NOW)
        with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
            verified(tmp_path, authority, pair, name)


def test_another_authority_is_not_believed(authority: Pair, tmp_path: Path) -> None:
    pair = make_certificate(make_authority(NAME, NOW), NAME, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(tmp_path, authority, pair, NAME)
    assert not is_good(pair, authority, NAME, NOW)


def test_a_certificate_lasts_less_than_398_days_and_is_renewed_in_time(authority: Pair) -> None:
    pair = make_certificate(authority, NAME, NOW)
    found = x509.load_pem_x509_certificate(pair.certificate)
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=397)
    last = NOW + timedelta(days=CERTIFICATE_DAYS - RENEW_DAYS)
    assert is_good(pair, authority, NAME, NOW)
    assert is_good(pair, authority, NAME, last - timedelta(seconds=1))
    assert not is_good(pair, authority, NAME, last)
    assert not is_good(pair, authority, NAME, NOW - timedelta(days=2))
    assert not is_good(pair, authority, "localhost", NOW)


def test_an_authority_is_used_for_its_name_while_it_outlives_what_it_signs(authority: Pair) -> None:
    assert may_vouch(authority, NAME, NOW)
    assert may_vouch(authority, "localhost", NOW)
    assert may_vouch(authority, NAME, NOW + timedelta(days=3000))
    assert not may_vouch(authority, NAME, NOW + timedelta(days=3300))
    assert not may_vouch(authority, "other.example", NOW)
    assert not may_vouch(make_certificate(authority, NAME, NOW), NAME, NOW)


def test_halves_that_do_not_belong_together_are_told(authority: Pair) -> None:
    other = make_authority(NAME, NOW)
    for pair in (
        Pair(authority.certificate, other.key),
        Pair(b"", authority.key),
        Pair(authority.certificate, b"x"),
    ):
        with pytest.raises(UnusablePair):
            may_vouch(pair, NAME, NOW)
        with pytest.raises(UnusablePair):
            is_good(pair, authority, NAME, NOW)


def test_two_authorities_have_nothing_in_common(authority: Pair) -> None:
    assert len({authority.key, make_authority(NAME, NOW).key}) == 2
    assert b"PRIVATE" not in authority.certificate
