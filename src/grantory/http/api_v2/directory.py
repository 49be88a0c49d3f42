"""Subjects: clients and users with what they hold."""

from grantory.http.api_v2 import schemas
from grantory.http.api_v2.dates import date_text
from grantory.http.api_v2.division_mapping import division_of
from grantory.http.api_v2.role_mapping import ROLES
from grantory.http.operation import Call, Operation
from grantory.http.response import Response, json_response
from grantory.registry.directory import Directory, GrantDetail, Subject

SUBJECTS = "/api/v2/authorization/subjects"


class DirectoryResource:
    """The operations that look at the organisation."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getAuthorizationSubjectsMe",
                method="GET",
                path=SUBJECTS + "/me",
                scope="authorization",
                handler=self.own_subject,
                answer=schemas.Subject,
                summary="The caller with its grants",
            ),
            Operation(
                id="getAuthorizationSubject",
                method="GET",
                path=SUBJECTS + "/{subjectId}",
                scope="authorization",
                handler=self.subject,
                permissions=("authorization:grant:view",),
                answer=schemas.Subject,
                summary="A client or user with its grants",
            ),
        )

    async def subject(self, call: Call) -> Response:
        """Answers a subject of the organisation."""
        subject_id = call.path["subjectId"].lower()
        return json_response(subject_of(await self._directory.subject(call.actor, subject_id)))

    async def own_subject(self, call: Call) -> Response:
        """Answers the caller."""
        subject = await self._directory.subject(call.actor, call.actor.reference.id)
        return json_response(subject_of(subject))


def subject_of(subject: Subject) -> schemas.Subject:
    """Writes a subject with its grants."""
    return schemas.Subject(
        id=subject.id,
        name=subject.name,
        grants=[grant_of(detail) for detail in subject.grants],
        version=subject.version,
        self_uri=f"{SUBJECTS}/{subject.id}",
    )


def grant_of(detail: GrantDetail) -> schemas.Grant:
    """Writes a grant with its role and division."""
    role = detail.role
    policies = [
        schemas.GrantPolicy(
            domain=policy.domain,
            entity_name=policy.entity,
            actions=list(policy.actions),
            condition=policy.condition or None,
        )
        for policy in role.policies
    ]
    return schemas.Grant(
        subject_id=detail.grant.subject_id,
        division=division_of(detail.division),
        role=schemas.GrantRole(
            id=role.id,
            name=role.name,
            description=role.description,
            policies=policies,
            default=role.built_in,
            self_uri=f"{ROLES}/{role.id}",
        ),
        grant_made_at=date_text(detail.grant.granted_at),
    )
