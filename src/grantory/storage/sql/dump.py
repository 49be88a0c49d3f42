"""Backup and restore of a whole store, by way of a file that every kind of database takes.

Of a store everything goes into the file but the change records, which tell running processes what
to forget: after a restore those must forget everything. And the lists of clients do not, since they
are made from the clients.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import IO, Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    LargeBinary,
    Table,
    column,
    delete,
    insert,
    literal_column,
    select,
    table,
    tuple_,
)
from sqlalchemy import bindparam as p

from grantory.errors import Conflict, SetupError
from grantory.storage.change_feed import forget_everything, reached_number
from grantory.storage.sql.dump_file import BackupReader, BackupWriter
from grantory.storage.sql.dump_format import (
    FORMAT,
    VERSION,
    Backup,
    Header,
    TableLine,
    Value,
)
from grantory.storage.sql.migrations import HEAD, known_revisions
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import DERIVED, change_counter, changes, metadata

READ_AT_ONCE: Final = 1_000
VALUES_AT_ONCE: Final = 1_000
"""Rows of a query, and values of an INSERT; both bound what is held in memory."""

_LEFT_OUT: Final = (changes, *DERIVED)
_DUMPED: Final = {str(t.name): t for t in metadata.sorted_tables if t not in _LEFT_OUT}
_REVISION = Statement(select(column("version_num")).select_from(table("alembic_version")))
_DROP_COUNTER = Statement(delete(change_counter))


def dump(sql: SqlExecutor, file: IO[bytes], now_ms: int, version: str) -> Backup:
    """Writes all that a store holds.

    Args:
        sql: one consistent snapshot.
        file: where to; it stays open, and holds no backup when this raises.
        now_ms: the time in milliseconds since 1970.
        version: that of this program.

    Returns:
        What was written.

    Raises:
        SetupError: when the store is not at the newest revision or holds what it cannot hold,
            or the file cannot be written.
    """
    revision = _revision(sql)
    if revision != HEAD:
        advice = "run grantory db upgrade first"
        if revision not in known_revisions():
            advice = "back it up with the newer program that made it"
        raise SetupError(f"the store has schema {revision} and not {HEAD}: {advice}")
    now = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    header = Header(FORMAT, VERSION, revision, now, version)
    with BackupWriter(file, header) as writer:
        for source in _DUMPED.values():
            writer.table(_line_of(source))
            for row in _rows_of(sql, source):
                writer.row(row)
        return Backup(header, writer.finish())


def check(file: IO[bytes]) -> Backup:
    """Reads a backup from end to end without keeping anything.

    Args:
        file: what to read; it stays open.

    Returns:
        What it holds.

    Raises:
        SetupError: when it is no whole backup, or none that this program can restore.
    """
    reader = _opened(file)
    for part in reader.parts():
        if isinstance(part, TableLine):
            _check_table(part, reader.header.revision)
    return _whole(reader)


def restore(sql: SqlExecutor, file: IO[bytes]) -> Backup:
    """Puts a backup into a store whose tables are empty and at the backup's revision.

    The file is known to be whole only at its end, so an error must undo all of it.

    Args:
        sql: one transaction; to be kept only when this returns.
        file: what to read; it stays open.

    Returns:
        What was restored.

    Raises:
        SetupError: when the file or the store does not fit.
        Exception: whatever the executor raises where the database does not take a row.
    """
    reader = _opened(file)
    revision = _revision(sql)
    if revision != reader.header.revision:
        raise SetupError(
            f"the store has schema {revision} and the backup {reader.header.revision}:"
            " restore into a new, empty store"
        )
    reached = reached_number(sql)
    parts = reader.parts()
    try:
        _load(sql, parts, revision)
    except SetupError:
        raise
    except Exception as error:
        for _ in parts:  # a changed byte may show so: then the rest of the file says it better
            pass
        if isinstance(error, Conflict):
            raise SetupError("the backup holds a row twice: use another one") from None
        raise
    backup = _whole(reader)
    try:
        forget_everything(sql, reached)
    except LookupError:
        raise SetupError("the backup holds no change counter: use another one") from None
    return backup


def after_restore_sql(dialect: str) -> list[str]:
    """Lists the statements that let a restored database number new rows itself.

    Args:
        dialect: SQLAlchemy's name of the database, ``sqlite`` or ``postgresql``.

    Returns:
        SQL to run after ``restore`` when the tables have been brought to the newest revision;
        in the same transaction, if the caller likes.
    """
    if dialect != "postgresql":
        return []
    return [
        f"SELECT setval(pg_get_serial_sequence('{t.name}', '{own.name}'),"  # noqa: S608 - our names
        f" (SELECT coalesce(max({own.name}), 0) + 1 FROM {t.name}), false)"
        for t in _DUMPED.values()
        if (own := t.autoincrement_column) is not None
    ]


def _opened(file: IO[bytes]) -> BackupReader:
    reader = BackupReader(file)
    if reader.header.revision not in known_revisions():
        raise SetupError(
            "the backup was made by a newer program"
            f" (Grantory {reader.header.grantory[:64]!r}): use that one or a later one"
        )
    return reader


def _whole(reader: BackupReader) -> Backup:
    if reader.header.revision == HEAD and reader.rows.keys() != _DUMPED.keys():
        raise SetupError("the backup does not hold every table: use another one")
    return Backup(reader.header, reader.rows)


def _check_table(line: TableLine, revision: str) -> None:
    """Refuses a table that is none of ours; the columns of older revisions are not known here."""
    known = _DUMPED.get(line.table)
    if known is None:
        raise SetupError(f"the backup holds an unknown table, {line.table}: use another one")
    expected = _line_of(known)
    if revision == HEAD and (
        {*line.columns} != {*expected.columns} or {*line.binary} != {*expected.binary}
    ):
        raise SetupError(f"the backup holds other columns of table {line.table}: use another one")


def _line_of(source: Table) -> TableLine:
    return TableLine(
        str(source.name),
        tuple(str(c.name) for c in source.c),
        tuple(str(c.name) for c in source.c if isinstance(c.type, LargeBinary)),
    )


def _rows_of(sql: SqlExecutor, source: Table) -> Iterator[Row]:
    """Reads a table in the order of its primary key, some rows at a time."""
    key = list(source.primary_key.columns)
    places = [list(source.c).index(c) for c in key]
    after = [p(f"after_{place}", type_=c.type) for place, c in zip(places, key, strict=True)]
    start = select(*source.c).order_by(*key).limit(READ_AT_ONCE)
    further: ColumnElement[bool] = (
        tuple_(*key) > tuple_(*after) if len(key) > 1 else key[0] > after[0]
    )
    rows = sql.all(Statement(start))
    following = Statement(start.where(further))
    while rows:
        yield from rows
        if len(rows) < READ_AT_ONCE:
            return
        last = rows[-1]
        rows = sql.all(following, **{f"after_{place}": last[place] for place in places})


def _load(sql: SqlExecutor, parts: Iterator[TableLine | list[Value]], revision: str) -> None:
    loader: _Loader | None = None
    for part in parts:
        if isinstance(part, TableLine):
            if loader is not None:
                loader.flush()
            _check_table(part, revision)
            _make_room(sql, part.table)
            loader = _Loader(sql, part)
        elif loader is not None:  # the reader gives no row before its table
            loader.add(part)
    if loader is not None:
        loader.flush()


def _make_room(sql: SqlExecutor, name: str) -> None:
    """Sees that a table is empty; the counter's row is there from the start and makes way."""
    if name == change_counter.name:
        sql.run(_DROP_COUNTER)
    elif sql.one(Statement(select(literal_column("1")).select_from(table(name)).limit(1))):
        raise SetupError("the store is not empty: restore into a new, empty store")


