"""What is in the tables, of whatever kind the database is, and what must always hold there."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import apsw

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


def check_rows(rows: Rows) -> None:
    """Nothing is half done: every change has its event, and what it leaves fits together."""
    clients = rows.query("SELECT id, version, deleted_at, state FROM clients")
    living = {client_id for client_id, _, deleted, _ in clients if not deleted}
    secrets = live_secrets(rows)
    assert secrets.keys() == living, "a client without a secret, or a secret without a client"
    assert {len(of_client) for of_client in secrets.values()} == {1}, "two live secrets"

    events = events_of(rows, "OAuthClient")
    assert {client[0] for client in clients} == events.keys(), "a client without an event"
    for client_id, version, deleted, _ in clients:
        actions = events[client_id]
        assert len(actions) == int(version), f"{client_id} has version {version} and {actions}"
        assert actions[0] == "Create"
        assert actions.count("Create") == 1
        assert (actions[-1] == "Delete") == bool(deleted), actions

    roles = dict(_pairs(rows.query("SELECT id, version FROM roles")))
    role_events = events_of(rows, "Role")
    for role_id, actions in role_events.items():
        assert actions.count("Delete") == (role_id not in roles), actions
        if role_id in roles:
            assert len(actions) == int(roles[role_id]), actions
    # That of an organisation's first role is the organisation's own event.
    assert len(roles.keys() - role_events.keys()) == 1

    policies = {row[0] for row in rows.query("SELECT role_id FROM role_policies")}
    assert policies <= roles.keys(), "policies of a deleted role"
    subjects = living | {row[0] for row in rows.query("SELECT id FROM users")}
    for subject_id, role_id in rows.query("SELECT subject_id, role_id FROM grants"):
        assert role_id in roles, "a grant of a deleted role"
        assert subject_id in subjects, "a grant of a deleted client"

    denied = rows.query(f"SELECT {rows.hexed('token_id')} FROM denied_tokens")
    assert {row[0] for row in denied} == events_of(rows, "AccessToken").keys()
    newest = rows.query("SELECT number, (SELECT max(number) FROM changes) FROM change_counter")
    number, recorded = newest[0]
    assert int(recorded or 0) <= int(number)


def _pairs(rows: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    return ((row[0], row[1]) for row in rows)
