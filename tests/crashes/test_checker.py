"""The checker of the crash tests finds what it is there to find."""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import apsw
import pytest

from tests.crashes.checker import check
from tests.crashes.families import form_of
from tests.crashes.ledger import Code, Family
from tests.crashes.load import Load
from tests.crashes.request import EVERYWHERE, Request
from tests.crashes.rows import SqliteRows
from tests.crashes.whole_rows import check_rows
from tests.support.server import RunningServer

LOST = [
    "DELETE FROM audit_events WHERE action = 'Regenerate'",
    "DELETE FROM audit_events WHERE action = 'Revoke'",
    "DELETE FROM audit_events WHERE id = (SELECT max(id) FROM audit_events WHERE action = 'Create'"
    " AND entity_type = 'OAuthClient')",
    "DELETE FROM denied_tokens",
    "UPDATE client_secrets SET ended_at = 1 WHERE ended_at IS NULL",
    "UPDATE client_secrets SET ended_at = NULL",
    "UPDATE clients SET deleted_at = NULL",
    "UPDATE clients SET version = version + 1",
    "UPDATE roles SET version = version + 1",
    "DELETE FROM roles",
    "UPDATE OR IGNORE grants SET role_id = 'gone'",
    "UPDATE OR IGNORE grants SET subject_id = 'gone'",
    "UPDATE change_counter SET number = 1",
    "DELETE FROM grants WHERE rowid = (SELECT max(rowid) FROM grants)",
    "DELETE FROM grants WHERE division_id <> '*'",
    "UPDATE users SET version = version + 1",
    "UPDATE users SET deleted_at = NULL",
    "DELETE FROM users WHERE deleted_at IS NULL",
    "DELETE FROM audit_events WHERE action = 'Delete' AND entity_type = 'User'",
    "UPDATE divisions SET deleted_at = NULL",
    "DELETE FROM divisions WHERE home = 0",
    "DELETE FROM audit_events WHERE entity_type = 'TokenFamily'",
    "DELETE FROM token_families",
    "DELETE FROM authorization_codes WHERE used_at IS NOT NULL",
    "UPDATE authorization_codes SET family_id = NULL",
    "UPDATE token_families SET epoch = 1",
    "UPDATE token_families SET ended_at = NULL",
]


class Stopped(NamedTuple):
    """A server with no work under way."""

    server: RunningServer
    load: Load
    rows: SqliteRows


@pytest.fixture(scope="module")
def stopped() -> Iterator[Stopped]:
    with RunningServer() as server:
        load, rows = Load(server), SqliteRows(server.data_dir / "grantory.db")
        with load.running():
            load.wait_for(300)
        check(server, load, rows)
        yield Stopped(server, load, rows)


