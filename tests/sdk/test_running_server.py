"""What people do with the SDK on a real server: the quickstart, and each way to a token."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest

from grantory_sdk import (
    AuthorizationCode,
    ClientCredentials,
    ConnectionFailed,
    Grantory,
    SamlBearer,
    compat,
)
from grantory_sdk.compat.rest import ApiException
from tests.compat.assertions import assertion, register_provider
from tests.support.person import Person
from tests.support.server import RunningServer
from tests.support.tls_server import TlsServer

README = Path(__file__).resolve().parents[2] / "sdk" / "README.md"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer() as running:
        yield running


@pytest.fixture
def grantory(server: RunningServer) -> Iterator[Grantory]:
    with Grantory(
        server.url, client_id=server.client_id, client_secret=server.client_secret
    ) as made:
        yield made


def test_the_quickstart_does_what_it_says(server: RunningServer) -> None:
    program = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[0]
    environment = {
        **os.environ,
        "GRANTORY_URL": server.url,
        "GRANTORY_CLIENT_ID": server.client_id,
        "GRANTORY_CLIENT_SECRET": server.client_secret,
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown, *listed = done.stdout.splitlines()
    client_id, secret = shown.split()
    assert len(secret) > 20
    assert f"{client_id} nightly report active" in listed
    assert server.call("GET", f"/api/v2/oauth/clients/{client_id}").status == 404


def test_a_client_of_the_generated_sdks_kind_logs_in(server: RunningServer) -> None:
    client = compat.ApiClient(host=server.url)
    with pytest.raises(ApiException) as caught:
        compat.OAuthApi(client).get_oauth_clients()
    assert caught.value.status == 401
    with pytest.raises(ApiException) as refused:
        client.get_client_credentials_token(server.client_id, "wrong")
    assert refused.value.status == 401
    api = compat.OAuthApi(
        client.get_client_credentials_token(server.client_id, server.client_secret)
    )
    got: list[compat.OAuthClientEntityListing] = []
    thread = api.get_oauth_clients(callback=got.append)
    thread.join(30)  # type: ignore[attr-defined]  # it is a thread, as in the generated SDK
    assert got[0].entities
    with pytest.raises(ValueError, match="client_id"):
        api.get_oauth_client("")
    client.close()


def test_a_server_with_an_authority_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with TlsServer() as server:
        with (
            Grantory(server.url, access_token="t", max_retries=0) as distrustful,
            pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            distrustful.tokens.me()
        transport = httpx.HTTPTransport(verify=server.context())
        auth = ClientCredentials(server.client_id, server.client_secret)
        with Grantory(server.url, auth=auth, transport=transport) as grantory:
            assert grantory.tokens.me().oauth_client.id == server.client_id
        monkeypatch.setattr(compat.configuration, "ssl_ca_cert", str(server.authority))
        client = compat.ApiClient(server.url)
        client.get_client_credentials_token(server.client_id, server.client_secret)
        assert compat.OAuthApi(client).get_oauth_client(server.client_id).name
        client.close()


def test_somebody_logs_in_with_a_browser(server: RunningServer, grantory: Grantory) -> None:
    app = grantory.oauth_clients.create(
        name="command",
        authorized_grant_type="CODE",
        registered_redirect_uri=["http://127.0.0.1/"],
    )
    with Person(server) as person:
        seen: list[str] = []

        def open_browser(address: str) -> None:
            seen.append(address)
            told = person.visit(address)
            redirect_uri = dict(parse_qsl(urlsplit(address).query))["redirect_uri"]
            assert httpx.get(redirect_uri, params=told, trust_env=False).status_code == 200

        auth = AuthorizationCode(app.id, app.secret, open_browser=open_browser)
        with Grantory(server.url, auth=auth) as theirs:
            first = theirs.access_token()
            assert theirs.users.me().email == person.email
            theirs.tokens.revoke_me()
            assert theirs.users.me().email == person.email  # by the refresh token
            assert theirs.access_token() != first
        assert len(seen) == 1


def test_somebody_is_vouched_for_by_an_identity_provider(
    server: RunningServer, grantory: Grantory
) -> None:
    issuer = register_provider(server)
    app = grantory.oauth_clients.create(name="portal", authorized_grant_type="SAML2-BEARER")
    auth = SamlBearer(
        app.id,
        str(app.secret),
        organization=server.first_start["organization"]["name"],
        assertion=lambda: assertion(server, issuer),
    )
    with Grantory(server.url, auth=auth) as theirs:
        assert theirs.users.me().email == server.first_start["admin"]["email"]
        theirs.tokens.revoke_me()
        assert theirs.tokens.check()  # with a new assertion
