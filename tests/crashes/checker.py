"""Compares what the writers know with what the server has, and settles what was open."""

import re
import time
from typing import Any

from grantory.domain.secret import digest_of
from tests.crashes.ledger import (
    CLIENTS,
    REGENERATIONS,
    ROLES,
    TOKEN,
    Client,
    Ledger,
    Request,
    policy,
)
from tests.crashes.load import Load
from tests.crashes.rows import Rows, check_rows, live_secrets
from tests.support.server import RunningServer

Found = dict[str, dict[str, Any]]
TOKENS_LOOKED_AT = 40
"""Of each writer, the newest."""
_REVOKED = {200: False, 401: True}


def check(server: RunningServer, load: Load, rows: Rows) -> None:
    """All that was acknowledged is there, nothing is half done, and nothing was done twice.

    Afterwards nothing is open any more, so that the writers can go on.
    """
    time.sleep(rows.lag)  # until every process has heard of everything
    check_rows(rows)
    admin = server.token()
    clients = by_id(server.call("GET", CLIENTS, token=admin).json()["entities"])
    roles = all_roles(server, admin)
    secrets = live_secrets(rows)
    ours = {client["name"]: client for client in clients.values()}
    assert len(ours) == len(clients), "something was created twice"
    for ledger in load.ledgers:
        settler = _Settler(server, admin, ledger, clients, roles)
        for request in ledger.open:
            settler.settle(request, secrets)
        ledger.open.clear()
        _compare(ledger, clients, roles, secrets)
        _look_at_tokens(server, ledger)
    texts = ours.keys() | {role["name"] for role in roles.values()}
    refused = {text for ledger in load.ledgers for text in ledger.refused}
    assert not refused & texts, "what was refused was done all the same"
    known = {k for ledger in load.ledgers for k in (*ledger.clients, *ledger.roles)}
    strange = {k for k, v in {**clients, **roles}.items() if k not in known and is_ours(v["name"])}
    assert not strange, "something is there that nobody knows of"


def is_ours(name: str) -> bool:
    """Whether the name is a writer's text."""
    return re.fullmatch(r"round \d+ writer \d+ step \d+", name) is not None


def by_id(entities: list[dict[str, Any]]) -> Found:
    """Entities by their ids, each of which must be there once."""
    found = {entity["id"]: entity for entity in entities}
    assert len(found) == len(entities)
    return found


def all_roles(server: RunningServer, admin: str) -> Found:
    """Every role."""
    entities: list[dict[str, Any]] = []
    number = 1
    while True:
        path = f"{ROLES}?pageSize=500&pageNumber={number}"
        page = server.call("GET", path, token=admin).json()
        entities += page["entities"]
        if len(entities) >= page["total"]:
            return by_id(entities)
        number += 1


class _Settler:
    """Finds out whether a request was done: wholly, or not at all."""

    def __init__(
        self, server: RunningServer, admin: str, ledger: Ledger, clients: Found, roles: Found
    ) -> None:
        self._server = server
        self._admin = admin
        self._ledger = ledger
        self._clients = clients
        self._roles = roles

    def settle(self, request: Request, secrets: dict[str, list[str]]) -> None:
        if request.kind in REGENERATIONS:
            client = self._ledger.clients[request.subject]
            if secrets[client.id] != [digest_of(client.secret).hex()]:
                assert not self._works(client), "two secrets work"
                self._ledger.regenerated(request, "")
                self._renew(client, secrets)
        elif self._was_done(request):
            self._ledger.done(request, self._answer(request))
            if request.kind == "create client":
                new = self._ledger.clients[self._named(self._clients, request.text)["id"]]
                self._renew(new, secrets)
        else:
            self._ledger.not_done(request)

    def _was_done(self, request: Request) -> bool:
        kind, subject = request.kind, request.subject
        if kind == "revoke":
            answer = self._server.call("GET", TOKEN, token=request.token)
            return _REVOKED[answer.status]
        if kind in ("delete client", "delete role"):
            return subject not in (self._clients if kind == "delete client" else self._roles)
        there = self._roles if "role" in kind else self._clients
        return bool(self._named(there, request.text))

    def _answer(self, request: Request) -> dict[str, Any]:
        """What the answer would have been, without the secret."""
        there = self._roles if "role" in request.kind else self._clients
        return {"secret": "", **self._named(there, request.text)}

    def _named(self, there: Found, text: str) -> dict[str, Any]:
        named = [entity for entity in there.values() if text and entity["name"] == text]
        assert len(named) <= 1, f"{text} was done twice"
        return named[0] if named else {}

    def _works(self, client: Client) -> bool:
        return self._server.ask_token(client.id, client.secret).status == 200

    def _renew(self, client: Client, secrets: dict[str, list[str]]) -> None:
        """The secret went to nobody: have another made."""
        path = f"{CLIENTS}/{client.id}/secret"
        client.secret = self._server.call("POST", path, token=self._admin).json()["secret"]
        secrets[client.id] = [digest_of(client.secret).hex()]


def _compare(ledger: Ledger, clients: Found, roles: Found, secrets: dict[str, list[str]]) -> None:
    for role in ledger.roles.values():
        assert role.id in roles, "an acknowledged role is gone"
        actions = policy(role.text)["actionSet"]
        _same(_said_of_role(roles[role.id]), (role.text, role.text, actions))
    for client in ledger.clients.values():
        assert client.id in clients, "an acknowledged client is gone"
        wanted = (client.text, client.text, client.state, sorted(client.roles - ledger.gone))
        _same(_said_of_client(clients[client.id]), wanted)
        assert secrets[client.id] == [digest_of(client.secret).hex()], "not its secret"
    assert not ledger.gone & (clients.keys() | roles.keys()), "a deletion was undone"


def _said_of_role(found: dict[str, Any]) -> tuple[object, ...]:
    return found["name"], found["description"], found["permissionPolicies"][0]["actionSet"]


def _said_of_client(found: dict[str, Any]) -> tuple[object, ...]:
    return found["name"], found["description"], found["state"], sorted(found["roleIds"])


def _same(found: tuple[object, ...], wanted: tuple[object, ...]) -> None:
    assert found == wanted, f"{found} where {wanted} was acknowledged"


def _look_at_tokens(server: RunningServer, ledger: Ledger) -> None:
    for token in ledger.ended[-TOKENS_LOOKED_AT:]:
        assert server.call("GET", TOKEN, token=token).status == 401, "an ended token works again"
    for client in list(ledger.clients.values())[-TOKENS_LOOKED_AT:]:
        status = server.ask_token(client.id, client.secret).status
        assert (status == 200) == (client.state == "active"), f"{client.state}: {status}"
        if client.token and client.state == "active":
            answer = server.call("GET", TOKEN, token=client.token)
            assert answer.status == 200, "a token was lost"
