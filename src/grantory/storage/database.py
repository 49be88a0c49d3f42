"""Which database a setting means, and what a start or a command asks of it."""

from pathlib import Path
from typing import Protocol

from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.storage.change_feed import ChangeFeed


class OpenStore(Store, Protocol):
    """A store that is open in this process, with word of every change to it."""

    @property
    def feed(self) -> ChangeFeed:
        """Tells of changes, by whatever process."""
        ...

    async def close(self) -> None:
        """Finishes what waits and lets go."""
        ...


class Database(Protocol):
    """A database that may or may not hold tables yet."""

    @property
    def name(self) -> str:
        """What a person calls it; holds no password."""
        ...

    async def revision(self) -> str | None:
        """Tells the schema's revision; None where there are no tables."""
        ...

    async def upgrade(self, target: str = "head") -> tuple[str | None, str]:
        """Brings the tables to a revision in one transaction, one process at a time.

        Returns:
            The revision before and after.

        Raises:
            SetupError: when they are newer than this program, or cannot be changed.
        """
        ...

    async def is_set_up(self) -> bool:
        """Tells whether the tables hold an installation."""
        ...

    async def problems(self) -> list[str]:
        """Looks through the whole database; returns what is wrong with it."""
        ...

    async def open(self, clock: Clock) -> OpenStore:
        """Opens the store, whose tables are there."""
        ...


def find_database(url: str, default_file: Path) -> Database:
    """Finds the database that a setting means.

    Args:
        url: ``sqlite:///path``, ``postgresql://…``, or empty for the default file.
        default_file: where the embedded store is.

    Raises:
        SetupError: for an address that cannot be read.
    """
    if url and not url.startswith("sqlite:///"):
        from grantory.storage.postgres.database import PostgresDatabase

        return PostgresDatabase(url)
    from grantory.storage.sqlite.database import SqliteDatabase

    return SqliteDatabase(Path(url.removeprefix("sqlite:///")) if url else default_file)
