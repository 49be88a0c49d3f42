"""The cursor listing of divisions: by id, from before or after a given one."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from grantory.domain.access import Division
from grantory.errors import FieldProblem, invalid
from grantory.http.paging import DEFAULT_SIZE, read_number

MOST_AT_ONCE: Final = 200
_CURSOR: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class CursorPage(msgspec.Struct, frozen=True):
    """Some divisions, and the addresses of those around them."""

    divisions: Sequence[Division]
    next_uri: str | None
    previous_uri: str | None
    self_uri: str


def cursor_page(
    divisions: Sequence[Division], path: str, query: dict[str, list[str]]
) -> CursorPage:
    """Cuts the wanted page out of all divisions that fit.

    Args:
        divisions: those that fit, in whatever order.
        path: the operation's path.
        query: ``before`` or ``after``, ``pageSize``; ``name`` and ``id``, which the addresses keep.

    Raises:
        ApiError: 400 naming a bad parameter.
    """
    size = read_number(query, "pageSize", DEFAULT_SIZE, MOST_AT_ONCE)
    before, after = _cursor(query, "before"), _cursor(query, "after")
    if before and after:
        raise invalid(FieldProblem("before", "invalid.value", "cannot be given with after"))
    ordered = sorted(divisions, key=lambda division: division.id)
    start = sum(division.id <= after for division in ordered) if after else 0
    if before:
        end = sum(division.id < before for division in ordered)
        start = max(0, end - size)
    else:
        end = min(start + size, len(ordered))
    page = ordered[start:end]
    # Nothing else: who adds page numbers to the address would never see the same page twice.
    kept = [(n, v) for n, vs in query.items() if n in ("pageSize", "name", "id") for v in vs]

    def address(*cursor: tuple[str, str]) -> str:
        pairs = urlencode([*kept, *cursor])
        return f"{path}?{pairs}" if pairs else path

    own = [(n, v) for n, v in (("before", before), ("after", after)) if v]
    return CursorPage(
        page,
        address(("after", page[-1].id)) if page and end < len(ordered) else None,
        address(("before", page[0].id)) if page and start > 0 else None,
        address(*own),
    )


def _cursor(query: dict[str, list[str]], name: str) -> str:
    cursor = query.get(name, [""])[-1].lower()
    if cursor and _CURSOR.fullmatch(cursor) is None:
        raise invalid(FieldProblem(name, "invalid.value", "is not a cursor of this list"))
    return cursor
