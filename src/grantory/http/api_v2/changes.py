"""``/api/v2/grantory/changes``: several operations in one transaction (Grantory's own).

What an operation takes and needs is in its own declaration, and is checked here by the same code.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

import msgspec

from grantory.errors import ApiError, FieldProblem, invalid
from grantory.http.api_v2.change_schemas import (
    ChangeRequest,
    ChangesRequest,
    MadeChange,
    MadeChanges,
)
from grantory.http.api_v2.clients import with_warning
from grantory.http.errors import within
from grantory.http.json_body import read_value
from grantory.http.operation import Call, InList, ListedChange, Operation, Parameter
from grantory.http.paging import read_switch
from grantory.http.response import Response, json_response
from grantory.registry.actor import Actor
from grantory.registry.changes import ChangeRefused, Changes
from grantory.registry.clients import MODIFIED
from grantory.registry.prepared import Prepared

CHANGES: Final = "/api/v2/grantory/changes"
DRY_RUN: Final = "dryRun"
INVALID: Final = "invalid.value"
AT_ONCE: Final = 20
"""So many changes are looked at without letting others have their turn: some milliseconds."""
_REFERENCE: Final = "#"
_REFERRING: Final = frozenset({"roleId", "divisionId"})
"""The fields of ``roleDivisions`` that name a role or division."""


class _Asked(NamedTuple):
    """A change that has the shape of one of its operation."""

    operation: Operation
    how: InList
    request: ChangeRequest


class ChangesResource:
    """The operation on lists of changes.

    Args:
        changes: makes them.
        operations: every other operation of the API.
    """

    def __init__(self, changes: Changes, operations: tuple[Operation, ...]) -> None:
        self._changes = changes
        self._operations = {each.id: each for each in operations if each.in_list is not None}

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operation; who may make a change is in the declaration of that."""
        return (
            Operation(
                id="postGrantoryChanges",
                method="POST",
                path=CHANGES,
                handler=self.make,
                body=ChangesRequest,
                query=(
                    Parameter(
                        name=DRY_RUN,
                        type="boolean",
                        summary="Whether all is tried, and then taken back",
                    ),
                ),
                answer=MadeChanges,
                summary="Make several changes to clients, roles and divisions, or none of them",
            ),
        )

    async def make(self, call: Call) -> Response:
        """Answers what became of each change; of new clients with their secrets."""
        dry_run = _is_dry(call.request.query())
        asked = self._asked(cast(ChangesRequest, call.body).changes)
        await _require_permits(call, asked)
        actor = self._changes.begin(call.actor)
        prepared: list[Prepared[Any]] = []
        ids: dict[str, str] = {}
        for index, each in enumerate(asked):
            if index % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)  # others have their turn
            try:
                prepared.append(await _prepared(actor, each, ids))
            except ApiError as error:
                raise _of_change(error, index, asked) from None
            if each.request.key is not None:
                ids[each.request.key] = prepared[-1].id
        try:
            await self._changes.make(actor, prepared, dry_run=dry_run)
        except ChangeRefused as refused:
            raise _of_change(refused.error, refused.index, asked) from None
        answer = json_response(_answer(asked, prepared, applied=not dry_run))
        return with_warning(answer, implicit=any(each.retiring for each in prepared))

    def _asked(self, requests: list[ChangeRequest]) -> list[_Asked]:
        asked: list[_Asked] = []
        problems: list[FieldProblem] = []
        seen: set[tuple[str, str]] = set()
        for index, request in enumerate(requests):
            operation = self._operations.get(request.operation)
            if operation is None or operation.in_list is None:
                found = [("operation", f"must be one of {', '.join(self._operations)}")]
            else:
                asked.append(_Asked(operation, operation.in_list, request))
                found = list(_faults(operation, operation.in_list, request))
            for name, value in (("key", request.key), ("id", (request.id or "").lower())):
                if (name, value or "") in seen:
                    found.append((name, "is that of an earlier change"))
                if value:
                    seen.add((name, value))
            problems += [
                FieldProblem(f"changes[{index}].{field}", INVALID, text) for field, text in found
            ]
        if problems:
            raise invalid(*problems)
        return asked


