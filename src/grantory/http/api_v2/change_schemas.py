"""Models of ``/api/v2/grantory/changes``, which is Grantory's own."""

from typing import Annotated, Any, Final

from msgspec import Meta

from grantory.http.api_v2.schemas import DateText, Id, Wire, plain_text
from grantory.http.json_body import Codes

MOST_CHANGES: Final = 500
"""So many new clients with a role take 0.25 to 0.35 s on SQLite, where every other change waits for
that, and 0.7 s on PostgreSQL, where only those wait that touch the same. There each client takes
two ways to the database and back: where that is 2 ms away, 3 s of the 4.5 that there are."""
_LENGTH: Final = Meta(min_length=1, max_length=MOST_CHANGES)
Key = Annotated[str, plain_text(1, 300)]


class ChangeRequest(Wire, kw_only=True):
    """One change of a list."""

    operation: Annotated[str, Meta(min_length=1, max_length=100)]
    key: Key | None = None
    id: Id | None = None
    modified: DateText = None
    body: dict[str, Any] | None = None


class ChangesRequest(Wire, kw_only=True):
    """What is to be changed, in this order."""

    changes: Annotated[list[ChangeRequest], _LENGTH, Codes(each=ChangeRequest, length=_LENGTH)]


class MadeChange(Wire, kw_only=True):
    """What became of one change."""

    operation: str
    key: str | None = None
    id: str
    secret: str | None = None

    def __repr__(self) -> str:
        return f"MadeChange(operation={self.operation!r}, id={self.id!r})"


class MadeChanges(Wire, kw_only=True, omit_defaults=False):
    """What became of a list of changes."""

    applied: bool
    changes: list[MadeChange]
