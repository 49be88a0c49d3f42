"""The passwords that are tried first, as counted in what was stolen elsewhere."""

from functools import cache
from importlib import import_module
from typing import Final

from grantory.domain.password import LEAST_CHARACTERS, normal_password

_LISTS: Final = "zxcvbn.frequency_lists"


@cache
def common_passwords() -> frozenset[str]:
    """Returns them, case-folded; those alone that are long enough to be chosen at all.

    The first call reads them, which takes some hundredths of a second: let a thread do it.
    """
    # Not imported above: most processes, and every command, never ask.
    found: list[str] = import_module(_LISTS).FREQUENCY_LISTS["passwords"]
    folded = (normal_password(password).casefold() for password in found)
    return frozenset(password for password in folded if len(password) >= LEAST_CHARACTERS)
