"""``grantory keys``: listing, rotating, and replacing the master key, on either database."""

import fcntl
import json
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from grantory.crypto.sealing import MasterKey, new_master_key, read_master_key
from grantory.master_key_file import MasterKeyFile
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer
from tests.support.stores import NamedStore

ME = "/api/v2/tokens/me"
CLIENTS = "/api/v2/oauth/clients"


def set_up(store: NamedStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.good("init", "--json", "--name", "First"))
    return found


def listed(store: NamedStore) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.good("keys", "list", "--json"))
    return found


def serving(fresh_server: FreshServer, store: NamedStore, key: Path | None = None) -> RunningServer:
    environment = {k: v for k, v in store.environment.items() if k != "GRANTORY_DATA_DIR"}
    if key is not None:
        environment["GRANTORY_MASTER_KEY_FILE"] = str(key)
    return fresh_server("--workers", "2", environment=environment, data_dir=store.data)


def test_keys_are_listed_without_what_they_are_made_of(named_store: NamedStore) -> None:
    named_store.refused("keys", "list", said="grantory init")
    first = set_up(named_store)
    [key] = listed(named_store)
    assert key["organization"] == first["organization"]
    assert key["state"] == "signing"
    assert key["expires"] is None
    assert len(bytes.fromhex(key["id"])) == 8
    assert key["algorithm"] is key["signs_from"] is None
    assert set(key) == {
        *("id", "organization", "created", "state", "expires", "algorithm", "signs_from")
    }
    text = named_store.good("keys", "list")
    assert key["id"] in text
    assert "signing" in text


def test_rotating_retires_the_keys_of_the_organisations_that_are_meant(
    named_store: NamedStore,
) -> None:
    set_up(named_store)
    second = json.loads(named_store.good("org", "create", "Second", "--json"))["organization"]
    before = {key["organization"]["name"]: key["id"] for key in listed(named_store)}
    named_store.good("keys", "rotate", "--org", "Second")
    named_store.refused("keys", "rotate", "--org", "Nobody", said="--org")
    states = {key["id"]: key["state"] for key in listed(named_store)}
    assert states[before["First"]] == "signing"
    assert states[before["Second"]] == "retired"
    assert len(states) == 3
    named_store.good("keys", "rotate")
    states = {key["id"]: key["state"] for key in listed(named_store)}
    assert sorted(states.values()) == ["retired"] * 3 + ["signing"] * 2
    assert "retired until 20" in named_store.good("keys", "list")

    named_store.good("keys", "rotate", "--org", second["id"], "--end-tokens")
    of_second = [key for key in listed(named_store) if key["organization"] == second]
    assert [key["state"] for key in of_second] == ["signing"]
    assert of_second[0]["id"] not in states


def test_private_keys_are_listed_and_rotated_beside_the_others(
    file_store: NamedStore, fresh_server: FreshServer
) -> None:
    first = set_up(file_store)["client"]
    server = serving(fresh_server, file_store)
    environment = {
        "GRANTORY_URL": server.url,
        "GRANTORY_CLIENT_ID": first["id"],
        "GRANTORY_CLIENT_SECRET": first["secret"],
    }
    role = server.call(
        "GET", "/api/v2/authorization/roles", token=server.token(first["id"], first["secret"])
    ).json()["entities"][0]["id"]
    create = ("clients", "create", "c", "--role", f"{role}:*", "--access-token-format", "jwt_eddsa")
    made = json.loads(file_store.good(*create, "--json", environment=environment))
    assert made["accessTokenFormat"] == "JWT_EDDSA"
    [key] = [key for key in listed(file_store) if key["algorithm"]]
    assert (key["algorithm"], key["state"], key["expires"]) == ("EdDSA", "signing", None)
    token = server.token(made["id"], made["secret"])

    said = file_store.good("keys", "rotate")
    new = next(key for key in listed(file_store) if key["state"] == "published")
    assert f"key {new['id']} (EdDSA) is published and signs from {new['signs_from']} on." in said
    assert f"signs from {new['signs_from']}" in file_store.good("keys", "list")
    again = file_store.good("keys", "rotate")
    assert f"key {new['id']} (EdDSA) was published already" in again
    assert len([key for key in listed(file_store) if key["algorithm"]]) == 2
    assert server.call("GET", ME, token=token).status == 200

    file_store.good("keys", "rewrap")
    server.restart()
    file_store.good("keys", "rewrap")
    assert server.call("GET", ME, token=token).status == 200
    file_store.good("backup", "store.backup")
    server.stop()
    file_store.good("restore", "--replace", "store.backup")  # which ends every token
    assert [key["algorithm"] for key in listed(file_store)] == [None]
    server.start()
    assert server.call("GET", ME, token=token).status == 401
    assert server.call("GET", ME, token=server.token(made["id"], made["secret"])).status == 200


