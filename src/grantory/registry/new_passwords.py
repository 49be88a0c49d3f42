"""Passwords that are to be set: looked at, and digested, before a transaction begins."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from grantory.crypto.common_passwords import common_passwords
from grantory.domain.organization import Organization
from grantory.domain.password import LEAST_CHARACTERS, password_problem
from grantory.domain.secret import Secret
from grantory.errors import FieldProblem, invalid
from grantory.ports.runtime import PasswordHasher

PRODUCT: Final = "grantory"
INVALID: Final = "invalid.value"


class NewPasswords:
    """Says which passwords may be set.

    Args:
        hasher: digests and compares.
        least: how many characters they must have.
        common: gives those that are tried first; may take long when it is first called.
    """

    def __init__(
        self,
        hasher: PasswordHasher,
        least: int = LEAST_CHARACTERS,
        common: Callable[[], frozenset[str]] = common_passwords,
    ) -> None:
        self._hasher = hasher
        self._least = least
        self._common = common

    async def digest(self, password: Secret, field: str, known: Iterable[str]) -> str:
        """Digests a password that somebody has chosen.

        Args:
            password: what was chosen.
            field: where it came from, for the refusal.
            known: as ``known_of`` gives it.

        Raises:
            ApiError: 400 naming the field, without the password; 503 when too many wait.
        """
        common = await asyncio.to_thread(self._common)
        problem = password_problem(password.reveal(), least=self._least, common=common, known=known)
        if problem is not None:
            raise invalid(FieldProblem(field, INVALID, problem))
        return await self._hasher.hash(password.reveal())

    async def fits(self, password: Secret, digest: str | None) -> bool:
        """Tells whether a password is the one that there is; takes as long where there is none.

        Raises:
            ApiError: 503 when too many wait.
        """
        return await self._hasher.verify(password.reveal(), digest)


def known_of(name: str, email: str, organization: Organization | None) -> tuple[str, ...]:
    """Lists the names that are no passwords for a person: what everybody knows."""
    at_work = () if organization is None else (organization.name,)
    return (name, email, email.partition("@")[0], *at_work, PRODUCT)
