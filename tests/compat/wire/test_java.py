"""What the Java SDK sends, byte by byte, over connections that it keeps.

It looks up ``ININ-Correlation-Id`` and ``Retry-After`` in just that spelling, takes the latter for
a whole number, and has sent every list of a model, empty ones too, for years. Each request has a
``Content-Type`` of JSON, with or without a body.
"""

from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    home_division,
    make_code_client,
    make_role,
    unique,
)
from tests.compat.wire.raw_http import (
    Connection,
    RawReply,
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import Java
from tests.support.server import RunningServer

JAVA = Java()
CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"


def with_every_list(**fields: Any) -> dict[str, Any]:
    """A model as it was written when lists that nobody set were empty."""
    lists = ("registeredRedirectUri", "roleIds", "scope", "roleDivisions")
    return {**{name: [] for name in lists}, **fields}


# ------------------------------------------------------------------------------- kept


def test_one_connection_serves_a_whole_program(server: RunningServer) -> None:
    pair = {"roleId": make_role(server, "oauth:client:view"), "divisionId": EVERY_DIVISION}
    fields = {"name": unique("java"), "authorizedGrantType": "CLIENT-CREDENTIALS"}
    body = with_every_list(**fields, roleDivisions=[pair])
    with Connection(server.port) as connection:
        own = (server.client_id, server.client_secret)
        token = assert_token(connection.send(JAVA.login(server.port, *own)))

        def ask(start: str, document: Any = None) -> RawReply:
            content = b"" if document is None else JAVA.written(document)
            return connection.send(JAVA.call(server.port, start, token, content))

        created = ask(f"POST {CLIENTS}", body)
        assert (created.status, created.json()["roleDivisions"]) == (200, [pair])
        path = f"{CLIENTS}/{created.json()['id']}"
        # A body that a HEAD had would be read as the next answer, and so would one of a 204.
        head = ask("HEAD /api/v2/tokens/me")
        assert (head.status, head.body) == (200, b"")
        assert ask(f"GET {path}").json()["name"] == fields["name"]
        # Refused early, its body unread or not: the next answer must be that of the next request.
        assert_platform_error(ask(f"PUT {CLIENTS}/{UNKNOWN_ID}", body), 404, "not.found")
        assert_platform_error(ask("POST /api/v2/none", body), 404, "not.found")
        assert_platform_error(ask(f"PUT {CLIENTS}", body), 405, "method.not.allowed")
        assert_platform_error(ask(f"POST {CLIENTS}", {"name": 5}), 400, "invalid.value")
        renewed = ask(f"POST {path}/secret")
        assert (renewed.status, renewed.json()["id"]) == (200, created.json()["id"])
        gone = ask(f"DELETE {path}")
        assert (gone.status, gone.body, gone.header("Content-Length")) == (204, b"", None)
        assert_platform_error(ask(f"GET {path}"), 404, "not.found")
        assert ask("DELETE /api/v2/tokens/me").status == 200
        assert_platform_error(ask("GET /api/v2/tokens/me"), 401, "bad.credentials")


def test_answers_are_not_compressed(server: RunningServer) -> None:
    reply = JAVA.ask(server, f"GET {CLIENTS}")
    assert reply.header("Content-Encoding") is None
    assert reply.json()["pageCount"] == 1


# ---------------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("start", "token", "status"),
    [
        (f"GET {CLIENTS}", None, 200),
        ("HEAD /api/v2/tokens/me", None, 200),
        ("GET /api/v2/none", None, 404),
        (f"GET {CLIENTS}", "", 401),
        (f"GET {CLIENTS}", "bad", 401),
        (f"PATCH {CLIENTS}", None, 405),
        (f"POST {CLIENTS}", None, 400),
        (f"GET /{'x' * 70_000}", None, 431),
    ],
    ids=["good", "head", "no address", "no token", "bad token", "method", "no body", "early"],
)
def test_the_correlation_id_is_spelled_as_it_is_looked_up(
    server: RunningServer, start: str, token: str | None, status: int
) -> None:
    bearer = server.token() if token is None else token
    reply = exchange(server.port, JAVA.call(server.port, start, bearer))
    assert reply.status == status
    assert reply.exactly("ININ-Correlation-Id")


