"""Commands whose modules are loaded when they are run: asking a server needs no database driver."""

import gc
from importlib import import_module
from typing import Any, Final, NamedTuple

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from grantory.errors import SetupError


class Later(NamedTuple):
    """Where a command, or a group of commands, is to be found."""

    place: str
    """A module of this package and the name of its ``typer.Typer``."""
    help: str
    """The first sentence of its help, which the list of commands shows."""


COMMANDS: Final = {
    "serve": Later("serve:app", "Starts the server; an empty store is set up first."),
    "init": Later(
        "organizations:init_app",
        "Sets an empty store up and shows its first credentials, once.",
    ),
    "backup": Later(
        "backup:backup_app", "Writes the whole store to one file, while servers go on writing."
    ),
    "restore": Later(
        "backup:restore_app", "Puts a backup into an empty database, and ends all access tokens."
    ),
    "refusals": Later(
        "refusals:app",
        "Shows the newest refused token requests, and counters of those that were not kept.",
    ),
    "keys": Later("keys:app", "The keys of access tokens, and the master key over them."),
    "org": Later("organizations:app", "Organisations: separate worlds in one store."),
    "admin": Later("admin:app", "Help for locked-out administrators."),
    "db": Later("database:app", "The tables of the store, and what is in them."),
    "config": Later("config:app", "The settings."),
    "dev": Later("dev:app", "For trying things out."),
    "login": Later("login:login_app", "Logs in at a server, and keeps the login in a profile."),
    "logout": Later("login:logout_app", "Ends a login, and forgets its credentials."),
    "profiles": Later("profiles:app", "Servers that commands call, and the credentials for them."),
    "clients": Later(
        "clients:app",
        "OAuth clients of a running server, which grantory login or GRANTORY_URL, "
        "GRANTORY_CLIENT_ID and GRANTORY_CLIENT_SECRET name.",
    ),
    "token": Later("tokens:app", "Access tokens of a running server."),
    "roles": Later("roles:app", "Roles of a running server, and who holds them."),
    "divisions": Later("divisions:app", "Divisions of a running server, in which roles are held."),
    "plan": Later(
        "plans.commands:plan_app",
        "Shows what has to change so that a server has the divisions, roles and clients of a file.",
    ),
    "apply": Later(
        "plans.commands:apply_app",
        "Makes divisions, roles and clients as a file has them; all of it, or nothing.",
    ),
    "export": Later(
        "plans.export_command:export_app",
        "Writes divisions, roles and clients of a server as plan and apply read them.",
    ),
    "users": Later("users:app", "Users of a running server: people who log in."),
    "authorizations": Later(
        "authorizations:app", "What clients of a running server were allowed to do for people."
    ),
    "identity-providers": Later(
        "identity_providers:app", "Identity providers that issue SAML assertions."
    ),
}


class LaterGroup(TyperGroup):
    """Lists commands without loading them, and loads the one that is run."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for name, later in COMMANDS.items():
            self.add_command(TyperCommand(name, help=later.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Finds the command that arguments name, and loads it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None:
            return name, command, rest
        # Loading makes next to no garbage: looking for some, again and again, would take a sixth
        # of the time. What is loaded stays, so that nobody need look at it later either.
        gc.disable()
        try:
            return name, loaded(name), rest
        finally:
            gc.freeze()
            gc.enable()


def loaded(name: str) -> Any:
    """Loads a command.

    Args:
        name: as it stands in ``COMMANDS``.

    Raises:
        SetupError: if it calls a server, and the SDK was not installed beside this package.
    """
    module, _, attribute = COMMANDS[name].place.partition(":")
    try:
        found = import_module(f"grantory.cli.{module}")
    except ModuleNotFoundError as error:
        if error.name != "grantory_sdk":
            raise
        raise SetupError(
            f"grantory {name} needs the package grantory-sdk beside grantory: in a clone "
            "make setup installs both, or pip install ./sdk"
        ) from None
    command = get_command(getattr(found, attribute))
    command.name = name
    return command
