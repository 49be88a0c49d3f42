"""Attack case 86: what a caller says of the server's own address changes nothing."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.security.answers import log_of
from tests.support.server import RunningServer
from tests.support.world import CLIENTS, ROLES, World, new_world

EVIL = "evil.example"
SPOOFS = [
    {"Host": EVIL},
    {"Host": f"grantory.test@{EVIL}"},
    {"Host": f"grantory.test:80@{EVIL}"},
    {"Host": f'"><script src=//{EVIL}></script>'},
    {"X-Forwarded-Host": EVIL},
    {"X-Forwarded-Host": f"{EVIL}, grantory.test"},
    {"X-Forwarded-Server": EVIL},
    {"X-Host": EVIL},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "X-Forwarded-Host": EVIL},
    {"X-Forwarded-Scheme": "https", "X-Forwarded-Ssl": "on"},
    {"X-Forwarded-Prefix": f"//{EVIL}/"},
    {"Forwarded": f"for=192.0.2.66;host={EVIL};proto=https"},
    {"X-Original-Host": EVIL, "X-HTTP-Host-Override": EVIL},
    {"X-Original-URL": "/api/v2/users/me", "X-Rewrite-URL": "/api/v2/users/me"},
    {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"},
    {"X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66", "Client-IP": "192.0.2.66"},
    {"Referer": f"https://{EVIL}/", "Origin": f"https://{EVIL}"},
    {"X-Forwarded-User": "admin", "X-Client-Cert": "x", "X-Client-Id": "x", "Remote-User": "a"},
]


def seen(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """What an answer says, but for what is new in each."""
    text = answer.text.replace(answer.headers["ININ-Correlation-Id"], "")
    skipped = ("inin-correlation-id", "inin-ratelimit-count", "content-length")
    return answer.status_code, text, {k: v for k, v in answer.headers.items() if k not in skipped}


@pytest.mark.parametrize("headers", SPOOFS, ids=lambda headers: next(iter(headers)))
@pytest.mark.parametrize("trusted", [False, True])
async def test_case_86_spoofed_addresses_change_no_answer(
    tmp_path: Path, headers: dict[str, str], trusted: bool
) -> None:
    proxies = ("127.0.0.1",) if trusted else ()
    async with new_world(
        tmp_path / "data", trusted_proxies=proxies, public_url="https://grantory.test"
    ) as world:
        await world.admin.make_member("routing:queue:view")
        paths = ["/", CLIENTS, f"{CLIENTS}?pageSize=1", ROLES, f"{CLIENTS}/{world.admin.client_id}"]
        paths += ["/api/v2/tokens/me", "/api/v2/organizations/me", "/nowhere", "/health/ready"]
        paths += ["/api/v2/authorization/subjects/me", "/api/v2/authorization/permissions"]
        for path in paths:
            plain = await world.admin.call("GET", path)
            spoofed = await world.admin.call("GET", path, headers=headers)
            assert seen(spoofed) == seen(plain)
            assert EVIL not in spoofed.text + str(spoofed.headers)
        anonymous = [
            await world.http.get(CLIENTS, headers=headers),
            await world.http.post("/oauth/token", data={"a": "b"}, headers=headers),
        ]
        for answer in anonymous:
            assert EVIL not in answer.text + str(answer.headers)
        assert EVIL not in await log_of(world)
        assert ("192.0.2.66" in await log_of(world)) == (trusted and "X-Forwarded-For" in headers)


async def test_case_86_no_address_is_longer_than_an_address(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", trusted_proxies=("127.0.0.1",)) as world:
        long = {"X-Forwarded-For": f"fe80::1%{EVIL}" + "x" * 60_000}
        answer = await world.ask_token(world.admin.client_id, "wrong", headers=long)
        assert answer.status_code == 401
        await world.http.get(CLIENTS, headers=long)
        log = await log_of(world)
        assert log.count('"address":"127.0.0.1"') >= 2
        assert EVIL not in log


async def test_case_86_links_are_paths(world: World) -> None:
    """Every address in an answer is a path, which no host can be put into."""
    await world.admin.make_member("routing:queue:view")

    def addresses(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [v for k, v in value.items() if k.endswith("Uri") and isinstance(v, str)]
            return own + [a for v in value.values() for a in addresses(v)]
        return [a for v in value for a in addresses(v)] if isinstance(value, list) else []

    found: list[str] = []
    for path in (CLIENTS, f"{CLIENTS}?pageSize=1", ROLES, "/api/v2/authorization/subjects/me"):
        found += addresses(await world.admin.get(path))
    assert len(found) > 10
    assert all(address.startswith("/api/v2/") for address in found), found


async def test_case_86_the_page_shows_the_address_of_the_settings(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", public_url="https://auth.example.com") as world:
        page = await world.http.get("/", headers={"Host": EVIL, "X-Forwarded-Host": EVIL})
        assert "https://auth.example.com/oauth/token" in page.text
        assert EVIL not in page.text


def test_case_86_a_whole_address_in_the_request_line(server: RunningServer) -> None:
    token = server.token()
    headers = {"Authorization": f"Bearer {token}", "Host": EVIL}
    plain = server.request("GET", CLIENTS, headers=headers)
    whole = server.request("GET", f"http://{EVIL}:81{CLIENTS}", headers=headers)

    assert (whole.status, whole.body) == (plain.status, plain.body) == (200, plain.body)
    assert EVIL.encode() not in whole.body
    assert EVIL not in str(whole.headers)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"public_url": "https://auth.example.com"}, "https://auth.example.com"),
        ({"public_url": "https://auth.example.com", "tls_dev": "x.localhost"}, None),
        ({"tls_dev": "x.localhost", "port": 8443}, "https://x.localhost:8443"),
        ({"tls_cert": Path("unread"), "host": "::1", "port": 8443}, "https://[::1]:8443"),
        ({"port": 8081}, "http://127.0.0.1:8081"),
    ],
)
async def test_case_86_one_setting_decides_the_servers_own_address(
    tmp_path: Path, settings: dict[str, Any], address: str | None
) -> None:
    expected = address or settings["public_url"]
    async with new_world(tmp_path / "data", **settings) as world:
        for spoof in ({}, {"Host": EVIL}, {"Host": "api.x.localhost:8443"}, *SPOOFS[4:12]):
            page = await world.http.get("/", headers=spoof)
            assert f"{expected}/oauth/token" in page.text
            assert EVIL not in page.text + str(page.headers)
            assert "location" not in page.headers
            asked = {"Origin": f"https://{EVIL}", "Access-Control-Request-Method": "GET", **spoof}
            preflight = await world.http.options(CLIENTS, headers=asked)
            assert EVIL not in str(preflight.headers)
