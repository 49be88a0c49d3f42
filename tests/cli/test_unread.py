"""Standard output that nobody reads, after a change: the exit status says that it was made."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from grantory_sdk.profile_writing import change_profile
from grantory_sdk.profiles import read_profile
from tests.cli.plans.test_in_order import FILE
from tests.cli.test_interrupted import CHANGING, Caller, is_change
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import MADE, NIGHTLY, OLD, SECRET
from tests.support.command import quick_command
from tests.support.interruption import interrupt, interruptible

SAYING = ("clients delete", "roles delete", "roles grant", "roles revoke", "divisions delete",
          "users delete", "users password", "token revoke", "authorizations revoke")  # fmt: skip
APPLY = ("apply", "f.yaml", "--in-order", "--yes")


@contextmanager
def full() -> Iterator[TextIO]:
    """A disk without room. Python writes what is left to it once more at the end."""
    with open("/dev/full", "w", encoding="utf-8") as stream:
        yield stream


@contextmanager
def left(cloud: Cloud) -> Iterator[TextIO]:
    """A pipe whose reader goes when the first change is asked for."""
    reader, writer = os.pipe()
    there = [reader]

    def leave(asked: Asked) -> None:
        if there and is_change(asked):
            os.close(there.pop())

    cloud.before_answer = leave
    with open(writer, "w", encoding="utf-8") as stream:
        yield stream
    assert not there


@contextmanager
def stuck() -> Iterator[TextIO]:
    """A pipe that is full, and whose reader waits."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(65536))
    except BlockingIOError:
        os.set_blocking(writer, True)
    with open(writer, "w", encoding="utf-8") as stream, open(reader, "rb"):
        yield stream


class Unread:
    """The command line, as a client of the cloud."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.file = folder / ".config" / "grantory" / "profiles.toml"

    def run(
        self, *arguments: str, stream: TextIO, status: int, entered: str = "text"
    ) -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        done = quick_command(
            *arguments,
            environment=environment,
            folder=self.folder,
            entered=entered,
            shown_on=stream,
        )
        assert done.returncode == status, done.stderr
        return done


@pytest.fixture
def unread(cloud: Cloud, tmp_path: Path) -> Unread:
    (tmp_path / "f.yaml").write_text(FILE, encoding="utf-8")
    return Unread(cloud, tmp_path)


@pytest.mark.parametrize("command", SAYING)
def test_what_was_made_is_told(command: str, unread: Unread) -> None:
    unread.cloud.instead += Caller(unread.cloud, unread.folder).of_grantory[:1]
    with full() as stream:
        told = unread.run(*CHANGING[command].split(), stream=stream, status=9).stderr
    assert told == (
        "grantory: the change was made, but its answer cannot be shown: "
        "[Errno 28] No space left on device\n"
    )
    assert len(unread.cloud.changes()) == 1


def test_what_was_made_is_told_though_the_reader_has_gone(unread: Unread) -> None:
    with left(unread.cloud) as stream:
        told = unread.run("clients", "delete", OLD, "--yes", stream=stream, status=9).stderr
    assert "the change was made, but" in told
    assert OLD not in unread.cloud.clients


def test_a_login_and_a_logout_are_made(unread: Unread) -> None:
    given = ("--grant", "client-credentials", "--client-id", NIGHTLY, "--secret-stdin")
    with full() as stream:
        login = ("login", "--host", unread.cloud.url, *given)
        unread.run(*login, stream=stream, status=9, entered=SECRET)
    assert read_profile(unread.file, "local")["client_secret"] == SECRET
    assert not unread.cloud.changes()
    with full() as stream:
        unread.run("profiles", "use", "local", stream=stream, status=9)
    with full() as stream:
        unread.run("logout", "--profile", "local", stream=stream, status=9)
    assert "client_secret" not in read_profile(unread.file, "local")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_was_applied_is_told_with_the_secrets_that_are_lost(
    more: tuple[str, ...], unread: Unread
) -> None:
    with left(unread.cloud) as stream:
        done = unread.run(*APPLY, "--secret-to", "false", *more, stream=stream, status=7)
    ids = {*unread.cloud.divisions, *unread.cloud.roles, *unread.cloud.clients}
    made = [each for each in ids if each.startswith("4")]
    assert "Done: 3 created, 1 changed, 0 deleted.\n" in done.stderr
    assert all(f": {each}\n" in done.stderr for each in made)
    assert "the secret of client weekly export is lost" in done.stderr
    assert done.stderr.count("cannot be shown: [Errno 32]") == 1


def test_what_was_applied_is_told_to_people(unread: Unread) -> None:
    with left(unread.cloud) as stream:
        done = unread.run(*APPLY, "--secret-dir", "secrets", stream=stream, status=9)
    assert "Done: 3 created, 2 changed, 1 deleted.\n" in done.stderr
    assert done.stderr.count("cannot be shown: [Errno 32]") == 1
    assert (unread.folder / "secrets" / MADE).read_text() == SECRET


@pytest.mark.parametrize("way", ["--show-secret", "--hide-secret"])
def test_a_second_ctrl_c_while_the_answer_is_shown(way: str, unread: Unread) -> None:
    def press() -> None:
        call = Path(f"/proc/self/task/{threading.main_thread().native_id}/syscall")
        while call.read_text("ascii").split()[1:2] != [hex(stream.fileno())]:
            time.sleep(0.001)
        interrupt()
        interrupt()

    given = ("clients", "create", "m", "--grant", "CODE", way)
    with stuck() as stream, interruptible():
        person = threading.Thread(target=press, daemon=True)
        person.start()
        done = unread.run(*given, stream=stream, status=7 if way == "--show-secret" else 9)
        person.join()
    assert f"the change was made (id {MADE}), but its answer cannot be shown: " in done.stderr
    assert ("its secret is lost: Ctrl-C ended it" in done.stderr) == (way == "--show-secret")


def test_a_logout_that_cannot_forget_says_that_the_login_has_ended(
    unread: Unread, tmp_path: Path
) -> None:
    change_profile(unread.file, "p", {"url": unread.cloud.url, "access_token": "given"})
    unread.file.write_text(
        f'other = 1\nprofiles = {{p = {{url = "{unread.cloud.url}", access_token = "given"}}}}\n'
    )
    with open(tmp_path / "shown", "w", encoding="utf-8") as stream:
        done = unread.run("logout", "--profile", "p", stream=stream, status=1)
    assert "the login has ended, but the profile p still holds its credentials" in done.stderr
    assert [each.path for each in unread.cloud.changes()] == ["/api/v2/tokens/me"]
