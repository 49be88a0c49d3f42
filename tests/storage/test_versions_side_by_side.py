"""An upgrade node by node: an older program and this one serve one database at the same time.

Both are real: the older one is taken out of the history of this repository.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from grantory.storage.sql.migrations import HEAD
from tests.support.command import quick_command
from tests.support.older_program import (
    OlderProgram,
    program_of_the_same_schema,
    program_of_the_schema_before,
)
from tests.support.person import Person
from tests.support.postgres import shared_cluster
from tests.support.server import Reply, RunningServer, basic

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
USERS = "/api/v2/users"
DIVISIONS = "/api/v2/authorization/divisions"
TOKEN = "/api/v2/tokens/me"
BACK = "https://app.example.com/callback"
LAG = 1.0
"""Seconds within which another node has heard of a change."""
OLDER = {
    "the same tables": program_of_the_same_schema,
    "tables of the revision before": program_of_the_schema_before,
}


class Both(NamedTuple):
    """Two nodes of two versions, one of which makes a change of which the other is to hear."""

    maker: RunningServer
    other: RunningServer
    admin: str

    def manage(self, method: str, path: str, document: Any = None) -> Any:
        """A change that must succeed."""
        answer = self.maker.call(method, path, document, token=self.admin)
        assert answer.status in (200, 204), f"{method} {path}: {answer.status} {answer.body!r}"
        return answer.json() if answer.body else None

    def token(self, client: dict[str, Any]) -> str:
        """A token that the other one gives."""
        return self.other.token(client["id"], client["secret"])

    def status(self, node: RunningServer, token: str, path: str = TOKEN) -> int:
        """What a node says to a token."""
        return node.call("GET", path, token=token).status


def within_the_lag(condition: Callable[[], bool], what: str) -> None:
    """A node has heard of the change that was just made, within the time that is promised."""
    deadline = time.monotonic() + LAG
    began = time.monotonic()
    while not condition():
        assert began < deadline, f"not within {LAG} s: {what}"
        time.sleep(0.02)
        began = time.monotonic()


@contextmanager
def a_node(url: str, key: bytes = b"", program: OlderProgram | None = None) -> Iterator[Any]:
    """A server of this program, or of an older one."""
    node = RunningServer(
        environment={"GRANTORY_DATABASE_URL": url, **(program.environment if program else {})}
    )
    if key:
        node.data_dir.mkdir(mode=0o700)
        (node.data_dir / "master.key").write_bytes(key)
    with node:
        yield node


def revision(url: str) -> str:
    """Which tables there are."""
    sql = "SELECT version_num FROM alembic_version"
    return shared_cluster().psql(sql, url.rpartition("/")[2])


def upgrade(url: str, folder: Path) -> None:
    """Bring the tables up with the program of today, as the page on operations says."""
    environment = {"GRANTORY_DATABASE_URL": url, "GRANTORY_DATA_DIR": str(folder)}
    result = quick_command("db", "upgrade", environment=environment, folder=folder)
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("tables", OLDER)
def test_two_versions_serve_side_by_side(tables: str, tmp_path: Path) -> None:
    cluster = shared_cluster()
    url = cluster.url(cluster.create_database())
    with ExitStack() as stack:
        stack.callback(cluster.drop_database, url)
        program = stack.enter_context(OLDER[tables]())
        old = stack.enter_context(a_node(url, program=program))
        admin = old.token()
        before = old.call("POST", CLIENTS, a_client(first_role(old, admin)), token=admin).json()
        assert revision(url) == program.schema
        upgrade(url, tmp_path)
        assert revision(url) == HEAD
        # The old one goes on with the new tables, and the new one comes to it.
        assert old.call("GET", TOKEN, token=admin).status == 200
        key = (old.data_dir / "master.key").read_bytes()
        new = stack.enter_context(a_node(url, key))
        assert new.call("GET", TOKEN, token=admin).status == 200
        assert new.call("GET", f"{CLIENTS}/{before['id']}", token=admin).json()["name"] == "subject"
        for both in (Both(old, new, admin), Both(new, old, new.token(*first_client(old)))):
            hold_for_clients(both)
            hold_for_roles_and_divisions(both)
            hold_for_people(both, Person(old))
        # And back it goes, as long as the generation of tables is the same.
        old.restart()
        assert old.call("GET", TOKEN, token=admin).status == 200
        found = [node.call("GET", CLIENTS, token=admin).json()["total"] for node in (old, new)]
        assert found[0] == found[1] > 1
        assert "Traceback" not in old.log_text() + new.log_text()


def first_client(node: RunningServer) -> tuple[str, str]:
    """The client that the node's first start made."""
    return node.client_id, node.client_secret


def first_role(node: RunningServer, admin: str) -> str:
    """A role that lets see clients."""
    return str(node.call("POST", ROLES, a_role("a role"), token=admin).json()["id"])


def a_role(name: str, *actions: str) -> dict[str, Any]:
    """A role that allows actions on clients; by default to see them."""
    policy = {"domain": "oauth", "entityName": "client", "actionSet": list(actions or ["view"])}
    return {"name": name, "permissionPolicies": [policy]}


