"""What the Go SDK and the Terraform provider on it send, byte by byte.

Each request is a connection of its own. ``Content-Type: application/json`` goes with every call,
with or without a body. Header names of answers are read in any spelling. Every error must be
JSON, or the SDK tells of a failed parse instead.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.compat.arrange import UNKNOWN_ID, make_client, make_code_client, stored, token_with
from tests.compat.wire.raw_http import (
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import Go
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer

GO = Go()
CLIENTS = "/api/v2/oauth/clients"
GO_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
"""What the SDK's layout of a date takes; from anything else it makes the year 1."""


# -------------------------------------------------------------------------------- login


def test_login(server: RunningServer) -> None:
    reply = exchange(server.port, GO.login(server.port, server.client_id, server.client_secret))
    token = assert_token(reply)
    assert reply.json()["expires_in"] == 86400
    assert GO.ask(server, "GET /api/v2/tokens/me?preserveIdleTTL=false", token=token).status == 200


def test_ten_logins_at_once_as_the_terraform_provider_makes_them(server: RunningServer) -> None:
    request = GO.login(server.port, server.client_id, server.client_secret)
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: exchange(server.port, request), range(10)))
    tokens = [assert_token(reply) for reply in replies]
    assert len(set(tokens)) == 10
    for token in tokens:
        assert GO.ask(server, "GET /api/v2/organizations/me", token=token).status == 200


def test_refused_logins_are_json(server: RunningServer) -> None:
    code = make_code_client(server)
    good = server.client_id, server.client_secret
    for request, status, error in [
        (GO.login(server.port, server.client_id, "wrong"), 401, "invalid_client"),
        (GO.login(server.port, UNKNOWN_ID, server.client_secret), 401, "invalid_client"),
        (GO.login(server.port, "", ""), 401, "invalid_client"),
        (GO.login(server.port, code["id"], code["secret"]), 400, "unauthorized_client"),
        (GO.login(server.port, *good, form=b"grant_type=none"), 400, "unsupported_grant_type"),
        (GO.login(server.port, *good, form=b""), 400, "invalid_request"),
        (GO.login(server.port, *good, form=b"x" * 300_000), 413, "invalid_request"),
        (GO.login(server.port, *good).replace(b"x-www-form", b"x-form"), 400, "invalid_request"),
        (GO.login(server.port, *good).replace(b"POST", b"PUT", 1), 405, "invalid_request"),
    ]:
        assert_login_error(exchange(server.port, request), status, error)


def test_throttled_logins_say_what_terraform_waits_for(fresh_server: FreshServer) -> None:
    server = fresh_server(environment={"GRANTORY_THROTTLE_FAILURES_PER_CLIENT_AND_ADDRESS": "1"})
    client = make_client(server)
    request = GO.login(server.port, client["id"], "wrong")
    assert exchange(server.port, request).status == 401
    reply = exchange(server.port, request)
    assert_login_error(reply, 400, "invalid_request")
    said = f"Auth Error: {reply.status} - {{error}} ({{error_description}})"
    text = said.format(**reply.json())
    assert text.startswith("Auth Error: 400 - invalid_request (rate limit exceeded;")


# -------------------------------------------------------------- calls without a body


def test_calls_without_a_body(server: RunningServer) -> None:
    client = make_client(server)
    path = f"{CLIENTS}/{client['id']}"
    assert GO.ask(server, f"GET {CLIENTS}").status == 200
    assert GO.ask(server, f"GET {path}").json()["id"] == client["id"]
    renewed = GO.ask(server, f"POST {path}/secret")
    assert (renewed.status, renewed.json()["id"]) == (200, client["id"])
    assert renewed.json()["secret"] != client["secret"]
    gone = GO.ask(server, f"DELETE {path}")
    assert (gone.status, gone.body) == (204, b"")
    assert_platform_error(GO.ask(server, f"GET {path}"), 404, "not.found")


def test_the_token_of_the_call(server: RunningServer) -> None:
    token = server.token()
    path = "/api/v2/tokens/me"
    info = GO.ask(server, f"GET {path}?preserveIdleTTL=true", token=token).json()
    # The provider follows these without looking.
    assert info["OAuthClient"]["organization"]["id"] == server.organization_id
    head = GO.ask(server, f"HEAD {path}", token=token)
    assert (head.status, head.body) == (200, b"")
    assert GO.ask(server, f"DELETE {path}", token=token).status == 200
    assert GO.ask(server, f"HEAD {path}", token=token).status == 401


