"""Writes the reference of commands from the commands: ``python -m tools.command_reference``.

``docs/commands.md`` is committed; tests/cli holds both together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from grantory.cli.exit_status import MEANINGS
from grantory.cli.later import COMMANDS, loaded
from grantory.cli.server_command import LocalCommand, ServerCommand

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "commands.md"
HEAD: Final = """# Reference of commands

Made from the commands by `make commands`; [the guide to the terminal](guides/terminal.md) is where
to begin. `grantory COMMAND --help` says the same.

## Exit statuses
| status | what it says |
|---|---|
"""
BETWEEN: Final = """
The commands that work on the store, and `serve`, know 0, 1, 2 and 130 alone.

"""
_UNTOLD: Final = frozenset({"help", "install_completion", "show_completion"})


def reference() -> str:
    """The reference as it should be."""
    statuses = "".join(f"| {status.value} | {text} |\n" for status, text in MEANINGS.items())
    shared = [each for each in ServerCommand("x").params if each.name not in _UNTOLD]
    lines = [
        HEAD.strip() + "\n" + statuses + BETWEEN.rstrip() + "\n",
        "## Options of all commands that call a server\n",
        *_options(shared),
    ]
    for name in COMMANDS:
        lines += [*_told(loaded(name), f"grantory {name}", shared, 2)]
    return "\n".join(lines).rstrip() + "\n"


def _told(command: Any, path: str, shared: list[Any], depth: int) -> Iterator[str]:
    yield f"{'#' * depth} {path}\n"
    if hasattr(command, "commands"):
        yield f"{command.help}\n"
        for name, each in command.commands.items():
            yield from _told(each, f"{path} {name}", shared, depth + 1)
        return
    text, _, example = (command.help or "").partition("Example: ")
    yield f"{text.strip()}\n"
    if example:
        yield f"```text\n{example.strip()}\n```\n"
    without = command.without if isinstance(command, ServerCommand) else ()
    of_all = {each.name for each in shared if each.name not in without}
    server = isinstance(command, ServerCommand)
    own = [
        each
        for each in command.params
        if each.name not in _UNTOLD and not (server and each.name in of_all)
    ]
    yield from _options(own)
    if server:
        yield f"Takes {_of_all(command, without, shared)}, too.\n"


def _of_all(command: Any, without: tuple[str, ...], shared: list[Any]) -> str:
    if isinstance(command, LocalCommand):
        return "`--json`, `--query` and `--no-input`"
    lacking = " and ".join(f"`{each.opts[0]}`" for each in shared if each.name in without)
    names = "the options of all commands that call a server"
    return f"{names} but {lacking}" if lacking else names


def _options(params: list[Any]) -> Iterator[str]:
    if not params:
        return
    rows = ["| | |", "|---|---|"]
    for each in params:
        if isinstance(each, typer.core.TyperArgument):
            name = each.metavar or (each.name or "").upper()
        else:
            longest = [*each.opts, *each.secondary_opts]
            name = ", ".join(longest) + ("" if each.is_flag else f" {_kind(each)}")
        rows.append(f"| `{name}` | {(each.help or '').replace('|', 'or')} |")
    yield "\n".join([*rows, ""])


def _kind(param: Any) -> str:
    return str(param.metavar or param.type.name.upper())


def main() -> None:
    """Write the reference."""
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
