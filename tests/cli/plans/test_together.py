"""Plan and apply at Grantory, which makes all changes of a file or none."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grantory.testing.server import GrantoryServer
from tests.cli.conftest import FreshStore
from tests.support.command import quick_command
from tests.support.server import RunningServer
from tests.support.terminal import Terminal

FILE = """
divisions:
  - {name: North, description: Up there}
  - {name: South}
roles:
  - {name: Exporter, permissions: [routing:queue:view]}
clients:
  - {name: nightly, roles: [{role: Exporter, division: North}, {role: Exporter, division: "*"}]}
  - {name: weekly, roles: [Exporter], token_seconds: 600, access_token_format: JWT_EDDSA}
"""
LATER = """
divisions:
  - {name: North, description: ""}
  - {name: South, absent: true}
roles:
  - {name: Writer, permissions: [routing:queue:edit]}
  - {name: Exporter, absent: true}
clients:
  - {name: nightly, roles: [{role: Writer, division: North}], state: inactive}
  - {name: weekly, absent: true}
"""
CHANGES = "/api/v2/grantory/changes"


class Caller:
    """The command line in a folder, as a client of a server."""

    def __init__(self, url: str, client_id: str, secret: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "GRANTORY_URL": url,
            "GRANTORY_CLIENT_ID": client_id,
            "GRANTORY_CLIENT_SECRET": secret,
        }

    def run(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = quick_command(*arguments, environment=self.environment, folder=self.folder)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def write(self, text: str, name: str = "f.yaml") -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def caller(grantory_server: GrantoryServer, tmp_path: Path) -> Caller:
    own = grantory_server.client
    made = Caller(grantory_server.url, own.id, own.secret, tmp_path)
    made.write(FILE)
    return made


def names(server: GrantoryServer, path: str = "oauth/clients") -> list[str]:
    entities = server.call("GET", f"/api/v2/{path}?pageSize=500")["entities"]
    return [each["name"] for each in entities]


def test_a_file_is_applied_and_changed_on_each_store(
    fresh_store: FreshStore, tmp_path: Path
) -> None:
    variable = "GRANTORY_DATABASE_URL"
    place = {key: url for key, url in fresh_store().environment.items() if key == variable}
    with RunningServer(environment={**place, "GRANTORY_PUBLIC_URL": "http://127.0.0.1:{port}"}
                       ) as server:  # fmt: skip
        caller = Caller(server.url, server.client_id, server.client_secret, tmp_path)
        for text, status in ((FILE, 8), (LATER, 8)):
            caller.write(text)
            planned = json.loads(caller.run("plan", "f.yaml", "--json", status=status).stdout)
            assert planned["refusal"] is None
            applied = caller.run("apply", "f.yaml", "--yes", "--secret-dir", "s", "--json")
            told = json.loads(applied.stdout)
            assert all(each["made"] and each["id"] for each in told["changes"])
            assert "Nothing to do" in caller.run("plan", "f.yaml").stdout
            assert "Nothing to do" in caller.run("apply", "f.yaml").stdout
            caller.run("export", "all.toml", "--force")
            assert "Nothing to do" in caller.run("plan", "all.toml").stdout
        secrets = {each.name: each.read_text() for each in (tmp_path / "s").iterdir()}
        assert len(secrets) == 2
        [kept] = [each for each in server.call("GET", "/api/v2/oauth/clients").json()["entities"]
                  if each["name"] == "nightly"]  # fmt: skip
        assert server.ask_token(kept["id"], secrets[kept["id"]]).status == 400  # it is inactive
        server.call("PUT", f"/api/v2/oauth/clients/{kept['id']}", {**kept, "state": "active"})
        assert server.ask_token(kept["id"], secrets[kept["id"]]).status == 200
        assert len(kept["roleDivisions"]) == 1


def test_what_would_be_refused_is_told_by_the_plan(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    caller.write(FILE + "  - {name: bad, grant_type: CODE, redirect_uris: [x]}\n")
    refused = caller.run("plan", "f.yaml", status=1)
    assert "+ client bad" in refused.stdout
    assert "apply would be refused at: create client bad\n" in refused.stderr
    assert "changes[5].body.registeredRedirectUri" in refused.stderr
    told = json.loads(caller.run("plan", "f.yaml", "--json", status=1).stdout)
    assert told["refusal"]["status"] == 400
    refused = caller.run("apply", "f.yaml", "--yes", "--discard-secrets", status=1)
    assert "grantory: refused at: create client bad\n" in refused.stderr
    assert names(grantory_server, "authorization/divisions") == ["Home"]


def test_who_may_only_look_is_told_of_drift(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    looking = grantory_server.make_role("oauth:client:view", "authorization:role:view")
    looker = grantory_server.make_client(looking)
    own = Caller(grantory_server.url, looker.id, looker.secret, caller.folder)
    shown = own.run("plan", "f.yaml", status=8)
    assert "5 to create" in shown.stdout
    assert "apply would be refused at: create division North" in shown.stderr
    assert "403" in shown.stderr
    assert "403" in own.run("apply", "f.yaml", "--yes", "--discard-secrets", status=4).stderr
    caller.run("apply", "f.yaml", "--yes", "--discard-secrets")
    own.run("plan", "f.yaml")


def test_every_secret_is_brought_where_it_is_to_go_or_told_as_lost(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    command = 'test "$CLIENT_NAME" != weekly && cat > "$CLIENT_ID"'
    lost = caller.run("apply", "f.yaml", "--yes", "--secret-to", command, status=7)
    assert "Done: 5 created" in lost.stdout
    assert "its secret handed to the command" in lost.stdout
    clients = grantory_server.call("GET", "/api/v2/oauth/clients")["entities"]
    ids = {each["name"]: each["id"] for each in clients}
    assert lost.stderr == (
        "grantory: the secret of client weekly is lost: the command ended with status 1\n"
        f"  grantory clients rotate {ids['weekly']} makes another\n"
    )
    secret = (caller.folder / ids["nightly"]).read_text()
    assert secret
    assert secret not in lost.stdout + lost.stderr
    as_nightly = Caller(grantory_server.url, ids["nightly"], secret, caller.folder)
    assert as_nightly.run("token", "get").stdout


def test_whoever_changed_a_client_meanwhile_is_not_overwritten(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    caller.run("apply", "f.yaml", "--yes", "--discard-secrets")
    caller.write(LATER)
    [client] = [each for each in grantory_server.call("GET", "/api/v2/oauth/clients")["entities"]
                if each["name"] == "nightly"]  # fmt: skip
    given = ("apply", "f.yaml")
    with Terminal(*given, environment=caller.environment, folder=caller.folder) as shown:
        shown.expect("Make these changes? [y/N]: ")
        grantory_server.advance(5)
        path = f"/api/v2/oauth/clients/{client['id']}"
        grantory_server.call("PUT", path, {**client, "description": "by somebody else"})
        shown.write("y\n")
        assert shown.end() == 1
    assert "409" in shown.screen
    assert "refused at: change client nightly" in shown.screen
    assert "weekly" in names(grantory_server)
    caller.run("apply", "f.yaml", "--yes")
    assert grantory_server.call("GET", path)["description"] == "by somebody else"


def test_more_than_fits_into_one_list_is_told(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    caller.write("divisions:\n" + "".join(f"  - name: d{n}\n" for n in range(501)))
    for arguments in (("plan", "f.yaml"), ("apply", "f.yaml", "--yes")):
        assert "or all --in-order" in caller.run(*arguments, status=1).stderr
    assert names(grantory_server, "authorization/divisions") == ["Home"]


def test_an_answer_that_does_not_come_is_told(
    caller: Caller, grantory_server: GrantoryServer
) -> None:
    grantory_server.faults.drop(path=CHANGES)
    given = ("apply", "f.yaml", "--yes", "--discard-secrets")
    told: Any = caller.run(*given, status=6).stderr
    assert "grantory clients rotate gives such a client a secret" in told
    assert "look before trying again" in told
    grantory_server.faults.drop(path="/api/v2/authorization/roles", method="POST")
    told = caller.run(*given, "--in-order", status=6).stderr
    assert "stopped after" in told
    assert "open  create role Exporter" in told


def test_few_of_many_clients_are_asked_for(caller: Caller, grantory_server: GrantoryServer) -> None:
    for n in range(1_001):
        grantory_server.make_client(name=f"other client {n}", grant_type="CODE")
    made = [grantory_server.make_client(name=f"client {n}", grant_type="CODE") for n in range(3)]
    caller.write(f"clients: [{{name: new name, id: {made[0].id}}}]\n")
    seen = len(grantory_server.requests())
    assert "name  client 0 → new name" in caller.run("plan", "f.yaml", status=8).stdout
    listed = [each.path for each in grantory_server.requests()[seen:] if each.method == "GET"]
    assert listed == ["/api/v2/oauth/clients", f"/api/v2/oauth/clients/{made[0].id}"]
    caller.write("clients: [{name: client 1}]\n")
    assert "Nothing to do: 1 entry" in caller.run("plan", "f.yaml").stdout
