"""What a start does not load: by name, since its time differs from machine to machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grantory.app import LOADED_LATER
from tests.support.databases import fresh_postgres
from tests.support.ports import free_port
from tests.support.server import RunningServer

TOLD = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Lets Python write the name of each module to standard error once it is loaded."""
LINE = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)
NEVER = (
    "alembic",
    "grantory.testing",
    "httpx2",
    "lxml",
    "opentelemetry",
    "rich",
    "signxml",
    "tomllib",
    "yaml",
    "zxcvbn",
)
HTTP = ("grantory.app", "grantory.http", "grantory.observability", "uvicorn", "httptools")
RARE = ("jinja2", "prometheus_client", "cryptography.x509.base")
POSTGRES = ("asyncpg", "greenlet", "sqlalchemy.dialects.postgresql", "grantory.storage.postgres")
SQLITE = ("apsw", "sqlite3", "grantory.storage.sqlite")
STORE = ("sqlalchemy", "grantory.storage", "grantory.node")


def of_these(modules: list[str], unwanted: tuple[str, ...]) -> list[str]:
    return [name for name in modules if name.startswith(tuple(f"{each}." for each in unwanted))
            or name in unwanted]  # fmt: skip


def loaded_by(*arguments: str, status: int = 0, **environment: str) -> list[str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    done = subprocess.run(
        [sys.executable, "-m", "grantory", *arguments],
        env={**kept, **TOLD, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, LINE.sub("", done.stderr).strip()
    return LINE.findall(done.stderr)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_on_sqlite_loads_what_it_needs(workers: int, tmp_path: Path) -> None:
    with RunningServer("--workers", str(workers), environment=TOLD, data_dir=tmp_path) as server:
        server.stop()
        modules = LINE.findall(server.log_text())
    assert not of_these(modules, (*NEVER, *POSTGRES))
    own = [name for name in modules if name.startswith("grantory.") and name not in LOADED_LATER]
    ready = modules.index(own[-1])
    assert "grantory.http.server" in own
    for name in RARE:
        # Nobody asked for it, so that nobody has to wait for it; and workers share it.
        [loaded] = [place for place, module in enumerate(modules) if module == name]
        assert loaded > ready


def test_commands_load_nothing_of_the_server(tmp_path: Path) -> None:
    folder = str(tmp_path)
    unwanted = (*NEVER, *HTTP, *RARE, *POSTGRES)
    assert not of_these(loaded_by("init", "--json", "--data-dir", folder), unwanted)
    modules = loaded_by("keys", "list", "--json", "--data-dir", folder)
    assert "grantory.storage.sqlite.store" in modules
    assert not of_these(modules, tuple(name for name in unwanted if name != "rich"))


def test_who_asks_a_server_loads_neither_server_nor_store() -> None:
    address = {"GRANTORY_URL": f"http://127.0.0.1:{free_port()}"}
    caller = {"GRANTORY_CLIENT_ID": "a", "GRANTORY_CLIENT_SECRET": "b"}
    modules = loaded_by("clients", "list", status=5, **address, **caller)
    assert "httpx2" in modules
    assert not of_these(modules, (*HTTP, *RARE, *POSTGRES, *SQLITE, *STORE))


def test_on_postgresql_nothing_of_sqlite_is_loaded(tmp_path: Path) -> None:
    with fresh_postgres() as url:
        folder = str(tmp_path)
        loaded_by("init", "--json", "--data-dir", folder, "--database-url", url)
        modules = loaded_by("keys", "list", "--json", "--data-dir", folder, "--database-url", url)
    assert "asyncpg" in modules
    assert not of_these(modules, (*SQLITE, *HTTP, *RARE))
