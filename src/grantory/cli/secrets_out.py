"""Where a new secret goes: it is told once, and is to meet no screen and no shell history."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final, NamedTuple

import typer

from grantory.cli.exit_status import ExitStatus
from grantory.cli.prompts import ask, choose
from grantory.cli.server_command import tell_that_it_was_made
from grantory.cli.session import NotShown, Session
from grantory.cli.tables import plain
from grantory.cli.uninterrupted import deaf_children
from grantory.errors import SetupError
from grantory_sdk import Grantory

ShowSecret = Annotated[bool, typer.Option("--show-secret", help="Print the secret with the rest.")]
SecretFile = Annotated[
    Path | None,
    typer.Option("--secret-file", help="Write the secret to this file, which you alone can read."),
]
SecretTo = Annotated[
    str | None,
    typer.Option(
        "--secret-to",
        metavar="COMMAND",
        help="Hand the secret to the standard input of this shell command, which finds the "
        "client's id in CLIENT_ID.",
    ),
]
HideSecret = Annotated[
    bool,
    typer.Option("--hide-secret", help="Drop the secret, which a public client has no use for."),
]
ENDED: Final = "Ctrl-C ended what was to bring it"
_SECONDS_TO_END: Final = 2.0
"""For a command that a second Ctrl-C ends."""
_WAYS: Final = (
    ("show", "print it here"),
    ("file", "write it to a file that you alone can read"),
    ("command", "hand it to the standard input of a command"),
    ("nowhere", "drop it: a public client needs none"),
)


class Ways(NamedTuple):
    """What the options say of a secret."""

    show: bool = False
    file: Path | None = None
    command: str | None = None
    hide: bool = False


class SecretPlace:
    """Where a secret goes that is about to be made.

    Args:
        ways: of which one is chosen.
        file: is open already, if it is to go to one.
    """

    def __init__(self, ways: Ways, file: IO[bytes] | None) -> None:
        self._ways = ways
        self._file = file
        self._failed = ""
        self.secret = ""

    def take(self, client: dict[str, Any]) -> dict[str, Any]:
        """Brings the secret of an answer where it is to go.

        Args:
            client: the answer.

        Returns:
            What of it may be shown.
        """
        secret = client.get("secret")
        if not isinstance(secret, str):
            return client
        self.secret = secret
        if self._ways.show:
            return client
        if self._file is not None:
            self._file.write(secret.encode())
        elif self._ways.command is not None:
            who = {"CLIENT_ID": str(client.get("id", ""))}
            self._failed = ENDED
            with contextlib.suppress(KeyboardInterrupt):
                self._failed = hand_over(secret, self._ways.command, who)
        return without_secret(client)

    def left(self, client: dict[str, Any], why: BaseException) -> dict[str, Any]:
        """Sees whether the secret is where it was to go, though something ended its way there.

        Args:
            client: the answer.
            why: what ended it.

        Returns:
            What of the answer may be shown.
        """
        if self._ways.show:
            return client
        if self._ways.file is not None:
            from grantory.cli.whole_file import holds

            if not holds(self._ways.file, self.secret.encode()):
                self._failed = plain(why) or ENDED
            elif isinstance(why, SetupError):
                typer.echo(f"grantory: {plain(why)}", err=True)
        return without_secret(client)

    def show(self, session: Session, client: dict[str, Any]) -> None:
        """Shows what may be shown of the answer, and tells where the secret went.

        Args:
            session: of the command, inside of its change.
            client: what ``take`` returned.

        Raises:
            Exit: if the secret is lost.
            NotShown: if all but the answer is where it was to go.
        """
        queried: str | None = None
        try:
            queried = session.put_made(client)
        except NotShown as error:
            if self._ways.show and self.secret:
                self._failed = plain(error)
            if not self._failed:
                self._tell_the_place()
                raise
            tell_that_it_was_made(error)
        if self._failed:
            who = plain(client.get("id", ""))
            typer.echo(f"grantory: the change was made, but its secret is lost: {self._failed}. "
                       f"grantory clients rotate {who} makes another.", err=True)  # fmt: skip
            raise typer.Exit(ExitStatus.SECRET_LOST)
        if self._ways.show and queried is not None and self.secret not in queried:
            typer.echo("grantory: the secret was not printed, since --query does not ask for it. "
                       "grantory clients rotate makes another.", err=True)  # fmt: skip
        self._tell_the_place()

    def _tell_the_place(self) -> None:
        if self._ways.file is not None:
            typer.echo(f"The secret is in {plain(self._ways.file)}.", err=True)


def without_secret(client: dict[str, Any]) -> dict[str, Any]:
    """A client's answer as it may be shown."""
    return {name: value for name, value in client.items() if name != "secret"}


