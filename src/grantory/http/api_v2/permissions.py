"""``/api/v2/authorization/permissions``: every permission that something here asks for."""

from collections.abc import Iterable
from typing import Any

from grantory.http.api_v2 import schemas
from grantory.http.api_v2.roles import listed_values
from grantory.http.operation import PAGING, Call, Operation, Parameter
from grantory.http.paging import DEFAULT_SIZE, Page, listing, read_page
from grantory.http.response import Response, json_response

PERMISSIONS = "/api/v2/authorization/permissions"


class PermissionResource:
    """The catalogue, drawn from the declarations of the other operations.

    Args:
        operations: those.
        further: permissions that decide something outside the management API.
    """

    def __init__(self, operations: Iterable[Operation], further: Iterable[str] = ()) -> None:
        asked = {text for operation in operations for text in operation.permissions}
        texts = sorted(asked.union(further))
        domains: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for text in texts:
            domain, entity, action = text.split(":")
            domains.setdefault(domain, {}).setdefault(entity, []).append(
                {
                    "domain": domain,
                    "entityType": entity,
                    "action": action,
                    "label": " > ".join(part.capitalize() for part in (domain, entity, action)),
                    "allowsConditions": False,
                    "divisionAware": False,
                }
            )
        self._collections = [
            {
                "id": domain,
                "name": domain,
                "domain": domain,
                "permissionMap": entities,
                "selfUri": f"{PERMISSIONS}?query={domain}",
            }
            for domain, entities in domains.items()
        ]

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operation."""
        return (
            Operation(
                id="getAuthorizationPermissions",
                method="GET",
                path=PERMISSIONS,
                scope="authorization",
                handler=self.list_permissions,
                query=(*PAGING, Parameter(name="query", summary="Domains", repeated=True)),
                answer=schemas.PermissionCollection,
                listed=True,
                summary="Every permission, by domain",
            ),
        )

    async def list_permissions(self, call: Call) -> Response:
        """Answers one page of domains."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        domains = {text.partition(":")[0] for text in listed_values(query, "query")}
        fitting = [c for c in self._collections if not domains or c["domain"] in domains]
        found = fitting[page.offset : page.offset + page.size]
        body = listing(found, page, len(fitting), PERMISSIONS, query)
        return json_response(body)
