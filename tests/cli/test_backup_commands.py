"""``grantory backup``, ``restore`` and ``db recovered``, on either database."""

import fcntl
import json
import os
import pty
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from grantory.crypto.sealing import new_master_key
from grantory.storage.sql.migrations import HEAD
from tests.cli.conftest import FreshStore
from tests.support.backups import lines_of, signed
from tests.support.fixtures import FreshServer
from tests.support.person import Person
from tests.support.server import RunningServer
from tests.support.stores import STORES, NamedStore

CLIENTS = "/api/v2/oauth/clients"
ME = "/api/v2/tokens/me"
BACKUP = "store.backup"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def set_up(store: NamedStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.good("init", "--json"))
    return found


def serving(fresh_server: FreshServer, store: NamedStore) -> RunningServer:
    environment = {k: v for k, v in store.environment.items() if k != "GRANTORY_DATA_DIR"}
    return fresh_server("--workers", "2", environment=environment, data_dir=store.data)


def draft(server: RunningServer, name: str, token: str) -> dict[str, Any]:
    roles = server.call("GET", "/api/v2/authorization/roles", token=token).json()["entities"]
    return {
        "name": name,
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": roles[0]["id"], "divisionId": "*"}],
    }


def make_client(server: RunningServer, name: str, token: str) -> tuple[str, str]:
    made = server.call("POST", CLIENTS, draft(server, name, token), token=token)
    assert made.status == 200, made.body
    return made.json()["id"], made.json()["secret"]


def no_failure(server: RunningServer) -> None:
    assert "unexpected failure" not in server.log_text()
    assert "Traceback" not in server.log_text()


def assert_all_that_ended_is_told(said: str) -> None:
    for words in (
        "All access tokens have ended",
        "Logins, refresh tokens and unused codes have ended",
        "Private keys of JWTs are removed",
    ):
        assert words in said


@pytest.mark.parametrize("kind", sorted(STORES))
def test_a_store_comes_back_on_either_database(fresh_store: FreshStore, kind: str) -> None:
    source, target = fresh_store(), fresh_store(kind)
    set_up(source)
    source.good("org", "create", "Zürich Ltd", "--json")
    said = source.good("backup", BACKUP)
    assert "organizations 2" in said
    assert "master key is not in it" in said
    backup = source.folder / BACKUP
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert {path.name for path in source.folder.iterdir()} == {"data", BACKUP}
    assert "is a whole backup" in source.good("backup", "--check", BACKUP)

    target.data.mkdir()
    target.master_key.write_bytes(source.master_key.read_bytes())
    said = target.good("restore", str(backup))
    assert "organizations 2" in said
    assert_all_that_ended_is_told(said)
    assert "is good again" in said
    assert target.good("db", "current") == f"{HEAD}\n"
    before, after = (json.loads(s.good("keys", "list", "--json")) for s in (source, target))
    assert [key["organization"] for key in after] == [key["organization"] for key in before]
    assert not {key["id"] for key in after} & {key["id"] for key in before}
    target.refused("init", said="set up already")
    target.good("org", "create", "Third Ltd", "--json")  # new rows get numbers of their own
    target.good("db", "check")


def test_a_restored_servers_programs_go_on_with_new_tokens(
    named_store: NamedStore, fresh_server: FreshServer
) -> None:
    first = set_up(named_store)["client"]
    server = serving(fresh_server, named_store)
    token = server.token(first["id"], first["secret"])
    named_store.good("backup", BACKUP)
    server.stop()
    named_store.good("restore", "--replace", BACKUP)
    server.start()
    assert server.call("GET", ME, token=token).status == 401
    token = server.token(first["id"], first["secret"])
    assert server.call("GET", ME, token=token).status == 200
    make_client(server, "after", token)


