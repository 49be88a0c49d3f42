"""What is in the tables, of whatever kind the database is."""

from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

import apsw

from tests.crashes.request import Grants
from tests.support.postgres import Cluster

LIVE_SECRETS = "SELECT client_id, {digest} FROM client_secrets WHERE ended_at IS NULL"


class Rows(Protocol):
    """A database to look at."""

    lag: float
    """Seconds after which every process has heard of a change."""

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """The rows, every value as text, NULL as nothing."""
        ...

    def hexed(self, column: str) -> str:
        """The expression that gives bytes as digits."""
        ...


class SqliteRows:
    """A file."""

    lag = 0.0

    def __init__(self, file: Path) -> None:
        self._file = file

    def query(self, sql: str) -> list[tuple[str, ...]]:
        with closing(apsw.Connection(str(self._file))) as connection:
            rows = connection.execute(sql).fetchall()
        return [tuple("" if value is None else str(value) for value in row) for row in rows]

    def hexed(self, column: str) -> str:
        return f"lower(hex({column}))"


class PostgresRows:
    """A database on a server of the test's own."""

    lag = 1.0

    def __init__(self, cluster: Cluster, database: str) -> None:
        self._cluster = cluster
        self._database = database

    def query(self, sql: str) -> list[tuple[str, ...]]:
        lines = self._cluster.psql(sql, self._database).splitlines()
        return [tuple(line.split("|")) for line in lines]

    def hexed(self, column: str) -> str:
        return f"encode({column}, 'hex')"


def live_secrets(rows: Rows) -> dict[str, list[str]]:
    """The digests of the secrets of each client that have not been ended."""
    found: dict[str, list[str]] = defaultdict(list)
    for client_id, digest in rows.query(LIVE_SECRETS.format(digest=rows.hexed("digest"))):
        found[client_id].append(digest)
    return dict(found)


def events_of(rows: Rows, entity: str) -> dict[str, list[str]]:
    """The actions on each entity of a kind, in their order."""
    sql = f"SELECT entity_id, action FROM audit_events WHERE entity_type = '{entity}' ORDER BY id"
    found: dict[str, list[str]] = defaultdict(list)
    for entity_id, action in rows.query(sql):
        found[entity_id].append(action)
    return dict(found)


def grants_in(rows: Rows) -> dict[str, Grants]:
    """What each subject holds."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for subject, *pair in rows.query("SELECT subject_id, role_id, division_id FROM grants"):
        found[subject].add((pair[0], pair[1]))
    return {subject: frozenset(pairs) for subject, pairs in found.items()}


class CodeRow(NamedTuple):
    """An authorization code."""

    used_at: str
    family_id: str


class FamilyRow(NamedTuple):
    """A family of tokens."""

    generation: int
    epoch: int
    ended_at: str
    rotated_at: int


def codes_in(rows: Rows) -> dict[str, CodeRow]:
    """Every code, by its digest."""
    sql = f"SELECT {rows.hexed('digest')}, used_at, family_id FROM authorization_codes"
    return {digest: CodeRow(*of_code) for digest, *of_code in rows.query(sql)}


def families_in(rows: Rows) -> dict[str, FamilyRow]:
    """Every family, by its id."""
    sql = "SELECT id, generation, epoch, ended_at, rotated_at FROM token_families"
    return {
        family_id: FamilyRow(int(generation), int(epoch), ended_at, int(rotated_at))
        for family_id, generation, epoch, ended_at, rotated_at in rows.query(sql)
    }
