"""The path prefixes that every client can put before its calls, for a gateway."""

from collections.abc import Iterator

import pytest

from tests.compat.wire.people import PKCE, REDIRECT, VERIFIER, make_app
from tests.compat.wire.raw_http import RawReply, assert_platform_error, assert_token, exchange
from tests.compat.wire.writers import WRITERS
from tests.support.person import Person
from tests.support.server import RunningServer

CLIENTS = "/api/v2/oauth/clients"


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningServer]:
    environment = {"GRANTORY_HTTP_LOGIN_PREFIX": "/login", "GRANTORY_HTTP_API_PREFIX": "/api"}
    with RunningServer(environment=environment) as running:
        yield running


def without_port(request: bytes) -> bytes:
    """The clients leave the port of a gateway out that is 80 or 443."""
    head, host, rest = request.partition(b"\r\nHost: 127.0.0.1:")
    assert host
    return head + b"\r\nHost: 127.0.0.1\r\n" + rest.partition(b"\r\n")[2]


@pytest.mark.parametrize("name", WRITERS)
def test_login_and_calls_behind_prefixes(gateway: RunningServer, name: str) -> None:
    client = WRITERS[name]
    plain = client.login(gateway.port, gateway.client_id, gateway.client_secret)

    def send(request: bytes) -> RawReply:
        return exchange(gateway.port, without_port(request))

    token = assert_token(send(plain.replace(b" /oauth/token", b" /login/oauth/token", 1)))
    listed = send(client.call(gateway.port, f"GET /api{CLIENTS}", token))
    # A selfUri is relative to the API: the client puts its own prefix before it.
    assert (listed.status, listed.json()["selfUri"]) == (200, CLIENTS)
    assert send(client.call(gateway.port, "HEAD /api/api/v2/tokens/me", token)).status == 200
    for path in ("/api/api/v2/none", "/login/api/v2/oauth/clients", "/api/api/api/v2/tokens/me"):
        missing = send(client.call(gateway.port, f"GET {path}", token))
        assert_platform_error(missing, 404, "not.found")


@pytest.mark.parametrize("name", WRITERS)
def test_logins_of_people_behind_prefixes(gateway: RunningServer, name: str) -> None:
    client, app = WRITERS[name], make_app(gateway)
    with Person(gateway, login_path="/login") as person:
        code = person.authorize(app.id, REDIRECT, **PKCE)["code"]
    form = client.form(
        grant_type="authorization_code",
        code=code,
        code_verifier=VERIFIER,
        client_id=app.id,
        redirect_uri=REDIRECT,
    )
    plain = client.login(gateway.port, app.id, app.secret, form=form)
    request = plain.replace(b" /oauth/token", b" /login/oauth/token", 1)
    reply = exchange(gateway.port, without_port(request))
    assert reply.json()["refresh_token"]
    used = client.call(gateway.port, "GET /api/api/v2/users/me", assert_token(reply))
    me = exchange(gateway.port, without_port(used))
    assert me.json()["email"] == gateway.first_start["admin"]["email"]
