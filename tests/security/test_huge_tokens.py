"""Attack case 50, by size: tokens that are too large, or that unpack to more, are not read."""

import sys
from types import FrameType
from typing import Any

import httpx2 as httpx
import pytest
from joserfc import jwe
from joserfc.errors import ExceededSizeError
from joserfc.jwk import ECKey

from grantory.protocol.token_codec import MAX_LENGTH
from tests.security.answers import oauth_refused, refused
from tests.security.wire import exchange, replies
from tests.support.about_tokens import INACTIVE, INTROSPECT, REVOKE, is_done
from tests.support.jwts import jwt_client, opened, published, signed, signer
from tests.support.server import RunningServer
from tests.support.world import ADDRESS, CLIENTS, World

ME = "/api/v2/tokens/me"
LARGE, HUGE = 250_000, 1_000_000
PACKED = ["ECDH-ES", "A256GCM", "DEF"]
READING = ("a2b_", "b64decode", "base64url", "compress", "loads", "Decoder", "verifies")
"""What stands in the name of a function that reads what a token holds, or looks who signed it."""


class Watched:
    """A server's application, which notes what each request makes Python do: no clock says it."""

    def __init__(self, world: World) -> None:
        self._application = world.application
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.answer), base_url=ADDRESS
        )
        self.instructions = 0
        """Of bytecode, of the last request."""
        self.functions: set[str] = set()
        """That the last request has entered, those in C included."""

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers as the application does."""
        self.instructions, self.functions = 0, set()
        tracing, profiling = sys.gettrace(), sys.getprofile()
        sys.settrace(self._trace)
        sys.setprofile(self._profile)
        try:
            await self._application(scope, receive, send)
        finally:
            sys.setprofile(profiling)
            sys.settrace(tracing)

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "opcode":
            self.instructions += 1
        elif event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._trace

    def _profile(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "call":
            self.functions.add(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")
        elif event == "c_call":
            kind = type(getattr(function, "__self__", None)).__name__
            self.functions.add(f"{kind} {function.__module__}.{function.__qualname__}")

    @property
    def reads(self) -> set[str]:
        """What of it reads a token."""
        return {name for name in self.functions if any(word in name for word in READING)}


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world)


def bomb(jwk: dict[str, Any], header: dict[str, Any], megabytes: int) -> str:
    """A JWE for whoever holds a key's private half, with zeros inside."""
    key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
    protected = {**header, "alg": PACKED[0], "enc": PACKED[1], "zip": PACKED[2]}
    return jwe.encrypt_compact(protected, bytes(megabytes * 1_000_000), key, algorithms=PACKED)


def test_case_50_a_bomb_is_one() -> None:
    """It would go off where its reader did not count."""
    mine = ECKey.generate_key("P-256")
    text = bomb(mine.as_dict(private=False), {"typ": "at+jwt"}, 20)
    assert len(text) < MAX_LENGTH < 20_000_000
    with pytest.raises(ExceededSizeError):
        jwe.decrypt_compact(text, mine, algorithms=PACKED)


