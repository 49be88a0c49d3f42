"""Showing the first credentials of an organisation, once."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import typer

from grantory.errors import SetupError
from grantory.public_address import public_url
from grantory.registry.organizations import Founding
from grantory.settings import Settings

FIRST_START_FILE = "first-start.json"


def as_json(founding: Founding) -> dict[str, Any]:
    """Gives the credentials in the shape that ``init --json`` prints."""
    return {
        "organization": {"id": founding.organization.id, "name": founding.organization.name},
        "admin": {"email": founding.email, "password": founding.password.reveal()},
        "client": {"id": founding.client.id, "secret": founding.secret.reveal()},
    }


def as_text(founding: Founding, address: str) -> str:
    """Gives the credentials for a person, with commands that use them."""
    client, secret = founding.client.id, founding.secret.reveal()
    return f"""
  Organisation   {founding.organization.name}  ({founding.organization.id})
  Administrator  {founding.email}
  Password       {founding.password.reveal()}
  Client id      {client}
  Client secret  {secret}

  Keep them now: they are shown this once and stored as digests only.

  Get a token:
    TOKEN=$(curl -s -u {client}:{secret} \\
      -d grant_type=client_credentials {address}/oauth/token \\
      | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')

  List the clients:
    curl -H "Authorization: Bearer $TOKEN" {address}/api/v2/oauth/clients
"""


def present(founding: Founding, settings: Settings, file_name: str = FIRST_START_FILE) -> None:
    """Prints the credentials on a terminal; anything else may be a log, so they go to a file.

    Args:
        founding: the credentials.
        settings: for the address in the commands, and the data directory of the file.
        file_name: the file's name.

    Raises:
        SetupError: when the file cannot be written.
    """
    if sys.stdout.isatty():
        typer.echo(
            f"{founding.organization.name} is set up.\n{as_text(founding, public_url(settings))}"
        )
        return
    path = settings.data_dir / file_name
    _write_file(founding, path)
    typer.echo(f"{founding.organization.name} is set up; the credentials are in {path.resolve()}")


def _write_file(founding: Founding, path: Path) -> None:
    text = json.dumps(as_json(founding), indent=2) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SetupError(
            f"cannot write {path}: {error.strerror}. The store is set up, but its first "
            "credentials are lost: grantory admin recover makes new ones"
        ) from None
