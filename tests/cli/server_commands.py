"""Every command of those groups that call a server: arguments for it, and what it asks for then."""

from typing import Final

from tests.support.cloud_documents import ADA, HOME, NIGHTLY, OLD, PORTAL, ROLE
from tests.support.cloud_people import GRACE

GROUPS: Final = ("authorizations", "clients", "divisions", "roles", "token", "users")
COMMANDS: Final[dict[str, tuple[str, list[str]]]] = {
    "authorizations approve": (PORTAL, ["PUT oauth/authorizations/" + PORTAL]),
    "authorizations list": ("", ["GET oauth/authorizations"]),
    "authorizations revoke": (f"{PORTAL} --yes", ["DELETE oauth/authorizations/" + PORTAL]),
    "authorizations show": (PORTAL, ["GET oauth/authorizations/" + PORTAL]),
    "clients create": (
        f"m --role {ROLE} --hide-secret",
        ["GET authorization/divisions/home", "POST oauth/clients"],
    ),
    "clients delete": (f"{OLD} --yes", ["DELETE oauth/clients/" + OLD]),
    "clients disable": (PORTAL, ["GET oauth/clients/" + PORTAL, "PUT oauth/clients/" + PORTAL]),
    "clients enable": (OLD, ["GET oauth/clients/" + OLD, "PUT oauth/clients/" + OLD]),
    "clients list": ("", ["GET oauth/clients"]),
    "clients rotate": (f"{OLD} --yes --show-secret", [f"POST oauth/clients/{OLD}/secret"]),
    "clients show": (PORTAL, ["GET oauth/clients/" + PORTAL]),
    "clients update": (
        f"{OLD} --token-seconds 600",
        ["GET oauth/clients/" + OLD, "PUT oauth/clients/" + OLD],
    ),
    "divisions create": ("North", ["POST authorization/divisions"]),
    "divisions delete": (f"{HOME} --yes", ["DELETE authorization/divisions/" + HOME]),
    "divisions list": ("", ["GET authorization/divisions"]),
    "divisions show": (HOME, ["GET authorization/divisions/" + HOME]),
    "divisions update": (
        f"{HOME} --name Head",
        ["GET authorization/divisions/" + HOME, "PUT authorization/divisions/" + HOME],
    ),
    "roles create": ("r --permission routing:queue:view", ["POST authorization/roles"]),
    "roles delete": (f"{ROLE} --yes", ["DELETE authorization/roles/" + ROLE]),
    "roles grant": (
        f"{ROLE} {PORTAL} --division {HOME} --to-client",
        [f"POST authorization/subjects/{PORTAL}/divisions/{HOME}/roles/{ROLE}"],
    ),
    "roles grants": (NIGHTLY, ["GET authorization/subjects/" + NIGHTLY]),
    "roles list": ("", ["GET authorization/roles"]),
    "roles revoke": (
        f"{ROLE} {NIGHTLY} --division {HOME}",
        [f"DELETE authorization/subjects/{NIGHTLY}/divisions/{HOME}/roles/{ROLE}"],
    ),
    "roles show": (ROLE, ["GET authorization/roles/" + ROLE]),
    "roles update": (f"{ROLE} --name s", ["PATCH authorization/roles/" + ROLE]),
    "token get": ("", []),
    "token inspect": ("", ["GET tokens/me"]),
    "token revoke": (f"--user {ADA} --yes", ["DELETE tokens/" + ADA]),
    "users create": (
        "Joan --email joan@example.com --title Programmer",
        ["GET authorization/divisions/home", "POST users"],
    ),
    "users delete": (f"{ADA} --yes", ["DELETE users/" + ADA]),
    "users list": ("", ["GET users"]),
    "users me": ("", ["GET users/me"]),
    "users password": (f"{ADA} --password-stdin", [f"POST users/{ADA}/password"]),
    "users show": (GRACE, ["GET users/" + GRACE]),
    "users update": (f"{ADA} --state inactive", ["GET users/" + ADA, "PATCH users/" + ADA]),
}
OF_GRANTORY_ALONE: Final = frozenset({"authorizations approve", "authorizations revoke"})
