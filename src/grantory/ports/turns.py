"""Work of which one process at a time is enough, of all that share a store."""

from typing import Protocol


class Turn(Protocol):
    """Says whether it is this process that is to do such work.

    It spares the others the work, and is no lock: for a moment two may think that it is theirs.
    """

    async def is_mine(self) -> bool:
        """Tells so; takes the turn where nobody has it, and then keeps it."""
        ...

    async def close(self) -> None:
        """Lets another have it."""
        ...
