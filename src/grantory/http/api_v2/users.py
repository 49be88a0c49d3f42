"""``/api/v2/users``: people; the caller as a user is in ``own_user``."""

import re
from typing import Final, cast

from grantory.domain.organization import UserState
from grantory.domain.secret import Secret
from grantory.errors import FieldProblem, invalid
from grantory.http.api_v2 import user_schemas
from grantory.http.api_v2.roles import listed_values
from grantory.http.api_v2.user_mapping import USERS, change_of, draft_of, user_of
from grantory.http.operation import PAGING, Call, Empty, Operation, Parameter
from grantory.http.paging import DEFAULT_SIZE, MAX_SIZE, Page, listing, read_page
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.user_passwords import UserPasswords
from grantory.registry.users import UserRegistry

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_STATES: Final = {
    "active": UserState.ACTIVE,
    "inactive": UserState.INACTIVE,
    "any": None,
}
_ORDERS: Final = {"asc": False, "ascending": False, "desc": True, "descending": True}
_EXPAND: Final = Parameter(name="expand", repeated=True, summary="Ignored")
_FILTERS: Final = (
    Parameter(name="id", repeated=True, summary=f"At most {MAX_SIZE} ids of users"),
    Parameter(
        name="sortOrder",
        choices=tuple(_ORDERS),
        summary="By the time of creation; ascending where it is left out",
    ),
    _EXPAND,
    Parameter(
        name="state", choices=tuple(_STATES), summary="active where it is left out, also with ids"
    ),
)


class UserResource:
    """The operations on users."""

    def __init__(self, users: UserRegistry, passwords: UserPasswords) -> None:
        self._users = users
        self._passwords = passwords

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = USERS + "/{userId}"
        return (
            Operation(
                id="getUsers",
                method="GET",
                path=USERS,
                scope="users",
                handler=self.list_users,
                permissions=("directory:user:view",),
                query=(*PAGING, *_FILTERS),
                answer=user_schemas.User,
                listed=True,
                summary="The list of users",
            ),
            Operation(
                id="postUsers",
                method="POST",
                path=USERS,
                scope="users",
                handler=self.create,
                permissions=("directory:user:add",),
                body=user_schemas.CreateUser,
                answer=user_schemas.User,
                summary="Create a user",
            ),
            Operation(
                id="getUser",
                method="GET",
                path=one,
                scope="users",
                handler=self.get,
                permissions=("directory:user:view",),
                query=(_EXPAND,),
                answer=user_schemas.User,
                summary="Get a user",
            ),
            Operation(
                id="patchUser",
                method="PATCH",
                path=one,
                scope="users",
                handler=self.change,
                permissions=("directory:user:edit",),
                body=user_schemas.UpdateUser,
                answer=user_schemas.User,
                summary="Change a user",
            ),
            Operation(
                id="deleteUser",
                method="DELETE",
                path=one,
                scope="users",
                handler=self.delete,
                permissions=("directory:user:delete",),
                answer=Empty,
                summary="Delete a user",
            ),
            Operation(
                id="postUserPassword",
                method="POST",
                path=one + "/password",
                scope="users",
                handler=self.set_password,
                permissions=("directory:user:setPassword",),
                body=user_schemas.ChangePasswordRequest,
                status=204,
                summary="Set the password of a user, which ends their tokens",
            ),
        )

    async def list_users(self, call: Call) -> Response:
        """Answers one page of the users that fit the filters."""
        query = call.request.query()
        page = read_page(query) or Page(DEFAULT_SIZE, 1)
        state, newest_first, ids = _read_filters(query)
        if ids is None:
            people, total = await self._users.page(
                call.actor, state, page.offset, page.size, newest_first=newest_first
            )
        else:
            found = await self._users.of_ids(call.actor, ids, state)
            ordered = found[::-1] if newest_first else found
            people, total = ordered[page.offset : page.offset + page.size], len(found)
        entities = [user_of(person) for person in people]
        return json_response(listing(entities, page, total, USERS, query))

    async def create(self, call: Call) -> Response:
        """Answers 200 (not 201) with the new user."""
        draft = draft_of(cast(user_schemas.CreateUser, call.body))
        return json_response(user_of(await self._users.create(call.actor, draft)))

    async def get(self, call: Call) -> Response:
        """Answers one user."""
        return json_response(user_of(await self._users.get(call.actor, _id(call))))

    async def change(self, call: Call) -> Response:
        """Answers the user as they are now."""
        change = change_of(cast(user_schemas.UpdateUser, call.body))
        return json_response(user_of(await self._users.change(call.actor, _id(call), change)))

    async def delete(self, call: Call) -> Response:
        """Answers an empty object, which the SDKs decode."""
        await self._users.delete(call.actor, _id(call))
        return json_response({})

    async def set_password(self, call: Call) -> Response:
        """Answers 204; the user's tokens are refused from now on."""
        body = cast(user_schemas.ChangePasswordRequest, call.body)
        await self._passwords.set(call.actor, _id(call), Secret(body.new_password))
        return empty_response(204)


def _id(call: Call) -> str:
    return call.path["userId"].lower()


def _read_filters(
    query: dict[str, list[str]],
) -> tuple[UserState | None, bool, list[str] | None]:
    """Reads the state that is wanted, whether the newest come first, and ids if any are named."""
    problems = []
    state, order = (query.get(name, [""])[-1].lower() for name in ("state", "sortOrder"))
    if state and state not in _STATES:
        text = f"must be one of {', '.join(_STATES)}"
        problems.append(FieldProblem("state", "invalid.value", text))
    if order and order not in _ORDERS:
        text = "must be ascending or descending"
        problems.append(FieldProblem("sortOrder", "invalid.value", text))
    ids = list(dict.fromkeys(value.lower() for value in listed_values(query, "id")))
    if len(ids) > MAX_SIZE:
        problems.append(FieldProblem("id", "invalid.value", f"must name at most {MAX_SIZE} users"))
    if problems:
        raise invalid(*problems)
    found = [user_id for user_id in ids if _ID.fullmatch(user_id)]
    return _STATES[state or "active"], _ORDERS[order or "asc"], found if ids else None
