"""Logging in and out at a real server, and the commands that go on with a login."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest

from grantory_sdk import Grantory
from grantory_sdk.profile_writing import change_profile
from grantory_sdk.profiles import read_profile
from tests.cli.snapshot import assert_as_kept
from tests.support.command import quick_command
from tests.support.person import Person
from tests.support.server import RunningServer
from tests.support.terminal import Terminal

PAST = "2020-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer() as running:
        yield running


class Home:
    """A person's home, with the profiles in it."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.file = folder / "grantory" / "profiles.toml"
        self.environment = {"XDG_CONFIG_HOME": str(folder)}

    def run(self, *arguments: str, entered: str = "") -> subprocess.CompletedProcess[str]:
        return quick_command(
            *arguments, environment=self.environment, folder=self.folder, entered=entered
        )

    def good(self, *arguments: str, entered: str = "") -> str:
        done = self.run(*arguments, entered=entered)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def login_as_client(self, *more: str) -> str:
        return self.good(
            *("login", "--host", self.server.url, "--grant", "client-credentials", *more),
            *("--client-id", self.server.client_id, "--secret-stdin"),
            entered=self.server.client_secret + "\n",
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
        return subprocess.Popen(
            [sys.executable, "-m", "grantory", *arguments],
            env={**kept, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def login_as_a_person(self, client_id: str, secret: str = "") -> str:
        """Logs in as the administrator does with a browser."""
        arguments = ("login", "--host", self.server.url, "--grant", "code", "--no-browser")
        if secret:
            kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
            program = subprocess.Popen(
                [sys.executable, "-m", "grantory", *arguments, "--client-id", client_id,
                 "--secret-stdin"],
                env={**kept, **self.environment},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert program.stdin is not None
            program.stdin.write(secret + "\n")
            program.stdin.close()
            program.stdin = None
        else:
            program = self.start(*arguments, "--client-id", client_id)
        with program, Person(self.server) as person:
            assert program.stderr is not None
            line = ""
            while not line.startswith("http"):
                line = program.stderr.readline()
                assert line, "the program ended"
            told = person.visit(line.strip())
            redirect_uri = dict(parse_qsl(urlsplit(line.strip()).query))["redirect_uri"]
            assert httpx.get(redirect_uri, params=told, trust_env=False).status_code == 200
            said, errors = program.communicate(timeout=60)
            assert program.returncode == 0, errors
        return said


@pytest.fixture
def home(server: RunningServer, tmp_path: Path) -> Home:
    return Home(server, tmp_path)


def app_of(server: RunningServer) -> tuple[str, str]:
    with Grantory(
        server.url, client_id=server.client_id, client_secret=server.client_secret
    ) as grantory:
        made = grantory.oauth_clients.create(
            name="commands",
            authorized_grant_type="CODE",
            registered_redirect_uri=["http://127.0.0.1/"],
        )
    return made.id, str(made.secret)


def test_a_client_logs_in_and_out(home: Home) -> None:
    said = home.login_as_client()
    assert said == f"Logged in at {home.server.url} as the client First client: profile local.\n"
    assert home.file.stat().st_mode & 0o777 == 0o600
    assert home.server.client_id in home.good("clients", "list")
    listed = home.good("profiles", "list")
    assert "local" in listed
    assert home.server.client_secret not in listed + home.good("profiles", "list", "--json")

    home.login_as_client("--profile", "other")
    assert json.loads(home.good("profiles", "list", "--query", "[?default].name", "--json")) == [
        "local"
    ]
    assert home.good("profiles", "use", "other") == "Commands call with the profile other.\n"
    assert home.good("profiles", "remove", "local", "--yes") == "Removed.\n"
    assert home.run("profiles", "use", "local").returncode == 1

    assert home.good("logout") == "Logged out: profile other.\n"
    assert home.server.client_secret not in home.file.read_text()
    assert "As whom" in home.run("clients", "list").stderr


def test_a_wrong_secret_changes_nothing(home: Home) -> None:
    home.login_as_client()
    before = home.file.read_text()
    arguments = ("login", "--host", home.server.url, "--grant", "client-credentials")
    done = home.run(*arguments, "--client-id", home.server.client_id, "--secret-stdin", entered="x")
    assert done.returncode == 4
    assert "401 invalid_client" in done.stderr
    done = home.run(
        *("login", "--host", "127.0.0.1:1", "--grant", "client-credentials", "--client-id", "a"),
        "--secret-stdin",
        entered="x",
    )
    assert "name another one with --profile" in done.stderr
    assert home.run("login").returncode == 2
    assert home.file.read_text() == before


def test_a_person_logs_in_and_commands_go_on(home: Home) -> None:
    client_id, secret = app_of(home.server)
    email = home.server.first_start["admin"]["email"]
    assert f"as {email}: profile local." in home.login_as_a_person(client_id, secret)
    first = read_profile(home.file, "local")
    assert home.good("users", "me", "--query", "email") == f"{email}\n"
    assert home.good("token", "get").strip() == first["access_token"]

    # Commands that find the access token at its end at the same time: one of them renews.
    change_profile(home.file, "local", {"access_token_expires": PAST})
    programs = [home.start("users", "me", "--query", "email") for _ in range(4)]
    ended = [program.communicate(timeout=60) for program in programs]
    assert [said for said, _ in ended] == [f"{email}\n"] * 4, ended
    renewed = read_profile(home.file, "local")
    assert renewed["refresh_token"] != first["refresh_token"]

    # Whoever logs in again ends the login before.
    home.login_as_a_person(client_id, secret)
    assert home.server.call("GET", "/api/v2/tokens/me", token=renewed["access_token"]).status == 401
    last = read_profile(home.file, "local")
    assert home.good("logout") == "Logged out: profile local.\n"
    assert home.server.call("GET", "/api/v2/tokens/me", token=last["access_token"]).status == 401
    text = home.file.read_text()
    assert not [
        part for part in (last["access_token"], last["refresh_token"], secret) if part in text
    ]
    assert client_id in text


def test_a_login_without_a_secret_ends_with_its_token(home: Home) -> None:
    client_id, _ = app_of(home.server)
    home.login_as_a_person(client_id)
    assert "refresh_token" not in read_profile(home.file, "local")
    assert "login until" in home.good("profiles", "list")
    home.good("users", "me")
    change_profile(home.file, "local", {"access_token_expires": PAST})
    done = home.run("users", "me")
    assert done.returncode == 4
    assert "grantory login --profile local" in done.stderr


def test_without_the_server_nobody_is_logged_out_but_by_force(home: Home) -> None:
    change_profile(
        home.file,
        "gone",
        {"url": "http://127.0.0.1:1", "client_id": "c", "refresh_token": "r"},
    )
    assert home.run("logout").returncode == 5
    assert read_profile(home.file, "gone")["refresh_token"] == "r"
    assert "was not told" in home.good("logout", "--forget")
    assert "refresh_token" not in read_profile(home.file, "gone")


def test_ctrl_c_while_somebody_is_to_log_in_changes_nothing(home: Home) -> None:
    arguments = ("login", "--host", home.server.url, "--no-browser")
    with Terminal(*arguments, environment=home.environment, folder=home.folder) as shown:
        shown.answer("Way [1]: ", "")
        shown.answer("Id of the client: ", "a-client")
        shown.answer("Enter for a client without one: ", "")
        shown.expect("/oauth/authorize?")
        shown.interrupt()
        assert shown.end() == 130
    assert not home.file.exists()
    assert re.search(r"client_id=a-client", shown.screen.replace("\n", ""))
    shown_alike = re.sub(r"127\.0\.0\.1(:|%3A)\d+", r"127.0.0.1\g<1>8080", shown.screen)
    masked = re.sub(r"(state|code_challenge)=[\w-]+", r"\1=…", shown_alike)
    assert_as_kept("login-given-up", masked)
