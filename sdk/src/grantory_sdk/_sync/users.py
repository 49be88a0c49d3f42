# Derived from _async/users.py by tools/derive_sdk.py: change it there.
"""The operations on users."""

from collections.abc import Iterable, Mapping, Sequence

from grantory_sdk._sync.caller import Caller
from grantory_sdk._sync.listing import PAGE_SIZE, Listing
from grantory_sdk.models.base import Page
from grantory_sdk.models.users import User, UserMe, UserRoles, UserState
from grantory_sdk.requests import path_of

USERS = "/api/v2/users"


class Users:
    """Users: people who log in."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        state: str | None = None,
        ids: Iterable[str] = (),
        sort_order: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Listing[User]:
        """The users, to be iterated over. Needs ``directory:user:view``.

        Args:
            state: ``active``, which it is where it is left out, ``inactive`` or ``any``.
            ids: those with one of these ids.
            sort_order: ``ascending`` or ``descending``, by the time of creation.
            page_size: how many are asked for at once.
        """
        query = {"state": state, "id": [*ids], "sortOrder": sort_order}
        return Listing(self._caller, USERS, Page[User], query, page_size=page_size)

    def create(
        self,
        *,
        name: str,
        email: str,
        password: str | None = None,
        title: str | None = None,
        department: str | None = None,
        division_id: str | None = None,
        state: UserState | None = None,
    ) -> User:
        """Creates a user. Needs ``directory:user:add``."""
        fields = {
            "name": name,
            "email": email,
            "password": password,
            "title": title,
            "department": department,
            "divisionId": division_id,
            "state": state,
        }
        return (self._caller.call("POST", USERS, body=_given(fields))).read(User)

    def get(self, user_id: str) -> User:
        """Reads a user. Needs ``directory:user:view``.

        Raises:
            NotFound: if there is none with this id.
        """
        return (self._caller.call("GET", path_of(USERS, user_id))).read(User)

    def me(self, *, expand: Iterable[str] = ()) -> UserMe:
        """The user for whom the token is.

        Args:
            expand: what is wanted besides: ``authorization``, ``lastTokenIssued``,
                ``organization``, ``token``.

        Raises:
            BadRequest: ``not.a.user``, with a client's own token.
        """
        query = {"expand": ",".join(expand) or None}
        return (self._caller.call("GET", USERS + "/me", query=query)).read(UserMe)

    def update(
        self,
        user_id: str,
        *,
        name: str | None = None,
        email: str | None = None,
        title: str | None = None,
        department: str | None = None,
        state: UserState | None = None,
        version: int | None = None,
    ) -> User:
        """Changes what is named, and leaves the rest; an empty text is removed. Needs
        ``directory:user:edit``.

        Args:
            user_id: which one.
            name: the new name.
            email: the new e-mail address.
            title: the new title.
            department: the new department.
            state: the new state.
            version: of the user that was read, without which the vendor's cloud changes nothing:
                it refuses the change where somebody else was faster.
        """
        fields = {
            "name": name,
            "email": email,
            "title": title,
            "department": department,
            "state": state,
            "version": version,
        }
        path = path_of(USERS, user_id)
        return (self._caller.call("PATCH", path, body=_given(fields))).read(User)

    def delete(self, user_id: str) -> None:
        """Deletes a user, and ends their tokens. Needs ``directory:user:delete``."""
        self._caller.call("DELETE", path_of(USERS, user_id))

    def set_password(self, user_id: str, new_password: str) -> None:
        """Sets a user's password, and ends their tokens. Needs ``directory:user:setPassword``."""
        path = path_of(USERS, user_id, "password")
        self._caller.call("POST", path, body={"newPassword": new_password})

    def roles(self, user_id: str) -> UserRoles:
        """The roles of a user. Needs ``authorization:grant:view``."""
        return (self._caller.call("GET", path_of(USERS, user_id, "roles"))).read(UserRoles)

    def set_roles(self, user_id: str, role_ids: Sequence[str]) -> UserRoles:
        """Makes a user hold just these roles. Needs ``authorization:grant:add``."""
        path = path_of(USERS, user_id, "roles")
        return (self._caller.call("PUT", path, body=[*role_ids])).read(UserRoles)


def _given(fields: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value is not None}
