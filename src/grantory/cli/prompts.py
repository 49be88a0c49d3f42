"""Questions to people, on standard error, so that standard output holds the answer alone."""

from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from grantory.cli.session import Session
from grantory.cli.tables import plain
from grantory.errors import SetupError
from grantory_sdk import Listing

MOST_SHOWN = 20


def ask(session: Session, option: str, question: str, default: str | None = None) -> str:
    """Asks for a text that was not given.

    Args:
        session: of the command.
        option: the argument that gives it.
        question: to the person.
        default: what no answer stands for.

    Raises:
        BadParameter: where nobody can be asked.
    """
    if not session.may_ask:
        missing(option)
    return str(typer.prompt(question, default=default, err=True, show_default=bool(default)))


def ask_hidden(session: Session, option: str, question: str, *, twice: bool = False) -> str:
    """Asks for a secret, which is not shown while it is written.

    Raises:
        BadParameter: where nobody can be asked.
    """
    if not session.may_ask:
        missing(option)
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))


def ask_several(question: str) -> list[str]:
    """Asks for texts until there is no further one."""
    found: list[str] = []
    while True:
        each = typer.prompt(question, default="", err=True, show_default=False)
        if not each.strip():
            return found
        found.append(each.strip())
        question = "another one, or Enter"


def choose(question: str, choices: Sequence[tuple[str, str]], default: int | None = None) -> int:
    """Lets somebody choose.

    Args:
        question: to the person.
        choices: for each a word and what it is.
        default: the place of what no answer stands for.

    Returns:
        The place of what was chosen, from 0.
    """
    width = max(len(plain(word)) for word, _ in choices)
    for number, (word, what) in enumerate(choices, 1):
        line = f"  {number:>2}  {plain(word):<{width}}  {plain(what)}"
        typer.echo(line.rstrip(), err=True)
    while True:
        given = typer.prompt(
            question, default=None if default is None else str(default + 1), err=True
        ).strip()
        words = [word.casefold() for word, _ in choices]
        if given.casefold() in words:
            return words.index(given.casefold())
        if given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= len(choices):
            return int(given[:9]) - 1
        typer.echo(f"a number from 1 to {len(choices)}, or a word from the list", err=True)


def chosen_id(session: Session, given: str | None, what: str, listing: Listing[Any]) -> str:
    """The id that was given, or that of what somebody chooses.

    Args:
        session: of the command.
        given: the argument.
        what: such as ``client``.
        listing: those that there are.

    Raises:
        BadParameter: where nobody can be asked.
        SetupError: if there is nothing to choose from.
    """
    if given is not None:
        return given
    part = ask(session, f"{what.upper()}_ID", f"Id or part of the name of the {what}").casefold()
    found: list[tuple[str, str]] = []
    for each in listing:
        if part in (each.id, each.name.casefold()):
            return str(each.id)
        if part in each.name.casefold():
            found.append((str(each.id), str(each.name)))
    if not found:
        raise SetupError(f"there is no {what} {part!r}")
    if len(found) > MOST_SHOWN:
        raise SetupError(f"{len(found)} match {part!r}: say more of the name")
    if len(found) == 1:
        return found[0][0]
    return found[choose("Which one", found)][0]


def confirm(session: Session, question: str, *, yes: bool) -> None:
    """Asks before what cannot be undone.

    Args:
        session: of the command.
        question: to the person.
        yes: whether it was answered by ``--yes``.

    Raises:
        SetupError: if the answer is no, or nobody can be asked.
    """
    if yes:
        return
    if not session.may_ask:
        raise SetupError("nothing was changed: say --yes where nobody can be asked")
    if not typer.confirm(question, err=True):
        raise SetupError("nothing was changed")


def missing(option: str) -> NoReturn:
    """Says that something was not given.

    Raises:
        BadParameter: always.
    """
    raise typer.BadParameter("it is missing, and nobody can be asked", param_hint=option)