def expect(stopped: Stopped, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        check(stopped.server, stopped.load, stopped.rows)


def test_a_lost_change_is_found(stopped: Stopped) -> None:
    client = next(iter(stopped.load.ledgers[0].clients.values()))
    known = client.text
    client.text = "a later text"
    expect(stopped, "'a later text'.* was acknowledged")
    client.text = known
    client.grants |= {("another", EVERYWHERE)}
    expect(stopped, "was acknowledged")
    client.grants -= {("another", EVERYWHERE)}
    check(*stopped)


def test_a_lost_user_or_division_is_found(stopped: Stopped) -> None:
    ledger = stopped.load.ledgers[0]
    user = next(iter(ledger.users.values()))
    known = user.state
    user.state = "of a later answer"
    expect(stopped, "'of a later answer'.* was acknowledged")
    user.state = known
    division = next(iter(ledger.divisions.values()))
    text = division.text
    division.text = "a later name"
    expect(stopped, "'a later name'.* was acknowledged")
    division.text = text
    ledger.divisions["lost"] = division
    division.id, known = "lost", division.id
    expect(stopped, "division is gone")
    division.id = known
    del ledger.divisions["lost"]


def test_half_of_a_change_in_bulk_is_found(stopped: Stopped) -> None:
    ledger = stopped.load.ledgers[0]
    client = next(c for c in ledger.clients.values() if ledger.living(c.grants))
    pairs = ledger.living(client.grants) | {("another", EVERYWHERE)}
    ledger.open.append(Request("bulk replace", "", client.id, pairs))
    known, client.grants = client.grants, frozenset({("another", EVERYWHERE)})
    expect(stopped, "bulk replace is half done")
    ledger.open.clear()
    client.grants = known


def a_family(stopped: Stopped) -> Family:
    """One that lives."""
    families = stopped.load.ledgers[0].families.values()
    return next(family for family in families if not family.ended)


def test_a_lost_refresh_is_found(stopped: Stopped) -> None:
    family = a_family(stopped)
    family.refresh_tokens.append("of a later answer")
    expect(stopped, "a refresh was lost")
    family.refresh_tokens.pop()


def test_a_lost_end_of_a_family_is_found(stopped: Stopped) -> None:
    family = a_family(stopped)
    family.ended = True
    expect(stopped, "an end was lost")
    family.ended = False


def test_a_family_that_nobody_knows_of_is_found(stopped: Stopped) -> None:
    ledger, family = stopped.load.ledgers[0], a_family(stopped)
    del ledger.families[family.id]
    expect(stopped, "used by nobody")
    ledger.families[family.id] = family


def test_a_refresh_of_unknown_outcome_is_settled(stopped: Stopped) -> None:
    ledger, family = stopped.load.ledgers[0], a_family(stopped)
    request = Request("refresh", "", family.id)
    ledger.open.append(request)
    check(*stopped)  # it was not done
    count = len(family.refresh_tokens)
    answer = stopped.load.app.post(stopped.server, *form_of(request, ledger))
    assert answer.status == 200
    ledger.open.append(request)
    check(*stopped)  # it was done, and the answer can be had again
    assert family.refresh_tokens[count] == answer.json()["refresh_token"]


def test_a_redemption_of_unknown_outcome_is_settled(stopped: Stopped) -> None:
    ledger, family = stopped.load.ledgers[0], a_family(stopped)
    ledger.codes[family.id] = Code(family.id, family.code, 0.0)
    del ledger.families[family.id]
    ledger.open.append(Request("redeem code", "", family.id))
    check(*stopped)
    assert ledger.families[family.id].ended, "the code was to be used again"


def test_a_lost_secret_is_found(stopped: Stopped) -> None:
    client = next(iter(stopped.load.ledgers[0].clients.values()))
    known = client.secret
    client.secret = "gcs_of_a_later_answer"
    expect(stopped, "not its secret")
    client.secret = known


def test_what_was_refused_and_is_there_is_found(stopped: Stopped) -> None:
    ledger = stopped.load.ledgers[0]
    text = next(iter(ledger.clients.values())).text
    ledger.refused.add(text)
    expect(stopped, "refused was done")
    ledger.refused.remove(text)


def test_what_nobody_knows_of_is_found(stopped: Stopped) -> None:
    ledger = stopped.load.ledgers[0]
    client_id, client = next(iter(ledger.clients.items()))
    del ledger.clients[client_id]
    expect(stopped, "nobody knows of")
    # With an open request it is known of again, and gets a new secret.
    ledger.open.append(Request("create client", client.text, grants=client.grants))
    ledger.clients.pop(client_id, None)
    state = client.state
    if state == "active":
        check(*stopped)
        assert ledger.clients[client_id].secret != client.secret
    else:
        ledger.open.clear()
        ledger.clients[client_id] = client


def test_an_undone_deletion_is_found(stopped: Stopped) -> None:
    ledger = stopped.load.ledgers[0]
    client_id = next(iter(ledger.clients))
    client = ledger.clients.pop(client_id)
    ledger.gone.add(client_id)
    with pytest.raises(AssertionError):
        check(*stopped)
    ledger.gone.remove(client_id)
    ledger.clients[client_id] = client


@pytest.mark.parametrize("damage", LOST)
def test_half_of_a_change_is_found(stopped: Stopped, damage: str) -> None:
    file = stopped.server.data_dir / "grantory.db"
    with closing(apsw.Connection(":memory:")) as copy, closing(apsw.Connection(str(file))) as file_:
        with copy.backup("main", file_, "main") as backup:
            backup.step(-1)
        check_rows(_Copy(copy))
        copy.execute(damage)
        assert copy.changes(), "nothing to damage"
        with pytest.raises(AssertionError):
            check_rows(_Copy(copy))


class _Copy(SqliteRows):
    """A database in memory."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def query(self, sql: str) -> list[tuple[str, ...]]:
        rows = self._connection.execute(sql).fetchall()
        return [tuple("" if value is None else str(value) for value in row) for row in rows]
