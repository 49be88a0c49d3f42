"""Every command at a region of the vendor's cloud, for which a server of this machine stands.

It is found by ``--host eu-central-1`` and called with TLS, the login side under a name of its own.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantory.cli.later import loaded
from tests.cli.server_commands import COMMANDS, GROUPS, OF_GRANTORY_ALONE
from tests.cli.snapshot import assert_as_kept
from tests.support.cloud import Cloud
from tests.support.cloud_documents import ADA, HOME, MADE, NIGHTLY, PORTAL, ROLE, SECRET
from tests.support.cloud_people import GRACE
from tests.support.cloud_region import REGION, region
from tests.support.command import quick_command


class Caller:
    """The command line with the vendor's own variables for credentials."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder

    def run(
        self, *arguments: str, status: int = 0, entered: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = quick_command(
            *arguments,
            *("--host", REGION),
            environment={
                "GENESYSCLOUD_REGION": REGION,
                "GENESYSCLOUD_OAUTHCLIENT_ID": NIGHTLY,
                "GENESYSCLOUD_OAUTHCLIENT_SECRET": SECRET,
                "HOME": str(self.folder),
            },
            folder=self.folder,
            entered=entered,
        )
        assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def asked(self) -> list[str]:
        """Method and path of what was asked of the API, without the token's request."""
        paths = [(each.method, each.path.partition("?")[0]) for each in self.cloud.asked]
        assert paths[0] == ("POST", "/oauth/token")
        return [f"{method} {path.removeprefix('/api/v2/')}" for method, path in paths[1:]]


@pytest.fixture
def caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    files = tmp_path / "files"
    files.mkdir()
    with region(files, monkeypatch) as cloud:
        cloud.people.caller = ADA
        yield Caller(cloud, tmp_path)


def test_every_command_of_a_running_server_is_here() -> None:
    there = {f"{group} {name}" for group in GROUPS for name in loaded(group).commands}
    assert there == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_asks_for_what_the_vendor_has(command: str, caller: Caller) -> None:
    given, asked = COMMANDS[command]
    status = 1 if command in OF_GRANTORY_ALONE else 0
    done = caller.run(*command.split(), *given.split(), status=status, entered="new password")
    assert caller.asked() == asked
    assert bool(done.stderr) == bool(status)
    assert bool(done.stdout) != bool(status)
    if status:
        assert done.stderr.startswith("grantory: 405 method.not.allowed")


def test_people_and_what_they_allowed_are_shown(caller: Caller) -> None:
    assert_as_kept("users-piped", caller.run("users", "list", "--state", "any").stdout)
    assert GRACE not in caller.run("users", "list").stdout
    assert_as_kept("authorizations-piped", caller.run("authorizations", "list").stdout)
    assert_as_kept("grants-piped", caller.run("roles", "grants", ADA).stdout)
    assert caller.json("users", "me")["email"] == "ada@example.com"
    caller.cloud.people.caller = ""
    assert "400 not.a.user" in caller.run("users", "me", status=1).stderr


def test_people_are_made_and_changed(caller: Caller) -> None:
    joan = caller.json("users", "create", "Joan", "--email", "joan@example.com")
    assert caller.cloud.changes()[-1].body == {
        "name": "Joan",
        "email": "joan@example.com",
        "divisionId": HOME,
    }
    changed = caller.json("users", "update", joan["id"], "--title", "Programmer")
    assert (changed["title"], changed["version"]) == ("Programmer", 2)
    assert caller.cloud.changes()[-1].body == {"title": "Programmer", "version": 1}
    caller.cloud.refuse("/api/v2/users/*", 409, "general.conflict", "It was changed.")
    refused = caller.run("users", "delete", joan["id"], "--yes", status=1).stderr
    assert "409 general.conflict: It was changed." in refused
    given = ("users", "password", joan["id"], "--password-stdin")
    assert caller.run(*given, entered="new\n").stdout == "The password is set.\n"
    assert caller.cloud.changes()[-1].body == {"newPassword": "new"}
    assert caller.run("users", "delete", joan["id"], "--yes").stdout == "Deleted.\n"
    assert "404 not.found" in caller.run("users", "show", joan["id"], status=3).stderr


def test_a_role_is_given_and_taken(caller: Caller) -> None:
    caller.run("roles", "grant", ROLE, PORTAL, "--to-client")
    path = f"/api/v2/authorization/subjects/{PORTAL}/divisions/*/roles/{ROLE}"
    assert caller.cloud.changes()[-1].path.replace("%2A", "*") == (
        path + "?subjectType=PC_OAUTH_CLIENT"
    )
    assert caller.json("roles", "grants", PORTAL)["grants"][0]["role"]["name"] == "report"
    assert caller.run("roles", "revoke", ROLE, PORTAL).stdout == "Taken.\n"
    assert caller.json("roles", "grants", PORTAL)["grants"] == []
    for unknown in (("grant", PORTAL, ADA), ("revoke", ROLE, HOME)):
        assert "404 not.found" in caller.run("roles", *unknown, status=3).stderr


FILE = """
divisions: [{name: North}]
roles: [{name: Exporter, policies: [{domain: routing, entity: queue, actions: [view]}]}]
clients:
  - {name: nightly export, roles: [{role: Exporter, division: North}]}
  - {name: page, grant_type: CODE, redirect_uris: ["https://page.example/"]}
"""
PLANNED = ["create division", "create role", "change client", "create client"]


def test_a_file_is_applied_in_order_without_being_told(caller: Caller) -> None:
    (caller.folder / "f.yaml").write_text(FILE)
    planned = json.loads(caller.run("plan", "f.yaml", "--json", status=8).stdout)
    assert [f"{each['action']} {each['kind']}" for each in planned["changes"]] == PLANNED
    assert planned["refusal"] is None
    assert not caller.cloud.changes()  # the vendor's cloud tries nothing out

    caller.cloud.refused_name = "Exporter"
    given = ("apply", "f.yaml", "--yes", "--discard-secrets")
    stopped = caller.run(*given, status=1).stderr
    [north] = [each for each in caller.cloud.divisions if each != HOME]
    assert stopped.startswith(
        f"grantory: stopped after 1 of 4 changes\n  done  create division North: {north}\n"
        "  left  create role Exporter\n  left  change client nightly export\n"
        "  left  create client page\ngrantory: 409 general.conflict: The name is taken."
    )
    assert len(caller.cloud.roles) == 1

    caller.cloud.refused_name = ""
    applied = caller.run(*given).stdout
    assert "Done: 2 created, 1 changed, 0 deleted." in applied
    assert MADE in applied
    changes = caller.cloud.changes()
    assert [(each.method, each.path.removeprefix("/api/v2/")) for each in changes] == [
        ("POST", "authorization/divisions"),
        ("POST", "authorization/roles"),  # which was refused
        ("POST", "authorization/roles"),
        ("PUT", f"oauth/clients/{NIGHTLY}"),
        ("POST", "oauth/clients"),
    ]
    nothing = "Nothing to do: 4 entries are as the file says.\n"
    assert caller.run("plan", "f.yaml").stdout == nothing
    caller.run("export", "all.toml")
    assert "Nothing to do" in caller.run("apply", "all.toml").stdout
    assert caller.cloud.changes() == changes


def test_what_only_grantory_has_is_refused_before_anything(caller: Caller) -> None:
    (caller.folder / "f.yaml").write_text(
        "clients: [{name: a, grant_type: CODE, access_token_format: JWT_EDDSA}]\n"
    )
    assert "only Grantory has it" in caller.run("plan", "f.yaml", status=1).stderr
