"""Between the platform's AuthzDivision and a division."""

from typing import Final

from grantory.domain.access import EVERY_DIVISION, Division
from grantory.http.api_v2 import schemas
from grantory.registry.divisions import DivisionDraft

DIVISIONS: Final = "/api/v2/authorization/divisions"


def division_of(division: Division | None, *, counted: bool = False) -> schemas.Division:
    """Writes a division; None is every division.

    Args:
        division: the division.
        counted: whether the objects in it are told by kind: of no kind there are any here.
    """
    if division is None:
        return schemas.Division(id=EVERY_DIVISION, name="All divisions", home_division=False)
    return schemas.Division(
        id=division.id,
        name=division.name,
        description=division.description,
        home_division=division.home,
        object_counts={} if counted else None,
        self_uri=f"{DIVISIONS}/{division.id}",
    )


def draft_of(body: schemas.DivisionRequest | schemas.DivisionRestoreRequest) -> DivisionDraft:
    """Reads the wanted contents of a division."""
    return DivisionDraft(name=body.name, description=body.description)
