"""What a command's exit status says, of those that call a server."""

from enum import IntEnum
from typing import Final


class ExitStatus(IntEnum):
    """Exit statuses; the store's commands and ``serve`` know the first three alone."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    NO_ANSWER = 5
    OUTCOME_UNKNOWN = 6
    SECRET_LOST = 7
    DRIFT = 8
    NOT_SHOWN = 9
    INTERRUPTED = 130


_UNCHANGED: Final = "Nothing was changed, but for what `grantory apply` says was done."
MEANINGS: Final = {
    ExitStatus.DONE: "It is done.",
    ExitStatus.FAILED: "It was refused, or something is missing; the message says what. Nothing "
    "was changed, but for what `grantory apply` and `grantory logout` say was done.",
    ExitStatus.WRONG_USE: "The command was called wrongly. Nothing was changed.",
    ExitStatus.NOT_FOUND: f"There is no such client, role, division or user. {_UNCHANGED}",
    ExitStatus.NOT_ALLOWED: "The credentials are not good, or no longer, or lack a permission. "
    f"{_UNCHANGED}",
    ExitStatus.NO_ANSWER: "The server cannot be reached, is overloaded or failed: later it may go "
    f"well. {_UNCHANGED}",
    ExitStatus.OUTCOME_UNKNOWN: "The answer to a change did not come or could not be read, or a "
    "second Ctrl-C did not wait for it: look whether it was made.",
    ExitStatus.SECRET_LOST: "The change was made, but its secret did not get where it was to go: "
    "`grantory clients rotate` makes another.",
    ExitStatus.DRIFT: "`grantory plan` alone: the server does not have what the file says.",
    ExitStatus.NOT_SHOWN: "The change was made, but its answer could not be shown, for instance as "
    "`--query` wants it or because nobody reads it; the message tells the id where there is one.",
    ExitStatus.INTERRUPTED: "Ctrl-C. What was begun was finished; the rest was not begun.",
}
"""For the reference of commands."""
