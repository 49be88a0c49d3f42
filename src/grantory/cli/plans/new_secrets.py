"""Where the secrets of new clients go: each is told once, and none of them is shown."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from grantory.cli.exit_status import ExitStatus
from grantory.cli.prompts import ask, choose
from grantory.cli.secrets_out import ENDED, hand_over
from grantory.cli.session import Session
from grantory.cli.tables import plain
from grantory.errors import SetupError

SecretTo = Annotated[
    str | None,
    typer.Option(
        "--secret-to",
        metavar="COMMAND",
        help="Hand the secret of each new client to the standard input of this shell command, "
        "which finds the client's id in CLIENT_ID and its name in CLIENT_NAME.",
    ),
]
SecretDir = Annotated[
    Path | None,
    typer.Option(
        "--secret-dir",
        help="Write the secret of each new client to a file of this folder, which is called like "
        "the client's id and which you alone can read.",
    ),
]
DiscardSecrets = Annotated[
    bool,
    typer.Option(
        "--discard-secrets",
        help="Drop the secrets of new clients, which public clients have no use for.",
    ),
]
_CHOICES: Final = (
    ("folder", "a file for each in a folder, which you alone can read"),
    ("command", "to the standard input of a command, once for each"),
    ("nowhere", "drop them: public clients need none"),
)
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


class Lost(msgspec.Struct, frozen=True):
    """A secret that did not get where it was to go."""

    name: str
    client_id: str
    why: str


class NewSecrets:
    """Where they go.

    Args:
        where: for people; empty where they go nowhere.
        bring: brings the secret of a client, by its id and name, and tells what went wrong.
        has: tells whether a secret got there, by the client's id, where Ctrl-C ended what was to
            bring it.
    """

    def __init__(
        self,
        where: str,
        bring: Callable[[str, str, str], str],
        has: Callable[[str, str], bool] = lambda _secret, _client_id: False,
    ) -> None:
        self.where = where
        self._bring = bring
        self._has = has
        self.lost: list[Lost] = []
        self._ended = False

    def take(self, secret: str | None, client_id: str, name: str) -> None:
        """Brings a secret where it is to go; what went wrong is kept in ``lost``.

        What a second Ctrl-C ends, and whatever would come after it, is lost.
        """
        why = ENDED
        if not self._ended:
            try:
                why = "none was answered" if not secret else self._bring(secret, client_id, name)
            except KeyboardInterrupt:
                self._ended = True
                if secret and self._has(secret, client_id):
                    why = ""
        if why:
            self.lost.append(Lost(name, client_id, why))

    def tell(self) -> None:
        """Tells of what was lost.

        Raises:
            Exit: if something was.
        """
        for each in self.lost:
            typer.echo(
                f"grantory: the secret of client {plain(each.name)} is lost: {plain(each.why)}\n"
                f"  grantory clients rotate {plain(each.client_id)} makes another",
                err=True,
            )
        if self.lost:
            raise typer.Exit(ExitStatus.SECRET_LOST)


def place_of_secrets(
    session: Session, count: int, command: str | None, folder: Path | None, *, discard: bool
) -> NewSecrets:
    """Finds where the secrets go, and sees that they can, before there is one.

    Args:
        session: of the command.
        count: how many there will be.
        command: what ``--secret-to`` says.
        folder: what ``--secret-dir`` says.
        discard: what ``--discard-secrets`` says.

    Raises:
        BadParameter: if the options say several things, or nothing where nobody can be asked.
        SetupError: if the folder cannot be written to.
    """
    if (command is not None) + (folder is not None) + discard > 1:
        raise typer.BadParameter("only one of --secret-to, --secret-dir, --discard-secrets")
    if count and command is None and folder is None and not discard:
        command, folder = _ask(session, count)
    if not count or (command is None and folder is None):
        return NewSecrets("", lambda _secret, _client_id, _name: "")
    if folder is not None:
        return _in_folder(folder)
    return NewSecrets("handed to the command", _by_command(command or ""))


def _ask(session: Session, count: int) -> tuple[str | None, Path | None]:
    whose = "a new client" if count == 1 else f"{count} new clients"
    if not session.may_ask:
        raise typer.BadParameter(
            f"say where the secret of {whose} goes: --secret-to COMMAND, --secret-dir FOLDER or "
            "--discard-secrets"
        )
    typer.echo(f"The secret of {whose} is told this once. Where is it to go?", err=True)
    number = choose("Where", _CHOICES, 0)
    if number == 0:
        return None, Path(ask(session, "--secret-dir", "Folder"))
    return (ask(session, "--secret-to", "Command"), None) if number == 1 else (None, None)


def _by_command(command: str) -> Callable[[str, str, str], str]:
    def bring(secret: str, client_id: str, name: str) -> str:
        who = {"CLIENT_ID": client_id, "CLIENT_NAME": name}
        return hand_over(secret, command, {each: plain(text) for each, text in who.items()})

    return bring


def _in_folder(folder: Path) -> NewSecrets:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(f"cannot write to {folder}")

    def bring(secret: str, client_id: str, _name: str) -> str:
        # What writes it brings the keys of the store along, for which nobody else is to wait.
        from grantory.cli.whole_file import written_whole

        if not _SAFE_ID.fullmatch(client_id):
            return "its id cannot be the name of a file"
        try:
            with written_whole(folder / client_id, replace=False) as file:
                file.write(secret.encode())
        except SetupError as error:
            if not has(secret, client_id):
                return str(error)
            typer.echo(f"grantory: {plain(error)}", err=True)
        return ""

    def has(secret: str, client_id: str) -> bool:
        from grantory.cli.whole_file import holds

        return holds(folder / client_id, secret.encode())

    return NewSecrets(f"in {folder}", bring, has)
