"""``grantory authorizations``: what clients were allowed to do for people."""

from typing import Annotated, Final

import typer

from grantory.cli.prompts import confirm
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import Column

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="What clients of a running server were allowed to do for people.",
)
COLUMNS: Final = (
    Column("CLIENT_ID", lambda each: each["client"]["id"]),
    Column("NAME", lambda each: each["client"].get("name"), folds=True),
    Column("STATE", lambda each: each.get("state")),
    Column("SCOPE", lambda each: each.get("scope"), folds=True, spare=True),
)
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id.")]


@app.command("list", cls=ServerCommand)
def list_authorizations(context: typer.Context) -> None:
    """Lists what clients were allowed to do.

    Example: grantory authorizations list --json
    """
    session = Session.of(context)
    session.put_list(COLUMNS, session.client.authorizations.list())


@app.command("show", cls=ServerCommand)
def show(context: typer.Context, client_id: ClientId) -> None:
    """Shows what one client was allowed to do.

    Example: grantory authorizations show 3f0c…
    """
    session = Session.of(context)
    session.put(session.answer(lambda client: client.authorizations.get(client_id)))


@app.command("approve", cls=ServerCommand)
def approve(
    context: typer.Context,
    client_id: ClientId,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="What it may do; may be repeated; all by default."),
    ] = None,
) -> None:
    """Lets a client act for people without asking them (Grantory alone).

    Example: grantory authorizations approve 3f0c… --scope users:readonly
    """
    session = Session.of(context)
    with session.change():
        made = session.answer(
            lambda client: client.authorizations.approve(client_id, scope=scope or None)
        )
        session.put_made(made)


@app.command("revoke", cls=ServerCommand)
def revoke(
    context: typer.Context,
    client_id: ClientId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Takes back what was allowed to a client, and ends its tokens (Grantory alone).

    Example: grantory authorizations revoke 3f0c… --yes
    """
    session = Session.of(context)
    confirm(session, "The client's tokens for people end. Go on?", yes=yes)
    with session.change() as client:
        client.authorizations.revoke(client_id)
        session.say_made("Taken back.")
