"""``grantory db``: the schema of the store."""

from collections.abc import Callable
from typing import Final

import typer

from grantory.cli.event_loop import run
from grantory.cli.keys import TOKENS_ENDED
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.crypto.runtime import SystemClock
from grantory.errors import SetupError
from grantory.node import check_master_key, database_of, open_node
from grantory.registry.list_keeper import ListKeeper
from grantory.registry.relisting import Relisting, list_faults
from grantory.settings import Settings
from grantory.storage.sql.migrations import HEAD

SHOWN_EVERY: Final = 10_000
MOST_FAULTS: Final = 4
app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The tables of the store, and what is in them."
)


@app.command("upgrade")
def upgrade(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Brings the tables to the newest revision, in one transaction; then makes missing lists.

    Servers may go on meanwhile. Broken off, it may be run again; a server makes lists as well.

    Example: grantory db upgrade --data-dir /var/lib/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)
    before, after = run(database.upgrade())
    if before == after:
        typer.echo(f"The store is at {after} already.")
    else:
        typer.echo(f"The store went from {before or 'nothing'} to {after}.")

    async def make_lists() -> int:
        clock = SystemClock()
        store = await database.open(clock, patient=True)
        try:
            return await ListKeeper(store, clock).finish(_progress())
        finally:
            await store.close()

    if done := run(make_lists()):
        typer.echo(f"{done} clients were put into lists.")


@app.command("relist")
def relist(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Makes the lists of clients anew, as where grantory db check finds that they are wrong.

    The clients themselves stay as they are. Servers may go on meanwhile; the lists of
    organizations with very many clients answer 503 until they are made. Broken off, it may be run
    again; a server makes lists as well.

    Example: grantory db relist --data-dir /var/lib/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work() -> int:
        node = await open_node(settings, patient=True)
        try:
            return await Relisting(node.store, node.clock).run(_progress())
        finally:
            await node.close()

    typer.echo(f"{run(work())} clients were put into lists.")


def _progress() -> Callable[[int], None]:
    shown = 0

    def show(done: int) -> None:
        nonlocal shown
        if done >= shown + SHOWN_EVERY:
            shown = done
            typer.echo(f"{done} clients are in lists ...", err=True)

    return show


@app.command("current")
def current(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Prints the revision of the tables.

    Example: grantory db current --data-dir /var/lib/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    typer.echo(run(database_of(settings).revision()) or "none")


@app.command("check")
def check(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Tells whether the tables are whole and of the newest revision; exits with 1 if not.

    Example: grantory db check --database-url postgresql://db.example/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)
    found = run(database.revision())
    if found != HEAD:
        raise SetupError(f"{database.name} is at {found or 'nothing'}, the newest is {HEAD}")
    problems = run(database.problems()) or run(_faults_of_lists(settings))
    if problems:
        raise SetupError(f"{database.name} is damaged: {'; '.join(problems[: MOST_FAULTS + 1])}")
    typer.echo(f"{database.name} is whole and at {HEAD}.")


async def _faults_of_lists(settings: Settings) -> list[str]:
    store = await database_of(settings).open(SystemClock(), patient=True)
    try:
        faults = await list_faults(store)
    finally:
        await store.close()
    return [*faults[:MOST_FAULTS], "run grantory db relist"] if faults else []


@app.command("recovered")
def recovered(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Makes a store safe that may have lost its newest changes, and ends all access tokens.

    Run it after a point-in-time recovery, or a failover to a standby that had not heard all.

    Example: grantory db recovered --database-url postgresql://db.example/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work() -> None:
        node = await open_node(settings, patient=True)
        try:
            await check_master_key(node)
            await node.store.write(node.keys.recover)
        finally:
            await node.close()

    run(work())
    typer.echo(
        f"{TOKENS_ENDED}\n"
        "What was changed in the time that was lost is undone: a secret that was replaced then "
        "is good again, and so is whatever was deleted, disabled or taken away. Replace the "
        "secrets in doubt (grantory clients rotate)."
    )
