"""What the .NET SDK sends, byte by byte, from .NET Framework and from .NET.

A call without a body has no ``Content-Type`` here, and a written body or form names its
character set. .NET Framework asks with ``Expect: 100-continue`` before it sends a body. Login
encodes id and secret in ISO-8859-1. Dates are written as they were set: with seven digits of a
second or none, with an offset, with ``Z``, or with no zone at all.
"""

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    make_client,
    make_code_client,
    make_role,
    unique,
)
from tests.compat.wire.raw_http import (
    Connection,
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import DotNet
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer

DOTNET = DotNet()
CLIENTS = "/api/v2/oauth/clients"
EXPECT = "Expect: 100-continue"


# -------------------------------------------------------------------------------- login


def test_login(server: RunningServer) -> None:
    request = DOTNET.login(server.port, server.client_id, server.client_secret)
    tokens = {assert_token(exchange(server.port, request)) for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        reply = exchange(server.port, DOTNET.call(server.port, "GET /api/v2/tokens/me", token))
        assert reply.json()["OAuthClient"]["id"] == server.client_id


def test_login_that_asks_before_it_sends(server: RunningServer) -> None:
    request = DOTNET.login(server.port, server.client_id, server.client_secret, EXPECT)
    with Connection(server.port) as connection:
        for _ in range(2):
            asked, reply = connection.send_expecting(request)
            assert asked
            assert_token(reply)


def test_secrets_in_iso_8859_1_are_wrong_and_nothing_worse(server: RunningServer) -> None:
    # Letters outside of that set have become question marks.
    for secret in ("é", "\xff\xfe", "?", ":", ""):
        reply = exchange(server.port, DOTNET.login(server.port, server.client_id, secret))
        assert_login_error(reply, 401, "invalid_client")
        assert reply.header("ININ-Correlation-Id")


def test_refused_logins_have_the_error_that_is_shown(server: RunningServer) -> None:
    client = make_code_client(server)
    request = DOTNET.login(server.port, client["id"], client["secret"])
    assert_login_error(exchange(server.port, request), 400, "unauthorized_client")
    request = DOTNET.login(server.port, server.client_id, server.client_secret, form=b"grant_type=")
    assert_login_error(exchange(server.port, request), 400, "invalid_request")


# -------------------------------------------------------------------------- operations


def test_calls_without_a_body_have_no_content_type(server: RunningServer) -> None:
    client = make_client(server)
    path = f"{CLIENTS}/{client['id']}"
    assert DOTNET.ask(server, f"GET {CLIENTS}").json()["pageCount"] == 1
    assert DOTNET.ask(server, f"GET {path}").json()["id"] == client["id"]
    renewed = DOTNET.ask(server, f"POST {path}/secret")
    assert (renewed.status, renewed.json()["id"]) == (200, client["id"])
    assert (
        DOTNET.ask(server, f"DELETE {path}").status,
        DOTNET.ask(server, f"DELETE {path}").status,
    ) == (
        204,
        404,
    )
    assert_platform_error(DOTNET.ask(server, f"POST {CLIENTS}"), 415, "unsupported.media.type")


def test_no_answer_redirects_or_sets_cookies(server: RunningServer) -> None:
    for start in (f"GET {CLIENTS}", f"GET {CLIENTS}/", f"GET /{CLIENTS}", "GET /api/v2"):
        reply = DOTNET.ask(server, start)
        assert reply.status in (200, 404)
        assert reply.header("Set-Cookie") is None


def test_bodies_that_are_sent_when_they_are_asked_for(server: RunningServer) -> None:
    pair = {"roleId": make_role(server, "oauth:client:view"), "divisionId": EVERY_DIVISION}
    fields = {"name": unique("é"), "authorizedGrantType": "CLIENT-CREDENTIALS"}
    body = {**fields, "roleDivisions": [pair], "accessTokenValiditySeconds": 600}
    token = server.token()
    with Connection(server.port) as connection:
        request = DOTNET.call(server.port, f"POST {CLIENTS}", token, DOTNET.written(body), EXPECT)
        asked, created = connection.send_expecting(request)
        assert (asked, created.status, created.json()["name"]) == (True, 200, fields["name"])
        start = f"PUT {CLIENTS}/{created.json()['id']}"
        asked, changed = connection.send_expecting(
            DOTNET.call(
                server.port, start, token, DOTNET.written({**body, "state": "inactive"}), EXPECT
            )
        )
        assert (asked, changed.status, changed.json()["state"]) == (True, 200, "inactive")


@pytest.mark.parametrize(
    ("start", "token", "status", "code"),
    [
        (f"POST {CLIENTS}", "", 401, "authentication.required"),
        (f"POST {CLIENTS}", "bad", 401, "bad.credentials"),
        (f"PUT {CLIENTS}", None, 405, "method.not.allowed"),
        ("POST /api/v2/none", None, 404, "not.found"),
        (f"PUT {CLIENTS}/{UNKNOWN_ID}", None, 404, "not.found"),
    ],
)
def test_a_refusal_is_json_whether_the_body_was_asked_for_or_not(
    server: RunningServer, start: str, token: str | None, status: int, code: str
) -> None:
    bearer = server.token() if token is None else token
    body = {"name": "n", "authorizedGrantType": "CODE"}
    with Connection(server.port) as connection:
        _, reply = connection.send_expecting(
            DOTNET.call(server.port, start, bearer, DOTNET.written(body), EXPECT)
        )
    assert_platform_error(reply, status, code)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2040-01-02T03:04:05Z", "2040-01-02T03:04:05.000Z"),
        ("2040-01-02T03:04:05.6Z", "2040-01-02T03:04:05.600Z"),
        ("2040-01-02T03:04:05.678Z", "2040-01-02T03:04:05.678Z"),
        ("2040-01-02T03:04:05.6789012Z", "2040-01-02T03:04:05.678Z"),
        ("2040-01-02T03:04:05.6789012+02:00", "2040-01-02T01:04:05.678Z"),
        ("2040-01-02T03:04:05-03:30", "2040-01-02T06:34:05.000Z"),
        ("2040-01-02T03:04:05", "2040-01-02T03:04:05.000Z"),
    ],
)
def test_dates_of_every_kind(server: RunningServer, sent: str, kept: str) -> None:
    client = make_code_client(server)
    body = {"name": "n", "authorizedGrantType": "CODE", "dateToDelete": sent}
    reply = DOTNET.ask(server, f"PUT {CLIENTS}/{client['id']}", body)
    assert (reply.status, reply.json()["dateToDelete"]) == (200, kept)


