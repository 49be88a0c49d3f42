"""The SDK needs an HTTP client and msgspec, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import grantory_sdk

PACKAGE = Path(grantory_sdk.__file__).parent
ALLOWED = sys.stdlib_module_names | {"grantory_sdk", "httpx2", "msgspec"}


def imported(path: Path) -> set[str]:
    """The first parts of the names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports by dots"
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}


def test_who_does_not_await_loads_no_event_loop() -> None:
    program = (
        "import sys, grantory_sdk as s, grantory_sdk.compat\n"
        "print([n for n in ('asyncio', 'http.server', 'webbrowser') if n in sys.modules])\n"
        "print(s.AsyncGrantory.__name__, s.AsyncListing.__name__, s.AuthorizationCode.__name__)\n"
        "print(hasattr(s, 'Nothing'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        "[]",
        "AsyncGrantory AsyncListing AuthorizationCode",
        "False",
    ]


def test_nothing_else_is_imported() -> None:
    found = {path: imported(path) for path in PACKAGE.rglob("*.py")}
    assert len(found) > 50
    assert not {path.name: names - ALLOWED for path, names in found.items() if names - ALLOWED}