def test_a_new_master_key_takes_over_without_downtime(
    named_store: NamedStore, fresh_server: FreshServer
) -> None:
    first = set_up(named_store)["client"]
    old = named_store.master_key.read_text()
    server = serving(fresh_server, named_store)
    tokens = [server.token(first["id"], first["secret"])]
    said = named_store.good("keys", "rewrap")
    assert "restart the servers" in said
    both = named_store.master_key.read_text()
    assert both.endswith(old)
    assert len(both.split()) == 2
    assert stat.S_IMODE(named_store.master_key.stat().st_mode) == 0o600

    # Until all have been restarted, whatever is made can be opened by those that were not.
    named_store.good("keys", "rotate")
    named_store.good("org", "create", "Between", "--json")
    time.sleep(named_store.lag)
    tokens += [server.token(first["id"], first["secret"]) for _ in range(10)]
    assert {server.call("GET", ME, token=token).status for token in tokens} == {200}
    server.restart()
    tokens += [server.token(first["id"], first["secret"])]

    with Asking(server, tokens[0]) as asking:
        said = named_store.good("keys", "rewrap")
        time.sleep(named_store.lag)
    assert asking.statuses == {200}
    assert "make a new one now" in said
    new = named_store.master_key.read_text()
    assert new.split() == both.split()[:1]
    assert not set(said.split()) & set(both.split())
    assert {server.call("GET", ME, token=token).status for token in tokens} == {200}
    server.restart()
    assert {server.call("GET", ME, token=token).status for token in tokens} == {200}

    environment = {"GRANTORY_MASTER_KEY": old.strip()}
    said = named_store.refused("keys", "rotate", said="another master key", environment=environment)
    assert old.strip() not in said
    assert {path.name for path in named_store.folder.iterdir()} == {"data"}
    assert not list(named_store.data.glob("*.new"))