def chosen_ways(session: Session, ways: Ways) -> Ways:
    """What is to happen to a secret, asked for before there is one.

    Args:
        session: of the command.
        ways: what the options say.

    Raises:
        BadParameter: if they say several things, or nothing where nobody can be asked.
    """
    said = [ways.show, ways.file is not None, ways.command is not None, ways.hide]
    if sum(said) > 1:
        raise typer.BadParameter(
            "only one of --show-secret, --secret-file, --secret-to, --hide-secret"
        )
    if any(said):
        return ways
    if session.for_programs:
        return Ways(show=True)
    if not session.may_ask:
        raise typer.BadParameter(
            "say where the secret goes: --show-secret, --secret-file FILE, --secret-to COMMAND "
            "or --hide-secret"
        )
    typer.echo("The secret is told this once. Where is it to go?", err=True)
    number = choose("Where", _WAYS, 0)
    if number == 1:
        return Ways(file=Path(ask(session, "--secret-file", "File")))
    if number == 2:
        return Ways(command=ask(session, "--secret-to", "Command"))
    return Ways(show=number == 0, hide=number == 3)


@contextmanager
def place_for(ways: Ways, *, replace: bool) -> Iterator[SecretPlace]:
    """Sees that a secret can be brought where it is to go, before it is made.

    Args:
        ways: what is to happen to it.
        replace: whether a file that is there may make way.

    Raises:
        SetupError: if the file cannot be written.
    """
    if ways.file is None:
        yield SecretPlace(ways, None)
        return
    # What writes it brings the keys of the store along, for which nobody else is to wait.
    from grantory.cli.whole_file import written_whole

    if not replace and ways.file.exists():
        raise SetupError(f"{ways.file} exists: name another file")
    with written_whole(ways.file, replace=replace) as file:
        yield SecretPlace(ways, file)


def make(
    session: Session, ways: Ways, call: Callable[[Grantory], object], *, replace: bool
) -> None:
    """Makes a client, or a new secret for one; the secret goes where it is to go.

    Args:
        session: of the command.
        ways: what is to happen to the secret.
        call: makes it.
        replace: whether a file that is there may make way.

    Raises:
        GrantoryError: if it is refused.
        Exit: if the secret is lost.
        NotShown: if the answer alone is.
    """
    with session.change():
        place = SecretPlace(ways, None)
        shown: dict[str, Any] = {}
        try:
            with place_for(ways, replace=replace) as place:
                shown = session.answer(call)
                shown = place.take(shown)
        except (SetupError, KeyboardInterrupt) as error:
            if not place.secret:
                raise
            # The file was good before, and is not any more; or a second Ctrl-C came, for which
            # the answer is there all the same.
            shown = place.left(shown, error)
        place.show(session, shown)


def hand_over(secret: str, command: str, who: dict[str, str]) -> str:
    """Gives a secret to the standard input of a command, which Ctrl-C does not end.

    Args:
        secret: what it gets.
        command: for the person's own shell.
        who: variables that it gets besides.

    Returns:
        What went wrong; nothing if nothing did.

    Raises:
        KeyboardInterrupt: if somebody asked for it a second time; the command was ended.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        with deaf_children():
            process = subprocess.Popen(  # noqa: S602 - the person's own, for their own shell
                command, shell=True, stdin=subprocess.PIPE, stdout=2, env={**os.environ, **who}
            )
        process.communicate(secret.encode())
    except OSError as error:
        return f"the command cannot be run: {error.strerror}"
    except KeyboardInterrupt:
        if process is not None:
            _end(process)
        raise
    return f"the command ended with status {process.returncode}" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    process.terminate()
    try:
        process.wait(_SECONDS_TO_END)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