async def tokens_of_size(world: World, size: int) -> dict[str, str]:
    """Tokens of many kinds that have about this size; those with a signature have a good one."""
    token = await (await jwt_client(world)).log_in()
    header, claims = opened(token)
    key = await signer(world)
    jwk = (await published(world.http))[header["kid"]]
    fill = "a" * (size * 3 // 4)
    return {
        "claims": signed(key, claims | {"scope": fill}),
        "header": signed(key, claims, {**header, "x": fill}),
        "depth": signed(key, b"[" * (len(fill) // 2) + b"]" * (len(fill) // 2)),
        "signature": f"{token.rpartition('.')[0]}.{'A' * size}",
        "parts": ".".join(["eyJ"] * (size // 4)),
        "dots": "eyJ" + "." * size,
        "letters": "eyJ" + "A" * size,
        "JWE": bomb(jwk, header, min(size, LARGE) // 1_400),
        "opaque": "gat_" + "A" * size,
        "refresh": "grt_" + "A" * size,
        "nothing": "x" * size,
    }


async def cost(watched: Watched, method: str, url: str, **request: Any) -> tuple[int, Any]:
    """How much bytecode a request takes that reads nothing of its token, and its answer."""
    found: list[tuple[int, Any]] = []
    for _ in range(3):  # the middle one: neither the first of its kind, nor one of many
        answer = await watched.http.request(method, url, **request)
        assert watched.reads == set()
        found.append((watched.instructions, answer))
    return sorted(found, key=lambda each: each[0])[1]


async def test_case_50_what_reads_a_token_would_be_seen(world: World, watched: Watched) -> None:
    member, caller = await jwt_client(world), (world.admin.client_id, world.admin.secret)
    for method, url in (("GET", ME), ("POST", INTROSPECT)):
        token = await member.log_in()  # of which nothing is remembered
        by_token = {"headers": {"Authorization": f"Bearer {token}"}}
        asked = {"data": {"token": token}, "auth": caller}
        request: dict[str, Any] = by_token if url == ME else asked
        answer = await watched.http.request(method, url, **request)
        assert answer.status_code == 200
        seen = {name.rpartition(".")[2] for name in watched.reads}
        assert {"read_base64url", "a2b_base64", "decode", "verifies"} <= seen


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
async def test_case_50_a_large_token_in_a_form_is_not_read(
    world: World, watched: Watched, path: str
) -> None:
    caller = (world.admin.client_id, world.admin.secret)
    await watched.http.post(path, data={"token": "x"}, auth=caller)  # so that it is known
    some, larger = await tokens_of_size(world, LARGE // 2), await tokens_of_size(world, LARGE)
    for kind, token in larger.items():
        assert len(token) > 1.8 * len(some[kind]) > 3 * MAX_LENGTH
        for hint in ("access_token", "refresh_token"):
            form = {"token_type_hint": hint}
            costs = []
            for text in (some[kind], token):
                instructions, answer = await cost(
                    watched, "POST", path, data={"token": text, **form}, auth=caller
                )
                costs.append(instructions)
                if path == REVOKE:
                    await is_done(answer)
                else:
                    assert (answer.status_code, answer.content) == (200, INACTIVE)
            assert costs[0] == costs[1], kind
    # More is no form any more.
    data = {"token": "a" * 300_000}
    oauth_refused(await watched.http.post(path, data=data, auth=caller), 413, "invalid_request")


BEARERS = (
    *(("GET", ME), ("GET", CLIENTS), ("POST", CLIENTS), ("DELETE", ME)),
    *(("POST", INTROSPECT), ("POST", REVOKE), ("POST", "/oauth/token")),
)


@pytest.mark.parametrize(("method", "path"), BEARERS)
async def test_case_50_a_token_of_a_megabyte_in_a_header_is_not_read(
    world: World, watched: Watched, method: str, path: str
) -> None:
    """Past the connection, which lets no such header in."""
    some, larger = await tokens_of_size(world, HUGE // 2), await tokens_of_size(world, HUGE)
    form: dict[str, Any] = {"data": {"token": "x", "grant_type": "client_credentials"}}
    asked = form if path.startswith("/oauth/") else {}
    texts = {f"Bearer {some[kind]}": f"Bearer {larger[kind]}" for kind in larger}
    if asked:
        texts[f"Basic {'A' * HUGE}"] = f"Basic {'A' * 2 * HUGE}"
    for one, other in texts.items():
        costs = []
        for text in (one, other):
            headers = {"Authorization": text}
            instructions, answer = await cost(watched, method, path, headers=headers, **asked)
            costs.append(instructions)
            if asked:
                oauth_refused(answer, 401, answer.json()["error"])
            else:
                refused(answer, 401, "bad.credentials")
        assert costs[0] == costs[1], one[:20]


async def test_case_50_a_bomb_that_is_small_is_not_unpacked(world: World, watched: Watched) -> None:
    token = await (await jwt_client(world)).log_in()
    header, _ = opened(token)
    jwk = (await published(world.http))[header["kid"]]
    caller = (world.admin.client_id, world.admin.secret)
    await watched.http.post(INTROSPECT, data={"token": "x"}, auth=caller)
    for more in (header, {}, {"typ": "at+jwt"}, {"cty": "JWT"}):
        text = bomb(jwk, more, 20)
        assert len(text) < MAX_LENGTH
        _, answer = await cost(watched, "POST", INTROSPECT, data={"token": text}, auth=caller)
        assert answer.content == INACTIVE
        _, answer = await cost(watched, "POST", REVOKE, data={"token": text}, auth=caller)
        await is_done(answer)
        headers = {"Authorization": f"Bearer {text}"}
        _, answer = await cost(watched, "GET", ME, headers=headers)
        refused(answer, 401, "bad.credentials")


def test_case_50_no_header_of_a_megabyte_is_let_in() -> None:
    with RunningServer() as server:
        token = "eyJ" + "A" * HUGE
        for method, path in (*BEARERS, ("GET", "/oauth/authorize"), ("GET", "/health/ready")):
            for value in (f"Bearer {token}", f"Basic {token}", token):
                head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {value}\r\n\r\n"
                [reply] = replies(exchange(server, head.encode()))
                assert reply.status == 431, (path, reply)
        answer = server.request("GET", "/health/ready")
        assert answer.status == 200