def test_a_store_that_is_set_up_is_left_alone(named_store: NamedStore) -> None:
    set_up(named_store)
    named_store.good("backup", BACKUP)
    named_store.good("org", "create", "Second", "--json")
    keys = named_store.good("keys", "list", "--json")
    named_store.refused("restore", BACKUP, said="--replace")
    (named_store.folder / "cut.backup").write_bytes(
        (named_store.folder / BACKUP).read_bytes()[:-20]
    )
    for file, said in (
        ("cut.backup", "cut off"),
        ("missing", "cannot read"),
        ("data/master.key", "not a Grantory backup"),
    ):
        named_store.refused("restore", "--replace", file, said=said)
        named_store.refused("backup", "--check", file, said=said)
    other = {"GRANTORY_MASTER_KEY": new_master_key()}
    said = named_store.refused(
        "restore", "--replace", BACKUP, said="another master key", environment=other
    )
    assert other["GRANTORY_MASTER_KEY"] not in said
    assert named_store.good("keys", "list", "--json") == keys


def test_nothing_is_kept_of_a_restore_that_fails_into_a_new_database(
    fresh_store: FreshStore,
) -> None:
    source, target = fresh_store(), fresh_store()
    set_up(source)
    source.good("backup", BACKUP)
    backup = str(source.folder / BACKUP)
    target.refused("restore", backup, said="master key is missing")
    other = {"GRANTORY_MASTER_KEY": new_master_key()}
    target.refused("restore", backup, said="another master key", environment=other)
    assert target.good("db", "current") == "none\n"
    set_up(target)


TABLES_SINCE = (
    *("refusals", "refusal_counters", "login_sessions", "authorization_codes", "token_families"),
    *("authorizations", "identity_providers", "used_assertions"),
)
"""Since revision 0001; they hold no rows."""
COLUMNS_SINCE = {"organizations": 1, "users": 4, "clients": 1, "keys": 1}
"""How many, at the end."""


def without_what_came_since(lines: list[bytes]) -> Iterator[bytes]:
    """The lines of a backup as a program at revision 0001 would have written them."""
    table = ""
    for line in lines:
        found = json.loads(line)
        if isinstance(found, dict) and "table" in found:
            table = found["table"]
            if table in TABLES_SINCE:
                continue
            found["columns"] = found["columns"][: -COLUMNS_SINCE.get(table, 0) or None]
        elif isinstance(found, list):
            found = found[: -COLUMNS_SINCE.get(table, 0) or None]
        changed = json.dumps(found, separators=(",", ":")).encode() + b"\n"
        yield changed if table in COLUMNS_SINCE else line


def test_a_backup_of_an_older_program_is_upgraded(named_store: NamedStore) -> None:
    set_up(named_store)
    named_store.good("backup", BACKUP)
    lines = lines_of((named_store.folder / BACKUP).read_bytes())
    old = lines[0].replace(f'"revision":"{HEAD}"'.encode(), b'"revision":"0001"')
    assert old != lines[0]
    then = list(without_what_came_since(lines[1:]))
    assert len(then) == len(lines) - 1 - len(TABLES_SINCE)
    (named_store.folder / "old.backup").write_bytes(signed([old, *then]))
    named_store.good("restore", "--replace", "old.backup")
    assert named_store.good("db", "current") == f"{HEAD}\n"
    named_store.good("db", "check")
    newer = lines[0].replace(f'"revision":"{HEAD}"'.encode(), b'"revision":"9999"')
    (named_store.folder / "new.backup").write_bytes(signed([newer, *lines[1:]]))
    named_store.refused("restore", "--replace", "new.backup", said="newer program")


