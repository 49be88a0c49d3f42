"""What must always hold in the tables, whatever was cut off: nothing is half done."""

import json
from collections import Counter

from tests.crashes.request import EVERYWHERE
from tests.crashes.rows import Rows, codes_in, events_of, families_in, grants_in, live_secrets

UNVERSIONED = ("Login", "Logout", "Authorize")
"""What is recorded of a user or client without changing it."""
GIVEN = """
    SELECT entity_id, action, changes FROM audit_events
    WHERE changes LIKE '%"assignments"%' ORDER BY id
"""


class Given:
    """What the events say of grants."""

    def __init__(self, rows: Rows) -> None:
        self.last: dict[str, list[list[str]]] = {}
        """What each subject was given last: roles and divisions."""
        self.alone: Counter[str] = Counter()
        """How often nothing else of a subject was changed with its grants."""
        for subject, action, text in rows.query(GIVEN):
            changes = {change["property"]: change["newValues"] for change in json.loads(text)}
            self.last[subject] = [pair.split("@") for pair in changes["assignments"]]
            self.alone[subject] += action == "Update" and len(changes) == 1


def check_rows(rows: Rows) -> None:
    """Nothing is half done: every change has its event, and what it leaves fits together."""
    given = Given(rows)
    _check_clients(rows, given)
    _check_roles(rows)
    _check_users(rows, given)
    _check_divisions(rows)
    _check_grants(rows, given)
    _check_families(rows)
    denied = rows.query(f"SELECT {rows.hexed('token_id')} FROM denied_tokens")
    assert {row[0] for row in denied} == events_of(rows, "AccessToken").keys()
    newest = rows.query("SELECT number, (SELECT max(number) FROM changes) FROM change_counter")
    number, recorded = newest[0]
    assert int(recorded or 0) <= int(number)


def _check_clients(rows: Rows, given: Given) -> None:
    clients = rows.query("SELECT id, version, deleted_at FROM clients")
    living = {client_id for client_id, _, deleted in clients if not deleted}
    secrets = live_secrets(rows)
    assert secrets.keys() == living, "a client without a secret, or a secret without a client"
    assert {len(of_client) for of_client in secrets.values()} == {1}, "two live secrets"
    events = events_of(rows, "OAuthClient")
    assert {client[0] for client in clients} == events.keys(), "a client without an event"
    for client_id, version, deleted in clients:
        _check_history(client_id, events[client_id], int(version), given, deleted)


def _check_users(rows: Rows, given: Given) -> None:
    users = rows.query("SELECT id, version, deleted_at FROM users")
    events = events_of(rows, "User")
    assert {user[0] for user in users} == events.keys(), "a user without an event"
    for user_id, version, deleted in users:
        _check_history(user_id, events[user_id], int(version), given, deleted)


def _check_history(
    entity_id: str, actions: list[str], version: int, given: Given, deleted: str
) -> None:
    """Every version has its event; a change of grants alone has one, and makes no version."""
    changes = [action for action in actions if action not in UNVERSIONED]
    count = len(changes) - given.alone[entity_id]
    assert count == version, f"{entity_id} has version {version} and {actions}"
    assert changes[0] == "Create"
    assert changes.count("Create") == 1
    assert (changes[-1] == "Delete") == bool(deleted), actions


def _check_roles(rows: Rows) -> None:
    roles = {row[0]: row[1] for row in rows.query("SELECT id, version FROM roles")}
    role_events = events_of(rows, "Role")
    for role_id, actions in role_events.items():
        assert actions.count("Delete") == (role_id not in roles), actions
        if role_id in roles:
            assert len(actions) == int(roles[role_id]), actions
    # That of an organisation's first role is the organisation's own event.
    assert len(roles.keys() - role_events.keys()) == 1
    policies = {row[0] for row in rows.query("SELECT role_id FROM role_policies")}
    assert policies <= roles.keys(), "policies of a deleted role"


def _check_divisions(rows: Rows) -> None:
    divisions = rows.query("SELECT id, home, deleted_at FROM divisions")
    events = events_of(rows, "Division")
    for division_id, home, deleted in divisions:
        actions = events.pop(division_id, [])
        # The home division is made with the organisation.
        assert (actions[:1] == ["Create"]) == (home == "0"), actions
        assert (actions[-1:] == ["Delete"]) == bool(deleted), actions
    assert not events, "an event of a division that is not there"


def _check_grants(rows: Rows, given: Given) -> None:
    """What a subject holds is what it was given last, without what was deleted since."""
    roles = {row[0] for row in rows.query("SELECT id FROM roles")}
    places = {row[0] for row in rows.query("SELECT id FROM divisions WHERE deleted_at IS NULL")}
    subjects = {
        row[0]
        for table in ("clients", "users")
        for row in rows.query(f"SELECT id FROM {table} WHERE deleted_at IS NULL")
    }
    grants = grants_in(rows)
    for subject, held in grants.items():
        assert subject in subjects, "a grant of a deleted client or user"
        assert {role for role, _ in held} <= roles, "a grant of a deleted role"
        assert {place for _, place in held} <= places | {EVERYWHERE}, "a grant in no division"
    for subject, pairs in given.last.items():
        left = {(r, d) for r, d in pairs if r in roles and d in places | {EVERYWHERE}}
        assert grants.get(subject, frozenset()) == left, f"half of what {subject} was given"


def _check_families(rows: Rows) -> None:
    """A code and its family are used and begun at once; a family ends with its event, once."""
    codes, families = codes_in(rows), families_in(rows)
    begun = [code.family_id for code in codes.values() if code.family_id]
    assert sorted(begun) == sorted(families), "a family without its code, or the other way round"
    assert all(code.used_at for code in codes.values() if code.family_id), "begun by no use"
    ended = {family_id for family_id, family in families.items() if family.ended_at}
    events = events_of(rows, "TokenFamily")
    assert events == {family_id: ["Revoke"] for family_id in ended}, "an end without its event"
    for family_id, family in families.items():
        assert family.generation >= 1, "a family without a refresh token"
        assert family.epoch == 1 + (family_id in ended), "an end without its epoch, or one too many"
