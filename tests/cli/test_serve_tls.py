"""``grantory serve`` over TLS: a certificate of one's own, and one made for development."""

import contextlib
import http.client
import shutil
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grantory.http.pacing import UNREAD_SECONDS
from tests.support.server import HOST, RunningServer, command_line
from tests.support.soak import soaking
from tests.support.tls_server import NAME, TlsServer

ME = "/api/v2/tokens/me"


@pytest.fixture(scope="module", params=["1", "2"] if soaking() else ["2"])
def secure(request: pytest.FixtureRequest) -> Iterator[TlsServer]:
    with TlsServer("--workers", request.param) as running:
        yield running


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def answer(line: ssl.SSLSocket) -> bytes:
    """All that comes until the connection ends."""
    got = b""
    with contextlib.suppress(ssl.SSLEOFError, ConnectionResetError):
        while part := line.recv(65_536):
            got += part
    return got


def test_tokens_and_calls_over_tls(secure: TlsServer) -> None:
    assert secure.call("GET", ME).status == 200
    assert f"Grantory listens on https://{NAME}:{secure.port}" in secure.log_text()
    assert "WARNING" not in secure.log_text()
    assert str(secure.authority.resolve()) in secure.log_text()


@pytest.mark.parametrize("name", [NAME, f"api.{NAME}", f"login.{NAME}", "localhost"])
def test_every_name_serves_everything(secure: TlsServer, name: str) -> None:
    with secure.line(name) as line:
        for path in ("/health/ready", "/openapi.json", "/"):
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}:{secure.port}\r\n\r\n".encode())
            response = http.client.HTTPResponse(line)
            response.begin()
            assert response.status == 200, path
            assert name not in str(response.getheaders())
            response.read()


def test_a_connection_goes_on_and_takes_requests_that_come_early(secure: TlsServer) -> None:
    one = f"GET {ME} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = f"GET {ME} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    with secure.line() as line:
        line.sendall(one * 20 + last)
        got = answer(line)
    assert got.count(b"HTTP/1.1 401 ") == 21
    assert got.count(b"authentication.required") == 21


def test_a_large_body_and_a_large_answer(secure: TlsServer) -> None:
    body = b'{"name": "x", "unknown": "' + b"a" * 900_000 + b'"}'
    headers = {"Authorization": f"Bearer {secure.token()}", "Content-Type": "application/json"}
    made = secure.request("POST", "/api/v2/oauth/clients", body=body, headers=headers)
    assert (made.status, made.json()["code"]) == (400, "grant.type.required")
    viewer = secure.request("GET", "/docs/swagger-ui-bundle.js")
    assert (viewer.status, len(viewer.body)) == (200, int(viewer.headers["content-length"]))
    assert len(viewer.body) > 500_000


def test_the_bounds_of_a_connection_hold(secure: TlsServer) -> None:
    with secure.line() as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n")
        assert answer(line).startswith(b"HTTP/1.1 431 ")
    with secure.line() as line:
        line.sendall(b"GET / HTTP/3.0\r\n\r\n")
        assert answer(line).startswith(b"HTTP/1.1 400 ")


@pytest.mark.slow
def test_a_head_that_drips_is_408_and_silence_is_cut(secure: TlsServer) -> None:
    with socket.create_connection((HOST, secure.port), timeout=30) as silent, secure.line() as line:
        line.sendall(b"GET / HTTP/1.1\r\nHo")
        assert answer(line).startswith(b"HTTP/1.1 408 ")
        assert silent.recv(100) == b""


@pytest.mark.slow
def test_who_reads_no_answers_is_cut(secure: TlsServer) -> None:
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with secure.line() as line:
        line.sendall(asked * 20)
        deadline = time.monotonic() + UNREAD_SECONDS + 30
        while is_connected(secure.port, line.getsockname()[1]):
            assert time.monotonic() < deadline, "it waits for its reader for ever"
            time.sleep(0.2)
    assert secure.request("GET", "/health/ready").status == 200
    assert "Traceback" not in secure.log_text()


