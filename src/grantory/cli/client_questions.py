"""What is asked of somebody who creates a client, by the grant type that they choose."""

from itertools import islice
from typing import Any, Final

import typer

from grantory.cli.prompts import ask, ask_several, choose
from grantory.cli.session import Session
from grantory.errors import SetupError
from grantory_sdk import RoleDivision

_GRANTS: Final = (
    ("CLIENT-CREDENTIALS", "a job or a service, for itself"),
    ("CODE", "people log in: web applications; with PKCE pages, apps"),
    ("SAML2-BEARER", "a program that has SAML assertions about people"),
    ("PASSWORD", "an old program that takes people's passwords"),
    ("TOKEN", "an old page (implicit grant, which retires)"),
)
_WITH_ADDRESSES: Final = frozenset({"CODE", "TOKEN"})
_MOST_SHOWN: Final = 50


def ask_for_client(
    session: Session, given: dict[str, Any], roles: list[str] | None
) -> dict[str, Any]:
    """Asks for whatever the options leave open.

    Args:
        session: of the command.
        given: arguments of the SDK's ``create`` that there are.
        roles: what ``--role`` says.

    Returns:
        All of them.

    Raises:
        BadParameter: where nobody can be asked.
        SetupError: if it is to be no client after all.
    """
    fields = {"name": ask(session, "NAME", "Name of the client"), **given}
    if "authorized_grant_type" not in fields:
        typer.echo("Who is to get tokens?", err=True)
        fields["authorized_grant_type"] = _GRANTS[choose("Grant type", _GRANTS, 0)][0]
    grant = str(fields["authorized_grant_type"]).upper()
    if grant in _WITH_ADDRESSES and "registered_redirect_uri" not in fields:
        addresses = ask_several("Address that the browser comes back to")
        fields["registered_redirect_uri"] = addresses or None
    if grant != "CLIENT-CREDENTIALS":
        if "scope" not in fields:
            fields["scope"] = ask_several("Scope such as users:readonly, or Enter for all") or None
    elif roles:
        fields["role_divisions"] = role_divisions(session, roles)
    else:
        fields["role_divisions"] = _ask_for_roles(session)
    if "description" not in fields:
        text = typer.prompt("What is it for", default="", show_default=False, err=True)
        fields["description"] = text or None
    typer.echo(f"\n{grant} client {fields['name']!r}", err=True)
    if not typer.confirm("Create it?", default=True, err=True):
        raise SetupError("nothing was changed")
    return fields


def role_divisions(session: Session, given: list[str]) -> list[RoleDivision]:
    """Reads roles with their divisions.

    Args:
        session: of the command.
        given: for each a role's id, or role:division. Those that name no division are held in the
            home division.
    """
    parts = [text.partition(":") for text in given]
    home = "" if all(part[2] for part in parts) else session.client.divisions.home().id
    return [RoleDivision(role_id, division or home) for role_id, _, division in parts]


def _ask_for_roles(session: Session) -> list[RoleDivision]:
    """A client that acts for itself may do what its roles allow, and needs one at least."""
    roles = [*islice(session.client.roles.list(), _MOST_SHOWN)]
    if not roles:
        raise SetupError("there is no role to give: grantory roles create makes one")
    typer.echo("What may it do?", err=True)
    shown = [(role.name, role.description or "") for role in roles]
    chosen = [choose("Role", shown)]
    while typer.confirm("Another role?", default=False, err=True):
        number = choose("Role", shown)
        chosen += [] if number in chosen else [number]
    divisions = [*islice(session.client.divisions.list(), _MOST_SHOWN)]
    divisions.sort(key=lambda each: not each.home_division)
    places = [(each.id, each.name or each.id) for each in divisions]
    places.append(("*", "everywhere"))
    typer.echo("Where may it do so?", err=True)
    where = choose("Division", [(name, "") for _, name in places], 0)
    return [RoleDivision(roles[number].id, places[where][0]) for number in chosen]
