"""The lines of a backup: JSON, one line for each row.

The first is the ``Header``. Then every table has a ``TableLine``, followed by its rows as arrays,
bytes as base64. The last is the ``End``, with the number of rows and a digest of all lines before
it. The digest finds accidents; it keeps nobody from writing a file of his own, so a backup is to
be kept as safe as the store.
"""

import base64
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

FORMAT: Final = "grantory backup"
VERSION: Final = 1

Value = int | str | bytes | None


class Header(msgspec.Struct, frozen=True):
    """The first line: what the file is, and what made it when.

    Attributes:
        format: says that the file is a backup.
        version: of the format.
        revision: the schema revision of the tables.
        created_at: the time in UTC as ISO 8601 writes it.
        grantory: the version of the program that wrote the file.
    """

    format: str
    version: int
    revision: str
    created_at: str
    grantory: str


class TableLine(msgspec.Struct, frozen=True):
    """The line before a table's rows; the columns named in ``binary`` hold base64."""

    table: str
    columns: tuple[str, ...]
    binary: tuple[str, ...]

    def holds_bytes(self) -> tuple[bool, ...]:
        """Tells for each column whether it holds bytes."""
        return tuple(name in self.binary for name in self.columns)


class End(msgspec.Struct, frozen=True):
    """The last line: the number of rows of each table, and the digest of all lines before."""

    end: dict[str, int]
    sha256: str


class Backup(NamedTuple):
    """What a whole backup holds: its header, and the number of rows of each table."""

    header: Header
    rows: dict[str, int]


_NAME: Final = re.compile(r"[a-z_]{1,63}")
_INT64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_HEADER: Final = msgspec.json.Decoder(Header)
_TABLE: Final = msgspec.json.Decoder(TableLine)
_END: Final = msgspec.json.Decoder(End)
_ROW: Final = msgspec.json.Decoder(list[_INT64 | str | None])


def encode_row(row: Sequence[Any], binary: Sequence[bool]) -> bytes:
    """Writes a row as a JSON array.

    Args:
        row: the values, as a driver gives them.
        binary: for each column whether it holds bytes.

    Returns:
        One line, without its end.

    Raises:
        ValueError: when a value is not of its column's kind; the text does not show it.
    """
    for value, holds_bytes in zip(row, binary, strict=True):
        if value is not None and not isinstance(value, bytes if holds_bytes else (int, str)):
            raise ValueError("a value is not of its column's kind")
    return msgspec.json.encode(tuple(row))  # asyncpg's rows are no tuples


def decode_row(line: bytes, binary: Sequence[bool]) -> list[Value]:
    """Reads a row that ``encode_row`` wrote.

    Raises:
        ValueError: when it is no such row; the text does not show it.
    """
    row: list[Value] = _decoded(_ROW, line)
    if len(row) != len(binary):
        raise ValueError("the row has not one value for each column")
    for place, holds_bytes in enumerate(binary):
        value = row[place]
        if holds_bytes and value is not None:
            if not isinstance(value, str):
                raise ValueError("bytes are not written as base64")
            row[place] = base64.b64decode(value, validate=True)
    return row


def decode_header(line: bytes) -> Header:
    """Reads the first line.

    Raises:
        ValueError: when it is none.
    """
    header: Header = _decoded(_HEADER, line)
    if header.format != FORMAT:
        raise ValueError("the line is another format's")
    return header


def decode_table(line: bytes) -> TableLine:
    """Reads the line before a table's rows.

    Raises:
        ValueError: when it is none, or its names could not be ours.
    """
    table: TableLine = _decoded(_TABLE, line)
    names = set(table.columns)
    if (
        not names
        or len(names) != len(table.columns)
        or not all(_NAME.fullmatch(name) for name in (table.table, *names))
        or not names.issuperset(table.binary)
    ):
        raise ValueError("the table or its columns have wrong names")
    return table


def decode_end(line: bytes) -> End:
    """Reads the last line.

    Raises:
        ValueError: when it is none.
    """
    end: End = _decoded(_END, line)
    return end


def _decoded(decoder: "msgspec.json.Decoder[Any]", line: bytes) -> Any:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        raise ValueError("the line is not the JSON that belongs here") from None
