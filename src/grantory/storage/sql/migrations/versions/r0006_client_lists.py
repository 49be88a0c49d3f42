"""Lists of a million clients: marks, lists, entries, spans, and what finds parts of names.

Revision ID: 0006
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_PLAIN: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_COUNTED: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SHOWN: Final = ("name", "grant_type", "state", "created_at", "modified_at", "deleted_at")


def upgrade() -> None:
    """Creates five tables and the triggers that write marks, and marks every client."""
    _create_client_marks()
    _create_client_lists()
    _create_list_entries()
    _create_list_spans()
    _create_name_grams()
    if op.get_context().dialect.name == "postgresql":
        _create_postgresql_triggers()
    else:
        _create_sqlite_triggers()
    op.execute(
        "INSERT INTO client_marks (organization_id, client_id) SELECT organization_id, id"
        " FROM clients WHERE deleted_at IS NULL ORDER BY organization_id, created_at, id"
    )


def _create_client_marks() -> None:
    op.create_table(
        "client_marks",
        sa.Column("id", _COUNTED, nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_marks")),
    )
    op.create_index(
        op.f("ix_client_marks_organization_id_id"),
        "client_marks",
        ["organization_id", "id"],
        unique=False,
    )


def _create_client_lists() -> None:
    op.create_table(
        "client_lists",
        sa.Column("id", _COUNTED, nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.Column("next_slot", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.BigInteger(), nullable=False),
        sa.Column("unidata_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_lists")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_client_lists_organization_id")),
    )


def _create_list_entries() -> None:
    op.create_table(
        "list_entries",
        sa.Column("list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("client_id", _PLAIN, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("name_key", _PLAIN, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("grant_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "client_id", name=op.f("pk_list_entries")),
    )
    for columns in (
        ["list_id", "name_key", "client_id"],
        ["list_id", "created_at", "client_id"],
        ["list_id", "modified_at", "client_id"],
        ["list_id", "number"],
        ["list_id", "slot"],
    ):
        name = op.f(f"ix_list_entries_{'_'.join(columns)}")
        op.create_index(name, "list_entries", columns, unique=False)


def _create_list_spans() -> None:
    op.create_table(
        "list_spans",
        sa.Column("list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("span", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "sort", "span", name=op.f("pk_list_spans")),
    )


def _create_name_grams() -> None:
    op.create_table(
        "name_grams",
        sa.Column("list_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("gram", _PLAIN, nullable=False),
        sa.Column("chunk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "gram", "chunk", name=op.f("pk_name_grams")),
        sqlite_with_rowid=False,
    )


def _create_sqlite_triggers() -> None:
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _SHOWN)
    for name, event, when, row in (
        ("added", "INSERT", "", "NEW"),
        ("changed", "UPDATE", f" WHEN {changed}", "NEW"),
        ("removed", "DELETE", "", "OLD"),
    ):
        op.execute(
            f"CREATE TRIGGER client_{name} AFTER {event} ON clients{when} BEGIN {_mark(row)} END"
        )


def _create_postgresql_triggers() -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION mark_client() RETURNS trigger LANGUAGE plpgsql"
        " SET search_path FROM CURRENT AS $$ BEGIN "
        f"IF TG_OP = 'DELETE' THEN {_mark('OLD')} ELSE {_mark('NEW')} END IF; RETURN NULL; END $$"
    )
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _SHOWN)
    for name, event, when in (
        ("added", "INSERT", ""),
        ("changed", "UPDATE", f" WHEN ({changed})"),
        ("removed", "DELETE", ""),
    ):
        op.execute(
            f"CREATE TRIGGER client_{name} AFTER {event} ON clients FOR EACH ROW{when}"
            " EXECUTE FUNCTION mark_client()"
        )


def _mark(row: str) -> str:
    columns = "(organization_id, client_id)"
    return f"INSERT INTO client_marks {columns} VALUES ({row}.organization_id, {row}.id);"  # noqa: S608