def test_a_value_that_this_sdk_did_not_know(server: RunningServer) -> None:
    # What it read as unknown it writes as this text.
    unknown = "OUTDATED_SDK_VERSION"
    client = make_code_client(server)
    path = f"{CLIENTS}/{client['id']}"
    body = {"name": "n", "authorizedGrantType": unknown}
    assert_platform_error(DOTNET.ask(server, f"PUT {path}", body), 400, "bad.grant.type")
    body = {"name": "n", "authorizedGrantType": "CODE", "state": unknown}
    assert_platform_error(DOTNET.ask(server, f"PUT {path}", body), 400, "invalid.value")
    assert DOTNET.ask(server, f"GET {path}").json()["name"] == client["name"]


def test_the_spelling_of_the_sdks_before_2022(fresh_server: FreshServer) -> None:
    server = fresh_server(environment={"GRANTORY_API_GRANT_TYPE_STYLE": "underscore"})
    body = {"name": "n", "authorizedGrantType": "SAML2BEARER", "registeredRedirectUri": []}
    created = DOTNET.ask(server, f"POST {CLIENTS}", body)
    assert (created.status, created.json()["authorizedGrantType"]) == (200, "SAML2BEARER")
    own = DOTNET.ask(server, f"GET {CLIENTS}/{server.client_id}").json()
    assert own["authorizedGrantType"] == "CLIENT_CREDENTIALS"
