"""``grantory roles``: what clients and users of a running server may do."""

from typing import Annotated, Any, Final

import typer

from grantory.cli.prompts import ask, ask_several, chosen_id, confirm
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import Column

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Roles of a running server, and who holds them.",
)
COLUMNS: Final = (
    Column("ID", lambda role: role["id"]),
    Column("NAME", lambda role: role.get("name"), folds=True),
    Column("DESCRIPTION", lambda role: role.get("description"), folds=True, spare=True),
)
GRANTS: Final = (
    Column("ROLE_ID", lambda grant: grant["role"]["id"]),
    Column("ROLE", lambda grant: grant["role"].get("name"), folds=True),
    Column("DIVISION", lambda grant: grant["division"].get("name") or grant["division"]["id"],
           folds=True),
)  # fmt: skip
RoleId = Annotated[
    str | None, typer.Argument(metavar="ROLE_ID", help="The role's id; asked for in a terminal.")
]
Permissions = Annotated[
    list[str] | None,
    typer.Option("--permission", help="Such as oauth:client:view; may be repeated."),
]
Division = Annotated[str, typer.Option("--division", help="The division's id; * is everywhere.")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT_ID", help="The id of the client or user.")]


@app.command("list", cls=ServerCommand)
def list_roles(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", help="Part of the name.")] = None,
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", help="Those that give it; may be repeated."),
    ] = None,
) -> None:
    """Lists the roles.

    Example: grantory roles list --permission oauth:client:add
    """
    session = Session.of(context)
    session.put_list(COLUMNS, session.client.roles.list(name=name, permission=permission or ()))


@app.command("show", cls=ServerCommand)
def show(context: typer.Context, role_id: RoleId = None) -> None:
    """Shows one role with its permissions.

    Example: grantory roles show 7e0d… --query permissionPolicies
    """
    session = Session.of(context)
    wanted = _chosen(session, role_id)
    session.put(session.answer(lambda client: client.roles.get(wanted)))


@app.command("create", cls=ServerCommand)
def create(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="The role's name; asked for in a terminal.")
    ] = None,
    permission: Permissions = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.")
    ] = None,
) -> None:
    """Creates a role.

    Example: grantory roles create report --permission oauth:client:view
    """
    session = Session.of(context)
    wanted = name if name is not None else ask(session, "NAME", "Name of the role")
    if name is None and permission is None:
        permission = ask_several("Permission such as oauth:client:view")
    with session.change():
        made = session.answer(
            lambda client: client.roles.create(
                name=wanted, description=description, permissions=permission or ()
            )
        )
        session.put_made(made)


@app.command("update", cls=ServerCommand)
def update(
    context: typer.Context,
    role_id: RoleId = None,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    permission: Permissions = None,
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.")
    ] = None,
) -> None:
    """Changes what is named, and leaves the rest; permissions are replaced as a whole.

    Example: grantory roles update 7e0d… --permission oauth:client:view
    """
    session = Session.of(context)
    if (name, permission, description) == (None, None, None):
        raise typer.BadParameter("say what to change, such as --name")
    wanted = _chosen(session, role_id)
    fields: dict[str, Any] = {"name": name, "description": description, "permissions": permission}
    with session.change():
        made = session.answer(lambda client: client.roles.update(wanted, **fields))
        session.put_made(made)


@app.command("delete", cls=ServerCommand)
def delete(
    context: typer.Context,
    role_id: RoleId = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a role, and takes it from all who hold it.

    Example: grantory roles delete 7e0d… --yes
    """
    session = Session.of(context)
    wanted = _chosen(session, role_id)
    confirm(session, "All who hold the role lose it. Go on?", yes=yes)
    with session.change() as client:
        client.roles.delete(wanted)
        session.say_made("Deleted.")


@app.command("grants", cls=ServerCommand)
def grants(context: typer.Context, subject: Subject) -> None:
    """Lists the roles that a client or user holds, and where.

    Example: grantory roles grants 3f0c…
    """
    session = Session.of(context)
    found = session.answer(lambda client: client.roles.grants(subject))
    session.put_table(GRANTS, found, found.get("grants") or [])


@app.command("grant", cls=ServerCommand)
def grant(
    context: typer.Context,
    role_id: Annotated[str, typer.Argument(help="The role's id.")],
    subject: Subject,
    division: Division = "*",
    to_client: Annotated[
        bool,
        typer.Option(
            "--to-client", help="The subject is a client; the vendor's cloud wants to know."
        ),
    ] = False,
) -> None:
    """Gives a role to a client or user.

    Example: grantory roles grant 7e0d… 3f0c… --to-client
    """
    session = Session.of(context)
    kind: Any = "PC_OAUTH_CLIENT" if to_client else None
    with session.change() as client:
        client.roles.grant(role_id, subject, division_id=division, subject_type=kind)
        session.say_made("Given.")


@app.command("revoke", cls=ServerCommand)
def revoke(
    context: typer.Context,
    role_id: Annotated[str, typer.Argument(help="The role's id.")],
    subject: Subject,
    division: Division = "*",
) -> None:
    """Takes a role from a client or user.

    Example: grantory roles revoke 7e0d… 3f0c… --division 0b1c…
    """
    session = Session.of(context)
    with session.change() as client:
        client.roles.revoke(role_id, subject, division_id=division)
        session.say_made("Taken.")


def _chosen(session: Session, role_id: str | None) -> str:
    return chosen_id(session, role_id, "role", session.client.roles.list())
