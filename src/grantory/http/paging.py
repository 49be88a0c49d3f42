"""Query parameters: the platform's page numbers with the addresses of other pages, switches."""

from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from grantory.errors import FieldProblem, invalid
from grantory.http.operation import Parameter

DEFAULT_SIZE: Final = 25
MAX_SIZE: Final = 500
MAX_NUMBER: Final = 10_000_000


class Page(msgspec.Struct, frozen=True):
    """Which page is asked for; numbers count from 1."""

    size: int
    number: int

    @property
    def offset(self) -> int:
        """How many entities come before it."""
        return (self.number - 1) * self.size


def refuse_repeated(query: dict[str, list[str]], parameters: tuple[Parameter, ...]) -> None:
    """Refuses a query that has two values for a parameter that takes one.

    Args:
        query: the query.
        parameters: those that are known; others are no matter.

    Raises:
        ApiError: 400 naming each that is repeated.
    """
    if all(len(values) == 1 for values in query.values()):
        return
    repeated = [
        FieldProblem(parameter.name, "invalid.value", "must be given once")
        for parameter in parameters
        if not parameter.repeated and len(query.get(parameter.name, ())) > 1
    ]
    if repeated:
        raise invalid(*repeated)


def read_page(query: dict[str, list[str]], most: int = MAX_SIZE) -> Page | None:
    """Reads the paging parameters.

    Args:
        query: the parameters.
        most: how many entities a page may have.

    Returns:
        The page; None when there are no paging parameters.

    Raises:
        ApiError: 400 naming the bad parameter.
    """
    if "pageSize" not in query and "pageNumber" not in query:
        return None
    return Page(
        read_number(query, "pageSize", DEFAULT_SIZE, most),
        read_number(query, "pageNumber", 1, MAX_NUMBER),
    )


def read_number(query: dict[str, list[str]], name: str, default: int, most: int) -> int:
    """Reads a whole number from 1 to ``most`` out of a query."""
    values = query.get(name)
    if values is None:
        return default
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        problem = FieldProblem(name, "invalid.value", f"must be a whole number from 1 to {most}")
        raise invalid(problem)
    return int(text)


def read_switch(query: dict[str, list[str]], name: str) -> bool:
    """Reads true or false out of a query; false where it is left out."""
    text = query.get(name, ["false"])[-1].lower()
    if text not in ("true", "false"):
        raise invalid(FieldProblem(name, "invalid.value", "must be true or false"))
    return text == "true"


def listing(
    entities: list[Any], page: Page, total: int, path: str, query: dict[str, list[str]]
) -> dict[str, Any]:
    """Makes the platform's entity listing.

    Args:
        entities: the entities of the page.
        page: the page.
        total: how many entities there are in all.
        path: the operation's path, for the addresses of other pages.
        query: the other parameters, which those addresses keep.
    """
    count = max(1, -(-total // page.size))
    kept = [
        (name, value)
        for name, values in query.items()
        if name not in ("pageSize", "pageNumber")
        for value in values
    ]

    def address(number: int) -> str:
        pairs = [*kept, ("pageSize", str(page.size)), ("pageNumber", str(number))]
        return f"{path}?{urlencode(pairs)}"

    body: dict[str, Any] = {
        "entities": entities,
        "pageSize": page.size,
        "pageNumber": page.number,
        "total": total,
        "pageCount": count,
        "firstUri": address(1),
        "lastUri": address(count),
        "selfUri": address(page.number),
    }
    if page.number < count:
        body["nextUri"] = address(page.number + 1)
    if 1 < page.number <= count + 1:
        body["previousUri"] = address(page.number - 1)
    return body
