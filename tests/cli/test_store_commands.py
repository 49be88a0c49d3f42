"""The commands that open the store themselves: init, org, admin, db, config."""

import json
import os
import pty
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from grantory.crypto.sealing import new_master_key
from grantory.storage.sql.migrations import HEAD
from tests.support.command import quick_command
from tests.support.fixtures import FreshServer
from tests.support.server import command_line

FOUNDING = {
    "organization": {"id", "name"},
    "admin": {"email", "password"},
    "client": {"id", "secret"},
}


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    if arguments[0] == "serve":
        return command_line(*arguments, environment=environment, folder=folder)
    return quick_command(*arguments, environment=environment, folder=folder)


def good(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def refused(result: subprocess.CompletedProcess[str], *said: str) -> str:
    """Check for exit status 1 and one plain sentence; returns it."""
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert result.stdout == ""
    assert result.stderr.startswith("grantory: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for words in said:
        assert words in result.stderr
    return result.stderr


def founding(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(text)
    assert {name: set(part) for name, part in found.items()} == FOUNDING
    assert found["client"]["secret"].startswith("gcs_")
    assert len(found["admin"]["password"]) >= 20
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, str]]]:
    """A folder whose data directory was set up by ``init --json``."""
    folder = tmp_path_factory.mktemp("made")
    text = good(run("init", "--json", "--name", "Example Ltd", folder=folder))
    return folder, founding(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_prints_the_credentials_as_json_and_writes_no_such_file(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, found = made
    assert found["organization"]["name"] == "Example Ltd"
    assert found["admin"]["email"] == "admin@grantory.local"
    data = folder / "grantory-data"
    assert {path.name for path in data.iterdir()} == {
        "grantory.db",
        "grantory.db-turn",
        "master.key",
    }
    assert mode(data) == 0o700
    assert {mode(path) for path in data.iterdir()} == {0o600}
    text = b"".join(path.read_bytes() for path in data.iterdir())
    assert found["client"]["secret"].encode() not in text
    assert found["admin"]["password"].encode() not in text
    assert found["client"]["id"].encode() in text


def test_init_on_a_store_that_is_set_up_refuses_and_changes_nothing(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, _ = made
    before = {p.name: p.read_bytes() for p in (folder / "grantory-data").iterdir()}
    for arguments in (("init",), ("init", "--json")):
        refused(run(*arguments, folder=folder), "set up already", "nothing was changed")
    assert {p.name: p.read_bytes() for p in (folder / "grantory-data").iterdir()} == before


def test_init_into_a_pipe_or_file_leaves_the_credentials_to_a_file(tmp_path: Path) -> None:
    said = good(run("init", "--data-dir", "d", folder=tmp_path))
    file = tmp_path / "d" / "first-start.json"
    assert str(file) in said
    assert mode(file) == 0o600
    found = founding(file.read_text("utf-8"))
    assert found["client"]["secret"] not in said
    assert found["admin"]["password"] not in said


def test_init_prints_commands_that_use_the_credentials_on_a_terminal(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "grantory", "init", "--data-dir", "d"]
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        cwd=tmp_path,
        env={**kept, "GRANTORY_PORT": "9123"},
        check=True,
        timeout=60,
    )
    assert done.returncode == 0
    text = os.read(master, 65_536).decode()
    os.close(slave)
    os.close(master)
    assert not (tmp_path / "d" / "first-start.json").exists()
    assert "curl -s -u " in text
    assert "http://127.0.0.1:9123/oauth/token" in text
    assert "http://127.0.0.1:9123/api/v2/oauth/clients" in text
    assert "gcs_" in text
    assert (tmp_path / "d" / "grantory.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", " "),
        ("--name", "x" * 201),
        ("--name", "a\nb"),
        ("--email", "nobody"),
        ("--email", "a b@example.com"),
        ("--database-url", "postgresql://x/y"),
    ],
)
def test_init_refuses_bad_values_before_it_makes_anything(
    tmp_path: Path, arguments: tuple[str, str]
) -> None:
    refused(run("init", *arguments, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_database_elsewhere_is_made_there(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'deep' / 'store.db'}"
    good(run("init", "--json", "--database-url", address, folder=tmp_path))
    assert mode(tmp_path / "deep" / "store.db") == 0o600
    assert mode(tmp_path / "deep") == 0o700
    assert mode(tmp_path / "grantory-data" / "master.key") == 0o600


def test_a_further_organisation_answers_likewise(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, first = made
    arguments = ("org", "create", "Second Ltd", "--email", "ops@example.com", "--json")
    found = founding(good(run(*arguments, folder=folder)))
    assert found["organization"]["name"] == "Second Ltd"
    assert found["admin"]["email"] == "ops@example.com"
    assert found["organization"]["id"] != first["organization"]["id"]
    refused(run("org", "create", "SECOND LTD", folder=folder), "exists already")
    said = good(run("org", "create", "Third Ltd", folder=folder))
    (file,) = (folder / "grantory-data").glob("credentials-*.json")
    assert str(file) in said
    assert founding(file.read_text("utf-8"))["organization"]["name"] == "Third Ltd"
    file.unlink()


def test_an_administrator_is_recovered_and_the_credentials_work(
    tmp_path: Path, fresh_server: FreshServer
) -> None:
    data = tmp_path / "grantory-data"
    first = founding(good(run("init", "--json", folder=tmp_path)))
    found = founding(good(run("admin", "recover", "--json", folder=tmp_path)))
    assert found["organization"] == first["organization"]
    assert found["admin"]["email"] == first["admin"]["email"]
    assert found["admin"]["password"] != first["admin"]["password"]
    assert found["client"]["id"] != first["client"]["id"]
    second = founding(good(run("org", "create", "Second", "--json", folder=tmp_path)))
    several = refused(run("admin", "recover", folder=tmp_path), "--org")
    assert "Second" in several
    assert first["organization"]["id"] in several
    refused(run("admin", "recover", "--org", "Nobody", folder=tmp_path), "--org")
    for name in ("Second", second["organization"]["id"]):
        again = good(run("admin", "recover", "--org", name, "--json", folder=tmp_path))
        assert founding(again)["organization"]["id"] == second["organization"]["id"]
    other = run(
        "admin",
        "recover",
        "--org",
        "Grantory",
        "--email",
        "new@example.com",
        "--json",
        folder=tmp_path,
    )
    server = fresh_server(data_dir=data)
    for credentials in (first, found, founding(good(other)), second):
        client = credentials["client"]
        assert server.ask_token(client["id"], client["secret"]).status == 200
    assert not (data / "first-start.json").exists()


@pytest.mark.parametrize("command", [("org", "create", "x"), ("admin", "recover")])
def test_commands_on_a_store_that_is_not_set_up_say_what_to_do(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    refused(run(*command, folder=tmp_path), "grantory init")
    assert list(tmp_path.iterdir()) == []


def test_another_master_key_is_refused_by_every_command(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, _ = made
    other = new_master_key()
    for command in (
        ("serve", "--port", "0"),
        ("org", "create", "y"),
        ("admin", "recover"),
        ("init",),
    ):
        said = refused(
            run(*command, folder=folder, GRANTORY_MASTER_KEY=other), "another master key"
        )
        assert other not in said


@pytest.mark.parametrize("key", ["short", "x" * 44, "é", "AAAA", " "])
def test_a_master_key_that_is_none_is_refused_and_not_repeated(
    made: tuple[Path, dict[str, dict[str, str]]], key: str
) -> None:
    said = refused(run("serve", "--port", "0", folder=made[0], GRANTORY_MASTER_KEY=key), "32 bytes")
    assert key not in said or key == " "


def test_a_missing_master_key_is_refused_and_none_is_made(tmp_path: Path) -> None:
    good(run("init", "--json", folder=tmp_path))
    key = tmp_path / "grantory-data" / "master.key"
    kept = key.read_bytes()
    key.unlink()
    for command in (
        ("serve", "--port", "0"),
        ("org", "create", "y"),
        ("admin", "recover"),
        ("init",),
    ):
        refused(run(*command, folder=tmp_path), "master key is missing", "GRANTORY_MASTER_KEY_FILE")
        assert not key.exists()
    (tmp_path / "copy.key").write_bytes(kept)
    environment = {"GRANTORY_MASTER_KEY_FILE": "copy.key"}
    good(run("org", "create", "y", folder=tmp_path, **environment))
    good(run("org", "create", "z", folder=tmp_path, GRANTORY_MASTER_KEY=kept.decode().strip()))


def test_a_master_key_that_cannot_be_read_is_refused(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, _ = made
    refused(
        run("serve", "--port", "0", folder=folder, GRANTORY_MASTER_KEY_FILE="."), "cannot be read"
    )


def test_db_tells_and_brings_the_revision(tmp_path: Path) -> None:
    assert good(run("db", "current", folder=tmp_path)) == "none\n"
    assert list(tmp_path.iterdir()) == []
    refused(run("db", "check", folder=tmp_path), "nothing")
    assert f"from nothing to {HEAD}" in good(run("db", "upgrade", folder=tmp_path))
    assert f"at {HEAD} already" in good(run("db", "upgrade", folder=tmp_path))
    assert good(run("db", "current", folder=tmp_path)) == f"{HEAD}\n"
    assert "is whole" in good(run("db", "check", folder=tmp_path))


def test_a_store_with_tables_alone_can_still_be_set_up(tmp_path: Path) -> None:
    good(run("db", "upgrade", folder=tmp_path))
    founding(good(run("init", "--json", folder=tmp_path)))


def test_db_check_finds_damage(tmp_path: Path) -> None:
    good(run("init", "--json", folder=tmp_path))
    file = tmp_path / "grantory-data" / "grantory.db"
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ix_clients_listing'")
    refused(run("db", "check", folder=tmp_path), "damaged")


def test_lists_that_are_wrong_are_found_and_made_anew(tmp_path: Path) -> None:
    good(run("init", "--json", folder=tmp_path))
    good(run("db", "upgrade", folder=tmp_path))  # puts the first client into its list
    assert "is whole" in good(run("db", "check", folder=tmp_path))
    file = tmp_path / "grantory-data" / "grantory.db"
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("DELETE FROM list_entries")
    refused(run("db", "check", folder=tmp_path), "has 0 clients, and not 1", "relist")
    assert "1 clients were put into lists" in good(run("db", "relist", folder=tmp_path))
    assert "is whole" in good(run("db", "check", folder=tmp_path))


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    good(run("init", "--json", folder=tmp_path))
    file = tmp_path / "grantory-data" / "grantory.db"
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (
        ("serve", "--port", "0"),
        ("init",),
        ("org", "create", "x"),
        ("admin", "recover"),
    ):
        refused(run(*command, folder=tmp_path), "9999", HEAD)
    refused(run("db", "upgrade", folder=tmp_path), "newer")
    refused(run("db", "check", folder=tmp_path), "9999")
    assert good(run("db", "current", folder=tmp_path)) == "9999\n"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "grantory-data").mkdir()
    (tmp_path / "grantory-data" / "grantory.db").write_text("this is no database" * 100)
    for command in (
        ("serve", "--port", "0"),
        ("db", "check"),
        ("db", "current"),
        ("db", "upgrade"),
    ):
        refused(run(*command, folder=tmp_path), "cannot open")


def test_config_shows_every_value_and_masks_the_secret(tmp_path: Path) -> None:
    (tmp_path / "grantory.toml").write_text("[http]\napi_prefix = '/api'\n")
    environment = {"GRANTORY_MASTER_KEY": "hidden-key", "GRANTORY_HOST": "192.0.2.1"}
    shown = good(run("config", "show", "--config", "grantory.toml", folder=tmp_path, **environment))
    assert 'master_key = "****"' in shown
    assert "hidden-key" not in shown
    assert 'host = "192.0.2.1"' in shown
    assert 'http.api_prefix = "/api"' in shown
    assert "GRANTORY_HTTP_API_PREFIX" in shown
    as_json: dict[str, Any] = json.loads(
        good(run("config", "show", "--json", folder=tmp_path, **environment))
    )
    assert as_json["master_key"] == "****"
    assert as_json["port"] == 8080
    assert as_json["http.api_prefix"] == ""


def test_an_unknown_variable_is_a_warning_on_standard_error(tmp_path: Path) -> None:
    result = run("config", "show", "--json", folder=tmp_path, GRANTORY_PROT="1")
    assert result.returncode == 0
    assert "warning: unknown variable GRANTORY_PROT; did you mean GRANTORY_PORT?" in result.stderr
    assert json.loads(result.stdout)["port"] == 8080


def test_a_bad_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "grantory.toml").write_text("prot = 1")
    refused(
        run("config", "show", "--config", "grantory.toml", folder=tmp_path), "did you mean port"
    )


def test_an_unknown_flag_names_the_nearest(tmp_path: Path) -> None:
    result = run("serve", "--prot", "1", folder=tmp_path)
    assert result.returncode == 2
    assert "--port" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_command_has_help_and_the_program_a_version(tmp_path: Path) -> None:
    assert good(run("--version", folder=tmp_path)).startswith("grantory ")
    shown = good(run("--help", folder=tmp_path))
    for command in (
        "serve",
        "init",
        "org",
        "admin",
        "db",
        "config",
        "clients",
        "token",
        "refusals",
    ):
        assert command in shown
    assert run("bogus", folder=tmp_path).returncode == 2


def test_a_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(run("init", "--data-dir", "file/data", folder=tmp_path), "cannot create")
    assert os.listdir(tmp_path) == ["file"]


def test_org_scopes_shows_and_sets_what_is_enforced(
    made: tuple[Path, dict[str, dict[str, str]]],
) -> None:
    folder, found = made
    own = found["organization"]["id"]
    on = "Example Ltd: scopes limit what users' tokens may do.\n"
    off = "Example Ltd: scopes do not limit what users' tokens may do.\n"
    assert good(run("org", "scopes", "Example Ltd", folder=folder)) == off
    assert good(run("org", "scopes", "Example Ltd", "--enforce", folder=folder)) == on
    assert good(run("org", "scopes", own, folder=folder)) == on
    assert good(run("org", "scopes", own, "--no-enforce", folder=folder)) == off
    refused(run("org", "scopes", "Nobody", "--enforce", folder=folder), "Example Ltd")
    data = folder / "grantory-data" / "grantory.db"
    with closing(apsw.Connection(str(data))) as connection:
        events = connection.execute(
            "SELECT changes FROM audit_events WHERE entity_type = 'Organization'"
            " AND action = 'Update' ORDER BY at, id"
        ).fetchall()
    assert [json.loads(str(text))[0]["property"] for (text,) in events] == ["enforces_scopes"] * 2
