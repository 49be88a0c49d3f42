"""Attack case 87: requests whose borders two programs could see in different places."""

import socket
from collections.abc import Iterator

import pytest

from tests.security.wire import SECONDS, exchange, one_reply, platform_error, replies
from tests.support.server import HOST, RunningServer, basic
from tests.support.world import declared_operations

FORM = b"grant_type=client_credentials"
CHUNKED = b"1d\r\n" + FORM + b"\r\n0\r\n\r\n"
INNER = b"GET /api/v2/users/me HTTP/1.1\r\nHost: inner\r\n\r\n"
"""A request that would show in the log if it were taken for one."""


@pytest.fixture(scope="module")
def target() -> Iterator[RunningServer]:
    """A server that counts no failures and believes what this machine says of addresses."""
    environment = {
        "GRANTORY_THROTTLE_FAILURES_PER_ADDRESS": "0",
        "GRANTORY_THROTTLE_FAILURES_PER_CLIENT_AND_ADDRESS": "0",
        "GRANTORY_TRUSTED_PROXIES": "127.0.0.1",
    }
    with RunningServer(environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def token(target: RunningServer) -> str:
    """A good access token."""
    return target.token()


def token_request(target: RunningServer, *lines: bytes, body: bytes = FORM) -> bytes:
    """A token request with right credentials, whose framing is up to the caller."""
    credentials = basic(target.client_id, target.client_secret).encode()
    head = [
        b"POST /oauth/token HTTP/1.1",
        b"Host: grantory.test",
        b"Connection: close",
        b"Content-Type: application/x-www-form-urlencoded",
        b"Authorization: " + credentials,
        *lines,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def call(token: str, line: str, *lines: bytes, body: bytes = b"") -> bytes:
    """An API request with a good token."""
    head = [
        line.encode("latin-1") + b" HTTP/1.1",
        b"Host: grantory.test",
        b"Connection: close",
        b"Authorization: Bearer " + token.encode(),
        *lines,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_case_87_the_plain_shapes_are_fine(target: RunningServer) -> None:
    length = b"Content-Length: %d" % len(FORM)
    assert one_reply(target, token_request(target, length)).status == 200
    chunked = token_request(target, b"Transfer-Encoding: chunked", body=CHUNKED)
    assert one_reply(target, chunked).status == 200
    expecting = token_request(target, length, b"Expect: 100-continue")
    assert one_reply(target, expecting).status == 200


FRAMINGS: dict[str, tuple[list[bytes], bytes]] = {
    "length and chunked": ([b"Content-Length: 29", b"Transfer-Encoding: chunked"], CHUNKED),
    "chunked and length": ([b"Transfer-Encoding: chunked", b"Content-Length: 29"], CHUNKED),
    "chunked and length 0": ([b"Transfer-Encoding: chunked", b"Content-Length: 0"], CHUNKED),
    "length twice, the same": ([b"Content-Length: 29"] * 2, FORM),
    "length twice, different": ([b"Content-Length: 29", b"Content-Length: 5"], FORM),
    "a list of lengths": ([b"Content-Length: 29, 29"], FORM),
    "a negative length": ([b"Content-Length: -1"], FORM),
    "a length with a sign": ([b"Content-Length: +29"], FORM),
    "a length in hex": ([b"Content-Length: 0x1d"], FORM),
    "a length in parts": ([b"Content-Length: 2 9"], FORM),
    "a huge length": ([b"Content-Length: " + b"9" * 30], FORM),
    "an empty length": ([b"Content-Length:"], FORM),
    "identity": ([b"Transfer-Encoding: identity"], FORM),
    "an unknown coding": ([b"Transfer-Encoding: xchunked"], CHUNKED),
    "chunked, then gzip": ([b"Transfer-Encoding: chunked, gzip"], CHUNKED),
    "chunked twice": ([b"Transfer-Encoding: chunked, chunked"], CHUNKED),
    "two codings": ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"], CHUNKED),
    "space before the colon": ([b"Transfer-Encoding : chunked"], CHUNKED),
    "tab before the colon": ([b"Transfer-Encoding\t: chunked"], CHUNKED),
    "vertical tab": ([b"Transfer-Encoding:\x0bchunked"], CHUNKED),
    "a folded line": ([b"Transfer-Encoding:\r\n chunked"], CHUNKED),
    "a bare line feed": ([b"X: a\nTransfer-Encoding: chunked"], CHUNKED),
    "a bare carriage return": ([b"X: a\rTransfer-Encoding: chunked"], CHUNKED),
    "NUL in a header": ([b"X: a\x00b", b"Content-Length: 29"], FORM),
    "NUL in a header's name": ([b"X\x00: a", b"Content-Length: 29"], FORM),
    "a header without a colon": ([b"Content-Length 29"], FORM),
    "a header without a name": ([b": 29"], FORM),
    "a chunk of no number": ([b"Transfer-Encoding: chunked"], b"zz\r\n" + FORM),
    "a chunk of a negative size": ([b"Transfer-Encoding: chunked"], b"-1d\r\n" + FORM),
    "a chunk of a huge size": ([b"Transfer-Encoding: chunked"], b"f" * 20 + b"\r\n" + FORM),
    "a chunk with 0x": ([b"Transfer-Encoding: chunked"], b"0x1d\r\n" + FORM),
    "a chunk longer than told": (
        [b"Transfer-Encoding: chunked"],
        b"1c\r\n" + FORM + b"\r\n0\r\n\r\n",
    ),
    "chunks with bare line feeds": (
        [b"Transfer-Encoding: chunked"],
        CHUNKED.replace(b"\r\n", b"\n"),
    ),
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_case_87_doubtful_framing_is_refused(target: RunningServer, name: str) -> None:
    lines, body = FRAMINGS[name]

    # What follows on the connection is never read as a request.
    for request in (
        token_request(target, *lines, body=body),
        token_request(target, *lines, body=body + INNER),
    ):
        reply = one_reply(target, request)
        assert 400 <= reply.status < 500
        if "code" in reply.json():
            platform_error(reply)
        assert b"access_token" not in reply.body
    assert "/api/v2/users/me" not in target.log_text()


def test_case_87_a_body_that_ends_early_does_nothing(target: RunningServer, token: str) -> None:
    broken, whole = b"X-Forwarded-For: 203.0.113.77", b"X-Forwarded-For: 203.0.113.78"
    before = target.call("GET", "/api/v2/oauth/clients", token=token).body
    json_body = b'{"name":"a","authorizedGrantType":"CODE"}'
    long = [b"Content-Type: application/json", b"Content-Length: 500"]
    for request in (
        token_request(target, broken, b"Content-Length: 30"),
        token_request(target, broken, b"Transfer-Encoding: chunked", body=b"1d\r\n" + FORM),
        call(token, "POST /api/v2/oauth/clients", broken, *long, body=json_body),
    ):
        assert exchange(target, request, end=True) == b""

    length = b"Content-Length: %d" % len(FORM)
    assert one_reply(target, token_request(target, whole, length)).status == 200
    target.wait_for_log("203.0.113.78")
    assert "203.0.113.77" not in target.log_text()
    assert target.call("GET", "/api/v2/oauth/clients", token=token).body == before


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0", b"x"])
def test_case_87_an_upgrade_hides_no_request(target: RunningServer, protocol: bytes) -> None:
    """A parser that obeyed an upgrade would stop at the head and take the body for a request."""
    upgrade = [b"Connection: upgrade", b"Upgrade: " + protocol]
    for framing in (b"Content-Length: %d" % len(INNER), b"Transfer-Encoding: chunked"):
        head = token_request(target, *upgrade, framing, body=b"")
        assert one_reply(target, head + INNER).status == 400
        # The name of a header may come in two pieces, unseen as an upgrade: then it is refused.
        early, late = head.split(b"pgrade: ", 1)
        reply = one_reply(target, early, b"pgrade: " + late + INNER)
        assert reply.status == 400
    assert "/api/v2/users/me" not in target.log_text()
    assert "WebSocket" not in target.log_text()


def test_case_87_an_upgrade_is_left_unheard(target: RunningServer) -> None:
    """Java's standard client and ``curl --http2`` ask for h2c with their first request."""
    upgrade = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAE"]
    form = b"grant_type=client_credentials&x=%0d%0aupgrade:"
    length = b"Content-Length: %d" % len(form)
    reply = one_reply(target, token_request(target, *upgrade, length, body=form))
    assert reply.status == 200
    reply = one_reply(
        target,
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        + b"\r\n".join(upgrade)
        + b"\r\n\r\n",
    )
    assert reply.status == 200


def test_case_87_trailers_are_no_headers(target: RunningServer, token: str) -> None:
    secret = f"Authorization: Bearer {token}\r\n".encode()
    chunked = b"Host: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    head = b"GET /api/v2/tokens/me HTTP/1.1\r\n" + chunked
    reply = one_reply(target, head + secret + b"\r\n")
    assert (reply.status, platform_error(reply)["code"]) == (401, "authentication.required")
    # Nor do they add to those that came: the address in the log is the proxy's word alone.
    forwarded = b"X-Forwarded-For: 192.0.2.1"
    spoofed = CHUNKED[:-2] + b"X-Forwarded-For: 198.51.100.66\r\n" + secret + b"\r\n"
    request = token_request(target, forwarded, b"Transfer-Encoding: chunked", body=spoofed)
    assert one_reply(target, request).status == 200
    target.wait_for_log('"address":"192.0.2.1"')
    assert "198.51.100.66" not in target.log_text()


def flood(target: RunningServer, head: bytes, more: bytes) -> int:
    """Sends until the server has had enough; gives the bytes that it let in."""
    sent = 0
    with socket.create_connection((HOST, target.port), timeout=SECONDS) as connection:
        connection.sendall(head)
        try:
            while sent < 64_000_000:
                connection.sendall(more)
                sent += len(more)
        except (ConnectionError, TimeoutError):
            return sent
    return sent


@pytest.mark.parametrize("kind", ["many", "long", "extensions"])
def test_case_87_what_is_no_body_is_bounded_too(target: RunningServer, kind: str) -> None:
    """Trailers and chunk extensions without an end would fill the memory."""
    head = b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    more = {
        "many": b"X-A: bbbbbbbbbbbbbbbb\r\n" * 1000,
        "long": b"a" * 20_000,
        "extensions": b"a=b;" * 5_000,
    }[kind]
    start = {"many": b"0\r\n", "long": b"0\r\nX: ", "extensions": b"1;"}[kind]

    # Some megabytes wait in the sockets' buffers.
    assert flood(target, head + start, more) < 32_000_000


def test_case_87_a_large_head_is_431(target: RunningServer, token: str) -> None:
    many = [b"X-%d: a" % number for number in range(9000)]
    for request in (
        call(token, "GET /api/v2/tokens/me", b"X: " + b"a" * 70_000),
        call(token, "GET /api/v2/tokens/me", *many),
        call(token, "GET /api/v2/oauth/clients?" + "a" * 70_000),
        call("a" * 1_000_000, "GET /api/v2/tokens/me"),
        b"GET /" + b"a" * 1_000_000,
    ):
        reply = replies(exchange(target, request))[0]
        assert platform_error(reply)["status"] == 431
    request = b"POST /oauth/token HTTP/1.1\r\nX: " + b"a" * 300_000
    reply = replies(exchange(target, request))[0]
    assert (reply.status, reply.json()["error"]) == (431, "invalid_request")
    # The limit is the head's: a body of more, sent in one go with it, is another matter.
    text = b'{"name":"a","authorizedGrantType":"NONE","x":"' + b"a" * 500_000 + b'"}'
    reply = one_reply(
        target,
        call(token, "POST /api/v2/oauth/clients", b"Content-Type: application/json",
             b"Content-Length: %d" % len(text), body=text),
    )  # fmt: skip
    assert platform_error(reply)["code"] == "bad.grant.type"


ODD_LINES = [
    b"GET /api/v2/tokens/me",
    b"GET /api/v2/tokens/me HTTP/9.9",
    b"GET /api/v2/tokens/me HTTP/1.1 ",
    b"GET /api/v2/tokens/me HTTPS/1.1",
    b"get /api/v2/tokens/me HTTP/1.1",
    b"BREW /api/v2/tokens/me HTTP/1.1",
    b"GET /api/v2/tokens/\xff HTTP/1.1",
    b"GET /api/v2/tokens/\xc3\xa9 HTTP/1.1",
    b"GET /api/v2/tokens/me\x00 HTTP/1.1",
    b"GET http://evil.example HTTP/1.1",
    b"GET api/v2/tokens/me HTTP/1.1",
    b"GET //api/v2/tokens/me HTTP/1.1",
    b"GET /api/v2//tokens/me HTTP/1.1",
    b"GET /api/v2/tokens/me/ HTTP/1.1",
    b"GET /api/v2/oauth/../tokens/me HTTP/1.1",
    b"GET /api/v2/tokens/me/. HTTP/1.1",
    b"GET /api/v2/tokens/me;a=b HTTP/1.1",
    b"GET /api%2fv2/tokens/me HTTP/1.1",
    b"GET /API/V2/TOKENS/ME HTTP/1.1",
    b"GET /api/v2/tokens/%6de HTTP/1.1",
    b"CONNECT grantory.test:443 HTTP/1.1",
    b"CONNECT /api/v2/tokens/me HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"\x00",
    b"\r\n\r\n\r\n BAD",
]


@pytest.mark.parametrize("line", ODD_LINES, ids=lambda line: ascii(line)[2:-1][:40])
def test_case_87_odd_request_lines_reach_nothing(
    target: RunningServer, token: str, line: bytes
) -> None:
    head = b"\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + token.encode()

    reply = replies(exchange(target, line + head + b"\r\n\r\n"))[0]

    assert 400 <= reply.status < 500
    platform_error(reply)
    assert target.organization_id.encode() not in reply.body


def test_case_87_headers_that_must_be_single(target: RunningServer, token: str) -> None:
    for name, value in (
        ("Host", "grantory.test"),
        ("Authorization", f"Bearer {token}"),
        ("Authorization", "Bearer x"),
        ("Content-Type", "text/plain"),
        ("Content-Encoding", "gzip"),
    ):
        line = f"{name}: {value}".encode()
        reply = one_reply(target, call(token, "GET /api/v2/tokens/me", line, line))
        assert platform_error(reply)["status"] == 400


def test_case_87_pipelined_requests_are_answered_in_order(
    target: RunningServer, token: str
) -> None:
    keep = b"Connection: keep-alive"
    good = call(token, "GET /api/v2/tokens/me").replace(b"Connection: close", keep)
    bad = call("x", "GET /api/v2/tokens/me").replace(b"Connection: close", keep)
    form = token_request(target, b"Content-Length: %d" % len(FORM)).replace(
        b"Connection: close", keep
    )
    missing = call(token, "GET /nowhere").replace(b"Connection: close", keep)
    last = call(token, "GET /health/live")

    got = replies(exchange(target, (good + bad + form + missing) * 25 + last))

    assert [reply.status for reply in got] == [200, 401, 200, 404] * 25 + [200]
    ids = [reply.headers["inin-correlation-id"] for reply in got]
    assert len(set(ids)) == len(ids)
    # One that cannot be read ends the connection, after the answers to those before it.
    got = replies(exchange(target, good + b"GARBAGE\r\n\r\n" + good))
    assert got[-1].status == 400
    assert len(got) <= 2
    assert all(reply.status < 500 for reply in got)


def test_case_87_every_method_on_every_route(target: RunningServer, token: str) -> None:
    operations = declared_operations()
    declared = {(operation.method, operation.path) for operation in operations}
    paths = {path for _, path in declared} | {"/oauth/token", "/", "/health/live", "/nowhere"}
    asked = {path for _, path in declared} | {"/oauth/token"}
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    methods += ["PROPFIND", "PURGE", "LINK", "M-SEARCH"]
    ids = {"{clientId}": target.client_id, "{divisionId}": "x", "{userId}": "x"}
    for path in sorted(paths):
        url = path
        for name, value in ids.items():
            url = url.replace(name, value)
        url = url.replace("{roleId}", "x").replace("{subjectId}", "x")
        for method in methods:
            if (method, path) in declared:
                continue
            head = call(token, f"{method} {url}", b"Content-Length: 0")
            reply = replies(exchange(target, head))[0] if method != "HEAD" else None
            if reply is None:
                got = exchange(target, head)
                assert got.endswith(b"\r\n\r\n"), got
                assert int(got.split(b" ", 2)[1]) < 500
                continue
            assert reply.status in (200, 204, 400, 401, 404, 405), f"{method} {url} {reply}"
            assert (reply.status == 204) is (method == "OPTIONS" and path in asked), (
                f"{url} {reply}"
            )
            if reply.status == 204:
                assert reply.body == b""
            elif path.startswith("/api/"):
                assert platform_error(reply)["code"] == "method.not.allowed"
                allowed = set(reply.headers["allow"].upper().split(", "))
                known = {m for m, p in declared if p == path}
                assert allowed == known | ({"HEAD"} if "GET" in known else set())
            assert token.encode() not in reply.body, "TRACE must not echo"
