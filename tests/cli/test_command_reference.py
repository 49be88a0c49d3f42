"""The reference of commands is what is made from them, and each has an example."""

from typing import Any

import pytest

from grantory.cli.exit_status import MEANINGS, ExitStatus
from grantory.cli.later import COMMANDS, loaded
from tools.command_reference import REFERENCE, reference


def every(command: Any, path: str) -> list[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(path, command)]
    return [found for name, each in inner.items() for found in every(each, f"{path} {name}")]


def test_the_reference_is_as_it_is_made() -> None:
    assert reference() == REFERENCE.read_text("utf-8"), "run make commands"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_with_an_example(name: str) -> None:
    for path, command in every(loaded(name), f"grantory {name}"):
        text, _, example = command.help.partition("Example: ")
        assert text.strip(), path
        assert f"{path} ".strip() in example, path


def test_every_exit_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitStatus)
