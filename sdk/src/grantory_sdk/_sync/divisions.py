# Derived from _async/divisions.py by tools/derive_sdk.py: change it there.
"""The operations on divisions."""

from collections.abc import Iterable

from grantory_sdk._sync.caller import Caller
from grantory_sdk._sync.listing import PAGE_SIZE, Listing
from grantory_sdk.models.access import Division
from grantory_sdk.models.base import Page
from grantory_sdk.requests import path_of

DIVISIONS = "/api/v2/authorization/divisions"


class Divisions:
    """Divisions: parts of the organisation in which roles are held."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        name: str | None = None,
        ids: Iterable[str] = (),
        page_size: int = PAGE_SIZE,
    ) -> Listing[Division]:
        """The divisions, to be iterated over.

        Args:
            name: part of the name, in any case.
            ids: those with one of these ids.
            page_size: how many are asked for at once.
        """
        query = {"name": name, "id": [*ids]}
        return Listing(self._caller, DIVISIONS, Page[Division], query, page_size=page_size)

    def home(self) -> Division:
        """The division in which everything is that was put into no other."""
        return (self._caller.call("GET", DIVISIONS + "/home")).read(Division)

    def create(self, *, name: str, description: str | None = None) -> Division:
        """Creates a division. Needs ``authorization:division:add``."""
        body = _body(name, description)
        return (self._caller.call("POST", DIVISIONS, body=body)).read(Division)

    def get(self, division_id: str) -> Division:
        """Reads a division.

        Raises:
            NotFound: if there is none with this id.
        """
        return (self._caller.call("GET", path_of(DIVISIONS, division_id))).read(Division)

    def update(
        self, division_id: str, *, name: str | None = None, description: str | None = None
    ) -> Division:
        """Changes what is named, and leaves the rest. Needs ``authorization:division:edit``.

        The platform only replaces divisions as a whole, so that the division is read first.
        """
        path = path_of(DIVISIONS, division_id)
        found = (self._caller.call("GET", path)).read(Division)
        body = _body(
            found.name if name is None else name,
            found.description if description is None else description,
        )
        return (self._caller.call("PUT", path, body=body)).read(Division)

    def delete(self, division_id: str, *, force: bool = False) -> None:
        """Deletes a division. Needs ``authorization:division:delete``.

        Args:
            division_id: which one.
            force: whether the grants in it go, too.
        """
        query = {"force": True} if force else {}
        self._caller.call("DELETE", path_of(DIVISIONS, division_id), query=query)


def _body(name: str, description: str | None) -> dict[str, str]:
    return {"name": name} if description is None else {"name": name, "description": description}
