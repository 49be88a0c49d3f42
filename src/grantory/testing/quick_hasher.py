"""Digesting the first user's password, which is drawn by lot, without the slowness for others'."""

from argon2 import PasswordHasher


class QuickHasher:
    """Implements ``Hasher`` with argon2id at its least: the real one would be half of a start.

    What it makes is compared like any other digest, which tells by itself how it was made.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

    def hash(self, password: str) -> str:
        """Returns the digest with its parameters and salt, as text."""
        return self._hasher.hash(password)