def is_connected(port: int, theirs: int) -> bool:
    """Whether the server's end of a connection is there and has not been given up."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ours, far, established = f":{port:04X}", f":{theirs:04X}", "01"
    return any(
        row[1].endswith(ours) and row[2].endswith(far) and row[3] == established for row in rows
    )


def test_what_is_no_tls_is_refused_quietly(secure: TlsServer) -> None:
    said = secure.log_text()
    with socket.create_connection((HOST, secure.port), timeout=30) as plain:
        plain.sendall(b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with contextlib.suppress(ConnectionResetError):
            got = plain.recv(1000)
        assert b"HTTP" not in got
    with pytest.raises(ssl.SSLCertVerificationError), secure.line("evil.example"):
        pass
    assert secure.request("GET", "/health/ready").status == 200
    secure.wait_for_log("/health/ready")
    new = secure.log_text().removeprefix(said)
    assert all("/health/ready" in line for line in new.splitlines()), new


def test_plain_connections_do_not_keep_it_from_ending(tmp_path: Path) -> None:
    with TlsServer() as secure, socket.create_connection((HOST, secure.port)) as plain:
        plain.sendall(b"\x16\x03\x01")
        assert secure.request("GET", "/health/ready").status == 200
        started = time.monotonic()
        secure.stop()
        assert time.monotonic() - started < 9, "it waited for a handshake to time out"
        plain.close()
        assert "Traceback" not in secure.log_text()


def test_the_authority_is_kept_and_its_files_are_the_owners() -> None:
    with TlsServer() as secure:
        folder = secure.authority.parent
        assert {path.name: mode(path) for path in folder.iterdir()} == {
            "ca.key": 0o600,
            "ca.pem": 0o644,
            "server.key": 0o600,
            "server.pem": 0o644,
        }
        assert mode(folder) == 0o700
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert "made just now" in secure.log_text()
        secure.restart()
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert "the one of earlier starts" in secure.log_text()
        (folder / "server.key").unlink()  # as if a start had been cut short
        secure.restart()
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert (after["ca.pem"], after["ca.key"]) == (before["ca.pem"], before["ca.key"])
        assert after["server.pem"] != before["server.pem"]
        assert secure.request("GET", "/health/ready").status == 200
        assert b"PRIVATE" not in after["ca.pem"] + after["server.pem"]
        assert "PRIVATE" not in secure.log_text()


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    with TlsServer() as made:
        shutil.copytree(made.authority.parent, tmp_path / "own")
    own = tmp_path / "own"

    flags = ("--tls-cert", str(own / "server.pem"), "--tls-key", str(own / "server.key"))
    with TlsServer(tls=flags, authority=own / "ca.pem") as secure:
        assert secure.call("GET", ME).status == 200
        assert f"Grantory listens on https://{HOST}:{secure.port}" in secure.log_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-cert", "x.pem"), "tls.cert and tls.key go together: set both, or neither"),
        (("--tls-key", "x.pem"), "tls.cert and tls.key go together: set both, or neither"),
        (
            ("--tls-cert", "x.pem", "--tls-key", "y"),
            "cannot read the certificate in x.pem: No such",
        ),
        (("--dev-tls", "--tls-cert", "x.pem"), "tls.dev stands in for tls.cert and tls.key"),
        (("--dev-tls", "a b"), "--dev-tls must be a host name in lower case"),
        (("--dev-tls", "127.0.0.1"), "--dev-tls must be a host name in lower case"),
        (("--dev-tls=*.example.com",), "--dev-tls must be a host name in lower case"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = command_line("serve", *arguments, folder=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("grantory: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "grantory-data").exists()


@pytest.mark.parametrize("arguments", [("--dev-tls",), ("--dev-tls", "--workers", "1")])
def test_the_flag_alone_is_for_localhost(arguments: tuple[str, ...]) -> None:
    with TlsServer(tls=arguments) as secure:
        assert f"Grantory listens on https://localhost:{secure.port}" in secure.log_text()
        with secure.line("api.localhost") as line:
            assert line.version() == "TLSv1.3"


def test_plain_http_is_not_touched(server: RunningServer) -> None:
    assert server.url.startswith("http://")
    assert not (server.data_dir / "dev-tls").exists()
