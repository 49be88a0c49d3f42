"""``/api/v2/authorization/divisions``."""

from typing import Any, cast

from grantory.domain.access import Division
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.directory import grant_of
from grantory.http.api_v2.division_cursor import MOST_AT_ONCE, cursor_page
from grantory.http.api_v2.division_mapping import DIVISIONS, division_of, draft_of
from grantory.http.api_v2.roles import SORT, listed_values, read_sort
from grantory.http.operation import PAGING, Call, InList, ListedChange, Operation, Parameter
from grantory.http.paging import DEFAULT_SIZE, Page, listing, read_page, read_switch
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.divisions import MOST_DIVISIONS, DivisionRegistry
from grantory.registry.prepared import Prepared

_COUNT = Parameter(
    name="objectCount", type="boolean", summary="Whether objects are counted; there are none"
)
_FILTERS = (
    Parameter(name="id", summary="The ids of those that are wanted", repeated=True),
    Parameter(name="name", summary="Part of the name, in any case"),
)
MOST_GRANTS = 100
"""On a page: each comes with all that its role allows."""
_GRANT_PAGE = (
    Parameter(
        name="pageSize",
        type="integer",
        summary="How many entities a page has",
        least=1,
        most=MOST_GRANTS,
    ),
    PAGING[1],
)
_CURSOR = (
    Parameter(name="before", summary="The id from before which divisions are wanted"),
    Parameter(name="after", summary="The id from after which divisions are wanted"),
    Parameter(
        name="pageSize",
        type="integer",
        summary="How many entities a page has",
        least=1,
        most=MOST_AT_ONCE,
    ),
)


