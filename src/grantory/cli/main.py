"""The command line: every command by name, and errors as one plain sentence."""

import sys
from typing import Annotated

import typer

from grantory import __version__
from grantory.cli.later import LaterGroup
from grantory.errors import ApiError, SetupError

app = typer.Typer(
    name="grantory",
    cls=LaterGroup,
    help="A self-hosted OAuth 2.0 authorization server and registry of OAuth clients.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"grantory {__version__}")
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
        app(prog_name="grantory")
    except SetupError as error:
        typer.echo(f"grantory: {error}", err=True)
        sys.exit(1)
    except ApiError as error:
        detail = f" ({error.detail})" if error.detail else ""
        typer.echo(f"grantory: {error.message}{detail}", err=True)
        sys.exit(1)
