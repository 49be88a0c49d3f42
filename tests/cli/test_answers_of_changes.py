"""Answers to changes that cannot be shown: the change is told all the same, with its id."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.plans.test_in_order import FILE
from tests.cli.server_commands import COMMANDS
from tests.cli.snapshot import assert_as_kept
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import ADA, HOME, MADE, OLD, ROLE, SECRET
from tests.support.command import quick_command

FAILING = "abs(id)"
"""Good as it stands, and no good for a text."""
IDS = {
    "clients create": MADE,
    "clients disable": "22222222-2222-4222-8222-222222222222",
    "clients enable": OLD,
    "clients update": OLD,
    "divisions create": MADE,
    "divisions update": HOME,
    "roles create": MADE,
    "roles update": ROLE,
    "users create": "88888888-8888-4888-8888-000000000002",
    "users update": ADA,
}


class Caller:
    """The command line, as a client of the cloud."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder

    def run(self, *arguments: str, status: int) -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        done = quick_command(*arguments, environment=environment, folder=self.folder)
        assert done.returncode == status, (done.stdout, done.stderr)
        return done


@pytest.fixture
def caller(cloud: Cloud, tmp_path: Path) -> Caller:
    return Caller(cloud, tmp_path)


@pytest.mark.parametrize("command", IDS)
def test_a_query_that_fails_after_a_change_says_that_it_was_made(
    command: str, caller: Caller
) -> None:
    given = f"{command} {COMMANDS[command][0]}".split()
    given += ["--division", HOME] if command == "users create" else []
    done = caller.run(*given, "--query", FAILING, status=9)
    assert done.stdout == ""
    assert done.stderr == (
        f"grantory: the change was made (id {IDS[command]}), but its answer cannot be shown: "
        "abs() takes number, and was given string\n"
    )
    assert len(caller.cloud.changes()) == 1


@pytest.mark.parametrize(
    "query",
    [
        *("[?", "none(@)", "abs(id, id)", "not_null()", "[::0]", "abs('a')", "[?none(id)]"),
        *("{a: none(id)}", "a || none(id)", "sort_by(@, &none(id))", "ceil(`1e400`)"),
    ],
)
def test_a_query_that_can_find_nothing_is_refused_before_anything(
    query: str, caller: Caller
) -> None:
    told = caller.run("divisions", "create", "North", "--query", query, status=2).stderr
    assert "no JMESPath: " in told
    assert not caller.cloud.asked


@pytest.mark.parametrize("query", ["[].[id, length(name)]", "max_by(@, &name)", "@[1:2]", "`1`"])
def test_a_query_that_may_find_something_is_let_through(query: str, caller: Caller) -> None:
    assert caller.run("clients", "list", "--query", query, status=0).stdout


def test_a_secret_that_a_failing_query_drops_is_lost(caller: Caller) -> None:
    create = ("clients", "create", "m", "--grant", "CODE", "--query", FAILING)
    for more in ((), ("--show-secret",)):
        done = caller.run(*create, *more, status=7)
        assert done.stdout == ""
        assert "the change was made (id 44444444-4444-4444-8444-" in done.stderr
        assert "its secret is lost: abs() takes number, and was given string. " in done.stderr
    for query in ("abs(secret)", "avg([secret])", "sort([secret, `1`])", "join(id, {s: secret})"):
        assert SECRET not in caller.run(*create[:-1], query, status=7).stderr
    rotate = ("clients", "rotate", OLD, "--yes", "--query", FAILING)
    lost = caller.run(*rotate, status=7).stderr
    assert_as_kept("query-failed-secret-lost", lost)
    kept = caller.run(*rotate, "--secret-file", "secret", status=9).stderr
    assert "The secret is in secret.\ngrantory: the change was made" in kept
    assert (caller.folder / "secret").read_text() == SECRET
    assert "lost" not in caller.run(*rotate, "--secret-to", "cat > other", status=9).stderr
    assert (caller.folder / "other").read_text() == SECRET


def test_a_file_that_is_in_the_way_meanwhile_is_told_with_the_client(caller: Caller) -> None:
    def write(asked: Asked) -> None:
        if asked.method == "POST" and asked.path.startswith("/api/"):
            (caller.folder / "secret").write_text("another's")

    caller.cloud.before_answer = write
    given = ("clients", "create", "m", "--grant", "CODE", "--secret-file", "secret")
    done = caller.run(*given, status=7)
    assert (
        f"its secret is lost: secret exists: name another file. grantory clients rotate {MADE}"
        in (done.stderr)
    )
    assert MADE in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert [each.name for each in caller.folder.glob("secret*")] == ["secret"]
    assert (caller.folder / "secret").read_text() == "another's"


def test_what_was_applied_is_told_where_a_query_fails(caller: Caller) -> None:
    (caller.folder / "f.yaml").write_text(FILE)
    query = ("--query", "abs(changes)")
    planned = caller.run("plan", "f.yaml", *query, status=2)
    assert "abs() takes number" in planned.stderr
    assert not [each for each in caller.cloud.changes() if "dryRun" not in each.path]
    given = ("apply", "f.yaml", "--in-order", "--yes", "--secret-dir", "secrets", *query)
    told = caller.run(*given, status=9)
    assert told.stdout == ""
    assert told.stderr.startswith("Done: 3 created, 2 changed, 1 deleted.\n")
    made = {*caller.cloud.divisions, *caller.cloud.roles, *caller.cloud.clients}
    assert all(each in told.stderr for each in made if each.startswith("4"))
    assert "the change was made, but its answer cannot be shown" in told.stderr
    again = caller.run("apply", "f.yaml", "--in-order", "--json", status=0)
    assert json.loads(again.stdout)["same"] == 6


@pytest.mark.parametrize(
    "given", [("clients", "delete", "..", "--yes"), ("token", "revoke", "--user", " ", "--yes")]
)
def test_what_is_no_id_is_wrong_use_and_sends_no_change(
    given: tuple[str, ...], caller: Caller
) -> None:
    assert "is no id" in caller.run(*given, status=2).stderr
    assert not caller.cloud.changes()


@pytest.mark.parametrize("there", [False, True])
def test_a_file_whose_folder_cannot_be_brought_to_disk_has_the_secret(
    there: bool, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", failing_for_folders)
    (caller.folder / "two.yaml").write_text("clients: [{name: a, grant_type: CODE}]\n")
    if there:
        (caller.folder / "secret").write_text("old")
    given = ("clients", "rotate", OLD, "--yes", "--secret-file", "secret")
    for command in (given, ("apply", "two.yaml", "--in-order", "--yes", "--secret-dir", "s")):
        done = caller.run(*command, status=0)
        assert "may be gone after a loss of power" in done.stderr
        assert "lost" not in done.stderr
    assert (caller.folder / "secret").read_text() == SECRET
    assert (caller.folder / "s" / MADE).read_text() == SECRET


def failing_for_folders(descriptor: int) -> None:
    """Takes the place of the system's ``fsync``."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_where_nobody_reads_on_the_change_is_told(cloud: Cloud, tmp_path: Path) -> None:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "grantory", "divisions", "create", "North"],
            env={**kept, **cloud.environment, "HOME": str(tmp_path)},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (
        9,
        f"grantory: the change was made (id {MADE}), but its answer cannot be shown: "
        "[Errno 32] Broken pipe\n",
    )
