"""docs/operations.md lists what an engine must know beyond plain SQL: all that is used."""

import gc
import importlib
import pkgutil
import re
from pathlib import Path

from grantory import storage
from grantory.storage.postgres.executor import joined
from grantory.storage.postgres.foreseen import _guarded
from grantory.storage.sql.statement import Statement

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
FUNCTION = re.compile(r"\b([a-z]\w+) ?\(", re.IGNORECASE)
SYSTEM_NAME = re.compile(r"\bpg_\w+")
WORDS = re.compile(
    r"\bWITH\b(?! [A-Z])|\bLATERAL\b|\bFOR (?:UPDATE|SHARE)\b|\bON CONFLICT DO NOTHING\b|"
    r"\bRETURNING\b|\bCOLLATE\b|\bVALUES\b(?= \(\$\d+::VARCHAR COLLATE)|\bctid\b|"
    r"\b(?:OVER|FILTER|MATERIALIZED|RECURSIVE|TABLESAMPLE|MERGE|SKIP LOCKED|NOWAIT|ILIKE)\b"
)
PLAIN = {"AND", "AS", "CAST", "EXISTS", "FROM", "IN", "NOT", "OR", "VALUES", "WHERE"}
PLAIN |= {"coalesce", "count", "lower", "max", "min", "sum", "array"}
NO_SQL = {"pg_hba"}
"""A file's name, in a message."""


def sql_of(statement: Statement) -> str:
    """The SQL of a statement, which asks for its parameters one by one."""
    params: dict[str, None] = {}
    while True:
        try:
            return statement.for_postgres(params)[0]
        except KeyError as missing:
            params[missing.args[0]] = None


def statements() -> list[str]:
    """The SQL of every statement that a module of the store holds, in whatever."""
    for module in pkgutil.walk_packages(storage.__path__, f"{storage.__name__}."):
        if ".migrations." not in module.name:
            importlib.import_module(module.name)
    gc.unfreeze()  # a server that began in this process has put what it loaded out of sight
    found = [thing for thing in gc.get_objects() if type(thing) is Statement]
    return [sql_of(statement) for statement in found]


def listed() -> str:
    text = OPERATIONS.read_text("utf-8").partition("## Databases that speak PostgreSQL's")[2]
    return text.partition("\n## ")[0]


def used(sql: str) -> set[str]:
    tables = set(re.findall(r"INSERT INTO (\w+)", sql)) | set(re.findall(r"\bAS (\w+) ?\(", sql))
    return {*FUNCTION.findall(sql), *WORDS.findall(sql), *SYSTEM_NAME.findall(sql)} - tables


def test_what_statements_use_is_listed() -> None:
    found = set[str]().union(*map(used, statements()))
    known = listed().lower()
    assert len(found) > 15, found
    assert {name for name in found - PLAIN if name.lower() not in known} == set()


def test_what_a_change_that_was_made_up_asks_is_listed() -> None:
    guarded = _guarded((1, 1, 1, 1), ("INSERT INTO clients (id) VALUES ($1)",))
    assert "LATERAL" in used(guarded)
    found = used(guarded) - PLAIN - {"w"}  # what it calls its own rows
    assert {name for name in found if name.lower() not in listed().lower()} == set()


def test_inserts_that_go_together_are_listed() -> None:
    insert = "INSERT INTO changes (number) VALUES ($1)"
    assert joined((insert, insert)).startswith("WITH i0 AS (INSERT INTO ")
    assert "`WITH` before several `INSERT`s" in listed()


def test_what_modules_ask_of_the_server_is_listed() -> None:
    texts = [path.read_text("utf-8") for path in Path(storage.__path__[0]).rglob("*.py")]
    names = set[str]().union(*(SYSTEM_NAME.findall(text) for text in texts)) - NO_SQL
    assert "pg_database_size" in names
    assert {name for name in names if f"`{name}`" not in listed()} == set()
