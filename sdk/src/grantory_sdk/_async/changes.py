"""Changes to clients, roles and divisions in one transaction."""

from collections.abc import Iterable
from typing import Any

from grantory_sdk._async.caller import Caller
from grantory_sdk.models.changes import Change, MadeChanges
from grantory_sdk.requests import document_of

CHANGES = "/api/v2/grantory/changes"


class AsyncChanges:
    """Lists of changes, made as a whole or not at all (Grantory's own)."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def apply(self, changes: Iterable[Change], *, dry_run: bool = False) -> MadeChanges:
        """Makes all of the changes, in their order and in one transaction, or none.

        Needs for each change what its own operation needs. It is not tried again once it may have
        been made: after an error that leaves that open (no answer, ``OutcomeUnknown``), look first.

        Args:
            changes: at least one, and as many as the server takes at once.
            dry_run: whether all is tried and then taken back; no secret is answered.

        Returns:
            What became of each, in the same order.

        Raises:
            ApiError: as the operation of the first change that is refused would; the message
                names it, and so do fields, such as ``changes[3].body.name``. Nothing was changed.
        """
        query = {"dryRun": True} if dry_run else {}
        body = {"changes": [_document(change) for change in changes]}
        answer = await self._caller.call("POST", CHANGES, query=query, body=body)
        return answer.read(MadeChanges)


def _document(change: Change) -> dict[str, Any]:
    names = change.__struct_fields__
    document = document_of({name: getattr(change, name) for name in names}, names)
    return {name: value for name, value in document.items() if value is not None}
