"""Compares what the writers know with what the server has, and settles what was open."""

import re
import time
from typing import NamedTuple

from grantory.domain.secret import digest_of
from tests.crashes.family_checker import FamilyChecker
from tests.crashes.ledger import Client, Ledger, User
from tests.crashes.load import Load
from tests.crashes.request import (
    BULK,
    CLIENTS,
    DELETIONS,
    DIVISIONS,
    FAMILY_CHANGES,
    REGENERATIONS,
    ROLES,
    TOKEN,
    USERS,
    Document,
    Grants,
    Request,
    email_of,
    policy,
)
from tests.crashes.rows import Rows, grants_in, live_secrets
from tests.crashes.whole_rows import check_rows
from tests.support.server import RunningServer

Found = dict[str, Document]
TOKENS_LOOKED_AT = 40
"""Of each writer, the newest."""
_REVOKED = {200: False, 401: True}


class There(NamedTuple):
    """What the server has, by ids."""

    clients: Found
    roles: Found
    users: Found
    divisions: Found
    grants: dict[str, Grants]
    secrets: dict[str, list[str]]

    def of(self, kind: str) -> Found:
        """Those that a kind of request is about."""
        named = {"role": self.roles, "user": self.users, "division": self.divisions}
        return named.get(kind.rpartition(" ")[2], self.clients)

    @property
    def all(self) -> Found:
        """Whatever has a name."""
        return {**self.clients, **self.roles, **self.users, **self.divisions}


def check(server: RunningServer, load: Load, rows: Rows) -> None:
    """All that was acknowledged is there, nothing is half done, and nothing was done twice.

    Afterwards nothing is open any more, so that the writers can go on.
    """
    time.sleep(rows.lag)  # until every process has heard of everything
    check_rows(rows)
    admin = server.token()
    there = what_is_there(server, admin, rows)
    names = [entity["name"] for entity in there.clients.values()]
    assert len(set(names)) == len(names), "something was created twice"
    families = FamilyChecker(server, load.app, rows)
    for ledger in load.ledgers:
        settler = _Settler(server, admin, ledger, there)
        # What was deleted first: whoever held it may have got it before or after that.
        for request in sorted(ledger.open, key=lambda r: r.kind not in DELETIONS):
            if request.kind in FAMILY_CHANGES:
                families.settle(ledger, request)
            else:
                settler.settle(request)
        ledger.open.clear()
        _compare(ledger, there)
        _look_at_tokens(server, ledger)
    families.compare(load.ledgers)
    texts = {entity["name"] for entity in there.all.values()}
    refused = {text for ledger in load.ledgers for text in ledger.refused}
    assert not refused & texts, "what was refused was done all the same"
    known = {k for ledger in load.ledgers for k in ledger.known}
    strange = {k for k, v in there.all.items() if k not in known and is_ours(v["name"])}
    assert not strange, "something is there that nobody knows of"


def what_is_there(server: RunningServer, admin: str, rows: Rows) -> There:
    """All that can be compared."""
    return There(
        clients=by_id(server.call("GET", CLIENTS, token=admin).json()["entities"]),
        roles=listed(server, admin, ROLES),
        users=listed(server, admin, f"{USERS}?state=any"),
        divisions=listed(server, admin, DIVISIONS),
        grants=grants_in(rows),
        secrets=live_secrets(rows),
    )


def is_ours(name: str) -> bool:
    """Whether the name is a writer's text."""
    return re.fullmatch(r"writer \d+ step \d+", name) is not None


def by_id(entities: list[Document]) -> Found:
    """Entities by their ids, each of which must be there once."""
    found = {entity["id"]: entity for entity in entities}
    assert len(found) == len(entities)
    return found


def listed(server: RunningServer, admin: str, path: str) -> Found:
    """Every entity of a list with pages."""
    entities: list[Document] = []
    number = 1
    while True:
        pages = f"pageSize=500&pageNumber={number}"
        address = f"{path}{'&' if '?' in path else '?'}{pages}"
        page = server.call("GET", address, token=admin).json()
        entities += page["entities"]
        if len(entities) >= page["total"]:
            return by_id(entities)
        number += 1


