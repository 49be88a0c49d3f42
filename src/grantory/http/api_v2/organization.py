"""``/api/v2/organizations/me``, and the products that the organisation has."""

from typing import Final, cast

from grantory.domain.organization import Organization
from grantory.domain.scopes import ALL
from grantory.http.api_v2 import schemas
from grantory.http.operation import Call, Operation
from grantory.http.paging import DEFAULT_SIZE, Page, listing
from grantory.http.response import Response, json_response
from grantory.registry.directory import Directory
from grantory.registry.own_organization import OrganizationDraft, OwnOrganization

ORGANIZATION: Final = "/api/v2/organizations/me"
PRODUCTS_PATH: Final = "/api/v2/authorization/products"
PRODUCTS: Final = ("grantory",)
"""None of the platform's own: clients look here for features that are not there."""


class OrganizationResource:
    """The operations on the caller's organisation."""

    def __init__(self, directory: Directory, own: OwnOrganization) -> None:
        self._directory = directory
        self._own = own

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getOrganizationsMe",
                method="GET",
                path=ORGANIZATION,
                scope="organization",
                handler=self.get,
                answer=schemas.Organization,
                summary="The caller's organisation",
            ),
            Operation(
                id="putOrganizationsMe",
                method="PUT",
                path=ORGANIZATION,
                scope="organization",
                handler=self.change,
                permissions=("directory:organization:admin",),
                body=schemas.OrganizationRequest,
                answer=schemas.Organization,
                summary="Change the caller's organisation",
            ),
            Operation(
                id="getAuthorizationProducts",
                method="GET",
                path=PRODUCTS_PATH,
                scope="authorization",
                handler=self.products,
                answer=schemas.Product,
                listed=True,
                summary="The list of enabled products",
            ),
        )

    async def get(self, call: Call) -> Response:
        """Answers the organisation."""
        return json_response(organization_of(await self._directory.organization(call.actor)))

    async def change(self, call: Call) -> Response:
        """Answers the organisation as it is now."""
        body = cast(schemas.OrganizationRequest, call.body)
        draft = OrganizationDraft(
            name=body.name,
            default_language=body.default_language,
            default_country_code=body.default_country_code,
            enforces_scopes=body.scope_enforcement,
            version=body.version,
        )
        is_limited = call.token.user_id is not None and ALL not in call.token.scopes
        changed = await self._own.change(call.actor, draft, is_limited=is_limited)
        return json_response(organization_of(changed))

    async def products(self, call: Call) -> Response:  # noqa: ARG002 - every handler takes it
        """Answers every product in one page."""
        entities = [schemas.Product(id=product) for product in PRODUCTS]
        page = Page(DEFAULT_SIZE, 1)
        return json_response(listing(entities, page, len(entities), PRODUCTS_PATH, {}))


def organization_of(organization: Organization) -> schemas.Organization:
    """Writes an organisation."""
    return schemas.Organization(
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
        scope_enforcement=organization.enforces_scopes or None,
        self_uri=f"/api/v2/organizations/{organization.id}",
    )