def test_logins_have_the_correlation_id_too(server: RunningServer) -> None:
    for secret, status in ((server.client_secret, 200), ("wrong", 401)):
        reply = exchange(server.port, JAVA.login(server.port, server.client_id, secret))
        assert reply.status == status
        assert reply.exactly("ININ-Correlation-Id")


# ------------------------------------------------------------------------- written bodies


def test_empty_lists_beside_the_one_that_was_set(server: RunningServer) -> None:
    role_id = make_role(server, "oauth:client:view")
    fields = {"name": "n", "authorizedGrantType": "CLIENT-CREDENTIALS"}
    pair = {"roleId": role_id, "divisionId": EVERY_DIVISION}
    by_pair = JAVA.ask(server, f"POST {CLIENTS}", with_every_list(**fields, roleDivisions=[pair]))
    assert (by_pair.status, by_pair.json()["roleDivisions"]) == (200, [pair])
    by_id = JAVA.ask(server, f"POST {CLIENTS}", with_every_list(**fields, roleIds=[role_id]))
    assert by_id.status == 200
    at_home = {"roleId": role_id, "divisionId": home_division(server)}
    assert by_id.json()["roleDivisions"] == [at_home]
    path = f"{CLIENTS}/{by_pair.json()['id']}"
    again = JAVA.ask(server, f"PUT {path}", with_every_list(**fields, roleIds=[role_id]))
    assert (again.status, again.json()["roleDivisions"]) == (200, [pair])


def test_empty_lists_of_a_client_without_roles(server: RunningServer) -> None:
    body = with_every_list(name="n", authorizedGrantType="CODE", state="inactive")
    reply = JAVA.ask(server, f"POST {CLIENTS}", body)
    assert (reply.status, reply.json()["state"]) == (200, "inactive")
    none = with_every_list(name="n", authorizedGrantType="CLIENT-CREDENTIALS")
    assert_platform_error(JAVA.ask(server, f"POST {CLIENTS}", none), 400, "missing.client.roles")


def test_empty_lists_of_a_role(server: RunningServer) -> None:
    policy = {"domain": "oauth", "entityName": "client", "actionSet": ["view"]}
    body = {
        "name": unique("java"),
        "permissions": [],
        "unusedPermissions": [],
        "permissionPolicies": [{**policy, "namedResources": []}],
    }
    reply = JAVA.ask(server, f"POST {ROLES}", body)
    assert reply.status == 200
    held = reply.json()["permissionPolicies"][0]
    assert {key: held[key] for key in policy} == policy


def test_dates_are_written_in_milliseconds(server: RunningServer) -> None:
    client = make_code_client(server)
    date = "2040-01-02T03:04:05.678Z"
    body = with_every_list(name="é", authorizedGrantType="CODE", dateToDelete=date)
    reply = JAVA.ask(server, f"PUT {CLIENTS}/{client['id']}", body)
    assert (reply.status, reply.json()["dateToDelete"], reply.json()["name"]) == (200, date, "é")


def test_ids_in_a_query_are_written_one_by_one(server: RunningServer) -> None:
    ids = sorted(make_role(server, "oauth:client:view") for _ in range(2))
    query = "&".join(f"id={role_id}" for role_id in ids)
    page = JAVA.ask(server, f"GET {ROLES}?pageSize=25&pageNumber=1&{query}").json()
    assert sorted(role["id"] for role in page["entities"]) == ids


def test_secrets_in_utf_8(server: RunningServer) -> None:
    reply = exchange(server.port, JAVA.login(server.port, server.client_id, "é\N{SNOWMAN}"))
    assert_login_error(reply, 401, "invalid_client")
