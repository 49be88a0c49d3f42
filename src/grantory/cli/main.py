"""The command line: every command by name, and errors as one plain sentence."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from grantory.cli import (
    admin,
    backup,
    clients,
    config,
    database,
    dev,
    identity_providers,
    keys,
    organizations,
    refusals,
    serve,
    tokens,
)
from grantory.errors import ApiError, SetupError

app = typer.Typer(
    name="grantory",
    help="A self-hosted OAuth 2.0 authorization server and registry of OAuth clients.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.command("serve", cls=serve.ServeCommand)(serve.serve)
app.command("init")(organizations.init)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("refusals")(refusals.refusals)
app.add_typer(keys.app, name="keys")
app.add_typer(organizations.app, name="org")
app.add_typer(admin.app, name="admin")
app.add_typer(database.app, name="db")
app.add_typer(config.app, name="config")
app.add_typer(dev.app, name="dev")
app.add_typer(clients.app, name="clients")
app.add_typer(tokens.app, name="token")
app.add_typer(identity_providers.app, name="identity-providers")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"grantory {version('grantory')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A self-hosted OAuth 2.0 authorization server and registry of OAuth clients."""


def main() -> None:
    """Runs the command line; exits with 1 for an error that a person can mend."""
    try:
        app()
    except SetupError as error:
        typer.echo(f"grantory: {error}", err=True)
        sys.exit(1)
    except ApiError as error:
        detail = f" ({error.detail})" if error.detail else ""
        typer.echo(f"grantory: {error.message}{detail}", err=True)
        sys.exit(1)
