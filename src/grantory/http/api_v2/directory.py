"""Divisions, permissions, subjects and the organisation."""

from grantory.domain.access import EVERY_DIVISION, Division
from grantory.errors import ApiError
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.dates import date_text
from grantory.http.api_v2.role_mapping import ROLES
from grantory.http.api_v2.roles import listed_values
from grantory.http.operation import Call, Operation
from grantory.http.paging import DEFAULT_SIZE, Page, listing, read_page
from grantory.http.response import Response, json_response
from grantory.registry.directory import Directory, GrantDetail, Subject

DIVISIONS = "/api/v2/authorization/divisions"
SUBJECTS = "/api/v2/authorization/subjects"


class DirectoryResource:
    """The operations that look at the organisation."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getAuthorizationDivisions",
                method="GET",
                path=DIVISIONS,
                handler=self.divisions,
                summary="The list of divisions",
            ),
            Operation(
                id="getAuthorizationDivisionsHome",
                method="GET",
                path=DIVISIONS + "/home",
                handler=self.home_division,
                summary="The home division",
            ),
            Operation(
                id="getAuthorizationDivision",
                method="GET",
                path=DIVISIONS + "/{divisionId}",
                handler=self.division,
                summary="Get a division",
            ),
            Operation(
                id="getAuthorizationSubjectsMe",
                method="GET",
                path=SUBJECTS + "/me",
                handler=self.own_subject,
                summary="The caller with its grants",
            ),
            Operation(
                id="getAuthorizationSubject",
                method="GET",
                path=SUBJECTS + "/{subjectId}",
                handler=self.subject,
                permissions=("authorization:grant:view",),
                summary="A client or user with its grants",
            ),
            Operation(
                id="getOrganizationsMe",
                method="GET",
                path="/api/v2/organizations/me",
                handler=self.organization,
                summary="The caller's organisation",
            ),
            Operation(
                id="getUsersMe",
                method="GET",
                path="/api/v2/users/me",
                handler=self.own_user,
                summary="The calling user",
            ),
        )

    async def divisions(self, call: Call) -> Response:
        """Answers one page of divisions."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        name = query.get("name", [""])[-1].strip("*").casefold()
        ids = listed_values(query, "id")
        found = [
            division
            for division in await self._directory.divisions(call.actor)
            if name in division.name.casefold() and (not ids or division.id in ids)
        ]
        entities = [division_of(d) for d in found[page.offset : page.offset + page.size]]
        return json_response(listing(entities, page, len(found), DIVISIONS, query))

    async def home_division(self, call: Call) -> Response:
        """Answers the home division."""
        return json_response(division_of(await self._directory.home_division(call.actor)))

    async def division(self, call: Call) -> Response:
        """Answers one division."""
        division_id = call.path["divisionId"].lower()
        return json_response(division_of(await self._directory.division(call.actor, division_id)))

    async def subject(self, call: Call) -> Response:
        """Answers a subject of the organisation."""
        subject_id = call.path["subjectId"].lower()
        return json_response(subject_of(await self._directory.subject(call.actor, subject_id)))

    async def own_subject(self, call: Call) -> Response:
        """Answers the caller."""
        subject = await self._directory.subject(call.actor, call.actor.reference.id)
        return json_response(subject_of(subject))

    async def organization(self, call: Call) -> Response:
        """Answers the caller's organisation."""
        organization = await self._directory.organization(call.actor)
        return json_response(
            schemas.Organization(
                id=organization.id,
                name=organization.name,
                default_language=organization.default_language,
                default_country_code=organization.default_country_code,
                third_party_org_name=organization.name,
                domain=organization.domain,
                version=organization.version,
                state="active",
                product_platform="PureCloud",
                features={},
                self_uri=f"/api/v2/organizations/{organization.id}",
            )
        )

    async def own_user(self, call: Call) -> Response:  # noqa: ARG002 - every handler takes the call
        """Refuses a client that acts for itself: it is no user."""
        raise ApiError(
            400, "not.a.user", "This request needs the token of a user; a client has no user."
        )


def division_of(division: Division | None) -> schemas.Division:
    """Writes a division; None is every division."""
    if division is None:
        return schemas.Division(id=EVERY_DIVISION, name="All divisions", home_division=False)
    return schemas.Division(
        id=division.id,
        name=division.name,
        description=division.description,
        home_division=division.home,
        self_uri=f"{DIVISIONS}/{division.id}",
    )


def subject_of(subject: Subject) -> schemas.Subject:
    """Writes a subject with its grants."""
    return schemas.Subject(
        id=subject.id,
        name=subject.name,
        grants=[_grant_of(detail) for detail in subject.grants],
        version=subject.version,
        self_uri=f"{SUBJECTS}/{subject.id}",
    )


def _grant_of(detail: GrantDetail) -> schemas.Grant:
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
