"""``grantory users``: people who log in at a running server."""

import sys
from typing import Annotated, Any, Final

import typer

from grantory.cli.prompts import ask, ask_hidden, chosen_id, confirm
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import Column

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Users of a running server: people who log in.",
)
COLUMNS: Final = (
    Column("ID", lambda user: user["id"]),
    Column("NAME", lambda user: user.get("name"), folds=True),
    Column("EMAIL", lambda user: user.get("email"), folds=True),
    Column("STATE", lambda user: user.get("state"), spare=True),
)
_LONGEST: Final = 4096
UserId = Annotated[
    str | None, typer.Argument(metavar="USER_ID", help="The user's id; asked for in a terminal.")
]
PasswordFromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command("list", cls=ServerCommand)
def list_users(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option("--state", help="active (the default), inactive or any.")
    ] = None,
) -> None:
    """Lists the users.

    Example: grantory users list --state any
    """
    session = Session.of(context)
    session.put_list(COLUMNS, session.client.users.list(state=state))


@app.command("show", cls=ServerCommand)
def show(context: typer.Context, user_id: UserId = None) -> None:
    """Shows one user.

    Example: grantory users show 51aa…
    """
    session = Session.of(context)
    wanted = _chosen(session, user_id)
    session.put(session.answer(lambda client: client.users.get(wanted)))


@app.command("me", cls=ServerCommand)
def me(context: typer.Context) -> None:
    """Shows the user who has logged in.

    Example: grantory users me --query email
    """
    session = Session.of(context)
    session.put(session.answer(lambda client: client.users.me()))


@app.command("create", cls=ServerCommand)
def create(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="The user's name; asked for in a terminal.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="The e-mail address.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The title.")] = None,
    department: Annotated[str | None, typer.Option("--department", help="The department.")] = None,
    division: Annotated[
        str | None,
        typer.Option("--division", help="The id of their division; by default the home division."),
    ] = None,
    password_stdin: PasswordFromInput = False,
) -> None:
    """Creates a user, who can log in once a password is set.

    Example: grantory users create "Ada Lovelace" --email ada@example.com
    """
    session = Session.of(context)
    wanted = name if name is not None else ask(session, "NAME", "Name of the user")
    address = email if email is not None else ask(session, "--email", "E-mail address")
    fields: dict[str, Any] = {"title": title, "department": department}
    if password_stdin:
        fields["password"] = _password(session)
    if division is None and session.is_vendors:  # which takes nobody without one
        division = session.client.divisions.home().id
    with session.change():
        made = session.answer(
            lambda client: client.users.create(
                name=wanted, email=address, division_id=division, **fields
            )
        )
        session.put_made(made)


@app.command("update", cls=ServerCommand)
def update(
    context: typer.Context,
    user_id: UserId = None,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="The new e-mail address.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The title.")] = None,
    department: Annotated[str | None, typer.Option("--department", help="The department.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="active or inactive.")] = None,
) -> None:
    """Changes what is named, and leaves the rest; an empty text is removed.

    Example: grantory users update 51aa… --state inactive
    """
    session = Session.of(context)
    fields = {
        "name": name,
        "email": email,
        "title": title,
        "department": department,
        "state": state,
    }
    changes: dict[str, Any] = {name: text for name, text in fields.items() if text is not None}
    if not changes:
        raise typer.BadParameter("say what to change, such as --name")
    wanted = _chosen(session, user_id)
    with session.change() as client:
        version = client.users.get(wanted).version
        made = session.answer(
            lambda client: client.users.update(wanted, version=version, **changes)
        )
        session.put_made(made)


@app.command("password", cls=ServerCommand)
def password(
    context: typer.Context, user_id: UserId = None, password_stdin: PasswordFromInput = False
) -> None:
    """Sets a user's password, and ends their tokens.

    Example: pass show ada | grantory users password 51aa… --password-stdin
    """
    session = Session.of(context)
    wanted = _chosen(session, user_id)
    if password_stdin:
        new = _password(session)
    else:
        new = ask_hidden(session, "--password-stdin", "New password", twice=True)
    with session.change() as client:
        client.users.set_password(wanted, new)
        session.say_made("The password is set.")


@app.command("delete", cls=ServerCommand)
def delete(
    context: typer.Context,
    user_id: UserId = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a user, and ends their tokens.

    Example: grantory users delete 51aa… --yes
    """
    session = Session.of(context)
    wanted = _chosen(session, user_id)
    confirm(session, "The user is deleted. Go on?", yes=yes)
    with session.change() as client:
        client.users.delete(wanted)
        session.say_made("Deleted.")


def _password(session: Session) -> str:
    if session.may_ask:
        return ask_hidden(session, "--password-stdin", "Password", twice=True)
    given = sys.stdin.read(_LONGEST).rstrip("\r\n")
    if not given:
        raise typer.BadParameter("standard input is empty", param_hint="--password-stdin")
    return given


def _chosen(session: Session, user_id: str | None) -> str:
    return chosen_id(session, user_id, "user", session.client.users.list(state="any"))
