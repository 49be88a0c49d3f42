"""The file of a backup: lines in gzip, written and read one by one."""

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import msgspec

from grantory.errors import SetupError
from grantory.storage.sql.dump_format import (
    VERSION,
    End,
    Header,
    TableLine,
    Value,
    decode_end,
    decode_header,
    decode_row,
    decode_table,
    encode_row,
)

LONGEST_LINE: Final = 16 * 1024 * 1024


class BackupWriter:
    """Writes one backup: the header, each table and its rows, and the end.

    A context manager; a file without its end is no backup, so one broken off is found.

    Args:
        file: what to write to; it stays open.
        header: the first line.
    """

    def __init__(self, file: IO[bytes], header: Header) -> None:
        # Neither the time nor the file's name go into gzip's header: the same rows, the same file.
        try:
            self._gzip = gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0)
        except OSError as error:  # it begins to write at once
            raise _not_written(error) from None
        self._digest = hashlib.sha256()
        self._rows: dict[str, int] = {}
        self._table = ""
        self._binary: tuple[bool, ...] = ()
        self._write(msgspec.json.encode(header))

    def __enter__(self) -> "BackupWriter":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._gzip.close()

    def table(self, line: TableLine) -> None:
        """Begins a table."""
        self._table, self._binary = line.table, line.holds_bytes()
        self._rows[line.table] = 0
        self._write(msgspec.json.encode(line))

    def row(self, row: Sequence[Any]) -> None:
        """Adds a row to the table that was begun last.

        Raises:
            SetupError: when the row cannot be kept, or the file not be written.
        """
        try:
            line = encode_row(row, self._binary)
        except ValueError as error:
            raise SetupError(
                f"the store is damaged: in table {self._table} {error}; there is no backup"
            ) from None
        self._write(line)
        self._rows[self._table] += 1

    def finish(self) -> dict[str, int]:
        """Writes the end; returns the number of rows of each table."""
        self._write(msgspec.json.encode(End(self._rows, self._digest.hexdigest())))
        try:
            self._gzip.close()
        except OSError as error:
            raise _not_written(error) from None
        return self._rows

    def _write(self, line: bytes) -> None:
        if len(line) >= LONGEST_LINE:
            raise SetupError(f"a row of table {self._table} is too long; there is no backup")
        self._digest.update(line + b"\n")
        try:
            self._gzip.write(line + b"\n")
        except OSError as error:
            raise _not_written(error) from None


def _not_written(error: OSError) -> SetupError:
    return SetupError(f"cannot write the backup: {error.strerror or error}")


class BackupReader:
    """Reads one backup, line by line.

    Args:
        file: what to read from; it stays open.

    Raises:
        SetupError: when it does not begin as a backup that this program reads.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._gzip = gzip.GzipFile(fileobj=file, mode="rb")
        self._digest = hashlib.sha256()
        self._number = 0
        self.rows: dict[str, int] = {}
        line = self._line()
        self._digest.update(line)
        try:
            self.header = decode_header(line)
        except ValueError:
            raise self._damaged() from None
        if self.header.version != VERSION:
            raise SetupError(
                f"the backup has format {self.header.version} and this program reads {VERSION}:"
                " use the version of Grantory that made it"
            )

    def parts(self) -> Iterator[TableLine | list[Value]]:
        """Gives each table, followed by its rows.

        Only when this comes to its end was the file whole: what is made of its parts is to be
        kept no sooner.

        Raises:
            SetupError: when the file turns out to be cut off or changed.
        """
        name = ""
        binary: tuple[bool, ...] = ()
        while not (line := self._line()).startswith(b'{"end"'):
            part: TableLine | list[Value]
            try:
                if line.startswith(b"{"):
                    part = decode_table(line)
                    name, binary = part.table, part.holds_bytes()
                    if name in self.rows:
                        raise ValueError("a table comes twice")
                    self.rows[name] = 0
                else:
                    part = decode_row(line, binary)
                    self.rows[name] += 1
            except (ValueError, KeyError):
                raise self._damaged() from None
            self._digest.update(line)
            yield part
        self._finish(line)

    def _finish(self, line: bytes) -> None:
        try:
            end = decode_end(line)
        except ValueError:
            raise self._damaged() from None
        whole = end.sha256 == self._digest.hexdigest() and end.end == self.rows
        if not whole or self._read():  # reading on lets gzip look at its own check value
            raise self._damaged()

    def _line(self) -> bytes:
        line = self._read()
        if not line and self._number > 1:
            raise _cut_off()
        if not line.endswith(b"\n"):
            raise self._damaged()
        return line

    def _read(self) -> bytes:
        self._number += 1
        try:
            return self._gzip.readline(LONGEST_LINE)
        except EOFError:
            raise _cut_off() from None
        except (gzip.BadGzipFile, zlib.error):
            raise self._damaged() from None
        except OSError as error:
            raise SetupError(f"cannot read the backup: {error.strerror or error}") from None

    def _damaged(self) -> SetupError:
        if self._number == 1:
            return SetupError("this is not a Grantory backup")
        return SetupError(f"the backup is damaged in line {self._number}: use another one")


def _cut_off() -> SetupError:
    return SetupError("the backup is cut off: use another one")