class Asking(threading.Thread):
    """Uses a token all the while, and keeps the statuses of the answers."""

    def __init__(self, server: RunningServer, token: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._token = token
        self._stop_wanted = threading.Event()
        self.statuses: set[int] = set()

    def __enter__(self) -> "Asking":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_wanted.set()
        self.join(30)

    def run(self) -> None:
        while not self._stop_wanted.is_set():
            self.statuses.add(self._server.call("GET", ME, token=self._token).status)


def test_a_server_that_was_not_given_the_new_master_key_says_503(
    named_store: NamedStore, fresh_server: FreshServer, tmp_path: Path
) -> None:
    first = set_up(named_store)["client"]
    copy = tmp_path / "copy.key"
    copy.write_bytes(named_store.master_key.read_bytes())
    server = serving(fresh_server, named_store, copy)
    token = server.token(first["id"], first["secret"])
    assert server.call("GET", ME, token=token).status == 200
    before = named_store.master_key.read_bytes()
    named_store.refused("keys", "rewrap", "--at-once", said="has the store open")
    assert named_store.master_key.read_bytes() == before
    assert server.call("GET", ME, token=token).status == 200
    named_store.good("keys", "rewrap")
    assert "no longer in" in named_store.good("keys", "rewrap")
    time.sleep(named_store.lag)
    assert server.call("GET", ME, token=token).status == 503
    asked = server.ask_token(first["id"], first["secret"])
    assert asked.status == 503
    assert b"master key" not in asked.body
    server.wait_for_log("cannot be opened with this master key")
    assert "unexpected failure" not in server.log_text()
    server.stop()
    copy.write_bytes(named_store.master_key.read_bytes())
    server.start()
    assert server.call("GET", ME, token=token).status == 200


def test_an_interrupted_replacement_is_finished_by_the_next_run(named_store: NamedStore) -> None:
    set_up(named_store)
    named_store.good("keys", "rewrap")
    both = named_store.master_key.read_text()
    named_store.good("keys", "rewrap")
    named_store.master_key.write_text(both)  # as if it had been killed before it wrote the file
    named_store.good("keys", "rewrap")
    assert named_store.master_key.read_text().split() == both.split()[:1]
    named_store.good("org", "create", "Second", "--json")


def test_a_backup_from_before_needs_the_old_key_beside_the_new(named_store: NamedStore) -> None:
    set_up(named_store)
    old = named_store.master_key.read_text()
    named_store.good("backup", "old.backup")
    named_store.good("keys", "rewrap", "--at-once")
    keys = listed(named_store)
    named_store.refused("restore", "--replace", "old.backup", said="after the present one")
    assert listed(named_store) == keys
    with named_store.master_key.open("a") as file:
        file.write(old)
    named_store.good("restore", "--replace", "old.backup")
    named_store.good("keys", "rewrap")
    assert old.strip() not in named_store.master_key.read_text()
    named_store.good("org", "create", "Second", "--json")


def test_a_master_key_in_a_variable_is_left_to_whoever_sets_it(file_store: NamedStore) -> None:
    old, new = new_master_key(), new_master_key()
    file_store.good("init", "--json", environment={"GRANTORY_MASTER_KEY": old})
    for arguments in (("keys", "rewrap"), ("keys", "rewrap", "--at-once")):
        said = file_store.refused(
            *arguments, said="run this again", environment={"GRANTORY_MASTER_KEY": old}
        )
        assert old not in said
    both = {"GRANTORY_MASTER_KEY": f"{new},{old}"}
    said = file_store.good("keys", "rewrap", environment=both)
    assert "out of the variable" in said
    assert old not in said
    assert new not in said
    file_store.good("keys", "rotate", environment={"GRANTORY_MASTER_KEY": new})
    assert not file_store.master_key.exists()


def test_two_processes_do_not_replace_the_master_key_at_once(file_store: NamedStore) -> None:
    set_up(file_store)
    before = file_store.master_key.read_bytes()
    folder = os.open(file_store.data, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    file_store.refused("keys", "rewrap", said="another process")
    os.close(folder)
    assert file_store.master_key.read_bytes() == before


def test_the_master_keys_file_keeps_its_mode_and_its_place_behind_a_link(
    file_store: NamedStore,
) -> None:
    set_up(file_store)
    real = file_store.folder / "elsewhere" / "real.key"
    real.parent.mkdir()
    file_store.master_key.rename(real)
    real.chmod(0o640)
    file_store.master_key.symlink_to(real)
    file_store.good("keys", "rewrap", "--at-once")
    assert file_store.master_key.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert MasterKeyFile(real).read().count == 1
    file_store.good("keys", "rotate")


def test_any_of_several_master_keys_opens_and_the_first_seals() -> None:
    one, two, other = (bytes([number]) * 32 for number in range(3))
    before, both = MasterKey(one), MasterKey(two, one)
    sealed = before.seal(b"material", b"context")
    assert both.open(sealed, b"context") == b"material"
    assert MasterKey(two).open(both.seal(b"x", b"c"), b"c") == b"x"
    check = before.check_value()
    assert both.fits(check)
    assert not MasterKey(two, other).fits(check)
    found = both.sealer_of(check)
    assert found is not None
    assert before.open(found.seal(b"y", b"c"), b"c") == b"y"
    assert found.open(both.seal(b"z", b"c"), b"c") == b"z"
    assert MasterKey(two).sealer_of(check) is None


@pytest.mark.parametrize("between", [",", " ", "\n", " ,\n\t", "\r\n"])
def test_master_keys_are_written_beside_each_other(between: str) -> None:
    one, two = new_master_key(), new_master_key()
    assert read_master_key(f" {one}{between}{two}\n").count == 2
    assert read_master_key(f"{one}{between}{one}").count == 1