class DivisionResource:
    """The operations on divisions."""

    def __init__(self, divisions: DivisionRegistry) -> None:
        self._divisions = divisions

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (*self._lists(), *self._changes())

    def _lists(self) -> tuple[Operation, ...]:
        return (
            Operation(
                id="getAuthorizationDivisions",
                method="GET",
                path=DIVISIONS,
                scope="authorization",
                handler=self.list_divisions,
                query=(*PAGING, SORT, *_FILTERS, _COUNT),
                answer=schemas.Division,
                listed=True,
                summary="The list of divisions",
            ),
            Operation(
                id="getAuthorizationDivisionsQuery",
                method="GET",
                path=DIVISIONS + "/query",
                scope="authorization",
                handler=self.query,
                query=(*_CURSOR, *_FILTERS),
                answer=schemas.DivisionCursorListing,
                summary="The list of divisions, by cursor",
            ),
            Operation(
                id="getAuthorizationDivisionsDeleted",
                method="GET",
                path=DIVISIONS + "/deleted",
                scope="authorization",
                handler=self.deleted,
                permissions=("authorization:divisionDeleted:view",),
                query=PAGING,
                answer=schemas.Division,
                listed=True,
                summary="The list of deleted divisions",
            ),
            Operation(
                id="getAuthorizationDivisionsHome",
                method="GET",
                path=DIVISIONS + "/home",
                scope="authorization",
                handler=self.home,
                answer=schemas.Division,
                summary="The home division",
            ),
            Operation(
                id="getAuthorizationDivisionsLimit",
                method="GET",
                path=DIVISIONS + "/limit",
                scope="authorization",
                handler=self.limit,
                answer=int,
                summary="How many divisions there may be, as a number",
            ),
            Operation(
                id="getAuthorizationDivision",
                method="GET",
                path=DIVISIONS + "/{divisionId}",
                scope="authorization",
                handler=self.get,
                query=(_COUNT,),
                answer=schemas.Division,
                summary="Get a division",
            ),
            Operation(
                id="getAuthorizationDivisionGrants",
                method="GET",
                path=DIVISIONS + "/{divisionId}/grants",
                scope="authorization",
                handler=self.grants,
                permissions=("authorization:grant:view",),
                query=_GRANT_PAGE,
                answer=schemas.Grant,
                listed=True,
                summary="The grants in a division",
            ),
        )

    def _changes(self) -> tuple[Operation, ...]:
        return (
            Operation(
                id="postAuthorizationDivisions",
                method="POST",
                path=DIVISIONS,
                scope="authorization",
                handler=self.create,
                permissions=("authorization:division:add",),
                body=schemas.DivisionRequest,
                answer=schemas.Division,
                summary="Create a division",
                in_list=InList(self.prepare_create),
            ),
            Operation(
                id="putAuthorizationDivision",
                method="PUT",
                path=DIVISIONS + "/{divisionId}",
                scope="authorization",
                handler=self.replace,
                permissions=("authorization:division:edit",),
                body=schemas.DivisionRequest,
                answer=schemas.Division,
                summary="Replace a division's name and description",
                in_list=InList(self.prepare_replace),
            ),
            Operation(
                id="deleteAuthorizationDivision",
                method="DELETE",
                path=DIVISIONS + "/{divisionId}",
                scope="authorization",
                handler=self.delete,
                permissions=("authorization:division:delete",),
                query=(
                    Parameter(
                        name="force", type="boolean", summary="Whether the grants in it go, too"
                    ),
                ),
                status=204,
                summary="Delete a division",
                in_list=InList(self.prepare_delete),
            ),
            Operation(
                id="postAuthorizationDivisionRestore",
                method="POST",
                path=DIVISIONS + "/{divisionId}/restore",
                scope="authorization",
                handler=self.restore,
                permissions=("authorization:division:add",),
                body=schemas.DivisionRestoreRequest,
                answer=schemas.Division,
                summary="Restore a deleted division, without the grants that were in it",
            ),
        )

    async def list_divisions(self, call: Call) -> Response:
        """Answers one page of the divisions that fit the filters."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        sort, counted = read_sort(query), read_switch(query, "objectCount")
        found = _fitting(await self._divisions.all(call.actor), query)
        if sort == "id":
            found.sort(key=lambda division: division.id)
        shown = found[page.offset : page.offset + page.size]
        entities = [division_of(division, counted=counted) for division in shown]
        return json_response(listing(entities, page, len(found), DIVISIONS, query))

    async def query(self, call: Call) -> Response:
        """Answers the divisions before or after one of them, by id."""
        query = call.request.query()
        found = _fitting(await self._divisions.all(call.actor), query)
        page = cursor_page(found, DIVISIONS + "/query", query)
        return json_response(
            schemas.DivisionCursorListing(
                entities=[division_of(division) for division in page.divisions],
                next_uri=page.next_uri,
                previous_uri=page.previous_uri,
                self_uri=page.self_uri,
            )
        )

    async def deleted(self, call: Call) -> Response:
        """Answers one page of the deleted divisions."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        found, total = await self._divisions.deleted(call.actor, page.offset, page.size)
        entities = [division_of(division) for division in found]
        return json_response(listing(entities, page, total, DIVISIONS + "/deleted", query))

    async def home(self, call: Call) -> Response:
        """Answers the home division."""
        return json_response(division_of(await self._divisions.home(call.actor)))

    async def limit(self, call: Call) -> Response:  # noqa: ARG002 - every handler takes the call
        """Answers a number."""
        return json_response(MOST_DIVISIONS)

    async def get(self, call: Call) -> Response:
        """Answers one division."""
        counted = read_switch(call.request.query(), "objectCount")
        found = await self._divisions.get(call.actor, _id(call))
        return json_response(division_of(found, counted=counted))

    async def grants(self, call: Call) -> Response:
        """Answers one page of the grants in a division."""
        query = call.request.query()
        page = read_page(query, MOST_GRANTS) or Page(DEFAULT_SIZE, 1)
        found, total = await self._divisions.grants(call.actor, _id(call), page.offset, page.size)
        path = f"{DIVISIONS}/{_id(call)}/grants"
        return json_response(listing([grant_of(g) for g in found], page, total, path, query))

    async def create(self, call: Call) -> Response:
        """Answers 200 (not 201) with the new division."""
        draft = draft_of(cast(schemas.DivisionRequest, call.body))
        return json_response(division_of(await self._divisions.create(call.actor, draft)))

    async def replace(self, call: Call) -> Response:
        """Answers the division as it is now."""
        draft = draft_of(cast(schemas.DivisionRequest, call.body))
        changed = await self._divisions.replace(call.actor, _id(call), draft)
        return json_response(division_of(changed))

    async def delete(self, call: Call) -> Response:
        """Answers 204."""
        force = read_switch(call.request.query(), "force")
        await self._divisions.delete(call.actor, _id(call), force=force)
        return empty_response(204)

    async def prepare_create(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``create`` does."""
        draft = draft_of(cast(schemas.DivisionRequest, change.body))
        return self._divisions.prepare_create(change.actor, draft)

    async def prepare_replace(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``replace`` does."""
        draft = draft_of(cast(schemas.DivisionRequest, change.body))
        return self._divisions.prepare_replace(change.actor, change.id, draft)

    async def prepare_delete(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``delete`` does, where no roles are granted in the division."""
        return self._divisions.prepare_delete(change.actor, change.id)

    async def restore(self, call: Call) -> Response:
        """Answers the division as it is now."""
        draft = draft_of(cast(schemas.DivisionRestoreRequest, call.body))
        restored = await self._divisions.restore(call.actor, _id(call), draft)
        return json_response(division_of(restored))


def _id(call: Call) -> str:
    return call.path["divisionId"].lower()


def _fitting(divisions: list[Division], query: dict[str, list[str]]) -> list[Division]:
    name = query.get("name", [""])[-1].strip("*").casefold()
    ids = {value.lower() for value in listed_values(query, "id")}
    return [
        division
        for division in divisions
        if name in division.name.casefold() and (not ids or division.id in ids)
    ]
