"""The six operations of OAuth clients, and their neighbours, by command on each store."""

import json
from pathlib import Path

from tests.cli.conftest import FreshStore
from tests.support.command import quick_command
from tests.support.server import RunningServer


def test_the_six_operations(fresh_store: FreshStore, tmp_path: Path) -> None:
    name = "GRANTORY_DATABASE_URL"
    place = {key: url for key, url in fresh_store().environment.items() if key == name}
    with RunningServer(environment=place) as server:
        environment = {
            "GRANTORY_URL": server.url,
            "GRANTORY_CLIENT_ID": server.client_id,
            "GRANTORY_CLIENT_SECRET": server.client_secret,
        }

        def good(*arguments: str, entered: str = "") -> str:
            done = quick_command(
                *arguments, environment=environment, folder=tmp_path, entered=entered
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        role = good("roles", "create", "r", "--permission", "oauth:client:view", "--query", "id")
        role = role.strip()
        made = json.loads(good("clients", "create", "machine", "--role", role, "--json"))
        wanted = made["id"]
        assert wanted in good("clients", "list").split()
        assert json.loads(good("clients", "show", wanted, "--json"))["name"] == "machine"
        changed = json.loads(good("clients", "update", wanted, "--name", "engine", "--json"))
        assert (changed["name"], changed["roleIds"]) == ("engine", [role])
        good("clients", "rotate", wanted, "--yes", "--secret-file", "new")
        assert server.ask_token(wanted, made["secret"]).status == 401
        new = (tmp_path / "new").read_text()
        assert server.ask_token(wanted, new).status == 200
        good("clients", "disable", wanted)
        assert server.ask_token(wanted, new).status == 400
        good("clients", "enable", wanted)
        token = server.token(wanted, new)
        told = json.loads(good("token", "inspect", "--stdin", "--json", entered=token))
        assert (told["active"], told["client_id"]) == (True, wanted)
        good("token", "revoke", "--client", wanted, "--yes")
        assert good("token", "inspect", "--stdin", "--query", "active", entered=token) == "false\n"

        division = good("divisions", "create", "Berlin", "--query", "id").strip()
        good("divisions", "update", division, "--description", "There.")
        assert "There." in good("divisions", "show", division)
        good("roles", "grant", role, wanted, "--division", division, "--to-client")
        assert "Berlin" in good("roles", "grants", wanted)
        good("roles", "revoke", role, wanted, "--division", division)
        assert "Berlin" not in good("roles", "grants", wanted)
        good("divisions", "delete", division, "--yes")
        assert "Berlin" not in good("divisions", "list")
        good("roles", "update", role, "--name", "s")
        assert role in good("roles", "list", "--name", "s")

        user = good("users", "create", "Ada", "--email", "ada@example.com", "--query", "id").strip()
        good("users", "password", user, "--password-stdin", entered="correct horse battery ada\n")
        assert "Engines" in good("users", "update", user, "--department", "Engines")
        assert "ada@example.com" in good("users", "list")
        good("token", "revoke", "--user", user, "--yes")
        good("users", "delete", user, "--yes")
        assert "ada@example.com" not in good("users", "list")

        app = good("clients", "create", "app", "--grant", "CODE", "--query", "id").strip()
        good("authorizations", "approve", app)
        assert "app" in good("authorizations", "list")
        assert json.loads(good("authorizations", "show", app, "--json"))["client"]["id"] == app
        assert good("authorizations", "revoke", app, "--yes") == "Taken back.\n"
        good("roles", "delete", role, "--yes")
        good("clients", "delete", wanted, "--yes")
        assert wanted not in good("clients", "list")
