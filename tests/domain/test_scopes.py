"""The names of the scopes are the platform's: those of platform_scopes.txt, which says whence."""

from pathlib import Path

from grantory.domain.scopes import SCOPES

PINNED = Path(__file__).with_name("platform_scopes.txt")


def test_the_scopes_are_those_of_the_platform() -> None:
    lines = PINNED.read_text("ascii").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names)) == 136
    assert list(SCOPES) == sorted(names)
