"""Commands whose modules are loaded when they are run."""

import subprocess
import sys
from types import ModuleType

import pytest

from grantory.cli import later
from grantory.cli.later import COMMANDS, loaded
from grantory.errors import SetupError

HEAVY = (
    "alembic",
    "apsw",
    "asyncpg",
    "jinja2",
    "lxml",
    "prometheus_client",
    "sqlalchemy",
    "uvicorn",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_itself_says(name: str) -> None:
    command = loaded(name)
    assert command.name == name
    assert command.get_short_help_str(1000) == COMMANDS[name].help


def test_what_needs_the_sdk_says_so_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {gone!r}", name=gone)

    monkeypatch.setattr(later, "import_module", missing)
    gone = "grantory_sdk"
    with pytest.raises(SetupError, match="grantory clients needs the package grantory-sdk"):
        loaded("clients")
    gone = "apsw"
    with pytest.raises(ModuleNotFoundError, match="apsw"):
        loaded("clients")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["clients", "create", "--help"]])
def test_who_asks_for_no_store_loads_no_driver(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from grantory.cli.main import main\n"
        "try:\n    main()\n"
        "finally:\n    print('LOADED', *(name for name in HEAVY if name in sys.modules))\n"
    )
    text = f"HEAVY = {HEAVY!r}\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED"
