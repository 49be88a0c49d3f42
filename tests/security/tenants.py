"""Organisations with one of everything that an operation names, and a good body for each schema.

What is drawn from the operations' own declarations comes from here, so that an operation which is
added later is attacked, too: at most it must tell below what a body or an id of it looks like.
"""

import re
from typing import Any, Final

import httpx2 as httpx
import msgspec

from grantory.http.api_v2 import schemas, user_schemas
from grantory.http.api_v2.authorization_schemas import ApprovalRequest
from grantory.http.api_v2.change_schemas import ChangesRequest
from grantory.http.api_v2.identity_provider_schemas import CustomProviderRequest
from grantory.http.operation import Operation
from tests.security.answers import refused
from tests.support.people import GOOD_PASSWORD, USERS, Person, make_code_client, make_user
from tests.support.saml import signer
from tests.support.user_tokens import user_token
from tests.support.world import CLIENTS, ROLES, Member, World, declared_operations

OPERATIONS: Final = declared_operations()
PERMISSIONS: Final = sorted({text for each in OPERATIONS for text in each.permissions})
PARAMETER: Final = re.compile(r"\{(\w+)\}")
HELD: Final = "routing:queue:view"
"""What whoever is made here holds in every division."""
NEW_PASSWORD: Final = "four green lamps over there"
AUTHORIZATIONS: Final = "/api/v2/oauth/authorizations"
DIVISIONS: Final = "/api/v2/authorization/divisions"
PROVIDERS: Final = "/api/v2/identityproviders"
OWN: Final = f"{USERS}/me"
"""What only a user can ask."""
LISTS: Final = {"postGrantoryChanges"}
"""What does the work of other operations, and asks for what those ask: test_change_lists.py has its
cases."""
ALWAYS_REFUSED: Final = {"putTokensTimeout"}
"""400, whoever asks for whatever."""


def bodies(ids: dict[str, str], number: int) -> dict[type[msgspec.Struct], Any]:
    """A good body for each schema that an operation takes, with every text that it can hold.

    Args:
        ids: of what it is to name, by the name of the path's parameter.
        number: one that no other body has.
    """
    name, certificate = f"Taken {number}", signer().certificate
    pair = {"roleId": ids["roleId"], "divisionId": ids["divisionId"]}
    policy = {
        **{"domain": "routing", "entityName": "queue", "actionSet": ["view"]},
        **{"policyName": "a", "policyDescription": "b", "namedResources": ["c"]},
        "resourceConditionNode": {"variableName": "d"},
    }
    role = {"name": name, "description": "a", "permissions": [HELD], "permissionPolicies": [policy]}
    person = {"title": "a", "department": "b", "state": "active"}
    return {
        schemas.OAuthClientRequest: {
            **{"name": name, "authorizedGrantType": "CLIENT-CREDENTIALS", "description": "a"},
            **{"registeredRedirectUri": ["https://taken.example.com/"], "scope": ["users"]},
            **{"roleIds": [ids["roleId"]], "roleDivisions": [pair], "state": "active"},
            **{"dateToDelete": "2035-01-01T00:00:00.000Z", "accessTokenFormat": "OPAQUE"},
        },
        schemas.RoleRequest: {**role, "defaultRoleId": ids["roleId"]},
        schemas.RolePatch: role,
        schemas.RoleDivisionGrants: {"grants": [pair]},
        schemas.SubjectDivisions: {
            "subjectIds": [ids["subjectId"]],
            "divisionIds": [ids["divisionId"]],
        },
        schemas.RoleIdList: [ids["roleId"]],
        schemas.DivisionRequest: {"name": name, "description": "a"},
        schemas.DivisionRestoreRequest: {"name": name, "description": "a"},
        schemas.OrganizationRequest: {
            **{"name": name, "defaultLanguage": "de", "defaultCountryCode": "DE"},
        },
        schemas.IdleTokenTimeoutRequest: {},
        ChangesRequest: {
            "changes": [
                {
                    "operation": "postAuthorizationDivisions",
                    "key": "a",
                    "body": {"name": name, "description": "a"},
                }
            ]
        },
        ApprovalRequest: {"scope": ["users"]},
        CustomProviderRequest: {
            **{"name": name, "issuerURI": f"urn:taken:{number}", "emailAttribute": "mail"},
            **{"certificate": certificate, "certificates": [certificate]},
            **{"relyingPartyIdentifier": "urn:a", "audiences": ["urn:b"], "recipients": ["urn:c"]},
        },
        user_schemas.CreateUser: {
            **{"name": name, "email": f"taken{number}@example.com", "password": GOOD_PASSWORD},
            **{**person, "divisionId": ids["divisionId"]},
        },
        user_schemas.UpdateUser: {"name": name, "email": f"taken{number}@example.com", **person},
        user_schemas.ChangePasswordRequest: {"newPassword": GOOD_PASSWORD},
        user_schemas.ChangeMyPasswordRequest: {
            **{"oldPassword": GOOD_PASSWORD, "newPassword": NEW_PASSWORD},
        },
    }


