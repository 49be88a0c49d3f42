"""Attack case 81: which web pages are shown what they were answered."""

import re
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import httpx2 as httpx
import pytest

from grantory.app import build_operations
from grantory.http.cors import MOST_REMEMBERED, REMEMBERED_SECONDS, Cors
from grantory.http.request import Request
from grantory.http.response import Response
from tests.security.wire import exchange, replies
from tests.support.server import RunningServer
from tests.support.soak import databases
from tests.support.world import CLIENTS, Member, World, new_world

APP = "https://app.example.com"
LISTED = "https://listed.example.com"
EVIL = "https://evil.example"
OWN = "/api/v2/organizations/me"
EXPOSED = {
    *("inin-correlation-id", "retry-after"),
    *("inin-ratelimit-count", "inin-ratelimit-allowed", "inin-ratelimit-reset"),
}
NO_ORIGINS = [
    *("", "null", "*", "app.example.com", "https://", "//app.example.com", f"{APP}/", f"{APP}/cb"),
    *(f"{APP}:443", f"{APP}:0", f"{APP}:", f"{APP}:99999999", f"{APP}.evil.example", f"{APP}x"),
    *("https://APP.example.com", "HTTPS://app.example.com", "http://app.example.com"),
    *(f"{APP} {EVIL}", f"{APP},{EVIL}", f"{EVIL} {APP}", "https://evil@app.example.com"),
    *(
        "https://app.example.com\\@evil.example",
        "https://app.example.com%2f",
        "javascript:alert(1)",
    ),
    *("https://app.example.com#", "https://app.example.com?", "https://a..example", "file://"),
    *("https://" + "a" * 400, "https://[::1", "x" * 10_000, "https://\xe4pp.example.com"),
]

NAMES = [
    ("authorization,content-type", "authorization, content-type"),
    ("Authorization ,\tX-A", "Authorization, X-A"),
    (",".join(["x"] * 50), ", ".join(["x"] * 50)),
    ("", None),
    (",".join(["x"] * 51), None),
    ("x" * 2_049, None),
    ("a" * 257, None),
    ("authorization,", None),
    ("a b", None),
    ("*", None),
    ("authorization,*", None),
    ("a*", "a*"),
    ("x:y", None),
    ("<script>", None),
    ("\xe4", None),
]
"""Names of headers that are asked for, and what is given back."""


