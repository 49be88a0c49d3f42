"""Attack cases 6 and 7: which redirect URIs can be registered at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.redirect_uri import RedirectUriError, check_redirect_uri, origin_of
from tests.security.answers import refused
from tests.support.world import CLIENTS, World

GOOD = "https://app.example/callback"
GRANTS = ("CODE", "TOKEN", "SAML2-BEARER")

FRAGMENTS = [
    "https://app.example/callback#",
    "https://app.example/callback#part",
    "https://app.example#",
    "https://app.example/callback?a=b#part",
    "https://app.example/callback#/../x",
    "http://127.0.0.1:8080/callback#part",
    "com.example.app:/callback#part",
]
SCHEMES = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "FILE://host/share",
    "blob:https://app.example/1",
    "filesystem:https://app.example/temporary/1",
    "view-source:https://app.example",
    "about:blank",
    "ftp://app.example/callback",
    "ws://app.example/callback",
    "wss://app.example/callback",
    "chrome-extension://abcdef/callback",
    "intent://scan/",
    "jar:https://app.example!/x",
    "mailto:a@example.com",
    "urn:example:callback",
    "myapp:/callback",
    "//app.example/callback",
    "/callback",
    "app.example/callback",
    "?x",
    "",
]
HOSTS = [
    "http://app.example/callback",
    "http://localhost.evil.test/",
    "http://127.0.0.1.evil.test/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0.0.0.0/",
    "http://localhost./",
    "https:///callback",
    "https:/callback",
    "https:callback",
    "https://",
    "https://user@app.example/",
    "https://app.example@evil.test/",
    "https://app.example\\@evil.test/",
    "https://app.example\\.evil.test/",
    "https://app.example%2eevil.test/",
    "https://app.example%00.evil.test/",
    "https://[::1]evil.test/callback",
    "https://[::1].evil.test/callback",
    "https://evil.test[::1]/callback",
    "https://[::1%25evil.test]/callback",
    "https://[vF.evil]/callback",
    "https://[::1/callback",
    "https://app..example/",
    "https://.app.example/",
    "https://app.example:/",
    "https://app.example:0/",
    "https://app.example:65536/",
    "https://app.example:443:80/",
    "https://app.example:+443/",
    "https://*.app.example/",
    "https://app.example/*",
    "https://app.\uff45xample/",
    "https://\u0430pp.example/",
    "https://app.example\u3002evil.test/",
]
PATHS = [
    "https://app.example/callback/../x",
    "https://app.example/callback/..",
    "https://app.example/./callback",
    "https://app.example/callback/%2e%2e/x",
    "https://app.example/callback/%2E./x",
    "https://app.example/callback/..%2fx",
    "https://app.example/callback%2f..",
    "https://app.example/callback%5c..",
    "https://app.example/callback%252f..",
    "https://app.example/%252e%252e/x",
    "https://app.example/callback/..;/x",
    "https://app.example/callback/..;a=b/x",
    "https://app.example/call%0d%0aback",
    "https://app.example/call%00back",
    "https://app.example/callback%",
    "https://app.example/callback%zz",
    "https://app.example/call back",
    "https://app.example/call\tback",
    "https://app.example/call\r\nback",
    'https://app.example/"><script>',
    "https://app.example/{a}",
    "https://app.example/" + "a" * 2048,
]


def body_with(uri: str, grant: str) -> dict[str, Any]:
    return {"name": "a", "authorizedGrantType": grant, "registeredRedirectUri": [GOOD, uri]}


async def refuses(world: World, uris: list[str]) -> None:
    """Offers each URI to POST and to PUT, for every grant type that has redirect URIs."""
    mine = await world.admin.post(
        CLIENTS, {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [GOOD]}
    )
    for number, uri in enumerate(uris):
        body = body_with(uri, GRANTS[number % len(GRANTS)])
        for method, path in (("POST", CLIENTS), ("PUT", f"{CLIENTS}/{mine['id']}")):
            error = refused(await world.admin.call(method, path, body), 400, "invalid.value")
            assert error["details"][0]["fieldName"] == "registeredRedirectUri", uri
    kept = await world.admin.get(f"{CLIENTS}/{mine['id']}")
    assert kept["registeredRedirectUri"] == [GOOD]
    assert (await world.admin.get(CLIENTS))["total"] == 2


async def test_case_06_a_fragment_cannot_be_registered(world: World) -> None:
    await refuses(world, FRAGMENTS)


async def test_case_07_a_scheme_that_runs_or_reads_cannot_be_registered(world: World) -> None:
    await refuses(world, SCHEMES)


async def test_case_07_a_host_that_can_be_misread_cannot_be_registered(world: World) -> None:
    await refuses(world, HOSTS)


async def test_case_07_a_path_that_can_be_misread_cannot_be_registered(world: World) -> None:
    await refuses(world, PATHS)


async def test_case_07_a_grant_without_redirects_keeps_none(world: World) -> None:
    created = await world.admin.post(
        CLIENTS,
        {
            "name": "a",
            "authorizedGrantType": "PASSWORD",
            "registeredRedirectUri": ["javascript:alert(1)"],
        },
    )

    assert "registeredRedirectUri" not in created
    # Nor does the URI come to light when the grant type changes.
    changed = await world.admin.put(
        f"{CLIENTS}/{created['id']}", {"name": "a", "authorizedGrantType": "CODE"}
    )
    assert "registeredRedirectUri" not in changed


@pytest.mark.parametrize(
    "uri",
    [
        GOOD,
        "https://app.example:8443/callback?a=b",
        "http://127.0.0.1/callback",
        "http://[::1]:49152/",
        "http://localhost:8080/callback",
        "com.example.app:/callback",
    ],
)
async def test_case_07_what_official_clients_use_is_accepted(world: World, uri: str) -> None:
    created = await world.admin.post(CLIENTS, body_with(uri, "CODE"))

    assert uri in created["registeredRedirectUri"]


WORDS = (
    "https:// http:// HTTPS:// a.b: javascript: good.example evil.test localhost 127.0.0.1 [::1]"
)
MARKS = "@ \\ / // ? # : :443 [ ] %2f % .. . ; & * | x"
PIECES = st.sampled_from([*WORDS.split(), *MARKS.split(), " ", "\t", "\x00", "\u3002"])


@given(st.lists(PIECES, max_size=9).map("".join))
def test_case_07_whatever_is_accepted_has_one_plain_origin(uri: str) -> None:
    try:
        check_redirect_uri(uri)
    except RedirectUriError:
        return
    assert uri.isascii()
    assert uri.isprintable()
    assert "#" not in uri
    assert "\\" not in uri
    scheme, _, rest = uri.partition(":")
    if scheme.lower() in ("http", "https"):
        # The most naive reading of the host agrees with ours.
        naive = rest.removeprefix("//").partition("/")[0].partition("?")[0].lower()
        origin = origin_of(uri)
        assert origin is not None
        assert naive.removesuffix(":443").removesuffix(":80") in (
            origin.partition("//")[2],
            origin.partition("//")[2].removesuffix(":443").removesuffix(":80"),
        )
        assert "@" not in naive
    else:
        assert "." in scheme