class Tenant:
    """An organisation; what an operation names in it is made when it is first asked for.

    Args:
        world: the server.
        admin: the organisation's administrator.
    """

    def __init__(self, world: World, admin: Member) -> None:
        self.world = world
        self.admin = admin
        self.ids: dict[str, str] = {}

    async def id_of(self, name: str) -> str:
        """The id for a parameter of a path, as ``id_names`` names it."""
        if name not in self.ids:
            self.ids[name] = await self._make(name)
        return self.ids[name]

    async def _make(self, name: str) -> str:
        admin = self.admin
        if name == "scopeId":
            return "oauth"
        if name == "roleId":
            return await admin.make_role(HELD)
        if name in ("clientId", "subjectId"):
            return (await admin.make_client(await self.id_of("roleId"))).client_id
        if name == "approvedId":
            client_id = await make_code_client(admin, scope=["users"])
            await admin.put(f"{AUTHORIZATIONS}/{client_id}", {})
            return client_id
        if name == "providerId":
            body = bodies(_NO_IDS, self.world.count())[CustomProviderRequest]
            return str((await admin.post(PROVIDERS, body))["id"])
        if name == "userId":
            return str((await make_user(admin))["id"])
        assert name in ("divisionId", "deletedId"), f"nothing is called {name}"
        division_id = await self.new_division()
        if name == "deletedId":
            await admin.call("DELETE", f"{DIVISIONS}/{division_id}")
        return division_id

    async def new_division(self) -> str:
        """A division in which nobody holds anything. Returns the id."""
        made = await self.admin.post(DIVISIONS, {"name": f"Division {self.world.count()}"})
        return str(made["id"])

    async def path(self, operation: Operation, **other: str) -> str:
        """The operation's path with this organisation's ids, or others by their parameters."""
        path = operation.path
        for parameter, name in id_names(operation).items():
            value = other[parameter] if parameter in other else await self.id_of(name)
            path = path.replace(f"{{{parameter}}}", value)
        return path

    async def body(self, operation: Operation) -> Any:
        """A good body with this organisation's ids; None for an operation without one."""
        if operation.body is None:
            return None
        for name in _NO_IDS:
            await self.id_of(name)
        return bodies(self.ids, self.world.count())[operation.body]

    async def whole(self) -> "Tenant":
        """With everything made that any operation names."""
        for operation in OPERATIONS:
            await self.path(operation)
        for name in _NO_IDS:
            await self.id_of(name)
        return self

    async def caller(self, operation: Operation) -> Member:
        """Who is to call an operation: the administrator, or a user with a password."""
        if not operation.path.startswith(OWN):
            if not (await self.admin.call("HEAD", "/api/v2/tokens/me")).is_success:
                await self.admin.log_in()  # an operation has ended it
            return self.admin
        user = await make_user(self.admin, password=GOOD_PASSWORD)
        return await as_user(self.admin, user["id"])


_NO_IDS: Final = dict.fromkeys(("roleId", "divisionId", "subjectId"), "")
"""What bodies name."""


def id_names(operation: Operation) -> dict[str, str]:
    """What the parameters of a path name: one name may stand for things of several kinds."""
    path, found = operation.path, {name: name for name in PARAMETER.findall(operation.path)}
    if path.startswith(USERS) and "subjectId" in found:
        found["subjectId"] = "userId"
    if path.startswith(AUTHORIZATIONS) and "clientId" in found:
        found["clientId"] = "approvedId"
    if path.endswith("/restore"):
        found["divisionId"] = "deletedId"
    return found


async def mine(world: World) -> Tenant:
    """The organisation of the first start, with everything in it."""
    return await Tenant(world, world.admin).whole()


async def elsewhere(world: World) -> Tenant:
    """Another organisation, with everything in it."""
    return await Tenant(world, world.member(await world.found("Elsewhere"))).whole()


async def as_user(admin: Member, user_id: str) -> Person:
    """A user of an administrator's organisation, with a token."""
    person = Person(admin.world, admin.client_id, user_id, "")
    person.token = await user_token(admin.world, user_id=user_id, client_id=admin.client_id)
    return person


async def holders(admin: Member, *permissions: str, division: str = "*") -> list[Member]:
    """A client and a user, who hold just these permissions in a division, or everywhere."""
    role_id = await admin.make_role(*permissions)
    client = await admin.make_client(role_id, division=division)
    user = await make_user(admin)
    path = f"/api/v2/authorization/subjects/{user['id']}/divisions/{division}/roles/{role_id}"
    assert (await admin.call("POST", path)).status_code == 204
    return [client, await as_user(admin, user["id"])]


async def no_providers(admin: Member) -> None:
    """Deletes the identity providers, of which an organisation may have few."""
    for entity in (await admin.get(PROVIDERS))["entities"]:
        await admin.call("DELETE", entity["selfUri"])


def refused_like(
    operation: Operation, answer: httpx.Response, status: int, code: str
) -> dict[str, Any]:
    """A refusal; the answer to HEAD has no body to look at."""
    if operation.method == "HEAD":
        assert (answer.status_code, answer.content) == (status, b"")
        return {}
    return refused(answer, status, code)


async def contents(admin: Member) -> list[Any]:
    """All that an organisation's administrator sees of it."""
    return [
        await admin.get(path)
        for path in (
            CLIENTS,
            f"{ROLES}?pageSize=500",
            f"{DIVISIONS}?pageSize=500",
            f"{DIVISIONS}/deleted",
            "/api/v2/authorization/subjects/me",
            "/api/v2/organizations/me",
            "/api/v2/tokens/me",
            f"{USERS}?state=any&pageSize=500",
            PROVIDERS,
            AUTHORIZATIONS,
        )
    ]
