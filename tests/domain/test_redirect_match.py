"""Whether a redirect URI was registered: equality, but for the port of a loopback address."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grantory.domain.redirect_match import is_registered
from grantory.domain.redirect_uri import RedirectUriError, check_redirect_uri

WEB = "https://app.example/callback?a=b"
LOOPBACK = ("http://127.0.0.1/cb", "http://[::1]:8080/cb?a=b", "http://127.0.0.1")
REGISTERED = (WEB, "com.example.app:/cb", "http://localhost:3000/cb", *LOOPBACK)

WORDS = "https:// http:// HTTP:// com.example.app: app.example APP.example evil.test localhost"
HOSTS = "127.0.0.1 127.0.0.2 [::1] [::2] : :80 :0 :8080 :65535 :65536 :99999 :+1 :01 :\u0661"
PATHS = "/ // /cb /CB /callback ? ?a=b &c # @ \\ .. %2e ;"
PIECES = [*WORDS.split(), *HOSTS.split(), *PATHS.split(), *"\n\t\x00\u2028"]
uris = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ports = st.integers(0, 100_000)
PORT = re.compile(r"^(http://(?:127\.0\.0\.1|\[::1\])):([0-9]+)(?=[/?]|\Z)", re.ASCII)


def without_port(uri: str) -> str:
    """Our own, plainer reading: a number after a loopback address goes."""
    return PORT.sub(r"\1", uri)


@given(uris)
@example("http://127.0.0.1:8080/cb\n")
@example("http://127.0.0.1:8080\n/cb")
def test_whatever_is_accepted_equals_a_registered_one_but_for_a_loopback_port(uri: str) -> None:
    if not is_registered(uri, REGISTERED):
        return
    if uri not in REGISTERED:
        assert without_port(uri) in {without_port(each) for each in LOOPBACK}
        match = PORT.match(uri)
        assert match is None or 0 < int(match[2]) < 65_536


@given(st.text(max_size=40))
def test_no_text_is_accepted_by_chance(text: str) -> None:
    assert is_registered(text, REGISTERED) == (text in REGISTERED)


@given(uris, uris)
def test_whatever_is_accepted_beside_equality_could_be_registered(uri: str, known: str) -> None:
    try:
        check_redirect_uri(known)
    except RedirectUriError:
        return
    if is_registered(uri, [known]):
        check_redirect_uri(uri)


@given(ports)
def test_every_port_of_a_loopback_address_and_no_other_is_fine(port: int) -> None:
    good = 0 < port < 65_536
    assert is_registered(f"http://127.0.0.1:{port}/cb", LOOPBACK) == good
    assert is_registered(f"http://[::1]:{port}/cb?a=b", LOOPBACK) == good
    assert is_registered(f"http://127.0.0.1:{port}", LOOPBACK) == good
    assert not is_registered(f"http://127.0.0.1:{port}/", LOOPBACK)
    assert not is_registered(f"http://[::1]:{port}/cb", LOOPBACK)
    assert is_registered(f"http://localhost:{port}/cb", REGISTERED) == (port == 3000)
    assert not is_registered(f"https://app.example:{port}/callback?a=b", REGISTERED)


@pytest.mark.parametrize("uri", REGISTERED)
def test_a_registered_one_is_itself(uri: str) -> None:
    assert is_registered(uri, REGISTERED)
    assert is_registered(uri, iter(REGISTERED))
    assert not is_registered(uri, ())
    for changed in (
        uri + "/",
        uri + "x",
        uri[:-1],
        uri.upper(),
        f" {uri}",
        f"{uri}#",
        f"{uri}\x00",
    ):
        assert not is_registered(changed, REGISTERED)
