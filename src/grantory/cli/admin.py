"""``grantory admin recover``."""

from typing import Annotated

import typer

from grantory.cli.event_loop import run
from grantory.cli.options import AsJson, Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.organizations import Email, check_email, file_of, find_organization, show
from grantory.node import check_master_key, open_node
from grantory.registry.organizations import DEFAULT_EMAIL, Founding

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Help for locked-out administrators."
)


@app.callback()
def group() -> None:
    """Help for locked-out administrators."""


@app.command("recover")
def recover(
    organization: Annotated[
        str | None,
        typer.Option("--org", help="The organisation's id or name, where there are several."),
    ] = None,
    email: Email = DEFAULT_EMAIL,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Gives a new administrator password and client to whoever has store and master key.

    Example: grantory admin recover --email admin@example.com
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    check_email(email)

    async def work() -> Founding:
        node = await open_node(settings)
        try:
            await check_master_key(node)
            found = await find_organization(node, organization)
            return await node.founder.recover(found.id, email)
        finally:
            await node.close()

    founding: Founding = run(work())
    show(founding, settings, file_of(founding), json_wanted=as_json_)
