"""``grantory token``: access tokens of a running server."""

import json

import typer

from grantory.cli.options import AsJson
from grantory.cli.server_api import server_api

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Access tokens of a running server."
)


@app.callback()
def group() -> None:
    """Access tokens of a running server."""


@app.command("get")
def get(as_json_: AsJson = False) -> None:
    """Prints an access token for the client that the environment names.

    Example: curl -H "Authorization: Bearer $(grantory token get)" …
    """
    answer = server_api().token()
    typer.echo(json.dumps(answer, indent=2) if as_json_ else answer["access_token"])
