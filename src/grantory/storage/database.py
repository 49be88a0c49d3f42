"""Which database a setting means, and what a start or a command asks of it."""

from pathlib import Path
from typing import IO, Protocol

from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.ports.store_state import WatchedStore
from grantory.ports.turns import Turn
from grantory.storage.change_feed import ChangeFeed
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.replacing import Restoration


class OpenStore(Store, WatchedStore, Protocol):
    """A store that is open in this process, with word of every change to it."""

    @property
    def feed(self) -> ChangeFeed:
        """Tells of changes, by whatever process."""
        ...

    def room(self) -> int:
        """Tells how many more changes would be made in time; a cheap look."""
        ...

    def turn(self) -> Turn:
        """Makes what says whether this process is to keep the lists; whoever asks closes it."""
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

    async def is_in_use(self) -> bool:
        """Tells whether any other process has the store open, as far as that can be known."""
        ...

    async def dump(self, file: IO[bytes], now_ms: int, version: str) -> Backup:
        """Writes all that the store holds at one moment, while others go on writing.

        Args:
            file: where to; it holds no backup when this raises.
            now_ms: the time in milliseconds since 1970.
            version: that of this program.

        Raises:
            SetupError: when that cannot be done.
        """
        ...

    async def restore(self, restoration: Restoration) -> Backup:
        """Puts a backup into the database, in one transaction; makes it where missing.

        Raises:
            SetupError: when that cannot be done; then nothing was changed.
        """
        ...

    async def open(self, clock: Clock, processes: int = 1, *, patient: bool = False) -> OpenStore:
        """Opens the store, whose tables are there.

        Args:
            clock: the time.
            processes: how many processes of this machine open it.
            patient: whether a transaction may take long, because nobody waits but a person.
        """
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
