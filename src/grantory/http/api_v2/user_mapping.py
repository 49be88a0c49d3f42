"""Between the platform's User and ours."""

from typing import Any, Final

from grantory.domain.organization import UserState
from grantory.domain.secret import Secret
from grantory.http.api_v2 import user_schemas
from grantory.http.api_v2.division_mapping import DIVISIONS
from grantory.registry.user_draft import UserChange, UserDraft
from grantory.registry.users import Person

USERS: Final = "/api/v2/users"


def draft_of(body: user_schemas.CreateUser) -> UserDraft:
    """Reads what a new user is to be."""
    return UserDraft(
        name=body.name,
        email=body.email,
        password=None if body.password is None else Secret(body.password),
        title=body.title,
        department=body.department,
        division_id=None if body.division_id is None else body.division_id.lower(),
        state=body.state or UserState.ACTIVE,
    )


def change_of(body: user_schemas.UpdateUser) -> UserChange:
    """Reads what is to be changed of a user."""
    return UserChange(
        name=body.name,
        email=body.email,
        title=body.title,
        department=body.department,
        state=body.state,
        version=body.version,
    )


def user_of(person: Person) -> user_schemas.User:
    """Writes a user as others see them."""
    return user_schemas.User(**_fields(person))


def own_user_of(person: Person, **expanded: Any) -> user_schemas.UserMe:
    """Writes a user as they see themselves.

    Args:
        person: the user.
        expanded: what was asked for besides, by its name in the schema.
    """
    return user_schemas.UserMe(**_fields(person), **expanded)


def _fields(person: Person) -> dict[str, Any]:
    user, division = person.user, person.division
    return {
        "id": user.id,
        "name": user.name,
        "division": user_schemas.UserDivision(
            id=division.id, name=division.name, self_uri=f"{DIVISIONS}/{division.id}"
        ),
        "department": user.department,
        "email": user.email,
        "state": user.state.value,
        "title": user.title,
        "username": user.email,
        "version": user.version,
        "self_uri": f"{USERS}/{user.id}",
    }
