"""Plan and apply at a server that answers in the vendor's shapes and makes one change at a time."""

import json
import stat
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.cli.snapshot import assert_as_kept
from tests.support.cloud import Cloud
from tests.support.cloud_documents import (
    HOME,
    MADE,
    NIGHTLY,
    OLD,
    PORTAL,
    ROLE,
    SECRET,
    client,
)
from tests.support.command import quick_command

FILE = """
divisions:
  - name: North
roles:
  - name: Exporter
    policies:
      - {domain: routing, entity: queue, actions: [view]}
clients:
  - name: nightly export
    roles: [{role: report, division: "*"}, {role: Exporter, division: North}]
  - name: weekly export
    roles: [Exporter]
    description: each Monday
  - name: customers' portal of the north and of the south
    token_seconds: 3600
    scopes: [users, users:readonly]
  - name: "old \\e[31mpage世界"
    absent: true
"""


class Caller:
    """The command line in a folder with a file."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.write(FILE)

    def write(self, text: str) -> None:
        (self.folder / "f.yaml").write_text(text, encoding="utf-8")

    def run(
        self, *arguments: str, status: int = 0, entered: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        done = quick_command(
            *arguments, environment=environment, folder=self.folder, entered=entered
        )
        assert done.returncode == status, (done.stdout, done.stderr)
        assert SECRET not in done.stdout + done.stderr
        return done

    def apply(self, *more: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("apply", "f.yaml", "--in-order", *more, status=status)


@pytest.fixture
def caller(cloud: Cloud, tmp_path: Path) -> Caller:
    return Caller(cloud, tmp_path)


def asked(cloud: Cloud) -> list[tuple[str, str, Any]]:
    return [(each.method, each.path.removeprefix("/api/v2/"), each.body)
            for each in cloud.changes()]  # fmt: skip


def test_a_plan_is_shown_and_drift_has_a_status_of_its_own(caller: Caller) -> None:
    shown = caller.run("plan", "f.yaml", status=8)
    assert shown.stderr == ""
    assert_as_kept("plan-piped", shown.stdout)
    told = json.loads(caller.run("plan", "f.yaml", "--json", status=8).stdout)
    assert (told["create"], told["change"], told["delete"], told["same"]) == (3, 2, 1, 0)
    assert told["changes"][4]["fields"] == {
        "scopes": {"old": ["users:readonly"], "new": ["users", "users:readonly"]},
        "token_seconds": {"old": 86400, "new": 3600},
    }
    counted = caller.run("plan", "f.yaml", "--query", "changes[?action=='delete'].id", status=8)
    assert counted.stdout == f"{OLD}\n"
    assert not [each for each in caller.cloud.changes() if not each.path.endswith("dryRun=true")]


def test_changes_are_made_in_order_and_only_once(caller: Caller) -> None:
    shown = caller.apply("--yes", "--secret-dir", "secrets")
    assert_as_kept("apply-in-order", shown.stdout)
    division, role, clients = caller.cloud.divisions, caller.cloud.roles, caller.cloud.clients
    [north] = [each for each in division if each != HOME]
    [exporter] = [each for each in role if each != ROLE]
    assert [each[:2] for each in asked(caller.cloud)] == [
        ("POST", "authorization/divisions"),
        ("POST", "authorization/roles"),
        ("PUT", f"oauth/clients/{NIGHTLY}"),
        ("POST", "oauth/clients"),
        ("PUT", f"oauth/clients/{PORTAL}"),
        ("DELETE", f"oauth/clients/{OLD}"),
    ]
    assert role[exporter]["permissionPolicies"] == [
        {"domain": "routing", "entityName": "queue", "actionSet": ["view"]}
    ]
    assert clients[NIGHTLY]["roleDivisions"] == [
        {"roleId": ROLE, "divisionId": "*"},
        {"roleId": exporter, "divisionId": north},
    ]
    assert clients[MADE]["roleDivisions"] == [{"roleId": exporter, "divisionId": HOME}]
    assert clients[PORTAL]["laterField"] == {"kept": True}
    file = caller.folder / "secrets" / MADE
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (SECRET, 0o600)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    made = len(caller.cloud.changes())
    nothing = "Nothing to do: 6 entries are as the file says.\n"
    assert caller.apply().stdout == nothing
    assert caller.run("plan", "f.yaml").stdout == nothing
    assert len(caller.cloud.changes()) == made


def test_the_first_failure_stops_it_and_what_is_left_is_told(caller: Caller) -> None:
    caller.cloud.refused_name = "Exporter"
    stopped = caller.apply("--yes", "--discard-secrets", status=1)
    assert_as_kept("apply-stopped", stopped.stderr)
    assert [each[:2] for each in asked(caller.cloud)][1:] == [("POST", "authorization/roles")]
    caller.cloud.refused_name = ""
    caller.apply("--yes", "--discard-secrets")
    assert caller.run("plan", "f.yaml").returncode == 0


def test_a_server_without_the_operation_is_told_apart(caller: Caller) -> None:
    refused = caller.run("apply", "f.yaml", "--yes", "--discard-secrets", status=1)
    assert "--in-order makes one after the other" in refused.stderr
    assert len(caller.cloud.divisions) == 1


def test_nothing_is_made_without_a_place_for_secrets_and_a_yes(caller: Caller) -> None:
    assert "say where the secret of a new client goes" in caller.apply("--yes", status=2).stderr
    assert "say --yes" in caller.apply("--discard-secrets", status=1).stderr
    several = ("--discard-secrets", "--secret-dir", "x")
    assert "only one of" in caller.apply("--yes", *several, status=2).stderr
    (caller.folder / "file").write_text("")
    assert "cannot make" in caller.apply("--yes", "--secret-dir", "file", status=1).stderr
    assert not caller.cloud.changes()


def test_a_command_gets_each_secret(caller: Caller) -> None:
    caller.write(
        "clients:\n" + "".join(f"  - {{name: 'c {n}', grant_type: CODE}}\n" for n in range(3))
    )
    told = caller.apply("--yes", "--secret-to", 'cat > "$CLIENT_NAME of $CLIENT_ID"').stdout
    files = sorted(caller.folder.glob("c *"))
    assert [each.name[:4] for each in files] == ["c 0 ", "c 1 ", "c 2 "]
    assert {each.read_text() for each in files} == {SECRET}
    assert told.count("its secret handed to the command") == 3


def test_a_secret_that_is_lost_stops_it(caller: Caller) -> None:
    caller.write("clients:\n  - {name: a, grant_type: CODE}\n  - {name: b, grant_type: CODE}\n")
    lost = caller.apply("--yes", "--secret-to", "exit 3", status=7)
    assert_as_kept("apply-secret-lost", lost.stderr)
    assert len(caller.cloud.changes()) == 1


def test_what_a_file_names_and_is_not_there_is_told_before_anything(caller: Caller) -> None:
    caller.cloud.roles["r2"] = {**caller.cloud.roles[ROLE], "id": "r2"}
    caller.cloud.clients["c2"] = {**caller.cloud.clients[NIGHTLY], "id": "c2"}
    caller.write(
        """