def test_answers_are_what_the_decoders_take(server: RunningServer) -> None:
    created = GO.ask(server, f"POST {CLIENTS}", {"name": "n", "authorizedGrantType": "CODE"}).json()
    assert created["secret"]
    listing = GO.ask(server, f"GET {CLIENTS}").json()
    assert (type(listing["pageCount"]), listing["pageCount"]) == (int, 1)
    for client in [created, *listing["entities"]]:
        assert GO_DATE.fullmatch(client["dateCreated"])
        assert GO_DATE.fullmatch(client["dateModified"])
        assert isinstance(client["name"], str)
        assert isinstance(client["state"], str)
        assert None not in client.values()
    assert GO.ask(server, "GET /api/v2/organizations/me").json()["defaultCountryCode"]
    products = GO.ask(server, "GET /api/v2/authorization/products").json()
    assert products["total"] == len([product["id"] for product in products["entities"]])


# ------------------------------------------------------------------------- written bodies


def test_what_go_escapes_is_kept(server: RunningServer) -> None:
    body = {"name": "R&D <é> \N{SNOWMAN}", "authorizedGrantType": "CODE"}
    request = GO.call(server.port, f"POST {CLIENTS}", server.token(), GO.written(body))
    assert b"R\\u0026D \\u003c" in request
    reply = exchange(server.port, request)
    assert (reply.status, reply.json()["name"]) == (200, body["name"])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2040-01-02T03:04:05.678000Z", "2040-01-02T03:04:05.678Z"),
        ("2040-01-02T03:04:05.000000Z", "2040-01-02T03:04:05.000Z"),
    ],
)
def test_dates_have_six_digits_of_a_second(server: RunningServer, sent: str, kept: str) -> None:
    client = make_code_client(server)
    body = {"name": "n", "authorizedGrantType": "CODE", "state": "inactive", "dateToDelete": sent}
    reply = GO.ask(server, f"PUT {CLIENTS}/{client['id']}", body)
    assert (reply.status, reply.json()["dateToDelete"]) == (200, kept)


def test_fields_that_were_set_to_nothing_are_null(server: RunningServer) -> None:
    client = make_client(server, description="to go", accessTokenValiditySeconds=700)
    body = {key: client[key] for key in ("authorizedGrantType", "name", "roleDivisions")}
    nothing = ("accessTokenValiditySeconds", "dateToDelete", "description", "scope", "state")
    reply = GO.ask(server, f"PUT {CLIENTS}/{client['id']}", {**body, **dict.fromkeys(nothing)})
    assert reply.status == 200
    changed = reply.json()
    assert changed["accessTokenValiditySeconds"] == 86400
    assert changed["state"] == "active"
    assert not changed.get("description")
    assert changed == stored(server, client["id"])


# ---------------------------------------------------------------------------- errors


ERRORS: dict[str, tuple[str, Any, int, str]] = {
    "no such address": ("GET /api/v2/none", None, 404, "not.found"),
    "no such client": (f"GET {CLIENTS}/none", None, 404, "not.found"),
    "an id escaped": (f"GET {CLIENTS}/a%20b%2F%C3%A9", None, 404, "not.found"),
    "another method": (f"PATCH {CLIENTS}", {}, 405, "method.not.allowed"),
    "no body": (f"POST {CLIENTS}", None, 400, "bad.request"),
    "bad fields": (f"POST {CLIENTS}", {"name": 5, "scope": "x"}, 400, "invalid.value"),
    "a bad page": ("GET /api/v2/authorization/roles?pageSize=0", None, 400, "invalid.value"),
    "too large": (f"POST {CLIENTS}", {"x": "x" * 1_500_000}, 413, "request.entity.too.large"),
    "not a user": ("GET /api/v2/users/me", None, 400, "not.a.user"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_json(server: RunningServer, name: str) -> None:
    start, document, status, code = ERRORS[name]
    assert_platform_error(GO.ask(server, start, document), status, code)


def test_errors_of_tokens_and_media_types_are_json(server: RunningServer) -> None:
    for token, code in (("", "authentication.required"), ("x", "bad.credentials")):
        assert_platform_error(GO.ask(server, f"GET {CLIENTS}", token=token), 401, code)
    request = GO.call(server.port, f"POST {CLIENTS}", server.token(), b'{"name":')
    assert_platform_error(exchange(server.port, request), 400, "bad.request")
    request = request.replace(b"Type: application/json", b"Type: text/plain")
    assert_platform_error(exchange(server.port, request), 415, "unsupported.media.type")


def test_an_error_without_permission_is_json(server: RunningServer) -> None:
    token = token_with(server, "authorization:role:view")
    for start in (f"GET {CLIENTS}", f"POST {CLIENTS}/{UNKNOWN_ID}/secret"):
        assert_platform_error(GO.ask(server, start, token=token), 403, "missing.any.permissions")


def test_errors_before_any_application_are_json(server: RunningServer) -> None:
    good = GO.call(server.port, f"GET {CLIENTS}", "x")
    long = good.replace(b"Accept:", b"X: " + b"x" * 70_000 + b"\r\nAccept:")
    assert_platform_error(exchange(server.port, long), 431, "request.header.too.large")
    broken = good.replace(b"HTTP/1.1", b"HTTP/x")
    assert_platform_error(exchange(server.port, broken), 400, "bad.request")
