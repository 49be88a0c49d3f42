"""SAML assertions from Java and .NET, byte by byte: Go and ``gc`` have no such login.

The assertion is base64, with ``+``, ``/`` and ``=``, which both escape in the form.
"""

import base64
import re

import pytest
from lxml import etree

from tests.compat.assertions import assertion, fresh, register_provider
from tests.compat.wire.people import TOKENS_ME, App, make_app
from tests.compat.wire.raw_http import (
    Connection,
    RawReply,
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import WRITERS, Writer
from tests.support.saml import encoded, response, signed_assertion
from tests.support.server import RunningServer

GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"


@pytest.fixture(params=["java", "dotnet"])
def client(request: pytest.FixtureRequest) -> Writer:
    """Each of the two in turn."""
    return WRITERS[request.param]


@pytest.fixture(scope="module")
def app(server: RunningServer) -> App:
    return make_app(server, "SAML2-BEARER", registeredRedirectUri=[])


@pytest.fixture(scope="module")
def issuer(server: RunningServer) -> str:
    return register_provider(server)


def written(client: Writer, server: RunningServer, app: App, text: str, *more: str) -> bytes:
    """A login with an assertion."""
    name = server.first_start["organization"]["name"]
    form = client.form(grant_type=GRANT, orgName=name, assertion=text)
    return client.login(server.port, app.id, app.secret, *more, form=form)


def test_an_assertion_gives_a_token(
    server: RunningServer, client: Writer, app: App, issuer: str
) -> None:
    text = with_every_character(server, issuer)
    request = written(client, server, app, text)
    assert b"%2B" in request
    assert b"%2F" in request
    assert b"%3D" in request
    reply = exchange(server.port, request)
    assert set(reply.json()) == {"access_token", "token_type", "expires_in"}
    info = client.ask(server, f"GET {TOKENS_ME}", token=assert_token(reply))
    assert info.json()["OAuthClient"]["id"] == app.id


def with_every_character(server: RunningServer, issuer: str) -> str:
    """An assertion whose base64 has each of the three characters that need an escape."""
    # Of plain text only a question mark, in one place of three, becomes a slash.
    said = fresh(server, issuer, attributes=(("doubt", "???"),))
    data = etree.tostring(signed_assertion(**said))
    text = encoded(data if len(data) % 3 else data + b"\n")
    assert {*"+/="} <= set(text)
    return text


def test_a_whole_response_does_as_well(
    server: RunningServer, client: Writer, app: App, issuer: str
) -> None:
    # What an identity provider posts to a page is mostly that.
    text = encoded(response(signed_assertion(**fresh(server, issuer))))
    assert_token(exchange(server.port, written(client, server, app, text)))


def test_dot_net_asks_before_it_sends_an_assertion(
    server: RunningServer, app: App, issuer: str
) -> None:
    request = written(
        WRITERS["dotnet"], server, app, assertion(server, issuer), "Expect: 100-continue"
    )
    with Connection(server.port) as connection:
        asked, reply = connection.send_expecting(request)
    assert asked
    assert_token(reply)


def test_refused_assertions_are_json(
    server: RunningServer, client: Writer, app: App, issuer: str
) -> None:
    def send(text: str) -> RawReply:
        return exchange(server.port, written(client, server, app, text))

    good = assertion(server, issuer)
    assert_token(send(good))
    broken = base64.b64encode(
        re.sub(rb"ID=\"_", b'ID="_x', base64.b64decode(assertion(server, issuer)))
    ).decode()
    for text in (good, broken, "none", assertion(server, "https://unknown.example.com")):
        assert_login_error(send(text), 400, "invalid_grant")
    assert_login_error(send(""), 400, "invalid_request")


def test_an_ended_token_is_not_refreshed(
    server: RunningServer, client: Writer, app: App, issuer: str
) -> None:
    request = written(client, server, app, assertion(server, issuer))
    token = assert_token(exchange(server.port, request))
    assert client.ask(server, f"DELETE {TOKENS_ME}", token=token).status == 200
    ended = client.ask(server, f"GET {TOKENS_ME}", token=token)
    assert_platform_error(ended, 401, "bad.credentials")
    # Neither has a refresh token; the assertion has been used.
    assert_login_error(exchange(server.port, request), 400, "invalid_grant")