def a_client(role_id: str, **fields: Any) -> dict[str, Any]:
    """A client with one role."""
    return {
        "name": "subject",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": role_id, "divisionId": "*"}],
        **fields,
    }


def hold_for_clients(both: Both) -> None:
    """Tokens of either are accepted by the other, and each hears of what ends them."""
    role = both.manage("POST", ROLES, a_role(f"of clients {both.maker.port}"))["id"]
    name = f"listed {both.maker.port}"
    made = both.manage("POST", CLIENTS, a_client(role, name=name))
    path = f"{CLIENTS}/{made['id']}"
    there, here = both.token(made), both.maker.token(made["id"], made["secret"])
    for node in (both.maker, both.other):
        assert [both.status(node, token) for token in (there, here)] == [200, 200]
        listed = node.call("GET", f"{CLIENTS}?name={name.replace(' ', '%20')}", token=both.admin)
        assert [client["id"] for client in listed.json()["entities"]] == [made["id"]]

    assert both.maker.call("DELETE", TOKEN, token=there).status == 200
    within_the_lag(lambda: both.status(both.other, there) == 401, "a token revoked")
    assert both.status(both.other, here) == 200

    old_secret, made["secret"] = made["secret"], both.manage("POST", f"{path}/secret")["secret"]
    within_the_lag(
        lambda: both.other.ask_token(made["id"], old_secret).status == 401, "a secret replaced"
    )
    token = both.token(made)
    both.manage("PUT", path, a_client(role, name=name, state="disabled"))
    within_the_lag(lambda: both.status(both.other, token) == 401, "a client disabled")
    both.manage("PUT", path, a_client(role, name="renamed", state="active"))
    within_the_lag(
        lambda: both.other.ask_token(made["id"], made["secret"]).status == 200, "a client enabled"
    )
    token = both.token(made)
    both.manage("DELETE", path)
    within_the_lag(lambda: both.status(both.other, token) == 401, "a client deleted")
    assert both.status(both.other, both.admin, path) == 404


def hold_for_roles_and_divisions(both: Both) -> None:
    """Each hears of what the other lets clients do, and where."""
    role_id = both.manage("POST", ROLES, a_role(f"narrowed {both.maker.port}"))["id"]
    made = both.manage("POST", CLIENTS, a_client(role_id))
    token = both.token(made)
    assert both.status(both.other, token, CLIENTS) == 200
    both.manage("PUT", f"{ROLES}/{role_id}", a_role(f"narrow {both.maker.port}", "add"))
    within_the_lag(lambda: both.status(both.other, token, CLIENTS) == 403, "a role narrowed")
    both.manage("PUT", f"{ROLES}/{role_id}", a_role(f"wide {both.maker.port}"))
    within_the_lag(lambda: both.status(both.other, token, CLIENTS) == 200, "a role widened")

    division = both.manage("POST", DIVISIONS, {"name": f"a place {both.maker.port}"})["id"]
    grants = f"/api/v2/authorization/subjects/{made['id']}"
    body = {"grants": [{"roleId": role_id, "divisionId": division}]}
    both.manage("POST", f"{grants}/bulkreplace", body)
    subject = both.other.call("GET", grants, token=both.admin).json()
    held = [(grant["role"]["id"], grant["division"]["id"]) for grant in subject["grants"]]
    assert held == [(role_id, division)]
    both.manage("DELETE", f"{DIVISIONS}/{division}?force=true")
    within_the_lag(lambda: both.status(both.other, token, CLIENTS) == 403, "a division deleted")


def hold_for_people(both: Both, person: Person) -> None:
    """A login, a code and a refresh token of either are good at the other, once."""
    made = both.manage(
        "POST",
        CLIENTS,
        {"name": "an app", "authorizedGrantType": "CODE", "registeredRedirectUri": [BACK]},
    )

    def ask(node: RunningServer, **form: str) -> Reply:
        headers = {
            "Authorization": basic(made["id"], made["secret"]),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return node.request("POST", "/oauth/token", body=urlencode(form).encode(), headers=headers)

    with person:
        code = person.authorize(made["id"], BACK)["code"]
    redeem = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    first = ask(both.other, **redeem).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = ask(both.maker, **refresh).json()
    tokens = [first["access_token"], second["access_token"]]
    for node in (both.maker, both.other):
        assert [both.status(node, token) for token in tokens] == [200, 200]
    # Its answer may have been lost: the other node, too, gives the same one again.
    assert ask(both.other, **refresh).json()["refresh_token"] == second["refresh_token"]
    # A code that is used twice ends all that it led to, on both.
    assert ask(both.maker, **redeem).status == 400
    within_the_lag(lambda: both.status(both.other, tokens[1]) == 401, "a family ended")
    refresh["refresh_token"] = second["refresh_token"]
    assert ask(both.other, **refresh).status == 400

    name = f"ann{both.maker.port}@example.com"
    user = both.manage("POST", USERS, {"name": "Ann", "email": name})
    path = f"{USERS}/{user['id']}"
    assert both.other.call("GET", path, token=both.admin).json()["email"] == name
    both.manage("PATCH", path, {"name": "Bea"})
    assert both.other.call("GET", path, token=both.admin).json()["name"] == "Bea"
    both.manage("DELETE", path)
    assert both.status(both.other, both.admin, path) == 404
