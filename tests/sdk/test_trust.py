"""Whom the SDK trusts: the machine's authorities, which are read where an address is encrypted."""

import ssl
from collections.abc import Callable, Iterator

import httpx2 as httpx
import pytest

from grantory_sdk import AsyncGrantory, ConnectionFailed, Grantory
from grantory_sdk.trust import trusted_by
from tests.support.halves import Sdk, done
from tests.support.scripted import Hand
from tests.support.tls_server import TlsServer

Make = Callable[..., Sdk]


@pytest.fixture(params=[Grantory, AsyncGrantory])
def make(request: pytest.FixtureRequest) -> Make:
    kind: Make = request.param
    return kind


@pytest.fixture(scope="module")
def encrypted() -> Iterator[TlsServer]:
    with TlsServer() as server:
        yield server


async def close(sdk: Sdk) -> None:
    if isinstance(sdk, AsyncGrantory):
        await sdk.aclose()
    else:
        sdk.close()


@pytest.mark.parametrize("proxy", ["", "http://proxy.test:3128"])
async def test_authorities_are_read_for_https_alone(
    make: Make, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *given: read.append(given))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    for url in ("http://127.0.0.1:8080", "http://grantory.test", "HTTP://grantory.test"):
        await close(make(url, access_token="t"))
        assert not read
    for url, login_url in (
        ("https://127.0.0.1:8080", None),
        ("https://grantory.test", None),
        ("http://grantory.test", "https://login.grantory.test"),
        ("https://grantory.test", "http://login.grantory.test"),
        ("HTTPS://grantory.test", None),
    ):
        await close(make(url, login_url=login_url, access_token="t"))
        assert read, url
        read.clear()


def test_every_certificate_is_verified() -> None:
    assert trusted_by("https://a.test") is True
    assert trusted_by("http://a.test", "https://b.test") is True
    context = trusted_by("http://a.test", "http://b.test")
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.get_ca_certs()


async def test_a_server_of_an_unknown_authority_is_not_called(
    make: Make, encrypted: TlsServer
) -> None:
    hand = Hand()
    runtime = hand.awaited if make is AsyncGrantory else hand.blocking
    for url, login_url in ((encrypted.url, None), ("http://127.0.0.1:1", encrypted.url)):
        sdk = make(url, login_url=login_url, client_id="a", client_secret="b", runtime=runtime)
        with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await done(sdk.tokens.me())
        await close(sdk)


async def test_who_calls_by_http_trusts_no_encrypted_server(
    make: Make, encrypted: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.authority))  # not even this one
    for url in ("http://127.0.0.1:8080", "http://grantory.test"):
        sdk = make(url, access_token="t")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await done(sdk._caller.sender.http.get(encrypted.url + "/health/live"))
        await close(sdk)


async def test_the_machines_authorities_are_trusted(
    make: Make, encrypted: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.authority))
    sdk = make(encrypted.url, client_id=encrypted.client_id, client_secret=encrypted.client_secret)
    assert (await done(sdk.tokens.me())).oauth_client.id == encrypted.client_id
    await close(sdk)
