"""``/api/v2/authorization/roles``."""

from typing import Any, cast

from grantory.domain.access import is_permission
from grantory.errors import FieldProblem, invalid
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.role_mapping import ROLES, draft_of, role_of
from grantory.http.operation import PAGING, Call, InList, ListedChange, Operation, Parameter
from grantory.http.paging import DEFAULT_SIZE, Page, listing, read_page
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.prepared import Prepared
from grantory.registry.roles import ListedRole, RoleRegistry

SORTS = ("name", "id")
SORT = Parameter(name="sortBy", choices=SORTS, summary="name where it is left out")
_FILTERS = (
    SORT,
    Parameter(name="name", summary="Part of the name, in any case"),
    Parameter(name="permission", summary="Which all of these give", repeated=True),
    Parameter(name="defaultRoleId", summary="Any of these default roles", repeated=True),
    Parameter(name="userCount", type="boolean", summary="Counted in any case"),
    Parameter(name="id", summary="The ids of those that are wanted", repeated=True),
)


class RoleResource:
    """The operations on roles."""

    def __init__(self, roles: RoleRegistry) -> None:
        self._roles = roles

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = ROLES + "/{roleId}"
        return (
            Operation(
                id="getAuthorizationRoles",
                method="GET",
                path=ROLES,
                scope="authorization",
                handler=self.list_roles,
                permissions=("authorization:role:view",),
                query=(*PAGING, *_FILTERS),
                answer=schemas.Role,
                listed=True,
                summary="The list of roles",
            ),
            Operation(
                id="postAuthorizationRoles",
                method="POST",
                path=ROLES,
                scope="authorization",
                handler=self.create,
                permissions=("authorization:role:add",),
                body=schemas.RoleRequest,
                answer=schemas.Role,
                summary="Create a role",
                in_list=InList(self.prepare_create),
            ),
            Operation(
                id="getAuthorizationRole",
                method="GET",
                path=one,
                scope="authorization",
                handler=self.get,
                permissions=("authorization:role:view",),
                answer=schemas.Role,
                summary="Get a role",
            ),
            Operation(
                id="putAuthorizationRole",
                method="PUT",
                path=one,
                scope="authorization",
                handler=self.replace,
                permissions=("authorization:role:edit",),
                body=schemas.RoleRequest,
                answer=schemas.Role,
                summary="Replace a role",
                in_list=InList(self.prepare_replace),
            ),
            Operation(
                id="patchAuthorizationRole",
                method="PATCH",
                path=one,
                scope="authorization",
                handler=self.update,
                permissions=("authorization:role:edit",),
                body=schemas.RolePatch,
                answer=schemas.Role,
                summary="Change a role",
            ),
            Operation(
                id="deleteAuthorizationRole",
                method="DELETE",
                path=one,
                scope="authorization",
                handler=self.delete,
                permissions=("authorization:role:delete",),
                status=204,
                summary="Delete a role",
                in_list=InList(self.prepare_delete),
            ),
        )

    async def list_roles(self, call: Call) -> Response:
        """Answers one page of the roles that fit the filters."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        sort = read_sort(query)
        found = [role for role in await self._roles.all(call.actor) if _fits(role, query)]
        if sort == "id":
            found.sort(key=lambda listed: listed.role.id)
        entities = [role_of(role) for role in found[page.offset : page.offset + page.size]]
        return json_response(listing(entities, page, len(found), ROLES, query))

    async def create(self, call: Call) -> Response:
        """Answers the new role."""
        draft = draft_of(cast(schemas.RoleRequest, call.body))
        return json_response(role_of(await self._roles.create(call.actor, draft)))

    async def get(self, call: Call) -> Response:
        """Answers one role."""
        return json_response(role_of(await self._roles.get(call.actor, _id(call))))

    async def replace(self, call: Call) -> Response:
        """Answers the role as it is now."""
        draft = draft_of(cast(schemas.RoleRequest, call.body))
        return json_response(role_of(await self._roles.replace(call.actor, _id(call), draft)))

    async def update(self, call: Call) -> Response:
        """Answers the role as it is now."""
        draft = draft_of(cast(schemas.RolePatch, call.body))
        return json_response(role_of(await self._roles.update(call.actor, _id(call), draft)))

    async def delete(self, call: Call) -> Response:
        """Answers 204."""
        await self._roles.delete(call.actor, _id(call))
        return empty_response(204)

    async def prepare_create(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``create`` does."""
        draft = draft_of(cast(schemas.RoleRequest, change.body))
        return self._roles.prepare_create(change.actor, draft)

    async def prepare_replace(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``replace`` does."""
        draft = draft_of(cast(schemas.RoleRequest, change.body))
        return self._roles.prepare_replace(change.actor, change.id, draft)

    async def prepare_delete(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``delete`` does."""
        return self._roles.prepare_delete(change.actor, change.id)


def _id(call: Call) -> str:
    return call.path["roleId"].lower()


def listed_values(query: dict[str, list[str]], name: str) -> list[str]:
    """Reads a parameter that may be repeated or hold commas, as the SDKs send it."""
    return [part for value in query.get(name, ()) for part in value.split(",") if part]


def read_sort(query: dict[str, list[str]]) -> str:
    """Reads by what a list is to be sorted, and refuses page tokens."""
    for name in ("nextPage", "previousPage"):
        if query.get(name, [""])[-1]:
            raise invalid(FieldProblem(name, "invalid.value", "is not a page token of this list"))
    sort = query.get("sortBy", [""])[-1] or "name"
    if sort not in SORTS:
        raise invalid(FieldProblem("sortBy", "invalid.value", f"must be one of {', '.join(SORTS)}"))
    return sort


def _fits(listed: ListedRole, query: dict[str, list[str]]) -> bool:
    role = listed.role
    name = query.get("name", [""])[-1].strip("*").casefold()
    ids = listed_values(query, "id")
    defaults = listed_values(query, "defaultRoleId")
    permissions = [text for text in listed_values(query, "permission") if is_permission(text)]
    if "permission" in query and not permissions:
        return False
    held = {f"{p.domain}:{p.entity}:{action}" for p in role.policies for action in p.actions}
    return (
        name in role.name.casefold()
        and (not ids or role.id in ids)
        and (not defaults or role.default_role_id in defaults)
        and held.union(role.permissions).issuperset(permissions)
    )
