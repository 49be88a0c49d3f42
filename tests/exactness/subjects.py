"""Clients that something is done to, and all that can be done to end what they may do."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.exactness.changes import Change
from tests.support.processes import (
    Line,
    Question,
    Site,
    api_question,
    revocation_question,
    token_question,
)

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
TOKEN = "/api/v2/tokens/me"
_numbers = itertools.count(1)


class Subject(NamedTuple):
    """A client with a role of its own that lets it see clients."""

    client_id: str
    secret: str
    role_id: str
    other_role_id: str
    token: str

    def __repr__(self) -> str:
        return f"client {self.client_id}"

    @property
    def has_token(self) -> Question:
        """Is the token good? Decided from memory alone."""
        return api_question(self.token, "HEAD", TOKEN)

    @property
    def has_secret(self) -> Question:
        """Is the secret good, and may the client have tokens?"""
        return token_question(self.client_id, self.secret)

    @property
    def has_right(self) -> Question:
        """May the client do what the role lets it do?"""
        return api_question(self.token, "GET", f"{CLIENTS}?pageSize=1")


def role_document(name: str, *actions: str) -> dict[str, Any]:
    """A role that allows actions on clients, or only something harmless."""
    policy = {"domain": "oauth", "entityName": "client", "actionSet": list(actions)}
    return {"name": name, "permissionPolicies": [policy] if actions else []}


def client_document(role_id: str, state: str = "active") -> dict[str, Any]:
    """A client with one role."""
    return {
        "name": "subject",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": role_id, "divisionId": "*"}],
        "state": state,
    }


def make_subject(site: Site, line: Line) -> Subject:
    """A new client with a token."""
    number = next(_numbers)

    def make_role(name: str, *actions: str) -> str:
        document = role_document(f"{name} {number}", *actions)
        return str(site.manage(line, "POST", ROLES, document)["id"])

    viewer, nobody = make_role("viewer", "view"), make_role("nobody")
    made = site.manage(line, "POST", CLIENTS, client_document(viewer))
    reply = line.ask(token_question(made["id"], made["secret"]))
    assert reply.status == 200, reply.body
    return Subject(made["id"], made["secret"], viewer, nobody, reply.json()["access_token"])


def _revoke(_site: Site, subject: Subject) -> Question:
    return api_question(subject.token, "DELETE", TOKEN)


def _revoke_by_secret(_site: Site, subject: Subject) -> Question:
    return revocation_question(subject.client_id, subject.secret, subject.token)


def _manage(site: Site, method: str, path: str, document: Any = None) -> Question:
    return api_question(site.admin_token, method, path, document)


def _set_state(state: str) -> Callable[[Site, Subject], Question]:
    def question(site: Site, subject: Subject) -> Question:
        document = client_document(subject.role_id, state)
        return _manage(site, "PUT", f"{CLIENTS}/{subject.client_id}", document)

    return question


def _delete(site: Site, subject: Subject) -> Question:
    return _manage(site, "DELETE", f"{CLIENTS}/{subject.client_id}")


def _replace_secret(query: str) -> Callable[[Site, Subject], Question]:
    def question(site: Site, subject: Subject) -> Question:
        return _manage(site, "POST", f"{CLIENTS}/{subject.client_id}/secret{query}")

    return question


def _narrow_role(method: str) -> Callable[[Site, Subject], Question]:
    def question(site: Site, subject: Subject) -> Question:
        document = role_document(f"narrow {subject.role_id}", "add")
        if method == "PATCH":
            del document["name"]
        return _manage(site, method, f"{ROLES}/{subject.role_id}", document)

    return question


def _remove_grant(site: Site, subject: Subject) -> Question:
    document = client_document(subject.other_role_id)
    document["roleIds"] = [subject.other_role_id]
    del document["roleDivisions"]
    return _manage(site, "PUT", f"{CLIENTS}/{subject.client_id}", document)


CHANGES: dict[str, Change[Subject]] = {
    "token revoked": Change(_revoke, lambda s: [s.has_token]),
    "token revoked as RFC 7009 says": Change(_revoke_by_secret, lambda s: [s.has_token]),
    "client inactive": Change(_set_state("inactive"), lambda s: [s.has_secret]),
    "client disabled": Change(_set_state("disabled"), lambda s: [s.has_secret, s.has_token]),
    "client deleted": Change(_delete, lambda s: [s.has_secret, s.has_token]),
    "secret replaced": Change(_replace_secret(""), lambda s: [s.has_secret]),
    "secret replaced and tokens ended": Change(
        _replace_secret("?revokeTokens=true"), lambda s: [s.has_secret, s.has_token]
    ),
    "role narrowed by PATCH": Change(_narrow_role("PATCH"), lambda s: [s.has_right]),
    "role narrowed by PUT": Change(_narrow_role("PUT"), lambda s: [s.has_right]),
    "grant removed": Change(_remove_grant, lambda s: [s.has_right]),
}
IN_FAULTS = (
    *("token revoked", "client disabled", "client deleted", "secret replaced"),
    *("secret replaced and tokens ended", "role narrowed by PUT", "grant removed"),
)
"""What is made in every fault; the others of ``CHANGES`` are asked for in other words only."""
