"""The declaration of an operation: routing, permission check and body follow from it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from grantory.domain.token import AccessToken
from grantory.http.json_body import FurtherProblems
from grantory.http.request import Request
from grantory.http.response import Response
from grantory.registry.actor import Actor
from grantory.registry.prepared import Prepared


class Admission(Protocol):
    """Says who may call what."""

    async def require(self, operation: "Operation", token: AccessToken) -> None:
        """Refuses a token whose subject may not call an operation.

        Raises:
            ApiError: 403 for a permission or scope that is lacking.
        """
        ...

    async def require_still(self, operation: "Operation", token: AccessToken) -> None:
        """Refuses, in the middle of a long answer, a token that was ended since it began.

        Raises:
            ApiError: 401 for a token that was ended, 403 for what its subject lost.
        """
        ...


class Call(msgspec.Struct, frozen=True):
    """An authenticated, permitted call with its body already read.

    ``permits`` is for what does the work of other operations, and needs what they need, and for
    answers that take long.
    """

    request: Request
    actor: Actor
    token: AccessToken
    path: dict[str, str]
    body: msgspec.Struct | None
    permits: Admission


class ListedChange(msgspec.Struct, frozen=True):
    """One of a list of changes, permitted, with its body already read.

    ``id`` is that of what is to be changed or deleted; empty where something is made. ``seen`` is
    when it was changed last, as far as the caller knows (milliseconds since 1970).
    """

    actor: Actor
    id: str
    body: msgspec.Struct | None
    seen: int | None


class InList(msgspec.Struct, frozen=True):
    """How the work of an operation is prepared, to be done together with that of others.

    ``tells_time`` says whether answers tell when the entity was changed last, so that a caller can
    say what it has seen.
    """

    prepare: Callable[[ListedChange], Awaitable[Prepared[Any]]]
    tells_time: bool = False


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
    one; None for an empty body. ``status`` is that of success. ``in_list`` is there for what can
    be part of a list of changes.
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
    in_list: InList | None = None
