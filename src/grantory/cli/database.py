"""``grantory db``: the schema of the store."""

import typer

from grantory.app import check_master_key, database_of, open_node
from grantory.cli.keys import TOKENS_ENDED
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.workers import run
from grantory.crypto.runtime import SystemClock
from grantory.errors import SetupError
from grantory.registry.list_keeper import ListKeeper
from grantory.storage.sql.migrations import HEAD

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The tables of the store, and what is in them."
)


@app.command("upgrade")
def upgrade(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Brings the tables to the newest revision, in one transaction; then makes missing lists."""
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)

    async def work() -> tuple[str | None, str]:
        revisions = await database.upgrade()
        clock = SystemClock()
        store = await database.open(clock, patient=True)
        try:
            await ListKeeper(store, clock).finish()
        finally:
            await store.close()
        return revisions

    before, after = run(work())
    if before == after:
        typer.echo(f"The store is at {after} already.")
    else:
        typer.echo(f"The store went from {before or 'nothing'} to {after}.")


@app.command("current")
def current(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Prints the revision of the tables."""
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    typer.echo(run(database_of(settings).revision()) or "none")


@app.command("check")
def check(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Tells whether the tables are whole and of the newest revision; exits with 1 if not."""
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)
    found = run(database.revision())
    if found != HEAD:
        raise SetupError(f"{database.name} is at {found or 'nothing'}, the newest is {HEAD}")
    problems = run(database.problems())
    if problems:
        raise SetupError(f"{database.name} is damaged: {'; '.join(problems[:5])}")
    typer.echo(f"{database.name} is whole and at {HEAD}.")


@app.command("recovered")
def recovered(
    database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None
) -> None:
    """Makes a store safe that may have lost its newest changes, and ends all access tokens.

    Run it after a point-in-time recovery, or a failover to a standby that had not heard all.
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
