"""The query parameters that choose and order the list of clients."""

from collections.abc import Callable
from typing import Final, TypeVar

from grantory.domain.client import ClientState
from grantory.errors import FieldProblem, invalid
from grantory.http.api_v2.grant_types import SPELLINGS, read_grant_type
from grantory.http.api_v2.schemas import read_state
from grantory.http.operation import Parameter
from grantory.ports.client_lists import ClientSort
from grantory.ports.clients import ClientFilter
from grantory.registry.client_search import Search

V = TypeVar("V")
MAX_NAME: Final = 200
_SORTS: Final = {
    "name": ClientSort.NAME,
    "dateCreated": ClientSort.CREATED,
    "dateModified": ClientSort.MODIFIED,
    "id": ClientSort.ID,
}
_DESCENDING: Final = {"asc": False, "ascending": False, "desc": True, "descending": True}
FILTERS: Final = (
    Parameter(name="name", summary="Part of the name, in any case"),
    Parameter(
        name="authorizedGrantType", choices=SPELLINGS, summary="Of one grant type, in any spelling"
    ),
    Parameter(
        name="state",
        choices=tuple(state.value for state in ClientState),
        summary="Of one state, in any case",
    ),
    Parameter(name="sortBy", choices=tuple(_SORTS), summary="dateCreated where it is left out"),
    Parameter(name="sortOrder", choices=("ASC", "DESC"), summary="ASC where it is left out"),
)


def read_search(query: dict[str, list[str]]) -> Search | None:
    """Reads the parameters.

    Returns:
        What is looked for; None where there is none of the parameters.

    Raises:
        ApiError: 400 naming each bad parameter.
    """
    if not any(parameter.name in query for parameter in FILTERS):
        return None
    problems: list[FieldProblem] = []

    def read(name: str, default: V, reader: Callable[[str], V]) -> V:
        if name not in query:
            return default
        try:
            return reader(query[name][-1])
        except ValueError as error:
            problems.append(FieldProblem(name, "invalid.value", str(error)))
            return default

    search = Search(
        filter=ClientFilter(
            name=read("name", "", _read_name),
            grant_type=read("authorizedGrantType", None, read_grant_type),
            state=read("state", None, read_state),
        ),
        sort=read("sortBy", ClientSort.CREATED, _read_sort),
        descending=read("sortOrder", False, _read_order),
    )
    if problems:
        raise invalid(*problems)
    return search


def _read_name(text: str) -> str:
    if len(text) > MAX_NAME:
        raise ValueError(f"must have at most {MAX_NAME} characters")
    return text


def _read_sort(text: str) -> ClientSort:
    if text not in _SORTS:
        raise ValueError(f"must be one of {', '.join(_SORTS)}")
    return _SORTS[text]


def _read_order(text: str) -> bool:
    if text.lower() not in _DESCENDING:
        raise ValueError("must be ASC or DESC")
    return _DESCENDING[text.lower()]
