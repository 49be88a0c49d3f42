"""A disk that fails when it is told to, beneath a real SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

SYSTEM = "unix"
WRITING = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


class FailingDisk(apsw.VFS):
    """The system's files, which can be made to refuse what is asked of them.

    While it is registered, every connection that is opened in this process uses it.
    """

    def __init__(self) -> None:
        super().__init__("failing", base=SYSTEM, makedefault=True)
        self.failing: set[str] = set()
        """``write``, ``sync`` or ``read``."""
        self.failed = 0
        self.read_only = False
        """Whether files can be opened for reading only, as a file's mode may say."""

    def xOpen(  # noqa: N802 - SQLite's name
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> "FailingFile":
        if self.read_only and flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            flags[0] = (flags[0] & ~WRITING) | apsw.SQLITE_OPEN_READONLY
        return FailingFile(self, name, flags)

    def check(self, what: str) -> None:
        if what in self.failing:
            self.failed += 1
            codes = {
                "write": apsw.SQLITE_IOERR_WRITE,  # also where a file system was made read-only
                "sync": apsw.SQLITE_IOERR_FSYNC,
                "read": apsw.SQLITE_IOERR_READ,
            }
            raise apsw.exception_for(codes[what])


class FailingFile(apsw.VFSFile):
    """One file of it."""

    def __init__(
        self, disk: FailingDisk, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._disk = disk
        super().__init__(SYSTEM, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.check("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.check("sync")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.check("read")
        return super().xRead(amount, offset)


@contextmanager
def failing_disk() -> Iterator[FailingDisk]:
    """A disk for every connection that is opened while the context lasts."""
    disk = FailingDisk()
    try:
        yield disk
    finally:
        disk.unregister()
