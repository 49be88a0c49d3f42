"""``grantory dev``: what one needs for trying things out, and never in earnest."""

import sys
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grantory.cli.event_loop import run
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.organizations import find_organization
from grantory.errors import SetupError
from grantory.node import check_master_key, open_node
from grantory.registry.seeding import Seeder

MOST: Final = 100_000_000
app = typer.Typer(no_args_is_help=True, help="For trying things out.")


@app.callback()
def root() -> None:
    """For trying things out."""


@app.command("seed")
def seed(
    clients: Annotated[int, typer.Option("--clients", min=1, max=MOST, help="How many to make.")],
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization", "--org", help="An organisation's id or name, where there are several."
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Fills an organisation with clients, to see how a large store does.

    They hold no role, and nobody knows their secrets. Nothing removes them again: use a store that
    you can throw away.

    Example: grantory dev seed --clients 1000000 --data-dir /tmp/large
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work() -> str:
        node = await open_node(settings, patient=True)
        try:
            if not await check_master_key(node):
                raise SetupError("the store is not set up: run grantory init, or grantory serve")
            found = await find_organization(node, organization)
            seeder = Seeder(node.store, node.clock, node.random)
            console = Console(stderr=True)
            with Progress(
                TextColumn("clients"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
                disable=not sys.stderr.isatty(),
            ) as progress:
                task = progress.add_task("clients", total=clients)
                async for done in seeder.seed(found.id, clients):
                    progress.update(task, completed=done)
            return found.name
        finally:
            await node.close()

    name: str = run(work())
    typer.echo(f"{name} has {clients} more clients.")
