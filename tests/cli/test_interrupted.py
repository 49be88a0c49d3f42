"""Ctrl-C in the midst of each command that calls a server: what was begun is finished and told."""

import os
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest

from grantory_sdk.profile_writing import change_profile
from grantory_sdk.profiles import read_profile
from tests.cli.server_commands import COMMANDS, OF_GRANTORY_ALONE
from tests.support.cloud import Asked, Cloud, Instead
from tests.support.cloud_documents import HOME, MADE, OLD, PORTAL, SECRET, authorization
from tests.support.command import quick_command
from tests.support.interruption import FINISHING, interruptible, press, said

MORE = {
    "token revoke (another)": "token revoke --stdin",
    "token revoke (a client's)": f"token revoke --client {OLD} --yes",
    "clients create (to a file)": "clients create m --grant CODE --secret-file secret",
    "clients create (to a command)": "clients create m --grant CODE --secret-to cat>secret",
}
NO_HOME = {"users create": f" --division {HOME}"}
"""Only the vendor's cloud itself is asked for the home division before."""
CHANGING = {
    name: f"{name} {given}{NO_HOME.get(name, '')}".strip()
    for name, (given, asked) in COMMANDS.items()
    if any(not each.startswith("GET ") for each in asked)
} | MORE
READING = {
    name: f"{name} {given}".strip()
    for name, (given, asked) in COMMANDS.items()
    if name not in CHANGING and asked
}
TELLING = {
    **dict.fromkeys(("clients create", "roles create", "divisions create"), MADE),
    "users create": "88888888-8888-4888-8888-000000000002",
    "clients rotate": SECRET,
}