class _Settler:
    """Finds out whether a request was done: wholly, or not at all."""

    def __init__(self, server: RunningServer, admin: str, ledger: Ledger, there: There) -> None:
        self._server = server
        self._admin = admin
        self._ledger = ledger
        self._there = there

    def settle(self, request: Request) -> None:
        if request.kind in REGENERATIONS:
            client = self._ledger.clients[request.subject]
            if self._there.secrets[client.id] != [digest_of(client.secret).hex()]:
                assert not self._works(client), "two secrets work"
                self._ledger.regenerated(request, "")
                self._renew(client)
        elif self._was_done(request):
            self._ledger.done(request, {"secret": "", **self._named(request)})
            if request.kind == "create client":
                self._renew(self._ledger.clients[self._named(request)["id"]])
        else:
            self._ledger.not_done(request)

    def _was_done(self, request: Request) -> bool:
        kind, subject = request.kind, request.subject
        if kind in BULK:
            return self._was_given(request)
        if kind == "revoke":
            answer = self._server.call("GET", TOKEN, token=request.token)
            return _REVOKED[answer.status]
        if kind in DELETIONS:
            return subject not in self._there.of(kind)
        return bool(self._named(request))

    def _was_given(self, request: Request) -> bool:
        living = self._ledger.living
        held = living(self._ledger.holder(request.subject).grants)
        before, after = held, living(request.grants_after(held))
        found = living(self._there.grants.get(request.subject, ()))
        assert found in (before, after), f"{request.kind} is half done"
        return found == after

    def _named(self, request: Request) -> Document:
        """What has the text of a request; it may be what the answer would have been."""
        there, text = self._there.of(request.kind).values(), request.text
        named = [entity for entity in there if text and entity["name"] == text]
        assert len(named) <= 1, f"{text} was done twice"
        return named[0] if named else {}

    def _works(self, client: Client) -> bool:
        return self._server.ask_token(client.id, client.secret).status == 200

    def _renew(self, client: Client) -> None:
        """The secret went to nobody: have another made."""
        path = f"{CLIENTS}/{client.id}/secret"
        client.secret = self._server.call("POST", path, token=self._admin).json()["secret"]
        self._there.secrets[client.id] = [digest_of(client.secret).hex()]


def _compare(ledger: Ledger, there: There) -> None:
    for role in ledger.roles.values():
        assert role.id in there.roles, "an acknowledged role is gone"
        actions = policy(role.text)["actionSet"]
        _same(_said_of_role(there.roles[role.id]), (role.text, role.text, actions))
    for division in ledger.divisions.values():
        assert division.id in there.divisions, "an acknowledged division is gone"
        found = there.divisions[division.id]
        _same((found["name"], found["description"]), (division.text, division.text))
    for user in ledger.users.values():
        assert user.id in there.users, "an acknowledged user is gone"
        texts = (user.text, user.text, user.text, email_of(user.text))
        _same(_said_of_user(there.users[user.id]), (*texts, user.state))
    for client in ledger.clients.values():
        assert client.id in there.clients, "an acknowledged client is gone"
        wanted = (client.text, client.text, client.state, ledger.living(client.grants))
        _same(_said_of_client(there.clients[client.id]), wanted)
        assert there.secrets[client.id] == [digest_of(client.secret).hex()], "not its secret"
    holders: list[Client | User] = [*ledger.clients.values(), *ledger.users.values()]
    for holder in holders:
        _same(there.grants.get(holder.id, frozenset()), ledger.living(holder.grants))
    assert not ledger.gone & there.all.keys(), "a deletion was undone"


def _said_of_role(found: Document) -> tuple[object, ...]:
    return found["name"], found["description"], found["permissionPolicies"][0]["actionSet"]


def _said_of_user(found: Document) -> tuple[object, ...]:
    return tuple(found[name] for name in ("name", "title", "department", "email", "state"))


def _said_of_client(found: Document) -> tuple[object, ...]:
    pairs = frozenset(
        (pair["roleId"], pair["divisionId"]) for pair in found.get("roleDivisions", ())
    )
    return found["name"], found["description"], found["state"], pairs


def _same(found: object, wanted: object) -> None:
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
