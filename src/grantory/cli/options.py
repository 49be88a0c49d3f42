"""Options that several commands share, and the settings they lead to."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from grantory.settings import Settings, load_settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The folder of the embedded store and the master key."),
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="The store: sqlite:///path or postgresql://…")
]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file with settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_from(config: Path | None, **flags: Any) -> Settings:
    """Gathers the settings, and prints what a person should be warned of.

    Args:
        config: the TOML file, if one was named.
        flags: values given on the command line, by setting name.

    Raises:
        SetupError: for a bad value or an unknown name.
    """
    loaded = load_settings(flags, os.environ, config)
    for warning in loaded.warnings:
        typer.echo(f"grantory: warning: {warning}", err=True)
    return loaded.settings
