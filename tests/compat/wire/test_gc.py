"""What the command line ``gc`` sends, byte by byte.

Its bodies come in chunks, those of its logins too. A list with ``--autopaginate`` is asked for
without a page number, then with 2, 3 and so on, until a page is empty or equals an earlier one.
A 401 makes it log in again, once.
"""

from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    make_client,
    make_code_client,
    make_role,
    unique,
)
from tests.compat.wire.raw_http import (
    assert_login_error,
    assert_platform_error,
    assert_token,
    exchange,
)
from tests.compat.wire.writers import Gc, in_chunks
from tests.support.server import RunningServer

GC = Gc()
CLIENTS = "/api/v2/oauth/clients"
MOST_PAGES = 40


def list_all(server: RunningServer, path: str) -> list[Any]:
    """What ``list --autopaginate`` collects."""
    first = GC.ask(server, f"GET {path}")
    seen, entities = {first.body}, list(first.json()["entities"])
    for number in range(2, MOST_PAGES):
        mark = "&" if "?" in path else "?"
        page = GC.ask(server, f"GET {path}{mark}pageNumber={number}")
        assert page.status == 200
        if not page.json()["entities"] or page.body in seen:
            return entities
        seen.add(page.body)
        entities += page.json()["entities"]
    raise AssertionError(f"{path} does not end")


# -------------------------------------------------------------------------------- login


def test_login_in_chunks(server: RunningServer) -> None:
    request = GC.login(server.port, server.client_id, server.client_secret)
    token = assert_token(exchange(server.port, request))
    assert GC.ask(server, f"GET {CLIENTS}", token=token).status == 200


def test_refused_logins_are_json(server: RunningServer) -> None:
    code = make_code_client(server)
    for client_id, secret, status, error in [
        (server.client_id, "wrong", 401, "invalid_client"),
        (server.client_id, "", 401, "invalid_client"),
        (code["id"], code["secret"], 400, "unauthorized_client"),
    ]:
        reply = exchange(server.port, GC.login(server.port, client_id, secret))
        assert_login_error(reply, status, error)


def test_pkce_with_an_empty_secret_is_answered_in_json(server: RunningServer) -> None:
    code = make_code_client(server)
    form = f"client_id={code['id']}&code=c&code_verifier={'v' * 128}&grant_type=authorization_code"
    reply = exchange(server.port, GC.login(server.port, code["id"], "", form=form.encode()))
    assert reply.status in (400, 401)
    assert_login_error(reply, reply.status, reply.json()["error"])


def test_a_token_that_ended_is_replaced_once(server: RunningServer) -> None:
    client = make_client(server)
    old = server.token(client["id"], client["secret"])
    assert GC.ask(server, "DELETE /api/v2/tokens/me", token=old).status == 200
    assert_platform_error(GC.ask(server, f"GET {CLIENTS}", token=old), 401, "bad.credentials")
    assert_platform_error(
        GC.ask(server, f"GET {CLIENTS}", token=""), 401, "authentication.required"
    )
    request = GC.login(server.port, client["id"], client["secret"])
    new = assert_token(exchange(server.port, request))
    assert GC.ask(server, f"GET {CLIENTS}", token=new).status == 200


# -------------------------------------------------------------------------- operations


def test_the_six_operations(server: RunningServer) -> None:
    pair = {"roleId": make_role(server, "oauth:client:view"), "divisionId": EVERY_DIVISION}
    fields = {"name": unique("é"), "authorizedGrantType": "CLIENT-CREDENTIALS"}
    body = {**fields, "roleDivisions": [pair]}
    created = GC.ask(server, f"POST {CLIENTS}", body)
    assert (created.status, created.json()["name"]) == (200, fields["name"])
    path = f"{CLIENTS}/{created.json()['id']}"
    assert GC.ask(server, f"GET {path}").json()["roleDivisions"] == [pair]
    changed = GC.ask(server, f"PUT {path}", {**body, "state": "inactive"})
    assert (changed.status, changed.json()["state"]) == (200, "inactive")
    renewed = GC.ask(server, f"POST {path}/secret")
    assert renewed.json()["secret"] not in ("", created.json()["secret"])
    listed = GC.ask(server, f"GET {CLIENTS}").json()
    assert [client["id"] for client in listed["entities"]].count(created.json()["id"]) == 1
    gone = GC.ask(server, f"DELETE {path}")
    assert (gone.status, gone.body) == (204, b"")
    assert_platform_error(GC.ask(server, f"GET {path}"), 404, "not.found")


def test_a_file_is_sent_as_it_lies_there(server: RunningServer) -> None:
    token = server.token()
    written = b'\xef\xbb\xbf {\n\t"name": "n",\r\n  "authorizedGrantType": "CODE"\n}\n\n'
    for content, status in ((written[3:], 200), (written, 400), (b"{", 400), (b"[]", 400)):
        reply = exchange(server.port, GC.call(server.port, f"POST {CLIENTS}", token, content))
        assert reply.status == status
        assert isinstance(reply.json(), dict)


def test_a_retry_whose_body_was_used_up_changes_nothing(server: RunningServer) -> None:
    # It repeats a request after a 429 or 5xx, and by then the body has been read.
    client = make_code_client(server)
    path = f"{CLIENTS}/{client['id']}"
    request = GC.call(server.port, f"PUT {path}", server.token(), b"{}")
    request = request.replace(in_chunks(b"{}"), b"0\r\n\r\n")
    assert_platform_error(exchange(server.port, request), 400, "bad.request")
    assert GC.ask(server, f"GET {path}").json()["name"] == client["name"]


def test_head_shows_only_its_status(server: RunningServer) -> None:
    for token, status in ((None, 200), ("bad", 401)):
        reply = GC.ask(server, "HEAD /api/v2/tokens/me", token=token)
        assert (reply.status, reply.body) == (status, b"")


# --------------------------------------------------------------------------------- lists


def test_every_client_is_listed_once(server: RunningServer) -> None:
    made = {make_code_client(server)["id"] for _ in range(30)}
    ids = [client["id"] for client in list_all(server, CLIENTS)]
    assert made <= set(ids)
    assert len(ids) == len(set(ids))


def test_every_role_is_listed_once(server: RunningServer) -> None:
    made = {make_role(server, "oauth:client:view") for _ in range(30)}
    ids = [role["id"] for role in list_all(server, "/api/v2/authorization/roles")]
    assert made <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/oauth/scopes",
        "/api/v2/authorization/products",
        "/api/v2/authorization/permissions",
        "/api/v2/authorization/divisions",
        "/api/v2/authorization/divisions/query",
        "/api/v2/authorization/divisions/deleted",
    ],
)
def test_other_lists_end_with_nothing_twice(server: RunningServer, path: str) -> None:
    entities = list_all(server, path)
    assert all(entities.count(entity) == 1 for entity in entities)


def test_what_steers_the_paging_has_the_kinds_that_are_read(server: RunningServer) -> None:
    for path in (CLIENTS, "/api/v2/authorization/roles", "/api/v2/authorization/divisions"):
        page = GC.ask(server, f"GET {path}").json()
        for name in ("pageSize", "pageNumber", "total", "pageCount"):
            assert type(page[name]) is int
        assert isinstance(page.get("nextUri", ""), str)
        # Either of these would make it page by something else.
        assert not {"cursor", "cursors", "startIndex"} & set(page)
        assert "after" not in page.get("nextUri", "")
