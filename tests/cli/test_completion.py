"""What shells complete: by the words that their scripts hand over, and in a real bash.

The scripts for zsh and fish were tried in zsh 5.9 and fish 3.6; they are kept, so that whoever
changes them, or moves to another version of typer, tries them again.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.snapshot import assert_as_kept
from tests.support.command import quick_command

SHELLS = ("bash", "zsh", "fish", "powershell")
PROFILES = """
[profiles.local]
[profiles.cloud]
[profiles.'a\\$(touch run)']
[profiles.'a`touch run`']
[profiles."a'; touch run; '"]
[profiles.'a b']
"""
CASES: list[tuple[str, set[str]]] = [
    ("grantory clients d", {"delete", "disable"}),
    ("grantory clients create --grant C", {"CODE", "CLIENT-CREDENTIALS"}),
    ("grantory clients list --grant co", {"code"}),
    ("grantory clients list --no", {"--no-input"}),
    ("grantory clients create 'my report' --descr", {"--description"}),
    ("grantory token get --profile ", {"cloud", "local"}),
    ("grantory token get --profile a", set()),
    ("grantory profiles use l", {"local"}),
    ("grantory login --grant c", {"client-credentials", "code"}),
    ("grantory ro", {"roles"}),
    ("grantory clients create --secret-file ", set()),
]


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    file = tmp_path / "profiles.toml"
    file.write_text(PROFILES)
    file.chmod(0o600)
    return file


def handed_over(shell: str, words: str) -> dict[str, str]:
    """The variables that a shell's script sets."""
    asked = {"_GRANTORY_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        count = len(re.findall(r"'[^']*'|\S+", words)) + words.endswith(" ")
        return {**asked, "COMP_WORDS": words, "COMP_CWORD": str(count - 1)}
    if shell == "powershell":
        asked["_TYPER_COMPLETE_WORD_TO_COMPLETE"] = re.split(r"\s", words)[-1]
    return {**asked, "_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}


def values(shell: str, said: str) -> set[str]:
    """What is offered, without the help beside it."""
    if shell == "zsh":
        if said.strip() == "_files":
            return set()
        inside = re.fullmatch(r"_arguments '\*: :\(\((.*)\)\)'\s*", said, re.DOTALL)
        assert inside, said
        return {each.split('"')[1] for each in inside[1].splitlines()}
    parted = {"bash": "\n", "fish": "\t", "powershell": ":::"}[shell]
    return {each.split(parted)[0] for each in said.splitlines() if each}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("words", "wanted"), CASES)
def test_a_shell_completes(
    shell: str, words: str, wanted: set[str], profiles: Path, tmp_path: Path
) -> None:
    environment = {**handed_over(shell, words), "GRANTORY_PROFILES_FILE": str(profiles)}
    done = quick_command("", environment=environment, folder=tmp_path)
    assert values(shell, done.stdout) == wanted
    if shell == "fish":  # is asked first whether there is anything but files
        environment["_TYPER_COMPLETE_FISH_ACTION"] = "is-args"
        asked = quick_command("", environment=environment, folder=tmp_path)
        assert (asked.returncode, asked.stdout) == (0 if wanted else 1, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_are_those_that_were_tried(shell: str, tmp_path: Path) -> None:
    done = quick_command("", environment={"_GRANTORY_COMPLETE": f"source_{shell}"}, folder=tmp_path)
    assert_as_kept(f"completion-{shell}", done.stdout)


def test_a_real_bash_completes(profiles: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "grantory"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m grantory "$@"\n')
    program.chmod(0o755)
    script = """
        source <(_GRANTORY_COMPLETE=source_bash grantory)
        function=$(complete -p grantory | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        COMP_WORDS=(grantory token get --profile '') COMP_CWORD=4
        $function grantory
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-euc", script],
        env={
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "GRANTORY_PROFILES_FILE": str(profiles),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["local", "cloud"], "")
