"""A SQLite file as a database."""

from pathlib import Path
from typing import IO

from grantory.ports.runtime import Clock
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.replacing import Restoration
from grantory.storage.sqlite import schema
from grantory.storage.sqlite.backup import restore_backup, write_backup
from grantory.storage.sqlite.store import SqliteStore


class SqliteDatabase:
    """Implements ``Database`` on one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The path of the file."""
        return str(self.path)

    async def revision(self) -> str | None:
        """Tells the schema's revision; None where there is no file or no table in it."""
        return schema.revision(self.path)

    async def upgrade(self, target: str = "head") -> tuple[str | None, str]:
        """Brings the tables to a revision; makes the file where it is missing."""
        return schema.upgrade(self.path, target)

    async def is_set_up(self) -> bool:
        """Tells whether the tables hold an installation."""
        return schema.is_set_up(self.path)

    async def problems(self) -> list[str]:
        """Lets SQLite look through the whole file."""
        return schema.integrity_problems(self.path)

    async def is_in_use(self) -> bool:
        """Tells whether another process of this machine has the file open."""
        return schema.is_in_use(self.path)

    async def dump(self, file: IO[bytes], now_ms: int, version: str) -> Backup:
        """Writes all that it holds at one moment."""
        return write_backup(self.path, file, now_ms, version)

    async def restore(self, restoration: Restoration) -> Backup:
        """Puts a backup into it, in one transaction."""
        return restore_backup(self.path, restoration)

    async def open(self, clock: Clock, processes: int = 1, *, patient: bool = False) -> SqliteStore:
        """Opens the store; a transaction may take as long as it likes anyway."""
        return SqliteStore(self.path, clock, processes, large_changes=patient)