divisions: [{name: South, absent: true}, {name: Home, id: 0-0}]
clients:
  - {name: nightly export}
  - {name: a, roles: [report, {role: none, division: none}, {role: r2, division: South}]}
  - {name: b, roles: []}
  - {name: c, grant_type: CODE, roles: [none], redirect_uris: ['https://c.example/']}
"""
    )
    refused = caller.run("plan", "f.yaml", status=1)
    assert_as_kept("plan-unknown", refused.stderr)
    assert not caller.cloud.changes()


def test_what_is_gone_already_is_nothing_to_do(caller: Caller) -> None:
    caller.write("roles:\n  - {name: none, absent: true}\n  - {name: x, id: 0-1, absent: true}\n")
    assert "Nothing to do: 2 entries" in caller.run("plan", "f.yaml").stdout


def test_standard_input_is_read(caller: Caller) -> None:
    text = "[[divisions]]\nname = 'Home'\n"
    assert "1 entry is" in caller.run("plan", "-", "--format", "toml", entered=text).stdout
    assert "--format" in caller.run("plan", "-", status=1).stderr


def test_an_export_is_what_is_there(caller: Caller) -> None:
    shown = caller.run("export").stdout
    assert_as_kept("export", shown)
    caller.write(shown)
    assert "Nothing to do: 4 entries" in caller.run("plan", "f.yaml").stdout
    caller.run("export", "f.toml")
    assert "Nothing to do: 4 entries" in caller.run("plan", "f.toml").stdout
    exists = caller.run("export", "f.toml", status=1).stderr
    assert "f.toml exists: name another file, or say --force" in exists
    caller.run("export", "f.toml", "--force", "--client", "nightly export", "--client", PORTAL)
    assert "Nothing to do: 2 entries" in caller.run("plan", "f.toml").stdout
    only = caller.run("export", "--only", "roles", "--format", "toml").stdout
    assert only.count("[[") == 1
    assert "there is no client" in caller.run("export", "--client", "none", status=1).stderr
    assert "must be one of" in caller.run("export", "--only", "users", status=2).stderr
    assert "yaml or toml" in caller.run("export", "--format", "json", status=2).stderr


def test_an_export_of_many_holds_few_of_them(caller: Caller) -> None:
    caller.cloud.page_size = 500

    def peak(count: int) -> int:
        caller.cloud.clients = {
            f"{n:08d}": client(f"{n:08d}", f"c{n} {'long ' * 30}", "CODE", "active")
            for n in range(count)
        }
        tracemalloc.start()
        try:
            caller.run("export", "f.yaml", "--force")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(1_000)
    assert peak(8_000) < few + 1_500_000  # all of them would take ten times that


def test_clients_of_one_name_are_exported_with_their_ids(caller: Caller) -> None:
    caller.cloud.clients["c2"] = {**caller.cloud.clients[NIGHTLY], "id": "c2"}
    for more in ((), ("--client", "nightly export")):
        shown = caller.run("export", *more).stdout
        assert shown.count("id: ") == 2
        caller.write(shown)
        assert "Nothing to do" in caller.run("plan", "f.yaml").stdout
