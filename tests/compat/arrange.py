"""What a test needs before the SDK's turn, made over plain HTTP by the first client."""

from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tests.compat.sdk import Document
from tests.support.person import Person
from tests.support.saml import signer
from tests.support.server import Reply, RunningServer, basic

EVERY_DIVISION = "*"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
_numbers = count(1)


def unique(text: str) -> str:
    """A name that no other test uses."""
    return f"{text} {next(_numbers)}"


def policy(permission: str) -> Document:
    """A permission text as a role's policy."""
    domain, entity, action = permission.split(":")
    return {"domain": domain, "entityName": entity, "actionSet": [action]}


def make_role(server: RunningServer, *permissions: str) -> str:
    """The id of a new role with these permissions."""
    document = {
        "name": unique("role"),
        "permissionPolicies": [policy(permission) for permission in permissions],
    }
    role_id = _done(server.call("POST", "/api/v2/authorization/roles", document))["id"]
    assert isinstance(role_id, str)
    return role_id


def make_client(server: RunningServer, *permissions: str, **fields: Any) -> Document:
    """A new client-credentials client, with its secret, that holds these permissions anywhere."""
    document: Document = {
        "name": unique("client"),
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [
            {
                "roleId": make_role(server, *(permissions or ("oauth:client:view",))),
                "divisionId": EVERY_DIVISION,
            }
        ],
    }
    return _done(server.call("POST", "/api/v2/oauth/clients", {**document, **fields}))


def make_code_client(server: RunningServer, **fields: Any) -> Document:
    """A new client of grant CODE."""
    document = {"name": unique("client"), "authorizedGrantType": "CODE"}
    return _done(server.call("POST", "/api/v2/oauth/clients", {**document, **fields}))


def make_division(server: RunningServer) -> str:
    """The id of a new division."""
    document = {"name": unique("division")}
    division_id = _done(server.call("POST", "/api/v2/authorization/divisions", document))["id"]
    assert isinstance(division_id, str)
    return division_id


def make_deleted_division(server: RunningServer) -> str:
    """The id of a division that was deleted."""
    division_id = make_division(server)
    path = f"/api/v2/authorization/divisions/{division_id}"
    assert server.call("DELETE", path).status == 204
    return division_id


def a_provider_document() -> Document:
    """An identity provider that nobody has registered yet."""
    return {
        "name": unique("provider"),
        "issuerURI": f"https://{uuid4()}.example.com",
        "certificates": [signer().certificate],
    }


def make_provider(server: RunningServer) -> str:
    """The id of a new identity provider."""
    made = _done(server.call("POST", "/api/v2/identityproviders", a_provider_document()))
    return str(made["id"])


def give(server: RunningServer, subject_id: str, role_id: str, division_id: str) -> None:
    """Give a subject a role in a division."""
    path = f"/api/v2/authorization/subjects/{subject_id}/divisions/{division_id}/roles/{role_id}"
    assert server.call("POST", path).status == 204


def held(server: RunningServer, subject_id: str) -> dict[tuple[str, str], str]:
    """What a subject holds: since when, by role and division."""
    subject = _done(server.call("GET", f"/api/v2/authorization/subjects/{subject_id}"))
    return {(g["role"]["id"], g["division"]["id"]): g["grantMadeAt"] for g in subject["grants"]}


def unique_address() -> str:
    """An e-mail address that no other test uses."""
    return f"{uuid4()}@example.com"


def make_user(server: RunningServer, **fields: Any) -> str:
    """The id of a new user who holds nothing."""
    document = {"name": "Ann", "email": unique_address(), **fields}
    return str(_done(server.call("POST", "/api/v2/users", document))["id"])


def user_token(server: RunningServer, password: str) -> str:
    """The token of a new user with a password and a role, who has let a new client act for them."""
    back, address = "http://127.0.0.1:4711/back", unique_address()
    user_id = make_user(server, email=address, password=password)
    give(server, user_id, make_role(server, "oauth:client:view"), EVERY_DIVISION)
    app = make_code_client(server, registeredRedirectUri=[back])
    with Person(server, address, password) as person:
        code = person.authorize(app["id"], back)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    headers = {
        "Authorization": basic(app["id"], app["secret"]),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urlencode(form).encode()
    return str(
        _done(server.request("POST", "/oauth/token", body=body, headers=headers))["access_token"]
    )


def token_with(server: RunningServer, *permissions: str) -> str:
    """The token of a new client that holds just these permissions."""
    client = make_client(server, *permissions)
    return server.token(client["id"], client["secret"])


def stored(server: RunningServer, client_id: str) -> Document:
    """A client as the server keeps it."""
    return _done(server.call("GET", f"/api/v2/oauth/clients/{client_id}"))


def home_division(server: RunningServer) -> str:
    """The id of the home division."""
    division_id = _done(server.call("GET", "/api/v2/authorization/divisions/home"))["id"]
    assert isinstance(division_id, str)
    return division_id


def _done(reply: Reply) -> Document:
    assert reply.status == 200, f"{reply.status} {reply.body.decode()}"
    document = reply.json()
    assert isinstance(document, dict)
    return document
