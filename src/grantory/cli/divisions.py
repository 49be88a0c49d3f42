"""``grantory divisions``: parts of an organisation in which roles are held."""

from typing import Annotated, Final

import typer

from grantory.cli.prompts import ask, chosen_id, confirm
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import Column

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Divisions of a running server, in which roles are held.",
)
COLUMNS: Final = (
    Column("ID", lambda division: division["id"]),
    Column("NAME", lambda division: division.get("name"), folds=True),
    Column("HOME", lambda division: division.get("homeDivision") or None),
    Column("DESCRIPTION", lambda division: division.get("description"), folds=True, spare=True),
)
DivisionId = Annotated[
    str | None,
    typer.Argument(metavar="DIVISION_ID", help="The division's id; asked for in a terminal."),
]


@app.command("list", cls=ServerCommand)
def list_divisions(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", help="Part of the name.")] = None,
) -> None:
    """Lists the divisions.

    Example: grantory divisions list --query "[?homeDivision].id"
    """
    session = Session.of(context)
    session.put_list(COLUMNS, session.client.divisions.list(name=name))


@app.command("show", cls=ServerCommand)
def show(context: typer.Context, division_id: DivisionId = None) -> None:
    """Shows one division.

    Example: grantory divisions show 0b1c…
    """
    session = Session.of(context)
    wanted = _chosen(session, division_id)
    session.put(session.answer(lambda client: client.divisions.get(wanted)))


@app.command("create", cls=ServerCommand)
def create(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="The division's name; asked for in a terminal.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.")
    ] = None,
) -> None:
    """Creates a division.

    Example: grantory divisions create Berlin
    """
    session = Session.of(context)
    wanted = name if name is not None else ask(session, "NAME", "Name of the division")
    with session.change():
        made = session.answer(
            lambda client: client.divisions.create(name=wanted, description=description)
        )
        session.put_made(made)


@app.command("update", cls=ServerCommand)
def update(
    context: typer.Context,
    division_id: DivisionId = None,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.")
    ] = None,
) -> None:
    """Changes what is named, and leaves the rest.

    Example: grantory divisions update 0b1c… --name "Berlin and Potsdam"
    """
    session = Session.of(context)
    if name is None and description is None:
        raise typer.BadParameter("say what to change, such as --name")
    wanted = _chosen(session, division_id)
    with session.change():
        made = session.answer(
            lambda client: client.divisions.update(wanted, name=name, description=description)
        )
        session.put_made(made)


@app.command("delete", cls=ServerCommand)
def delete(
    context: typer.Context,
    division_id: DivisionId = None,
    force: Annotated[bool, typer.Option("--force", help="The grants in it go, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a division.

    Example: grantory divisions delete 0b1c… --yes
    """
    session = Session.of(context)
    wanted = _chosen(session, division_id)
    confirm(session, "The division is deleted. Go on?", yes=yes)
    with session.change() as client:
        client.divisions.delete(wanted, force=force)
        session.say_made("Deleted.")


def _chosen(session: Session, division_id: str | None) -> str:
    return chosen_id(session, division_id, "division", session.client.divisions.list())