@pytest.fixture(params=databases())
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A server with one client of ``APP``, and one origin that the settings list."""
    on_postgres = request.param == "postgresql"
    folder = tmp_path / "data"
    async with new_world(folder, on_postgres=on_postgres, http_cors_origins=(LISTED,)) as made:
        await register(made.admin, f"{APP}/callback")
        yield made


async def register(member: Member, *uris: str) -> str:
    body = {"name": "app", "authorizedGrantType": "CODE", "registeredRedirectUri": list(uris)}
    return str((await member.post(CLIENTS, body))["id"])


def told(answer: httpx.Response) -> dict[str, str]:
    """What an answer says of origins."""
    marks = ("access-control-", "vary", "timing-allow", "cross-origin")
    return {name: text for name, text in answer.headers.items() if name.startswith(marks)}


def is_open(answer: httpx.Response, origin: str) -> None:
    """The page of an origin may read this answer, and no other page may."""
    found = told(answer)
    assert found.pop("vary") == "Origin"
    assert found.pop("access-control-allow-origin") == origin
    exposed = found.pop("access-control-expose-headers")
    assert {name.strip().lower() for name in exposed.split(",")} == EXPOSED
    assert "access-control-allow-credentials" not in found
    assert "*" not in "".join(found.values())


def is_closed(answer: httpx.Response) -> None:
    """No page may read this answer; and caches know that the origin counts."""
    assert told(answer) == {"vary": "Origin"}, answer.url


async def preflight(
    world: World, path: str, origin: str = APP, method: str = "GET", **headers: str
) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await world.http.options(path, headers=asked | named)


@pytest.mark.parametrize("origin", [APP, LISTED])
async def test_case_81_a_registered_origin_may_ask_and_read(world: World, origin: str) -> None:
    asked = await preflight(
        world, "/oauth/token", origin, "POST", Access_Control_Request_Headers="authorization"
    )
    assert (asked.status_code, asked.content) == (204, b"")
    is_open(asked, origin)
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert asked.headers["access-control-allow-headers"] == "authorization"
    assert asked.headers["access-control-max-age"] == "600"

    headers = {"Origin": origin}
    token = await world.ask_token(world.admin.client_id, world.admin.secret, headers=headers)
    assert token.status_code == 200
    is_open(token, origin)
    got = await world.admin.call("GET", CLIENTS, headers=headers)
    assert got.status_code == 200
    is_open(got, origin)
    assert "access-control-allow-methods" not in got.headers
    assert "access-control-max-age" not in got.headers


async def test_case_81_any_other_origin_reads_nothing(world: World) -> None:
    for origin in (EVIL, *NO_ORIGINS):
        raw = {b"Origin": origin.encode("latin-1")}
        for path in (CLIENTS, "/oauth/token"):
            asked = {**raw, b"Access-Control-Request-Method": b"GET"}
            answer = await world.http.options(path, headers=asked)
            assert answer.status_code == 204
            is_closed(answer)
        is_closed(await world.http.options("/api/v2/nowhere", headers=raw))
        is_closed(await world.http.get(CLIENTS, headers=raw))
        is_closed(await world.http.post("/oauth/token", data={"grant_type": "x"}, headers=raw))
        headers = {**raw, b"Authorization": f"Bearer {world.admin.token}".encode()}
        good = await world.http.get(OWN, headers=headers)
        assert good.status_code == 200
        is_closed(good)


async def test_case_81_without_an_origin_nothing_is_asked_and_caches_are_told(world: World) -> None:
    is_closed(await world.admin.call("GET", CLIENTS))
    is_closed(await world.http.get(CLIENTS))
    is_closed(await world.ask_token(world.admin.client_id, world.admin.secret))


async def test_case_81_two_origins_are_none(server: RunningServer) -> None:
    head = "GET /api/v2/tokens/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    for pair in ((APP, EVIL), (EVIL, APP), (APP, APP)):
        lines = "".join(f"Origin: {origin}\r\n" for origin in pair)
        (answer,) = replies(exchange(server, f"{head}{lines}\r\n".encode()))
        assert answer.status == 401
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "origin"


async def test_case_81_errors_can_be_read(world: World) -> None:
    headers = {"Origin": APP}
    limited = await world.admin.make_member("routing:queue:view")
    answers = {
        401: await world.http.get(CLIENTS, headers=headers),
        403: await limited.call("GET", CLIENTS, headers=headers),
        404: await world.admin.call("GET", f"{CLIENTS}/x", headers=headers),
        405: await world.admin.call("DELETE", CLIENTS, headers=headers),
        415: await world.admin.call("POST", CLIENTS, content=b"x", headers=headers),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        is_open(answer, APP)
    nowhere = await world.admin.call("GET", "/api/v2/nowhere", headers=headers)
    assert nowhere.status_code == 404
    is_open(nowhere, APP)
    wrong = await world.ask_token(world.admin.client_id, "wrong", headers=headers)
    assert wrong.status_code == 401
    is_open(wrong, APP)


async def test_case_81_a_page_can_read_how_long_to_wait(tmp_path: Path) -> None:
    limit: dict[str, Any] = {"limits_requests_per_client": 2, "http_cors_origins": (LISTED,)}
    async with new_world(tmp_path / "data", **limit) as world:
        for _ in range(2):
            await world.admin.get(OWN)
        answer = await world.admin.call("GET", OWN, headers={"Origin": LISTED})
        assert answer.status_code == 429
        is_open(answer, LISTED)
        assert answer.headers["retry-after"] == "60"


def request_of(origin: str) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    headers = [(b"origin", origin.encode())]
    scope = {"type": "http", "method": "GET", "raw_path": b"/api/v2/x", "headers": headers}
    return Request(scope, receive, "", ())


async def test_case_81_a_503_can_be_read(world: World) -> None:
    cors = Cors(world.node.store, (LISTED,), world.clock)
    for origin in (APP, LISTED):
        headers = dict(await cors.headers(request_of(origin), Response(503), OWN))
        assert headers[b"access-control-allow-origin"] == origin.encode()
    assert list(await cors.headers(request_of(EVIL), Response(503), OWN)) == [(b"vary", b"Origin")]
    for path in ("/.well-known/jwks.json", "/oauth/jwks/x"):
        to_all = await cors.headers(request_of(EVIL), Response(503), path)
        assert to_all == ((b"access-control-allow-origin", b"*"),)


async def test_case_81_a_store_that_cannot_tell_spoils_no_answer(world: World) -> None:
    """The answer is good all the same; a page is shown it only where the settings say so."""
    await hide_the_uris(world)
    seen = await world.admin.call("GET", OWN, headers={"Origin": LISTED})
    assert seen.status_code == 200
    is_open(seen, LISTED)
    unseen = await world.admin.call("GET", OWN, headers={"Origin": EVIL})
    assert unseen.status_code == 200
    assert "access-control-allow-origin" not in unseen.headers
    assert unseen.json() == seen.json()


async def hide_the_uris(world: World) -> None:
    rename = "ALTER TABLE client_redirect_uris RENAME TO hidden"
    if world.settings.database_url:
        connection = await asyncpg.connect(world.settings.database_url)
        await connection.execute(rename)
        await connection.close()
    else:
        with closing(apsw.Connection(str(world.file))) as file:
            file.execute(rename)


async def test_case_81_every_declared_path_answers_a_preflight(world: World) -> None:
    methods: dict[str, set[str]] = {"/oauth/token": {"POST"}, "/oauth/revoke": {"POST"}}
    for operation in build_operations(world.node, world.settings):
        methods.setdefault(operation.path, set()).add(operation.method)
    for path, declared in methods.items():
        expected = declared | ({"HEAD"} if "GET" in declared else set())
        url = re.sub(r"\{\w+\}", "x", path)
        asked = await preflight(world, url, method="PATCH")
        assert asked.status_code == 204, path
        is_open(asked, APP)
        assert set(asked.headers["access-control-allow-methods"].split(", ")) == expected
        assert set(asked.headers["allow"].split(", ")) == expected
        plain = await world.http.options(url)
        assert (plain.status_code, plain.content) == (204, b"")
        assert set(plain.headers["allow"].split(", ")) == expected
        is_closed(plain)
        own = await world.http.options(url, headers={"Origin": APP})
        is_open(own, APP)
        assert "access-control-allow-methods" not in own.headers


async def test_case_81_behind_prefixes_too(tmp_path: Path) -> None:
    prefixes: dict[str, Any] = {"http_api_prefix": "/api", "http_login_prefix": "/login"}
    async with new_world(tmp_path / "data", http_cors_origins=(LISTED,), **prefixes) as world:
        for path in ("/api/api/v2/tokens/me", "/login/oauth/token", "/api/v2/tokens/me"):
            is_open(await preflight(world, path, LISTED), LISTED)
        token = await world.http.post("/login/oauth/token", headers={"Origin": LISTED})
        assert token.status_code == 400
        is_open(token, LISTED)
        is_open(await world.http.get("/api/api/v2/tokens/me", headers={"Origin": LISTED}), LISTED)


async def test_case_81_what_is_for_everybody_every_page_may_read(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", http_login_prefix="/login") as world:
        keys = f"/oauth/jwks/{world.founding.organization.id}"
        paths = ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json", keys]
        for path in (*paths, *(f"/login{path}" for path in paths)):
            headers = {"Origin": EVIL}
            for method, status in (("GET", 200), ("HEAD", 200), ("POST", 405)):
                answer = await world.http.request(method, path, headers=headers)
                assert answer.status_code == status
                assert told(answer) == {"access-control-allow-origin": "*"}, path
            asked = await preflight(world, path, EVIL, Access_Control_Request_Headers="x-a")
            assert (asked.status_code, asked.content) == (204, b"")
            assert told(asked) == {
                "access-control-allow-origin": "*",
                "access-control-allow-methods": "GET, HEAD",
                "access-control-allow-headers": "x-a",
                "access-control-max-age": "600",
            }


async def test_case_81_pages_are_for_no_other_page(world: World) -> None:
    paths = ["/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/metrics"]
    paths += ["/oauth/authorize", "/logout", "/oauth/token/", "/oauth/tokens", "/api/v2", "/x"]
    paths += ["/oauth/introspect", "/oauth/revoke/", "/.well-known"]
    for path in paths:
        for origin in (APP, LISTED):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            for method in ("GET", "POST", "OPTIONS"):
                answer = await world.http.request(method, path, headers=headers)
                assert not [name for name in answer.headers if name.startswith("access-control-")]
                assert answer.status_code != 204


async def test_case_81_only_names_of_headers_are_given_back(world: World) -> None:
    for asked, allowed in NAMES:
        headers = {
            b"Origin": APP.encode(),
            b"Access-Control-Request-Method": b"GET",
            b"Access-Control-Request-Headers": asked.encode("latin-1"),
        }
        answer = await world.http.options(CLIENTS, headers=headers)
        assert answer.status_code == 204
        assert answer.headers.get("access-control-allow-headers") == allowed, asked
        assert answer.headers["access-control-allow-origin"] == APP


async def test_case_81_an_origin_counts_for_as_long_as_a_client_has_it(world: World) -> None:
    other = world.member(await world.found("Other"))
    origin = "http://localhost:3000"
    is_closed(await preflight(world, CLIENTS, origin))
    client_id = await register(other, "com.example.app:/cb", f"{origin}/a?b=c", f"{origin}/d")
    is_open(await preflight(world, CLIENTS, origin), origin)  # of whatever organisation
    is_closed(await preflight(world, CLIENTS, "http://localhost:3001"))
    is_closed(await preflight(world, CLIENTS, "com.example.app://"))
    body = {"name": "app", "authorizedGrantType": "CODE", "registeredRedirectUri": [f"{EVIL}/a"]}
    await other.put(f"{CLIENTS}/{client_id}", body)
    world.clock.advance(REMEMBERED_SECONDS + 0.1)
    is_closed(await preflight(world, CLIENTS, origin))
    is_open(await preflight(world, CLIENTS, EVIL), EVIL)
    assert (await other.call("DELETE", f"{CLIENTS}/{client_id}")).status_code in (200, 204)
    world.clock.advance(REMEMBERED_SECONDS + 0.1)
    is_closed(await preflight(world, CLIENTS, EVIL))


async def test_case_81_what_is_remembered_is_bounded(world: World) -> None:
    cors = Cors(world.node.store, (), world.clock)
    uris = [f"https://a{number}.example/cb" for number in range(MOST_REMEMBERED + 10)]
    for start in range(0, len(uris), 50):
        await register(world.admin, *uris[start : start + 50])
    for uri in uris:
        headers = await cors.headers(request_of(uri.removesuffix("/cb")), Response(200), OWN)
        assert len(headers) == 3
    assert len(cors._until) == MOST_REMEMBERED
    for number in range(500):
        await cors.headers(request_of(f"https://b{number}.example"), Response(200), OWN)
    assert len(cors._until) == MOST_REMEMBERED, "what is not registered is not remembered"


async def token_requests(world: World) -> list[str]:
    metrics = (await world.http.get("/metrics")).text
    found = [line for line in metrics.splitlines() if line.startswith("grantory_token_requests_")]
    assert len(found) > 1
    return found


async def test_an_options_is_no_token_request_and_needs_no_token(world: World) -> None:
    before = await token_requests(world)
    answer = await world.http.options("/oauth/token", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 204
    world.clock.advance(60)
    assert await token_requests(world) == before
