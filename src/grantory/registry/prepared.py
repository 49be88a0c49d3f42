"""A change that was looked at and waits for its transaction, alone or in a list."""

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec

from grantory.domain.secret import Secret
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import ApiError, Conflict
from grantory.ports.storage import Store, Transaction

T = TypeVar("T")
HOME: Final = ""
"""Stands for the id of the home division."""


class Touched(NamedTuple):
    """What changes touch: clients, divisions and roles, by id; a division may be ``HOME``."""

    clients: frozenset[str] = frozenset()
    divisions: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


NOTHING: Final = Touched()


class Prepared(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A change, as far as it can be made without a transaction.

    Args:
        id: of what is made, changed or deleted.
        work: makes the change; it may be run again from the start.
        locks: what ``work`` locks because it changes it.
        holds: what ``work`` holds because it must stay as it is.
        jwt_algorithm: of the JWTs that are asked for: there must be a key for them before.
        secret: of a client that is made.
        taken: makes the refusal for a name that another entity has.
        retiring: whether the client is of a grant that is being retired.
    """

    id: str
    work: Callable[[Transaction], T]
    locks: Touched = NOTHING
    holds: Touched = NOTHING
    jwt_algorithm: SigningAlgorithm | None = None
    secret: Secret | None = None
    taken: Callable[[], ApiError] | None = None
    retiring: bool = False


async def make(store: Store, prepared: Prepared[T]) -> T:
    """Makes one change in a transaction of its own.

    Raises:
        ApiError: as its work does; 409 for a name that is taken.
    """
    try:
        return await store.write(prepared.work)
    except Conflict:
        if prepared.taken is None:
            raise
        raise prepared.taken() from None