def _is_dry(query: dict[str, list[str]]) -> bool:
    """Tells whether a list is tried alone.

    Raises:
        ApiError: 400 for any other parameter, which may be this one misspelt.
    """
    problems = [
        FieldProblem(
            name[:100] if name.isprintable() and name else "query",
            INVALID,
            "must come once" if name == DRY_RUN else "is no parameter of this operation",
        )
        for name, values in query.items()
        if name != DRY_RUN or len(values) > 1
    ]
    if problems:
        raise invalid(*problems)
    return read_switch(query, DRY_RUN)


def _faults(operation: Operation, how: InList, request: ChangeRequest) -> Iterator[tuple[str, str]]:
    """Lists what an operation takes that is missing, and the other way round."""
    makes = "{" not in operation.path
    if makes and request.id is not None:
        yield "id", "is given to what is made"
    if not makes and request.id is None:
        yield "id", "is required"
    if not makes and request.key is not None:
        yield "key", "is for what is made"
    if request.modified is not None and not how.tells_time:
        yield "modified", "is for what has a dateModified: to replace or delete a client"
    if operation.body is None and request.body is not None:
        yield "body", "is not taken by this operation"
    if operation.body is not None and request.body is None:
        yield "body", "is required"


async def _require_permits(call: Call, asked: list[_Asked]) -> None:
    known: set[str] = set()
    for index, each in enumerate(asked):
        if each.operation.id in known:
            continue
        known.add(each.operation.id)
        try:
            await call.permits.require(each.operation, call.token)
        except ApiError as error:
            raise _of_change(error, index, asked) from None


async def _prepared(actor: Actor, asked: _Asked, ids: dict[str, str]) -> Prepared[Any]:
    operation, request = asked.operation, asked.request
    body = None
    if operation.body is not None:
        document = _resolved(request.body, ids)
        body = read_value(operation.body, document, operation.further)
    change = ListedChange(
        actor=msgspec.structs.replace(actor, permissions=operation.permissions),
        id=(request.id or "").lower(),
        body=body,
        seen=request.modified,
    )
    return await asked.how.prepare(change)


def _resolved(body: Any, ids: dict[str, str]) -> Any:
    """Gives a body with the ids of what earlier changes make.

    Raises:
        ApiError: 400 naming each field that refers to what no earlier change makes.
    """
    if not isinstance(body, dict):
        return body
    problems: list[FieldProblem] = []
    found = dict(body)
    role_ids, pairs = body.get("roleIds"), body.get("roleDivisions")
    if isinstance(role_ids, list):
        found["roleIds"] = [_id_of(value, "roleIds", ids, problems) for value in role_ids]
    if isinstance(pairs, list):
        found["roleDivisions"] = [_pair(item, ids, problems) for item in pairs]
    if problems:
        raise invalid(*problems)
    return found


def _pair(item: Any, ids: dict[str, str], problems: list[FieldProblem]) -> Any:
    if not isinstance(item, dict):
        return item
    return {
        key: _id_of(value, "roleDivisions", ids, problems) if key in _REFERRING else value
        for key, value in item.items()
    }


def _id_of(value: Any, name: str, ids: dict[str, str], problems: list[FieldProblem]) -> Any:
    if not isinstance(value, str) or not value.startswith(_REFERENCE):
        return value
    made = ids.get(value.removeprefix(_REFERENCE))
    if made is None:
        shown = f": {value[:301]}" if value.isprintable() else ""
        text = f"refers to what no earlier change makes{shown}"
        problems.append(FieldProblem(name, INVALID, text))
        return value
    return made


def _of_change(error: ApiError, index: int, asked: list[_Asked]) -> ApiError:
    """Says of a refusal which change it is of."""

    def name(field: str) -> str:
        return (
            f"changes[{index}].{field}" if field == MODIFIED else f"changes[{index}].body.{field}"
        )

    place = f"Change {index + 1} of {len(asked)} ({asked[index].operation.id}): "
    return within(error, place, name)


def _answer(asked: list[_Asked], prepared: list[Prepared[Any]], *, applied: bool) -> MadeChanges:
    return MadeChanges(
        applied=applied,
        changes=[
            MadeChange(
                operation=each.operation.id,
                key=each.request.key,
                id=change.id,
                secret=change.secret.reveal() if applied and change.secret is not None else None,
            )
            for each, change in zip(asked, prepared, strict=True)
        ],
    )
