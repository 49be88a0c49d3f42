"""``grantory config``: the effective settings."""

import json

import typer

from grantory.cli.options import AsJson, Config, settings_from
from grantory.registry.configured_providers import TABLES
from grantory.settings import SETTINGS, effective

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The settings.")


@app.callback()
def group() -> None:
    """The settings."""


@app.command("show")
def show(config: Config = None, as_json_: AsJson = False) -> None:
    """Prints every setting with its effective value; secrets are masked.

    Example: grantory config show --config grantory.toml
    """
    values = effective(settings_from(config))
    if as_json_:
        typer.echo(json.dumps(values, indent=2))
        return
    for setting in SETTINGS:
        value = values[setting.name]
        shown = ",".join(value) if isinstance(value, list) else value
        typer.echo(f"# {setting.meaning}  ({setting.variable})")
        typer.echo(f"{setting.name} = {json.dumps(shown)}\n")
    for provider in values.get(TABLES, ()):
        typer.echo(f"[[{TABLES}]]\nname = {json.dumps(provider['name'])}\n")
