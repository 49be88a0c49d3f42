"""The commands that talk to a running server: clients and token."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import quick_command
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def own() -> Iterator[RunningServer]:
    """A server that these tests may change."""
    with RunningServer() as running:
        yield running


class Caller:
    """The command line, called as a client of a server."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.environment = {
            "GRANTORY_URL": server.url,
            "GRANTORY_CLIENT_ID": server.client_id,
            "GRANTORY_CLIENT_SECRET": server.client_secret,
            "COLUMNS": "40",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        everything = {**self.environment, **environment}
        return quick_command(*arguments, environment=everything, folder=self.folder)

    def good(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result.stdout

    def refused(self, *arguments: str, status: int = 1, **environment: str) -> str:
        result = self.run(*arguments, **environment)
        assert result.returncode == status, (result.stdout, result.stderr)
        assert result.stdout == ""
        assert result.stderr.startswith("grantory: ")
        assert "Traceback" not in result.stderr
        return result.stderr


@pytest.fixture
def caller(own: RunningServer, tmp_path: Path) -> Caller:
    return Caller(own, tmp_path)


def admin_role(server: RunningServer) -> str:
    roles = server.call("GET", "/api/v2/authorization/roles").json()["entities"]
    return str(roles[0]["id"])


def test_a_token_is_printed_that_works(caller: Caller) -> None:
    token = caller.good("token", "get").strip()
    assert caller.server.call("GET", "/api/v2/tokens/me", token=token).status == 200
    answer = json.loads(caller.good("token", "get", "--json"))
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 86_400


def test_a_clients_whole_life(caller: Caller) -> None:
    role = admin_role(caller.server)
    made = json.loads(
        caller.good(
            "clients",
            "create",
            "nightly [blue] export",
            "--role",
            role,
            "--description",
            "d",
            "--token-seconds",
            "600",
            "--json",
        )
    )
    assert made["accessTokenValiditySeconds"] == 600
    home = caller.server.call("GET", "/api/v2/authorization/divisions/home").json()["id"]
    assert made["roleDivisions"] == [{"roleId": role, "divisionId": home}]
    assert caller.server.ask_token(made["id"], made["secret"]).status == 200

    listed = caller.good("clients", "list")
    assert made["id"] in listed
    assert "nightly [blue] export" in listed
    assert made["secret"] not in listed
    entities = json.loads(caller.good("clients", "list", "--json"))
    assert made["id"] in [client["id"] for client in entities]

    shown = json.loads(caller.good("clients", "show", made["id"], "--json"))
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert "nightly [blue] export" in caller.good("clients", "show", made["id"])

    assert caller.run("clients", "rotate", made["id"]).returncode == 1  # nobody said yes
    assert caller.server.ask_token(made["id"], made["secret"]).status == 200
    rotated = json.loads(caller.good("clients", "rotate", made["id"], "--yes", "--json"))
    assert caller.server.ask_token(made["id"], made["secret"]).status == 401
    assert caller.server.ask_token(made["id"], rotated["secret"]).status == 200

    assert caller.run("clients", "delete", made["id"]).returncode == 1
    assert caller.good("clients", "delete", made["id"], "--yes") == "Deleted.\n"
    assert "404 not.found" in caller.refused("clients", "show", made["id"], status=3)


def test_a_client_of_another_grant_is_made(caller: Caller) -> None:
    made = json.loads(
        caller.good(
            *("clients", "create", "web", "--grant", "code", "--redirect-uri", "https://a.b/"),
            *("--redirect-uri", "https://c.d/", "--json"),
        )
    )
    assert made["authorizedGrantType"] == "CODE"
    assert made["registeredRedirectUri"] == ["https://a.b/", "https://c.d/"]
    text = caller.good("clients", "create", "web 2", "--grant", "CODE", "--show-secret")
    assert "gcs_" in text


def test_a_role_in_a_named_division_is_given(caller: Caller) -> None:
    role = admin_role(caller.server)
    made = json.loads(caller.good("clients", "create", "m", "--role", f"{role}:*", "--json"))
    assert made["roleDivisions"] == [{"roleId": role, "divisionId": "*"}]


def test_a_refusal_is_told_with_its_correlation_id(caller: Caller) -> None:
    said = caller.refused("clients", "create", "m", "--show-secret")
    assert "400 missing.client.roles" in said
    assert "correlation id" in said
    assert "404" in caller.refused("clients", "show", "../tokens/me", status=3)


def test_a_wrong_secret_is_told_without_it(caller: Caller) -> None:
    said = caller.refused("token", "get", status=4, GRANTORY_CLIENT_SECRET="wrong-secret")
    assert "401 invalid_client" in said
    assert "wrong-secret" not in said


def test_what_is_not_set_is_named(caller: Caller) -> None:
    said = caller.refused("clients", "list", GRANTORY_CLIENT_SECRET="")
    assert "GRANTORY_CLIENT_SECRET" in said
    assert "GRANTORY_CLIENT_ID" not in said


@pytest.mark.parametrize("url", ["127.0.0.1:1", "http://[x", "nonsense"])
def test_an_address_that_is_none_is_one_sentence(caller: Caller, url: str) -> None:
    caller.refused("clients", "list", GRANTORY_URL=url)


def test_a_server_that_is_not_there_is_one_sentence(caller: Caller) -> None:
    caller.refused("clients", "list", status=5, GRANTORY_URL="http://127.0.0.1:1")