class Caller:
    """The command line, as a client of the cloud."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        allowed = authorization(cloud.clients[PORTAL], [])
        path = f"/api/v2/oauth/authorizations/{PORTAL}"
        self.of_grantory = [
            Instead(path, 200, allowed, {}),
            Instead(f"/api/v2/oauth/clients/{OLD}/tokens", 204, None, {}),
        ]

    def run(self, *arguments: str, status: int) -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        with interruptible():
            done = quick_command(
                *arguments, environment=environment, folder=self.folder, entered="text"
            )
        assert done.returncode == status, (done.stdout, done.stderr)
        return done


@pytest.fixture
def caller(cloud: Cloud, tmp_path: Path) -> Iterator[Caller]:
    made = Caller(cloud, tmp_path)
    yield made
    cloud.before_answer = lambda _asked: None


def is_change(asked: Asked) -> bool:
    return asked.method != "GET" and not asked.path.startswith("/oauth/")


@pytest.mark.parametrize("name", CHANGING)
def test_a_change_that_was_begun_is_finished_and_told(name: str, caller: Caller) -> None:
    if name in OF_GRANTORY_ALONE or "client's" in name:
        caller.cloud.instead += caller.of_grantory
    press(caller.cloud, is_change)
    done = caller.run(*CHANGING[name].split(), status=130)
    assert TELLING.get(name, "") in done.stdout
    assert done.stdout  # what was made, or that it was
    assert FINISHING in done.stderr
    assert done.stderr.endswith("\ngrantory: interrupted\n")
    assert len(caller.cloud.changes()) == 1
    if "(to a" in name:
        assert (caller.folder / "secret").read_text() == SECRET
        assert MADE in done.stdout


@pytest.mark.parametrize("name", CHANGING)
def test_a_second_time_says_that_nobody_knows(name: str, caller: Caller) -> None:
    press(caller.cloud, is_change, times=2)
    done = caller.run(*CHANGING[name].split(), status=6)
    assert "not known whether the change was made: look before trying again" in done.stderr
    assert done.stdout == ""
    assert len(caller.cloud.changes()) == 1
    assert not [*caller.folder.glob("secret*")]


@pytest.mark.parametrize("name", sorted({*READING, *CHANGING} - {"token revoke (another)"}))
def test_nothing_is_begun_after_it(name: str, caller: Caller) -> None:
    given = {**READING, **CHANGING}[name].split()
    press(caller.cloud, lambda asked: asked.path.startswith("/oauth/token"))
    done = caller.run(*given, status=130)
    assert (done.stdout, done.stderr) == ("", "\ngrantory: interrupted\n")
    assert not caller.cloud.changes()
    assert not [*caller.folder.glob("secret*")]
    if name in READING:
        press(caller.cloud, lambda asked: asked.path.startswith("/api/v2/"))
        assert caller.run(*given, status=130).stdout == ""


def come_back() -> None:
    """Does what the browser does once somebody has logged in."""
    while not (found := re.search(r"^http\S+/oauth/authorize\?\S+$", said(), re.MULTILINE)):
        time.sleep(0.001)
    asked = dict(parse_qsl(urlsplit(found[0]).query))
    told = {"code": "c", "state": asked["state"]}
    httpx.get(asked["redirect_uri"], params=told, trust_env=False)


def login(caller: Caller, *, status: int) -> str:
    """Logs in by the browser; returns what the command said."""
    answered = {"access_token": "a", "token_type": "bearer", "expires_in": 60, "refresh_token": "r"}
    caller.cloud.instead.append(Instead("/oauth/token", 200, answered, {}))
    browser = threading.Thread(target=come_back)
    browser.start()
    given = ("login", "--host", caller.cloud.url, "--grant", "code", "--client-id", OLD)
    done = caller.run(*given, "--no-browser", status=status)
    browser.join()
    return done.stderr


@pytest.mark.parametrize("path", ["/oauth/token", "/api/v2/users/me"])
def test_a_login_that_is_given_up_is_ended(path: str, caller: Caller) -> None:
    press(caller.cloud, lambda asked: asked.path == path)
    told = login(caller, status=130)
    assert "ending the login at the server" in told
    assert (FINISHING in told) == (path == "/oauth/token")
    assert [each[:2] for each in caller.cloud.changes()] == [
        ("POST", "/oauth/revoke"),  # which the vendor's cloud has not
        ("DELETE", "/api/v2/tokens/me"),
    ]
    assert not [*caller.folder.rglob("profiles.toml")]


def test_a_second_time_does_not_wait_for_a_login(caller: Caller) -> None:
    press(caller.cloud, lambda asked: asked.path == "/oauth/token", times=2)
    assert "once more ends at once" in login(caller, status=130)
    assert not caller.cloud.changes()


def test_a_login_that_cannot_be_ended_is_told_and_not_waited_for(caller: Caller) -> None:
    press(caller.cloud, lambda asked: asked.path == "/api/v2/users/me")
    caller.cloud.refuse("/oauth/revoke", 503, times=5)
    assert "the login could not be ended: 503" in login(caller, status=130)
    assert [each.path for each in caller.cloud.changes()] == ["/oauth/revoke"]


def press_at_the_disk(monkeypatch: pytest.MonkeyPatch, *, folder: bool) -> None:
    """Presses Ctrl-C twice while the first file, or folder, is brought to disk."""
    sync, left = os.fsync, [2]

    def press_before(descriptor: int) -> None:
        while left[0] and stat.S_ISDIR(os.fstat(descriptor).st_mode) == folder:
            left[0] -= 1
            signal.raise_signal(signal.SIGINT)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", press_before)


def test_a_login_that_is_written_is_not_ended(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    press_at_the_disk(monkeypatch, folder=True)
    assert "the login is kept: profile local" in login(caller, status=130)
    assert not caller.cloud.changes()
    [file] = caller.folder.rglob("profiles.toml")
    assert read_profile(file, "local")["refresh_token"] == "r"


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    ("given", "file"),
    [
        ("clients create m --grant CODE --secret-file s/secret", "secret"),
        ("apply f.yaml --in-order --yes --secret-dir s", MADE),
    ],
)
def test_a_second_time_while_a_secret_is_written_tells_where_it_is(
    given: str, file: str, in_place: bool, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    (caller.folder / "f.yaml").write_text("clients: [{name: m, grant_type: CODE}]\n")
    (caller.folder / "s").mkdir()
    press_at_the_disk(monkeypatch, folder=in_place)
    done = caller.run(*given.split(), status=130 if in_place else 7)
    assert MADE in done.stdout
    assert ("is lost: Ctrl-C ended what was to bring it" in done.stderr) != in_place
    left = {each.name: each.read_text() for each in (caller.folder / "s").iterdir()}
    assert left == ({file: SECRET} if in_place else {})


def test_a_logout_is_finished(caller: Caller) -> None:
    folder = caller.folder / ".config" / "grantory"
    folder.mkdir(parents=True)
    file = folder / "profiles.toml"
    kept = {"url": caller.cloud.url, "client_id": "c"}
    given = ("logout", "--profile", "cloud")
    for times, status, told in ((2, 6, ""), (1, 130, "Logged out: profile cloud.\n")):
        change_profile(file, "cloud", {**kept, "access_token": "given"})
        press(caller.cloud, is_change, times)
        done = caller.run(*given, status=status)
        assert done.stdout == told
        assert ("access_token" in read_profile(file, "cloud")) == (times == 2)
    assert [each.path for each in caller.cloud.changes()] == ["/api/v2/tokens/me"] * 2
