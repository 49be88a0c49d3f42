"""Changes to rows that no operation makes yet, written the way the store writes them."""

from contextlib import closing
from pathlib import Path

import apsw


def change_row(file: Path, sql: str, kind: str, entity_id: str) -> None:
    """Run one UPDATE or DELETE with its change record, as another process would."""
    with closing(apsw.Connection(str(file))) as connection, connection:
        connection.execute(sql)
        assert connection.changes() == 1, f"touched {connection.changes()} rows: {sql}"
        connection.execute("UPDATE change_counter SET number = number + 1 WHERE id = 1")
        connection.execute(
            "INSERT INTO changes SELECT number, ?, ?, 0 FROM change_counter", (kind, entity_id)
        )


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    """What a query finds."""
    with closing(apsw.Connection(str(file))) as connection:
        return list(connection.execute(sql))
