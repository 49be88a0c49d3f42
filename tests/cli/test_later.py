"""Commands whose modules are loaded when they are run."""

import subprocess
import sys

import pytest

from grantory.cli.later import COMMANDS, loaded

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