def _revision(sql: SqlExecutor) -> str:
    row = sql.one(_REVISION)
    return str(row[0]) if row else "nothing"


class _Loader:
    """Adds the rows of one table, several with one statement."""

    def __init__(self, sql: SqlExecutor, line: TableLine) -> None:
        self._sql = sql
        self._line = line
        self._at_once = max(1, VALUES_AT_ONCE // len(line.columns))
        self._several = self._insert(self._at_once)
        self._one = self._insert(1)
        self._names = [f"{c}_{n}" for n in range(self._at_once) for c in line.columns]
        self._waiting: list[list[Value]] = []

    def _insert(self, count: int) -> Statement:
        # Light constructs, not ours: the columns are those of the backup's revision.
        target = table(self._line.table, *(column(name) for name in self._line.columns))
        rows: list[dict[str, BindParameter[Any]]] = [
            {name: p(f"{name}_{number}") for name in self._line.columns} for number in range(count)
        ]
        return Statement(insert(target).values(rows))

    def add(self, row: list[Value]) -> None:
        """Adds a row, now or later."""
        self._waiting.append(row)
        if len(self._waiting) == self._at_once:
            self._run(self._several, self._waiting)
            self._waiting = []

    def flush(self) -> None:
        """Adds the rows that wait."""
        for row in self._waiting:
            self._run(self._one, [row])
        self._waiting = []

    def _run(self, statement: Statement, rows: list[list[Value]]) -> None:
        values: dict[str, Any] = dict(zip(self._names, chain.from_iterable(rows), strict=False))
        self._sql.run(statement, **values)
