"""Grants: ``/api/v2/authorization/subjects/{id}/…``, of a role, and a user's roles."""

from asyncio import to_thread
from collections.abc import Iterable
from typing import Any, Final, cast

from grantory.domain.access import EVERY_DIVISION, Assignment, Role, rights_of_role
from grantory.domain.client import SubjectKind
from grantory.errors import FieldProblem, invalid
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.directory import SUBJECTS
from grantory.http.api_v2.role_mapping import ROLES, policy_of
from grantory.http.operation import Call, Operation, Parameter
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.grants import BY_ADDRESS, GrantRegistry

MOST_PAIRS: Final = 200
_KINDS: Final = {"PC_USER": SubjectKind.USER, "PC_OAUTH_CLIENT": SubjectKind.CLIENT}
_SUBJECT_TYPE: Final = (
    Parameter(
        name="subjectType",
        summary="What the subject is; left out, a client or user is found by its id",
        choices=tuple(_KINDS),
    ),
)
_ADD: Final = "authorization:grant:add"
_DELETE: Final = "authorization:grant:delete"


class GrantResource:
    """The operations that give roles to clients and users, and take them."""

    def __init__(self, grants: GrantRegistry) -> None:
        self._grants = grants

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        subject = SUBJECTS + "/{subjectId}"
        one = subject + "/divisions/{divisionId}/roles/{roleId}"
        user_roles = "/api/v2/users/{subjectId}/roles"
        pairs: dict[str, Any] = {
            "method": "POST",
            "body": schemas.RoleDivisionGrants,
            "query": _SUBJECT_TYPE,
            "status": 204,
        }
        return (
            Operation(
                id="postAuthorizationSubjectDivisionRole",
                method="POST",
                path=one,
                scope="authorization",
                handler=self.add_one,
                permissions=(_ADD,),
                query=_SUBJECT_TYPE,
                status=204,
                summary="Give a subject a role in a division",
            ),
            Operation(
                id="deleteAuthorizationSubjectDivisionRole",
                method="DELETE",
                path=one,
                scope="authorization",
                handler=self.remove_one,
                permissions=(_DELETE,),
                status=204,
                summary="Take a role in a division from a subject",
            ),
            Operation(
                id="postAuthorizationSubjectBulkadd",
                path=subject + "/bulkadd",
                scope="authorization",
                handler=self.add,
                permissions=(_ADD,),
                summary="Give a subject roles in divisions",
                **pairs,
            ),
            Operation(
                id="postAuthorizationSubjectBulkremove",
                path=subject + "/bulkremove",
                scope="authorization",
                handler=self.remove,
                permissions=(_DELETE,),
                summary="Take roles in divisions from a subject",
                **pairs,
            ),
            Operation(
                id="postAuthorizationSubjectBulkreplace",
                path=subject + "/bulkreplace",
                scope="authorization",
                handler=self.replace,
                permissions=(_ADD,),
                summary=f"Set what a subject holds; needs {_DELETE}, too",
                **pairs,
            ),
            Operation(
                id="postAuthorizationRole",
                method="POST",
                path=ROLES + "/{roleId}",
                scope="authorization",
                handler=self.grant_role,
                permissions=(_ADD,),
                body=schemas.SubjectDivisions,
                query=_SUBJECT_TYPE,
                status=204,
                summary="Give a role to subjects in divisions",
            ),
            Operation(
                id="getUserRoles",
                method="GET",
                path=user_roles,
                scope="authorization",
                handler=self.user_roles,
                permissions=("authorization:grant:view",),
                answer=schemas.UserAuthorization,
                summary="The roles of a user, with what they allow",
            ),
            Operation(
                id="putUserRoles",
                method="PUT",
                path=user_roles,
                scope="authorization",
                handler=self.set_user_roles,
                permissions=(_ADD,),
                body=schemas.RoleIdList,
                answer=schemas.UserAuthorization,
                summary="Set the roles of a user",
            ),
        )

    async def add_one(self, call: Call) -> Response:
        """Answers 204, also where the grant was there."""
        kind = _kind(call)
        await self._grants.add(call.actor, _subject(call), [_named(call)], kind, BY_ADDRESS)
        return empty_response(204)

    async def remove_one(self, call: Call) -> Response:
        """Answers 204, also where there was no such grant."""
        grants = [_named(call)]
        await self._grants.remove(call.actor, _subject(call), grants, naming=BY_ADDRESS)
        return empty_response(204)

    async def add(self, call: Call) -> Response:
        """Answers 204."""
        await self._grants.add(call.actor, _subject(call), _listed(call), _kind(call))
        return empty_response(204)

    async def remove(self, call: Call) -> Response:
        """Answers 204."""
        await self._grants.remove(call.actor, _subject(call), _listed(call), _kind(call))
        return empty_response(204)

    async def replace(self, call: Call) -> Response:
        """Answers 204."""
        await self._grants.replace(call.actor, _subject(call), _listed(call), _kind(call))
        return empty_response(204)

    async def grant_role(self, call: Call) -> Response:
        """Answers 204."""
        body = cast(schemas.SubjectDivisions, call.body)
        subjects = {subject_id.lower() for subject_id in body.subject_ids}
        divisions = [division_id.lower() for division_id in dict.fromkeys(body.division_ids)]
        if len(subjects) * len(divisions) > MOST_PAIRS:
            text = f"must name at most {MOST_PAIRS} subjects, times the number of divisions"
            raise invalid(FieldProblem("subjectIds", "invalid.value", text))
        role_id = call.path["roleId"].lower()
        await self._grants.grant_role(call.actor, role_id, subjects, divisions, _kind(call))
        return empty_response(204)

    async def user_roles(self, call: Call) -> Response:
        """Answers the user's roles."""
        return json_response(
            await to_thread(
                authorization_of, await self._grants.roles_of_user(call.actor, _subject(call))
            )
        )

    async def set_user_roles(self, call: Call) -> Response:
        """Answers the user's roles as they are now."""
        ids = [role_id.lower() for role_id in cast(schemas.RoleIdList, call.body).body]
        return json_response(
            await to_thread(
                authorization_of, await self._grants.set_user_roles(call.actor, _subject(call), ids)
            )
        )


