"""Changes that are made together, or none of them (Grantory's own)."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from grantory_sdk.models.base import Model

ChangeOperation = Literal[
    "postAuthorizationDivisions",
    "putAuthorizationDivision",
    "deleteAuthorizationDivision",
    "postAuthorizationRoles",
    "putAuthorizationRole",
    "deleteAuthorizationRole",
    "postOauthClients",
    "putOauthClient",
    "deleteOauthClient",
]
"""The operations that can be part of a list, by the names that the API's description has."""


class Change(Model):
    """One change of a list.

    What creates may have a ``key``, unique in the list: ``#`` and the key stand for the new id in
    the roles and divisions of later changes. What replaces or deletes has an ``id``, and for a
    client may say in ``modified`` which ``date_modified`` was seen: if it is another by then, all
    is refused. ``body`` is what the single operation takes, with the API's own names; a model is
    written with them.
    """

    operation: ChangeOperation
    key: str | None = None
    id: str | None = None
    modified: datetime | None = None
    body: Any = None


class MadeChange(Model):
    """What became of one change; ``secret`` is that of a new client, told once."""

    operation: str = ""
    key: str | None = None
    id: str = ""
    secret: str | None = None


class MadeChanges(Model):
    """What became of a list; ``applied`` is false after a dry run, whose ids are of nothing."""

    applied: bool = False
    changes: list[MadeChange] = msgspec.field(default_factory=list[MadeChange])
