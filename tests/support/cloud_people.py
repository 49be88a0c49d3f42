"""That part of the stand-in for the vendor's cloud that is about people and about grants."""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.support.cloud_documents import (
    ADA,
    HOME,
    NIGHTLY,
    PORTAL,
    ROLE,
    authorization,
    error,
    grant,
    listing,
    subject,
    unknown,
    user,
    whole_list,
)

GRACE: Final = "77777777-7777-4777-8777-777777777777"
_EVERYWHERE: Final = {"id": "*", "name": "", "description": ""}


class People:
    """Users, what they have allowed to clients, and who holds which role.

    Args:
        clients: by id.
        roles: by id.
        divisions: by id.
    """

    def __init__(
        self,
        clients: dict[str, dict[str, Any]],
        roles: dict[str, dict[str, Any]],
        divisions: dict[str, dict[str, Any]],
    ) -> None:
        self._clients = clients
        self._roles = roles
        self._divisions = divisions
        self.users = {
            ADA: user(
                ADA, "Ada Lovelace", "ada@example.com", title="Analyst", department="Engines"
            ),
            GRACE: user(GRACE, "Grace Hopper", "grace@example.com", state="inactive"),
        }
        self.authorizations = {PORTAL: authorization(clients[PORTAL], ["users:readonly"])}
        self.grants = {(NIGHTLY, HOME, ROLE), (ADA, "*", ROLE)}
        self.caller = ""
        """The user whose token calls are made with; empty for a client's own."""

    def of_users(self, method: str, asked: str, names: list[str], body: Any) -> tuple[int, Any]:
        """Answers ``/api/v2/users``."""
        match method, names:
            case "GET", []:
                wanted = parse_qs(urlsplit(asked).query).get("state", ["active"])[0]
                found = [u for u in self.users.values() if wanted in ("any", u["state"])]
                return 200, listing(found, asked)
            case "POST", []:
                if not body.get("divisionId"):
                    return error(400, "bad.request", "divisionId is required")
                return 200, self._make(body)
            case "GET", ["me"]:
                if not self.caller:
                    return error(400, "not.a.user", "This request requires a user context.")
                return 200, self.users[self.caller]
            case _, [user_id, *rest] if user_id in self.users:
                return self._user(method, self.users[user_id], rest, body)
        return unknown("user")

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        user_id = f"88888888-8888-4888-8888-{len(self.users):012d}"
        kept = {name: body[name] for name in ("title", "department") if name in body}
        self.users[user_id] = user(user_id, body["name"], body["email"], **kept)
        return self.users[user_id]

    def _user(
        self, method: str, found: dict[str, Any], names: list[str], body: Any
    ) -> tuple[int, Any]:
        match method, names:
            case "GET", []:
                return 200, found
            case "PATCH", []:
                if body.get("version") != found["version"]:
                    return error(409, "general.conflict", "The version is not the newest one.")
                found |= {**body, "version": found["version"] + 1}
                return 200, found
            case "DELETE", []:
                del self.users[found["id"]]
                return 200, {}
            case "POST", ["password"] if body.get("newPassword"):
                return 204, None
        return unknown("user")

    def of_authorizations(self, method: str, asked: str, names: list[str]) -> tuple[int, Any]:
        """Answers ``/api/v2/oauth/authorizations``, which can be read and no more."""
        if method != "GET":
            return error(405, "method.not.allowed", "HTTP 405 Method Not Allowed")
        if not names:
            return 200, whole_list([*self.authorizations.values()], asked)
        if names[0] in self.authorizations:
            return 200, self.authorizations[names[0]]
        return unknown("client")

    def of_subjects(self, method: str, names: list[str]) -> tuple[int, Any]:
        """Answers ``/api/v2/authorization/subjects``."""
        known = self._clients.get(names[0]) or self.users.get(names[0])
        if known is None:
            return unknown("subject")
        match method, names[1:]:
            case "GET", []:
                held = sorted(each for each in self.grants if each[0] == names[0])
                return 200, subject(names[0], known["name"], [self._grant(*each) for each in held])
            case "POST" | "DELETE", ["divisions", division_id, "roles", role_id]:
                if role_id not in self._roles or division_id not in {"*", *self._divisions}:
                    return unknown("role")
                change = self.grants.add if method == "POST" else self.grants.discard
                change((names[0], division_id, role_id))
                return 204, None
        return unknown("subject")

    def _grant(self, subject_id: str, division_id: str, role_id: str) -> dict[str, Any]:
        where = self._divisions.get(division_id, _EVERYWHERE)
        return grant(subject_id, self._roles[role_id], where)
