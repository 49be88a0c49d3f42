"""The changes that are asked for in a stream, each as one request."""

from typing import Any, NamedTuple

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
TOKEN = "/api/v2/tokens/me"
USERS = "/api/v2/users"
DIVISIONS = "/api/v2/authorization/divisions"
SUBJECTS = "/api/v2/authorization/subjects"
EVERYWHERE = "*"
REGENERATIONS = ("regenerate", "regenerate and end tokens")
BULK = ("bulk add", "bulk remove", "bulk replace")
ENDS_FAMILY = ("reuse code", "reuse refresh token", "revoke family")
FAMILY_CHANGES = ("redeem code", "refresh", *ENDS_FAMILY)
DELETIONS = ("delete client", "delete role", "delete user", "delete division")
CHANGES = (
    *("create client", "update client", "disable", "enable", "delete client"),
    *(*REGENERATIONS, "revoke"),
    *("create role", "put role", "patch role", "delete role"),
    *("create user", "change user", "delete user"),
    *("create division", "rename division", "delete division"),
    *BULK,
    *FAMILY_CHANGES,
)
Grants = frozenset[tuple[str, str]]
"""Roles in divisions, by their ids."""
Document = dict[str, Any]


class Request(NamedTuple):
    """One change that is asked for; what it is to make is in it."""

    kind: str
    text: str
    subject: str = ""
    """The id of what is changed; empty for what is new. For codes and families a code's digest."""
    grants: Grants = frozenset()
    """What the subject is to hold, or what is given to it or taken from it in bulk."""
    state: str = "active"
    token: str = ""

    def http(self, admin: str) -> tuple[str, str, Document | None, str]:
        """Method, path, document and bearer token."""
        kind, subject = self.kind, self.subject
        method, path = {
            "create client": ("POST", CLIENTS),
            "update client": ("PUT", f"{CLIENTS}/{subject}"),
            "disable": ("PUT", f"{CLIENTS}/{subject}"),
            "enable": ("PUT", f"{CLIENTS}/{subject}"),
            "regenerate": ("POST", f"{CLIENTS}/{subject}/secret"),
            "regenerate and end tokens": ("POST", f"{CLIENTS}/{subject}/secret?revokeTokens=true"),
            "delete client": ("DELETE", f"{CLIENTS}/{subject}"),
            "create role": ("POST", ROLES),
            "put role": ("PUT", f"{ROLES}/{subject}"),
            "patch role": ("PATCH", f"{ROLES}/{subject}"),
            "delete role": ("DELETE", f"{ROLES}/{subject}"),
            "revoke": ("DELETE", TOKEN),
            "create user": ("POST", USERS),
            "change user": ("PATCH", f"{USERS}/{subject}"),
            "delete user": ("DELETE", f"{USERS}/{subject}"),
            "create division": ("POST", DIVISIONS),
            "rename division": ("PUT", f"{DIVISIONS}/{subject}"),
            "delete division": ("DELETE", f"{DIVISIONS}/{subject}?force=true"),
            "bulk add": ("POST", f"{SUBJECTS}/{subject}/bulkadd"),
            "bulk remove": ("POST", f"{SUBJECTS}/{subject}/bulkremove"),
            "bulk replace": ("POST", f"{SUBJECTS}/{subject}/bulkreplace"),
        }[kind]
        return method, path, self._document(), self.token or admin

    def _document(self) -> Document | None:
        kind = self.kind
        if kind in BULK:
            return {"grants": _listed(self.grants)}
        if kind in DELETIONS or not self.text:
            return None
        if kind in ("create user", "change user"):
            return {
                "name": self.text,
                "title": self.text,
                "department": self.text,
                "email": email_of(self.text),
                "state": self.state,
            }
        document: Document = {"name": self.text, "description": self.text}
        if kind in ("create role", "put role", "patch role"):
            document["permissionPolicies"] = [policy(self.text)]
        elif kind in ("create client", "update client", "disable", "enable"):
            document["authorizedGrantType"] = "CLIENT-CREDENTIALS"
            document["roleDivisions"] = _listed(self.grants)
            document["state"] = self.state
        return document

    def grants_after(self, held: Grants) -> Grants:
        """What a subject holds after a change in bulk."""
        if self.kind == "bulk add":
            return held | self.grants
        return held - self.grants if self.kind == "bulk remove" else self.grants


def _listed(grants: Grants) -> list[dict[str, str]]:
    return [{"roleId": role, "divisionId": division} for role, division in sorted(grants)]


def policy(text: str) -> Document:
    """The one policy of a role with this text."""
    action = "".join(letter for letter in text if letter.isalnum())
    return {"domain": "oauth", "entityName": "client", "actionSet": ["view", action]}


def email_of(text: str) -> str:
    """The address of a user with this text."""
    return f"{text.replace(' ', '.')}@example.com"