def _subject(call: Call) -> str:
    return call.path["subjectId"].lower()


def _named(call: Call) -> Assignment:
    return Assignment(call.path["roleId"].lower(), call.path["divisionId"].lower())


def _listed(call: Call) -> list[Assignment]:
    grants = cast(schemas.RoleDivisionGrants, call.body).grants
    return [Assignment(grant.role_id.lower(), grant.division_id.lower()) for grant in grants]


def _kind(call: Call) -> SubjectKind | None:
    text = call.request.query().get("subjectType", [""])[-1]
    if not text:
        return None
    if text == "PC_GROUP":
        raise invalid(
            FieldProblem("subjectType", "invalid.value", "is PC_GROUP: there are no groups here")
        )
    if text not in _KINDS:
        choices = " or ".join(_KINDS)
        raise invalid(FieldProblem("subjectType", "invalid.value", f"must be {choices}"))
    return _KINDS[text]


def authorization_of(roles: Iterable[Role]) -> schemas.UserAuthorization:
    """Writes roles with what they allow; of many, let a thread do it."""
    held = list(roles)
    rights = {
        right
        for role in held
        for right in rights_of_role(role.policies, role.permissions, EVERY_DIVISION)
    }
    texts = {
        f"{right.domain}:{right.entity}:{right.action}" if right.entity else right.domain
        for right in rights
    }
    return schemas.UserAuthorization(
        roles=[schemas.DomainRole(id=role.id, name=role.name) for role in held],
        unused_roles=[],
        permissions=sorted(texts),
        permission_policies=[policy_of(policy) for role in held for policy in role.policies],
    )