def test_a_restore_under_a_running_server_leaves_nothing_stale(
    named_store: NamedStore, fresh_server: FreshServer
) -> None:
    first = set_up(named_store)["client"]
    server = serving(fresh_server, named_store)
    token = server.token(first["id"], first["secret"])
    kept, old_secret = make_client(server, "kept", token)
    named_store.good("backup", BACKUP)
    replaced = server.call("POST", f"{CLIENTS}/{kept}/secret", token=token)
    assert replaced.status == 200
    late, late_secret = make_client(server, "late", token)
    tokens = [token]
    for _ in range(20):  # both workers remember both clients
        tokens += [server.token(kept, replaced.json()["secret"]), server.token(late, late_secret)]
        assert {server.call("GET", ME, token=t).status for t in tokens[-2:]} == {200}

    writer = Writer(server, token)
    with writer:
        named_store.good("restore", "--replace", BACKUP)
        time.sleep(named_store.lag)
        for _ in range(20):
            assert {server.call("GET", ME, token=t).status for t in tokens} == {401}
            assert server.ask_token(late, late_secret).status == 401
            assert server.ask_token(kept, replaced.json()["secret"]).status == 401
            tokens = tokens[:3]
            fresh = server.token(kept, old_secret)
            assert server.call("GET", ME, token=fresh).status == 200
    assert writer.statuses <= {200, 401, 503}
    make_client(server, "after", server.token(first["id"], first["secret"]))
    assert named_store.good("db", "check")
    no_failure(server)


