"""``grantory profiles``: servers that commands call, and the credentials for them."""

import os
from typing import Annotated, Any, Final

import typer

from grantory.cli.prompts import confirm
from grantory.cli.server_command import LocalCommand, profiles_that_begin
from grantory.cli.session import Session
from grantory.cli.tables import Column
from grantory_sdk.profile_writing import choose_profile, remove_profile
from grantory_sdk.profiles import default_profile, profile_names, profiles_file, read_document

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Servers that commands call, and the credentials for them.",
)
COLUMNS: Final = (
    Column("NAME", lambda profile: profile["name"]),
    Column("DEFAULT", lambda profile: profile["default"] or None),
    Column("ADDRESS", lambda profile: profile["address"]),
    Column("CREDENTIALS", lambda profile: profile["credentials"]),
    Column("CLIENT_ID", lambda profile: profile["clientId"], spare=True),
)


Name = Annotated[
    str, typer.Argument(help="The profile's name.", autocompletion=profiles_that_begin)
]


@app.command("list", cls=LocalCommand)
def list_profiles(context: typer.Context) -> None:
    """Lists the profiles, without what is secret in them.

    Example: grantory profiles list
    """
    _, document = read_document(profiles_file(os.environ))
    chosen = default_profile(os.environ)
    profiles = document.get("profiles", {})
    found = [_shown(name, profiles[name], chosen) for name in profile_names(os.environ)]
    Session.of(context).put_table(COLUMNS, found, found)


@app.command("use", cls=LocalCommand)
def use(context: typer.Context, name: Name) -> None:
    """Makes a profile the one that commands take when nothing else is said.

    Example: grantory profiles use cloud
    """
    choose_profile(profiles_file(os.environ), name)
    Session.of(context).say_made(f"Commands call with the profile {name}.")


@app.command("remove", cls=LocalCommand)
def remove(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Removes a profile; grantory logout ends its login first.

    Example: grantory profiles remove old --yes
    """
    session = Session.of(context)
    confirm(session, "The profile is removed with its credentials. Go on?", yes=yes)
    remove_profile(profiles_file(os.environ), name)
    session.say_made("Removed.")


def _shown(name: str, values: Any, chosen: str) -> dict[str, Any]:
    kept = values if isinstance(values, dict) else {}
    return {
        "name": name,
        "default": name == chosen,
        "address": kept.get("url") or kept.get("region") or "",
        "credentials": _kind(kept),
        "clientId": kept.get("client_id"),
    }


def _kind(values: dict[str, Any]) -> str:
    if "refresh_token" in values:
        return "login"
    if "access_token_expires" in values:
        return f"login until {str(values['access_token_expires'])[:16]}"
    if "access_token" in values:
        return "token"
    secret = "client_secret" in values or "client_secret_file" in values
    return "client" if secret else "none"
