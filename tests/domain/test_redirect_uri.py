"""Which redirect URIs may be registered."""

import httpx2 as httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grantory.domain.redirect_uri import (
    MAX_LENGTH,
    RedirectUriError,
    check_redirect_uri,
    origin_of,
)

ACCEPTED = [
    "https://example.com",
    "https://example.com/",
    "https://example.com/callback?x=1&y=%20",
    "https://EXAMPLE.com/Callback",
    "https://example.com:8443/callback",
    "https://192.0.2.7/callback",
    "https://[2001:db8::1]:8443/callback",
    "https://example.com/a/b.c/..d",
    "https://example.com/a?next=../../b",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:53682/callback",
    "http://[::1]:8080/callback",
    "http://localhost:3000/callback",
    "com.example.app:/callback",
    "com.example.app://callback",
]
REFUSED = [
    "",
    "/callback",
    "//example.com/callback",
    "example.com/callback",
    "https:",
    "https://",
    "https:///callback",
    "https:example.com",
    "http://example.com/callback",
    "http://127.0.0.2/callback",
    "http://127.0.0.1.example.com/callback",
    "http://localhost.example.com/callback",
    "http://2130706433/callback",
    "http://0x7f.1/callback",
    "http://[::1].example.com/callback",
    "http://[::1]example.com:80/callback",
    "https://[::1]]/callback",
    "https://[fe80::1%25eth0]/callback",
    "https://[v1.x]/callback",
    "https://[2001:db8::g]/callback",
    "https://example.com/callback#fragment",
    "https://example.com/callback#",
    "https://user@example.com/callback",
    "https://user:password@example.com/callback",
    "https://example.com@evil.example/callback",
    "https://example.com\\@evil.example/callback",
    "https:\\\\example.com/callback",
    "https://example.com/a b",
    "https://example.com/a\tb",
    "https://example.com/a\nb",
    " https://example.com/",
    "https://example.com/\x00",
    "https://*.example.com/callback",
    "https://example.com/*",
    "https://exämple.com/callback",
    "https://example.com/\u2028",
    "https://example.com/a/../b",
    "https://example.com/a/./b",
    "https://example.com/a/%2e%2E/b",
    "https://example.com/a/..;x/b",
    "https://example.com/..",
    "https://example.com/a%2fb",
    "https://example.com/a%5Cb",
    "https://example.com/a%00b",
    "https://example.com/a%0d%0ab",
    "https://example.com/a%zz",
    "https://example.com/a%252e%252e/b",
    "https://example.com:/callback",
    "https://example.com:0/callback",
    "https://example.com:65536/callback",
    "https://example.com:-1/callback",
    "https://example.com:+443/callback",
    "https://.example.com/callback",
    "https://example..com/callback",
    "https://-example.com/callback",
    "https://exa%6dple.com/callback",
    "ftp://example.com/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "urn:ietf:wg:oauth:2.0:oob",
    "myapp:/callback",
    "com.example.app:",
    "https://example.com/" + "a" * MAX_LENGTH,
]


@pytest.mark.parametrize("uri", ACCEPTED)
def test_uris_that_clients_need_may_be_registered(uri: str) -> None:
    check_redirect_uri(uri)


@pytest.mark.parametrize("uri", REFUSED)
def test_uris_that_some_parser_could_read_otherwise_may_not(uri: str) -> None:
    with pytest.raises(RedirectUriError):
        check_redirect_uri(uri)


def test_the_longest_uri_is_just_accepted() -> None:
    longest = "https://example.com/".ljust(MAX_LENGTH, "a")
    check_redirect_uri(longest)
    with pytest.raises(RedirectUriError, match="2048"):
        check_redirect_uri(longest + "a")


PIECES = st.sampled_from(
    [
        *("http", "https", "HTTPS", "com.example.app", ":", "://", "/", "//", "\\", "@", "?", "#"),
        *("127.0.0.1", "[::1]", "localhost", "example.com", "evil.example", "[", "]", "::1"),
        *(".", "..", "%2e", "%00", "%25", ":80", ":443", ":", ";", "&", "=", "a", "*", " ", "\t"),
        *("%", "ä", "-", "_", "0x7f.1", "\n", "0", "+", "'", "(", "~"),
    ]
)
URIS = st.one_of(
    st.lists(PIECES, max_size=9).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "https://" + "".join(pieces)),
    st.lists(PIECES, max_size=6).map(lambda pieces: "http://127.0.0.1" + "".join(pieces)),
    st.lists(PIECES, max_size=6).map(lambda pieces: "http://[::1]" + "".join(pieces)),
    st.text(max_size=40).map(lambda text: "https://example.com" + text),
)


@given(URIS)
@example("http://[::1]evil.example")
@example("https://example.com?@evil.example")
def test_what_is_accepted_has_the_same_host_for_an_independent_parser(uri: str) -> None:
    try:
        check_redirect_uri(uri)
    except RedirectUriError:
        return
    parsed = httpx.URL(uri)
    assert not parsed.fragment
    assert not parsed.userinfo
    origin = origin_of(uri)
    if parsed.scheme not in ("http", "https"):
        assert origin is None
        assert "." in parsed.scheme
        return
    assert parsed.host == _host_by_hand(uri)
    if parsed.scheme == "http":
        assert parsed.host in ("127.0.0.1", "::1", "localhost")
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    assert origin == f"{parsed.scheme}://{host}" + (f":{parsed.port}" if parsed.port else "")


def _host_by_hand(uri: str) -> str:
    """The host as the strictest browser would cut it out: up to the first of ``/ ? # \\``."""
    authority = uri.split("://", 1)[1]
    for end in "/?#\\":
        authority = authority.split(end, 1)[0]
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        assert not rest or rest.startswith(":")
        return host.lower()
    return authority.partition(":")[0].lower()


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://Example.COM/callback?x", "https://example.com"),
        ("https://example.com:443/callback", "https://example.com"),
        ("https://example.com:8443/callback", "https://example.com:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://127.0.0.1:443/", "http://127.0.0.1:443"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("com.example.app:/callback", None),
    ],
)
def test_origins_are_written_as_browsers_send_them(uri: str, origin: str | None) -> None:
    assert origin_of(uri) == origin
