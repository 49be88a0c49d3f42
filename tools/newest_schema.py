"""Writes the SQL that makes an empty store: to be run after a revision was added or changed."""

from typing import Final

from grantory.storage.sql.migrations import newest_file, written_sql

DIALECTS: Final = ("sqlite", "postgresql")


def main() -> None:
    """Write a file for each kind of database."""
    for dialect in DIALECTS:
        file = newest_file(dialect)
        file.parent.mkdir(exist_ok=True)
        file.write_text(written_sql(dialect, None), "utf-8")


if __name__ == "__main__":
    main()
