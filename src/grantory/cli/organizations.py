"""``grantory init``, and ``grantory org``: founding organisations, and what they enforce."""

import json
from typing import Annotated

import typer

from grantory.cli.event_loop import run
from grantory.cli.founding import FIRST_START_FILE, as_json, present
from grantory.cli.options import AsJson, Config, DatabaseUrl, DataDir, settings_from
from grantory.domain.organization import Organization
from grantory.errors import SetupError
from grantory.node import Node, check_master_key, first_start, open_node, open_or_create_node
from grantory.registry.actor import system_actor
from grantory.registry.organizations import DEFAULT_EMAIL, DEFAULT_NAME, Founding
from grantory.registry.own_organization import OrganizationDraft, OwnOrganization
from grantory.settings import Settings

MAX_NAME = 200
init_app = typer.Typer(add_completion=False)
app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Organisations: separate worlds in one store."
)
Email = Annotated[str, typer.Option("--email", help="The administrator's e-mail address.")]


@init_app.command("init")
def init(
    name: Annotated[str, typer.Option("--name", help="The organisation's name.")] = DEFAULT_NAME,
    email: Email = DEFAULT_EMAIL,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Sets an empty store up and shows its first credentials, once.

    Example: grantory init --json > credentials.json
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    check_name(name)
    check_email(email)

    async def work() -> Founding | None:
        node = await open_or_create_node(settings)
        try:
            return await first_start(node, name, email)
        finally:
            await node.close()

    founding = run(work())
    if founding is None:
        raise SetupError("the store is set up already; nothing was changed")
    show(founding, settings, FIRST_START_FILE, json_wanted=as_json_)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The organisation's name.")],
    email: Email = DEFAULT_EMAIL,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Adds an organisation with an administrator and a first client.

    Example: grantory org create "Example Ltd" --email ops@example.com
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    check_name(name)
    check_email(email)

    async def work() -> Founding:
        node = await open_node(settings)
        try:
            await check_master_key(node)
            return await node.founder.found(name, email)
        finally:
            await node.close()

    founding: Founding = run(work())
    show(founding, settings, file_of(founding), json_wanted=as_json_)


@app.command("scopes")
def scopes(
    name: Annotated[str, typer.Argument(help="The organisation's name or id.")],
    enforce: Annotated[
        bool | None,
        typer.Option(
            "--enforce/--no-enforce", help="Whether scopes limit what users' tokens may do."
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Shows or sets whether an organisation enforces the scopes of its users' tokens.

    Example: grantory org scopes "Example Ltd" --enforce
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work() -> Organization:
        node = await open_node(settings)
        try:
            await check_master_key(node)
            found = await find_organization(node, name)
            if enforce is None:
                return found
            own = OwnOrganization(node.store, node.clock)
            draft = OrganizationDraft(enforces_scopes=enforce)
            return await own.change(system_actor(found.id), draft)
        finally:
            await node.close()

    organization: Organization = run(work())
    limits = "limit" if organization.enforces_scopes else "do not limit"
    typer.echo(f"{organization.name}: scopes {limits} what users' tokens may do.")


def show(founding: Founding, settings: Settings, file_name: str, *, json_wanted: bool) -> None:
    """Prints the credentials of a founding, or files them where no person is looking."""
    if json_wanted:
        typer.echo(json.dumps(as_json(founding), indent=2))
    else:
        present(founding, settings, file_name)


def file_of(founding: Founding) -> str:
    """Names the file for the credentials of a further founding."""
    return f"credentials-{founding.client.id}.json"


async def find_organization(node: Node, wanted: str | None) -> Organization:
    """Finds the organisation that a person means.

    Args:
        node: where.
        wanted: its id or name; None for the only one that there is.

    Raises:
        SetupError: when there is none such, or several and none named.
    """
    organizations = await node.store.read(lambda snapshot: snapshot.organizations.all())
    if wanted is None and len(organizations) == 1:
        return organizations[0]
    for organization in organizations:
        if wanted is not None and wanted in (organization.id, organization.name):
            return organization
    names = ", ".join(f"{o.name} ({o.id})" for o in organizations[:10])
    raise SetupError(f"name the organisation with --org; there are: {names}")


def check_name(name: str) -> None:
    """Refuses a name that is blank, too long or not printable.

    Raises:
        SetupError: with what is wrong.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise SetupError(f"the name must be 1 to {MAX_NAME} printable characters")


def check_email(email: str) -> None:
    """Refuses what cannot be an e-mail address.

    Raises:
        SetupError: with what is wrong.
    """
    local, at, domain = email.rpartition("@")
    plain = email.isprintable() and " " not in email and len(email) <= MAX_NAME
    if not (local and at and domain and plain):
        raise SetupError("the e-mail address must look like name@example.com")