class Writer(threading.Thread):
    """Creates clients all the while, and keeps the statuses of the answers."""

    def __init__(self, server: RunningServer, token: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._token = token
        self._body = draft(server, "written meanwhile", token)
        self._stop_wanted = threading.Event()
        self.statuses: set[int] = set()
        self.made = 0

    def __enter__(self) -> None:
        self.start()
        self.wait_for_more()

    def __exit__(self, *_: object) -> None:
        self._stop_wanted.set()
        self.join(30)

    def wait_for_more(self) -> None:
        """Wait until a further client was made."""
        before, deadline = self.made, time.monotonic() + 10
        while self.made == before:
            assert time.monotonic() < deadline, self.statuses
            time.sleep(0.01)

    def run(self) -> None:
        while not self._stop_wanted.is_set():
            status = self._server.call("POST", CLIENTS, self._body, token=self._token).status
            self.statuses.add(status)
            self.made += status == 200


def test_a_backup_is_of_one_moment_while_a_server_writes(
    fresh_store: FreshStore, fresh_server: FreshServer
) -> None:
    source, target = fresh_store(), fresh_store("sqlite")
    first = set_up(source)["client"]
    server = serving(fresh_server, source)
    writer = Writer(server, server.token(first["id"], first["secret"]))
    with writer:
        for number in range(5):
            source.good("backup", f"{number}.backup")
            writer.wait_for_more()
    assert writer.statuses == {200}
    target.data.mkdir()
    target.master_key.write_bytes(source.master_key.read_bytes())
    for number in range(5):
        backup = source.folder / f"{number}.backup"
        target.good("restore", "--replace", str(backup))
        counts: dict[str, int] = json.loads(lines_of(backup.read_bytes())[-1])["end"]
        assert counts["clients"] == counts["client_secrets"]  # made in one transaction
        # The founding makes three events, and every client one.
        assert counts["audit_events"] == 3 + counts["clients"] - 1


def test_a_file_that_exists_is_not_written_over(file_store: NamedStore) -> None:
    store = file_store
    set_up(store)
    file = store.folder / BACKUP
    file.write_text("precious")
    store.refused("backup", BACKUP, said="--replace")
    store.refused("backup", "data", said="folder")
    store.refused("backup", "missing/file", said="cannot write")
    assert file.read_text() == "precious"
    store.good("backup", "--replace", BACKUP)
    store.good("backup", "--check", BACKUP)


def test_what_a_dead_backup_left_is_written_over_and_what_a_living_one_writes_is_not(
    file_store: NamedStore,
) -> None:
    store = file_store
    set_up(store)
    partial = store.folder / f"{BACKUP}.partial"
    partial.write_bytes(b"half" * 100_000)
    with partial.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        store.refused("backup", BACKUP, said="another process")
        assert partial.stat().st_size == 400_000
    store.good("backup", BACKUP)
    store.good("backup", "--check", BACKUP)
    assert not partial.exists()


def test_nothing_to_back_up_is_no_backup(named_store: NamedStore) -> None:
    named_store.refused("backup", BACKUP, said="not set up")
    named_store.good("db", "upgrade")
    named_store.refused("backup", BACKUP, said="not set up")
    assert not list(named_store.folder.glob("*.backup*"))


def command(store: NamedStore, output: Any) -> subprocess.CompletedProcess[str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    return subprocess.run(
        [sys.executable, "-m", "grantory", "backup", "-"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        cwd=store.folder,
        env={**kept, **store.environment},
        timeout=60,
        check=False,
    )


def test_a_backup_goes_to_standard_output_but_to_no_terminal(file_store: NamedStore) -> None:
    store = file_store
    set_up(store)
    with (store.folder / BACKUP).open("wb") as output:
        done = command(store, output)
    assert done.returncode == 0
    assert "master key is not in it" in done.stderr
    store.good("backup", "--check", BACKUP)
    with Path("/dev/full").open("wb") as full:
        done = command(store, full)
    assert done.returncode == 1
    assert done.stderr.startswith("grantory: cannot write the backup")
    assert done.stderr.count("\n") == 1
    master, slave = pty.openpty()
    done = command(store, slave)
    os.close(slave)
    os.close(master)
    assert done.returncode == 1
    assert "is a terminal" in done.stderr


def test_recovered_ends_all_tokens_and_makes_running_servers_forget(
    named_store: NamedStore, fresh_server: FreshServer
) -> None:
    first = set_up(named_store)["client"]
    server = serving(fresh_server, named_store)
    tokens = [server.token(first["id"], first["secret"]) for _ in range(20)]
    keys = json.loads(named_store.good("keys", "list", "--json"))
    said = named_store.good("db", "recovered")
    assert_all_that_ended_is_told(said)
    time.sleep(named_store.lag)
    assert {server.call("GET", ME, token=token).status for token in tokens} == {401}
    token = server.token(first["id"], first["secret"])
    assert server.call("GET", ME, token=token).status == 200
    [key] = json.loads(named_store.good("keys", "list", "--json"))
    assert key["id"] not in {old["id"] for old in keys}
    no_failure(server)


@pytest.mark.parametrize("command", [("db", "recovered"), ("restore", "--replace", BACKUP)])
def test_everybody_is_logged_out_and_unused_codes_end(
    named_store: NamedStore, fresh_server: FreshServer, command: tuple[str, ...]
) -> None:
    made = set_up(named_store)
    server = serving(fresh_server, named_store)
    token = server.token(made["client"]["id"], made["client"]["secret"])
    back = "https://app.example.com/back"
    app = {"name": "app", "authorizedGrantType": "CODE", "registeredRedirectUri": [back]}
    client = server.call("POST", "/api/v2/oauth/clients", app, token=token).json()
    with Person(server, made["admin"]["email"], made["admin"]["password"]) as person:
        code = person.authorize(client["id"], back)["code"]
        assert not person.is_asked_for_a_password(client["id"], back)
        named_store.good("backup", BACKUP)  # which holds the login and the code
        assert_all_that_ended_is_told(named_store.good(*command))
        time.sleep(named_store.lag)
        assert person.is_asked_for_a_password(client["id"], back)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    form |= {"client_id": client["id"], "client_secret": client["secret"]}
    answer = server.request("POST", "/oauth/token", body=urlencode(form).encode(), headers=FORM)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    no_failure(server)


def test_recovered_needs_a_store_and_its_master_key(named_store: NamedStore) -> None:
    named_store.refused("db", "recovered", said="grantory init")
    set_up(named_store)
    other = {"GRANTORY_MASTER_KEY": new_master_key()}
    named_store.refused("db", "recovered", said="another master key", environment=other)
