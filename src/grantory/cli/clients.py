"""``grantory clients``: OAuth clients of a running server."""

from typing import Annotated, Any, Final, get_args

import typer

from grantory.cli.client_questions import ask_for_client, role_divisions
from grantory.cli.prompts import chosen_id, confirm
from grantory.cli.secrets_out import (
    HideSecret,
    SecretFile,
    SecretTo,
    ShowSecret,
    Ways,
    chosen_ways,
    make,
)
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import Column
from grantory_sdk.models import ClientState, GrantType

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="OAuth clients of a running server, which grantory login or GRANTORY_URL, "
    "GRANTORY_CLIENT_ID and GRANTORY_CLIENT_SECRET name.",
)
GRANTS: Final = get_args(GrantType)
COLUMNS: Final = (
    Column("ID", lambda client: client["id"]),
    Column("NAME", lambda client: client.get("name"), folds=True),
    Column("GRANT", lambda client: client.get("authorizedGrantType")),
    Column("STATE", lambda client: client.get("state")),
    Column("CREATED", lambda client: (client.get("dateCreated") or "")[:10], spare=True),
)
ClientId = Annotated[
    str | None,
    typer.Argument(metavar="CLIENT_ID", help="The client's id; asked for in a terminal."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]


def grant_types(incomplete: str) -> list[str]:
    """Completes a grant type, in small letters where it was begun so: zsh takes nothing else."""
    found = [grant for grant in GRANTS if grant.startswith(incomplete.upper())]
    return [grant.lower() for grant in found] if incomplete.islower() else found


Grant = Annotated[
    str | None,
    typer.Option(
        "--grant",
        help="CLIENT-CREDENTIALS (the default), CODE, TOKEN, SAML2-BEARER or PASSWORD.",
        autocompletion=grant_types,
    ),
]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="A role id, or role:division; may be repeated."),
]
RedirectUris = Annotated[list[str] | None, typer.Option("--redirect-uri", help="May be repeated.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What its tokens for people are limited to; may be repeated."),
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
TokenSeconds = Annotated[
    int | None, typer.Option("--token-seconds", help="Lifetime of access tokens.")
]
TokenFormat = Annotated[
    str | None,
    typer.Option(
        "--access-token-format",
        help="OPAQUE (the default), or JWT_EDDSA, JWT_ES256, JWT_RS256 to be verified offline.",
    ),
]


@app.command("list", cls=ServerCommand)
def list_clients(
    context: typer.Context,
    name: Annotated[str | None, typer.Option("--name", help="Part of the name.")] = None,
    grant: Annotated[
        str | None,
        typer.Option("--grant", help="Those of a grant type.", autocompletion=grant_types),
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help="active or inactive.")] = None,
    limit: Limit = None,
) -> None:
    """Lists every client, or those that are wanted, which only Grantory tells apart.

    Example: grantory clients list --query "[?state=='inactive'].id"
    """
    session = Session.of(context)
    kind: Any = grant and grant.upper()
    wanted: Any = state
    listing = session.client.oauth_clients.list(
        name=name, authorized_grant_type=kind, state=wanted, page_size=min(limit or 100, 100)
    )
    session.put_list(COLUMNS, listing, limit)


@app.command("show", cls=ServerCommand)
def show(context: typer.Context, client_id: ClientId = None) -> None:
    """Shows one client.

    Example: grantory clients show 3f0c…
    """
    session = Session.of(context)
    wanted = _chosen(session, client_id)
    session.put(session.answer(lambda client: client.oauth_clients.get(wanted)))


@app.command("create", cls=ServerCommand)
def create(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="The client's name; asked for in a terminal.")
    ] = None,
    grant: Grant = None,
    role: Roles = None,
    redirect_uri: RedirectUris = None,
    scope: Scopes = None,
    description: Description = None,
    token_seconds: TokenSeconds = None,
    token_format: TokenFormat = None,
    show_secret: ShowSecret = False,
    secret_file: SecretFile = None,
    secret_to: SecretTo = None,
    hide_secret: HideSecret = False,
) -> None:
    """Creates a client; its secret is told this once. Without a name it asks for everything.

    Example: grantory clients create "nightly export" --role 7e0d…:* --secret-file export.secret
    """
    session = Session.of(context)
    fields = _fields(grant, redirect_uri, scope, description, token_seconds, token_format)
    if name is None:
        fields = ask_for_client(session, fields, role)
    else:
        fields = {"name": name, "authorized_grant_type": "CLIENT-CREDENTIALS", **fields}
        if role:
            fields["role_divisions"] = role_divisions(session, role)
    given = Ways(show_secret, secret_file, secret_to, hide_secret)
    ways = chosen_ways(session, given)
    make(session, ways, lambda client: client.oauth_clients.create(**fields), replace=False)


