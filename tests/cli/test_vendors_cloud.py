"""The commands at a server that answers in the shapes of the vendor's published models."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from grantory.cli.connection import address, connection
from grantory.errors import SetupError
from grantory_sdk import ClientCredentials
from tests.cli.snapshot import assert_as_kept
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import HOME, MADE, NIGHTLY, OLD, PORTAL, ROLE, SECRET
from tests.support.command import quick_command


class Caller:
    """The command line, called as a client of it by ``--host``."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder

    def run(self, *arguments: str, entered: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        host = environment.pop("GRANTORY_URL")
        return quick_command(
            *arguments,
            *("--host", host),
            environment=environment,
            folder=self.folder,
            entered=entered,
        )

    def good(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refused(self, status: int, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (status, "")
        return done.stderr


@pytest.fixture
def caller(cloud: Cloud, tmp_path: Path) -> Caller:
    return Caller(cloud, tmp_path)


def test_lists_and_entities_are_shown(caller: Caller) -> None:
    assert_as_kept("clients-piped", caller.good("clients", "list"))
    assert_as_kept("client-piped", caller.good("clients", "show", PORTAL))
    assert_as_kept("roles-piped", caller.good("roles", "list"))
    assert_as_kept("divisions-piped", caller.good("divisions", "list"))
    listed = json.loads(caller.good("clients", "list", "--json"))
    assert listed == [*caller.cloud.clients.values()]
    assert json.loads(caller.good("clients", "show", PORTAL, "--json"))["laterField"]


def test_a_query_finds_what_is_wanted(caller: Caller) -> None:
    wanted = ("clients", "list", "--query")
    assert caller.good(*wanted, "[?state=='active'].id") == f"{NIGHTLY}\n{PORTAL}\n"
    assert caller.good(*wanted, "[0].name") == "nightly export\n"
    assert caller.good(*wanted, "[0].name", "--json") == '"nightly export"\n'
    assert json.loads(caller.good(*wanted, "length(@)")) == 3
    assert caller.good(*wanted, "[?name=='none']") == "[]\n"
    assert "\x1b" not in caller.good(*wanted, "[2].name")
    asked = len(caller.cloud.asked)
    assert "no JMESPath" in caller.refused(2, *wanted, "[?")
    assert len(caller.cloud.asked) == asked
    assert "abs" in caller.refused(2, *wanted, "abs('a')")


def test_a_client_is_changed_as_a_whole_and_deleted(caller: Caller) -> None:
    said = caller.refused(1, "clients", "delete", PORTAL, "--yes")
    assert_as_kept("cannot-delete", said)
    disabled = json.loads(caller.good("clients", "disable", PORTAL, "--json"))
    assert disabled["state"] == "inactive"
    put = caller.cloud.changes()[-1]
    assert put.method == "PUT"
    assert put.body["laterField"] == {"kept": True}
    assert put.body["scope"] == ["users:readonly"]
    assert "id" not in put.body
    assert caller.good("clients", "delete", PORTAL, "--yes") == "Deleted.\n"
    assert_as_kept("not-found", caller.refused(3, "clients", "show", PORTAL))
    assert json.loads(caller.good("clients", "enable", OLD, "--json"))["state"] == "active"


def test_a_client_is_made_with_its_roles(caller: Caller) -> None:
    create = ("clients", "create", "m", "--role", ROLE, "--role", f"{ROLE}:*")
    asked = len(caller.cloud.changes())
    assert "say where the secret goes" in caller.refused(2, *create)
    assert "only one of" in caller.refused(2, *create, "--show-secret", "--hide-secret")
    assert len(caller.cloud.changes()) == asked
    made = caller.good(*create, "--hide-secret")
    assert SECRET not in made
    assert caller.cloud.changes()[-1] == Asked(
        "POST",
        "/api/v2/oauth/clients",
        {
            "name": "m",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleDivisions": [
                {"roleId": ROLE, "divisionId": HOME},
                {"roleId": ROLE, "divisionId": "*"},
            ],
        },
    )
    assert SECRET in caller.good(*create, "--show-secret")
    assert caller.good(*create, "--query", "secret") == f"{SECRET}\n"


@pytest.mark.parametrize(
    "given",
    [
        ("clients", "create", "m", "--grant", "CODE"),
        ("clients", "create", "m", "--grant", "CODE", "--show-secret"),
        ("clients", "rotate", OLD, "--yes"),
    ],
)
def test_a_query_that_drops_a_secret_says_so(given: tuple[str, ...], caller: Caller) -> None:
    done = caller.run(*given, "--query", "id")
    assert (done.returncode, done.stdout) == (0, f"{OLD if 'rotate' in given else MADE}\n")
    assert done.stderr.startswith("grantory: the secret was not printed, since --query")
    for query in ("[id, secret]", "@", "join(':', [id, secret])"):
        assert SECRET in caller.good(*given, "--query", query)
    if "--show-secret" not in given:
        placed = caller.run(*given, "--query", "id", "--secret-file", "secret")
        assert placed.stderr == "The secret is in secret.\n"


def test_a_secret_goes_to_a_file(caller: Caller) -> None:
    file = caller.folder / "secret"
    done = caller.run(
        "clients", "create", "m", "--grant", "CODE", "--secret-file", "secret", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "The secret is in secret.\n")
    assert "secret" not in json.loads(done.stdout)
    assert file.read_text() == SECRET
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    asked = len(caller.cloud.changes())
    said = caller.refused(1, "clients", "create", "m", "--grant", "CODE", "--secret-file", "secret")
    assert "exists" in said
    assert "cannot write" in caller.refused(
        1, "clients", "create", "m", "--grant", "CODE", "--secret-file", "none/secret"
    )
    assert len(caller.cloud.changes()) == asked
    file.write_text("old")
    assert caller.run("clients", "rotate", OLD, "--yes", "--secret-file", "secret").returncode == 0
    assert file.read_text() == SECRET
    # A change that is refused leaves the file alone.
    file.write_text("old")
    unknown = ("clients", "rotate", ROLE, "--yes", "--secret-file", "secret")
    assert "404 not.found" in caller.refused(3, *unknown)
    assert [each.name for each in caller.folder.iterdir()] == ["secret"]
    assert file.read_text() == "old"


def test_a_secret_goes_to_a_command(caller: Caller) -> None:
    rotate = ("clients", "rotate", OLD, "--yes", "--secret-to")
    shown = caller.good(*rotate, 'cat > "secret of $CLIENT_ID"')
    assert SECRET not in shown
    assert (caller.folder / f"secret of {OLD}").read_text() == SECRET
    done = caller.run(*rotate, "exit 3")
    assert done.returncode == 7
    assert_as_kept("secret-lost", done.stderr)


def test_tokens(caller: Caller) -> None:
    assert caller.good("token", "get") == "t\n"
    assert json.loads(caller.good("token", "get", "--json")) == {
        "access_token": "t",
        "token_type": "bearer",
        "expires_in": 86399,
    }
    assert json.loads(caller.good("token", "inspect", "--json"))["OAuthClient"]["id"] == NIGHTLY
    assert "standard input holds no token" in caller.refused(2, "token", "inspect", "--stdin")
    inspect = caller.run("token", "inspect", "--stdin", "--json", entered="given-token\n")
    told = json.loads(inspect.stdout)
    assert told["active"] is True  # by a call with it: the vendor's cloud tells of no token else
    assert caller.run("token", "revoke", "--stdin", entered="given-token").stdout == "Ended.\n"
    assert caller.cloud.changes()[-1].path == "/api/v2/tokens/me"
    assert "say which" in caller.refused(2, "token", "revoke")


def test_what_is_asked_for_in_a_terminal_is_missing_elsewhere(caller: Caller) -> None:
    for arguments in (
        ("clients", "create"),
        ("clients", "show"),
        ("roles", "create"),
        ("users", "create", "Ada"),
        ("users", "password", NIGHTLY),
    ):
        assert "nobody can be asked" in caller.refused(2, *arguments)
    for arguments in (("clients", "update", NIGHTLY), ("roles", "update", ROLE)):
        assert "say what to change" in caller.refused(2, *arguments)
    assert "say --yes" in caller.refused(1, "roles", "delete", ROLE)
    assert not caller.cloud.changes()


def test_a_region_is_an_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert address("EU-Central-1") == (None, "eu-central-1")
    assert address("mypurecloud.ie") == (None, "mypurecloud.ie")
    assert address("https://a.example/x") == ("https://a.example/x", None)
    assert address("auth.example.com") == ("https://auth.example.com", None)
    assert address("127.0.0.1:8080") == ("http://127.0.0.1:8080", None)
    for name in [name for name in os.environ if name.startswith(("GRANTORY_", "GENESYSCLOUD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(SetupError, match="grantory login"):
        connection(None, None)
    monkeypatch.setenv("GRANTORY_CLIENT_ID", "a")
    with pytest.raises(SetupError, match=r"GRANTORY_CLIENT_SECRET to call eu-central-1"):
        connection("eu-central-1", None)
    monkeypatch.setenv("GRANTORY_CLIENT_SECRET", "b")
    found = connection("eu-central-1", None)
    assert found.url == "https://api.mypurecloud.de"
    assert found.login_url == "https://login.mypurecloud.de"
    assert isinstance(found.auth, ClientCredentials)
    assert connection(None, None).url == "http://127.0.0.1:8080"
