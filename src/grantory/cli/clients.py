"""``grantory clients``: OAuth clients of a running server."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grantory.cli.options import AsJson
from grantory.cli.server_api import CLIENTS, server_api
from grantory.errors import SetupError

ID_LENGTH = 36
WIDE = 1_000
"""Columns for a file or a pipe, where nothing must be cut or folded."""
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="OAuth clients of a running server, which GRANTORY_URL, GRANTORY_CLIENT_ID and "
    "GRANTORY_CLIENT_SECRET name.",
)
ClientId = Annotated[str, typer.Argument(help="The client's id.")]


@app.command("list")
def list_clients(as_json_: AsJson = False) -> None:
    """Lists every client.

    Example: grantory clients list --json
    """
    found = server_api().call("GET", CLIENTS).get("entities", [])
    if as_json_:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(box=None)
    for heading in ("ID", "NAME", "GRANT", "STATE", "CREATED"):
        table.add_column(heading, min_width=ID_LENGTH if heading == "ID" else None, overflow="fold")
    for client in found:
        table.add_row(
            client["id"],
            Text(client["name"]),
            client["authorizedGrantType"],
            client["state"],
            client["dateCreated"][:10],
        )
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command("show")
def show(client_id: ClientId, as_json_: AsJson = False) -> None:
    """Shows one client.

    Example: grantory clients show 3f0c…
    """
    _print(server_api().call("GET", _path(client_id)), as_json_)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The client's name.")],
    grant: Annotated[
        str, typer.Option("--grant", help="CLIENT-CREDENTIALS, CODE, TOKEN, SAML2-BEARER …")
    ] = "CLIENT-CREDENTIALS",
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="A role id, or role:division; may be repeated."),
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option("--redirect-uri", help="May be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description")] = None,
    token_seconds: Annotated[
        int | None, typer.Option("--token-seconds", help="Lifetime of access tokens.")
    ] = None,
    token_format: Annotated[
        str | None,
        typer.Option(
            "--access-token-format",
            help="OPAQUE (the default), or JWT_EDDSA, JWT_ES256, JWT_RS256 to be verified offline.",
        ),
    ] = None,
    as_json_: AsJson = False,
) -> None:
    """Creates a client and prints its secret, which is shown this once.

    Example: grantory clients create "nightly export" --role 7e0d…:*
    """
    body: dict[str, Any] = {
        "name": name,
        "authorizedGrantType": grant,
        "description": description,
        "accessTokenValiditySeconds": token_seconds,
        "registeredRedirectUri": redirect_uri or None,
        "accessTokenFormat": token_format,
    }
    api = server_api()
    if role:
        home = api.call("GET", "/api/v2/authorization/divisions/home")["id"]
        body["roleDivisions"] = [
            {"roleId": role_id, "divisionId": division or home}
            for role_id, _, division in (text.partition(":") for text in role)
        ]
    _print(api.call("POST", CLIENTS, body), as_json_)


@app.command("rotate")
def rotate(
    client_id: ClientId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json_: AsJson = False,
) -> None:
    """Replaces a client's secret and prints the new one; the old one stops working at once.

    Example: grantory clients rotate 3f0c… --yes
    """
    _confirm(yes, "The old secret stops working at once. Go on?")
    _print(server_api().call("POST", _path(client_id) + "/secret"), as_json_)


@app.command("delete")
def delete(
    client_id: ClientId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a client for good; its tokens and secrets stop working at once.

    Example: grantory clients delete 3f0c… --yes
    """
    _confirm(yes, "The client is deleted for good. Go on?")
    server_api().call("DELETE", _path(client_id))
    typer.echo("Deleted.")


def _confirm(yes: bool, question: str) -> None:
    if not yes and not typer.confirm(question):
        raise SetupError("nothing was changed")


def _path(client_id: str) -> str:
    return f"{CLIENTS}/{quote(client_id, safe='')}"


def _print(client: dict[str, Any], as_json_: bool) -> None:
    if as_json_:
        typer.echo(json.dumps(client, indent=2))
        return
    width = max(map(len, client))
    for name, value in client.items():
        shown = value if isinstance(value, str | int) else json.dumps(value)
        typer.echo(f"{name:<{width}}  {shown}")
