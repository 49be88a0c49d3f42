"""The declaration of an operation: routing, permission check and body follow from it."""

from collections.abc import Awaitable, Callable

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


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the management API.

    ``permissions`` are alternatives: any one of them suffices; none is asked where it is
    empty. ``body`` is the schema that the request's JSON must have; None takes no body.
    ``further`` checks the good fields of a body that has bad ones, too.
    """

    id: str
    method: str
    path: str
    handler: Callable[[Call], Awaitable[Response]]
    permissions: tuple[str, ...] = ()
    body: type[msgspec.Struct] | None = None
    further: FurtherProblems | None = None
    summary: str = ""
