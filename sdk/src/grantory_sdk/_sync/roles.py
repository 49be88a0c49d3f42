# Derived from _async/roles.py by tools/derive_sdk.py: change it there.
"""The operations on roles, and on who holds them."""

from collections.abc import Iterable, Sequence

from grantory_sdk._sync.caller import Caller
from grantory_sdk._sync.listing import PAGE_SIZE, Listing
from grantory_sdk.models.access import PermissionPolicy, Role, Subject, SubjectType
from grantory_sdk.models.base import Page
from grantory_sdk.requests import document_of, path_of

ROLES = "/api/v2/authorization/roles"
SUBJECTS = "/api/v2/authorization/subjects"
_NAMES = ("name", "description", "permissions", "permission_policies")


class Roles:
    """Roles: permissions that are given together."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        name: str | None = None,
        permission: Iterable[str] = (),
        ids: Iterable[str] = (),
        page_size: int = PAGE_SIZE,
    ) -> Listing[Role]:
        """The roles, to be iterated over. Needs ``authorization:role:view``.

        Args:
            name: part of the name, in any case.
            permission: those that give all of these.
            ids: those with one of these ids.
            page_size: how many are asked for at once.
        """
        query = {"name": name, "permission": [*permission], "id": [*ids]}
        return Listing(self._caller, ROLES, Page[Role], query, page_size=page_size)

    def create(
        self,
        *,
        name: str,
        description: str | None = None,
        permission_policies: Sequence[PermissionPolicy] | None = None,
        permissions: Sequence[str] | None = None,
    ) -> Role:
        """Creates a role. Needs ``authorization:role:add``.

        Args:
            name: its name.
            description: what it is for.
            permission_policies: what it allows.
            permissions: the same as texts such as ``oauth:client:view``.
        """
        body = _body(name, description, permission_policies, permissions)
        return (self._caller.call("POST", ROLES, body=body)).read(Role)

    def get(self, role_id: str) -> Role:
        """Reads a role. Needs ``authorization:role:view``.

        Raises:
            NotFound: if there is none with this id.
        """
        return (self._caller.call("GET", path_of(ROLES, role_id))).read(Role)

    def update(
        self,
        role_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        permission_policies: Sequence[PermissionPolicy] | None = None,
        permissions: Sequence[str] | None = None,
    ) -> Role:
        """Changes what is named, and leaves the rest. Needs ``authorization:role:edit``."""
        body = _body(name, description, permission_policies, permissions)
        return (self._caller.call("PATCH", path_of(ROLES, role_id), body=body)).read(Role)

    def delete(self, role_id: str) -> None:
        """Deletes a role, and takes it from all who hold it.

        Needs ``authorization:role:delete``.
        """
        self._caller.call("DELETE", path_of(ROLES, role_id))

    def grants(self, subject_id: str) -> Subject:
        """What a client or user holds. Needs ``authorization:grant:view``."""
        return (self._caller.call("GET", path_of(SUBJECTS, subject_id))).read(Subject)

    def grant(
        self,
        role_id: str,
        subject_id: str,
        *,
        division_id: str = "*",
        subject_type: SubjectType | None = None,
    ) -> None:
        """Gives a role to a client or user. Needs ``authorization:grant:add``.

        Args:
            role_id: the role.
            subject_id: who gets it.
            division_id: where; ``*`` is everywhere.
            subject_type: what the subject is; the vendor's cloud takes it for a user otherwise.
        """
        path = path_of(SUBJECTS, subject_id, "divisions", division_id, "roles", role_id)
        self._caller.call("POST", path, query={"subjectType": subject_type})

    def revoke(self, role_id: str, subject_id: str, *, division_id: str = "*") -> None:
        """Takes a role from a client or user. Needs ``authorization:grant:delete``."""
        path = path_of(SUBJECTS, subject_id, "divisions", division_id, "roles", role_id)
        self._caller.call("DELETE", path)


def _body(
    name: str | None,
    description: str | None,
    permission_policies: Sequence[PermissionPolicy] | None,
    permissions: Sequence[str] | None,
) -> dict[str, object]:
    fields = {
        "name": name,
        "description": description,
        "permissions": None if permissions is None else [*permissions],
        "permission_policies": None if permission_policies is None else [*permission_policies],
    }
    document = document_of(fields, _NAMES)
    return {key: value for key, value in document.items() if value is not None}