@app.command("update", cls=ServerCommand)
def update(
    context: typer.Context,
    client_id: ClientId = None,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    grant: Annotated[
        str | None,
        typer.Option("--grant", help="Another grant type.", autocompletion=grant_types),
    ] = None,
    role: Roles = None,
    redirect_uri: RedirectUris = None,
    scope: Scopes = None,
    description: Description = None,
    token_seconds: TokenSeconds = None,
    token_format: TokenFormat = None,
) -> None:
    """Changes what is named, and leaves the rest; an empty text removes a description.

    Example: grantory clients update 3f0c… --token-seconds 600 --description ""
    """
    session = Session.of(context)
    changes = _fields(grant, redirect_uri, scope, description, token_seconds, token_format)
    if name is not None:
        changes["name"] = name
    if not changes and not role:
        raise typer.BadParameter("say what to change, such as --name")
    wanted = _chosen(session, client_id)
    if role:
        changes["role_divisions"] = role_divisions(session, role)
    _update(session, wanted, changes)


@app.command("disable", cls=ServerCommand)
def disable(context: typer.Context, client_id: ClientId = None) -> None:
    """Lets a client get no further tokens (state inactive); grantory clients enable undoes it.

    Example: grantory clients disable 3f0c…
    """
    session = Session.of(context)
    _update(session, _chosen(session, client_id), {"state": "inactive"})


@app.command("enable", cls=ServerCommand)
def enable(context: typer.Context, client_id: ClientId = None) -> None:
    """Lets a client get tokens again (state active).

    Example: grantory clients enable 3f0c…
    """
    session = Session.of(context)
    state: ClientState = "active"
    _update(session, _chosen(session, client_id), {"state": state})


@app.command("rotate", cls=ServerCommand)
def rotate(
    context: typer.Context,
    client_id: ClientId = None,
    yes: Yes = False,
    revoke_tokens: Annotated[
        bool, typer.Option("--revoke-tokens", help="End its tokens, too (Grantory alone).")
    ] = False,
    show_secret: ShowSecret = False,
    secret_file: SecretFile = None,
    secret_to: SecretTo = None,
) -> None:
    """Replaces a client's secret; the old one stops working at once. A file is written over.

    Example: grantory clients rotate 3f0c… --secret-to 'gh secret set OAUTH_SECRET'
    """
    session = Session.of(context)
    wanted = _chosen(session, client_id)
    confirm(session, "The old secret stops working at once. Go on?", yes=yes)
    ways = chosen_ways(session, Ways(show_secret, secret_file, secret_to))
    make(
        session,
        ways,
        lambda client: client.oauth_clients.regenerate_secret(wanted, revoke_tokens=revoke_tokens),
        replace=True,
    )


@app.command("delete", cls=ServerCommand)
def delete(context: typer.Context, client_id: ClientId = None, yes: Yes = False) -> None:
    """Deletes a client for good; its tokens and secrets stop working at once.

    Example: grantory clients delete 3f0c… --yes
    """
    session = Session.of(context)
    wanted = _chosen(session, client_id)
    confirm(session, "The client is deleted for good. Go on?", yes=yes)
    with session.change() as client:
        client.oauth_clients.delete(wanted)
        session.say_made("Deleted.")


def _chosen(session: Session, client_id: str | None) -> str:
    return chosen_id(session, client_id, "client", session.client.oauth_clients.list())


def _update(session: Session, client_id: str, changes: dict[str, Any]) -> None:
    with session.change():
        made = session.answer(lambda client: client.oauth_clients.update(client_id, **changes))
        session.put_made(made)


def _fields(
    grant: str | None,
    redirect_uri: list[str] | None,
    scope: list[str] | None,
    description: str | None,
    token_seconds: int | None,
    token_format: str | None,
) -> dict[str, Any]:
    """Those arguments of the SDK that were given."""
    fields = {
        "authorized_grant_type": grant and grant.upper(),
        "registered_redirect_uri": redirect_uri or None,
        "scope": scope or None,
        "description": description,
        "access_token_validity_seconds": token_seconds,
        "access_token_format": token_format,
    }
    return {name: value for name, value in fields.items() if value is not None}
