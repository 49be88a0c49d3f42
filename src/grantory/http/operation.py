"""The declaration of an operation: routing, permission check and body follow from it."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from grantory.domain.token import AccessToken
from grantory.http.json_body import FurtherProblems
from grantory.http.request import Request
from grantory.http.response import Response
from grantory.registry.actor import Actor


class Call(msgspec.Struct, frozen=True):
    """An authenticated, permitted call with its body already read."""

    request: Request
    actor: Actor
    token: AccessToken
    path: dict[str, str]
    body: msgspec.Struct | None


class Empty:
    """Stands for an answer that is a JSON object without any field."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of an operation's query.

    ``type`` is JSON Schema's: string, integer or boolean. A ``repeated`` one may come several
    times, or hold commas.
    """

    name: str
    type: str = "string"
    summary: str = ""
    choices: tuple[str, ...] = ()
    repeated: bool = False
    least: int | None = None
    most: int | None = None


PAGING: Final = (
    Parameter(
        name="pageSize", type="integer", summary="How many entities a page has", least=1, most=500
    ),
    Parameter(
        name="pageNumber", type="integer", summary="Counted from 1", least=1, most=10_000_000
    ),
)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the management API.

    ``permissions`` are alternatives: any one of them suffices; none is asked where it is
    empty. ``scope`` is what a user's token needs besides, where its organisation enforces scopes:
    the plain name for both reading and changing, with ``:readonly`` for reading; empty for none.
    ``narrow_scope`` is one that admits this operation by itself. ``body`` is the schema that the
    request's JSON must have; None takes no body. ``further`` checks the good fields of a body that
    has bad ones, too. ``answer`` is the schema of the answer, or of each entity of a ``listed``
    one; None for an empty body. ``status`` is that of success.
    """

    id: str
    method: str
    path: str
    handler: Callable[[Call], Awaitable[Response]]
    permissions: tuple[str, ...] = ()
    scope: str = ""
    narrow_scope: str = ""
    body: type[msgspec.Struct] | None = None
    further: FurtherProblems | None = None
    query: tuple[Parameter, ...] = ()
    answer: type[msgspec.Struct] | type[int] | type[Empty] | None = None
    listed: bool = False
    status: int = 200
    summary: str = ""
