"""``grantory backup`` and ``grantory restore``."""

import os
import sys
from pathlib import Path
from typing import IO, Annotated

import typer

from grantory import __version__
from grantory.cli.event_loop import run
from grantory.cli.keys import TOKENS_ENDED
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.whole_file import written_whole
from grantory.crypto.runtime import SystemClock, SystemRandom
from grantory.errors import SetupError
from grantory.node import database_of, require_master_key
from grantory.ports.storage import Transaction
from grantory.registry.keys import TokenKeys
from grantory.storage.database import Database
from grantory.storage.sql.dump import check as read_through
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.replacing import Restoration

STANDARD_OUTPUT = "-"
"""Instead of a file's name."""

backup_app = typer.Typer(add_completion=False)
restore_app = typer.Typer(add_completion=False)


@backup_app.command("backup")
def backup(
    file: Annotated[str, typer.Argument(help="The file to write; - for standard output.")],
    check: Annotated[
        bool, typer.Option("--check", help="Read FILE to its end instead, and write nothing.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="FILE may exist already.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Writes the whole store to one file, while servers go on writing.

    Example: grantory backup grantory-2027-01-15.backup
    """
    if check:
        with _opened(Path(file)) as source:
            whole = read_through(source)
        typer.echo(f"{file} is a whole backup of {whole.header.created_at}: {_contents(whole)}.")
        return
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)
    if file == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise SetupError("standard output is a terminal: name a file, or lead it into one")
        try:
            with open(os.dup(sys.stdout.fileno()), "wb") as target:
                made = run(_write(database, target))
        except OSError as error:  # also at the end, when the last of it is written
            raise SetupError(f"cannot write the backup: {error.strerror}") from None
    else:
        with written_whole(Path(file), replace=replace, option="--replace") as target:
            made = run(_write(database, target))
    typer.echo(
        f"Backed up {database.name}: {_contents(made)}.\n"
        "The master key is not in it. Keep a copy of that apart from the backups: without it "
        "they cannot be restored.",
        err=file == STANDARD_OUTPUT,
    )


@restore_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that grantory backup wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up the store that is there.")
    ] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Puts a backup into an empty database, and ends all access tokens.

    Example: grantory restore grantory-2027-01-15.backup
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    database = database_of(settings)
    clock = SystemClock()
    master_key = require_master_key(settings)
    keys = TokenKeys(clock, SystemRandom(), master_key)

    def end_tokens(transaction: Transaction) -> None:
        if not master_key.fits(transaction.installation.master_key_check() or b""):
            raise SetupError(
                "the backup was made under another master key; nothing was changed: put that one "
                "into the file of the master key, on a line of its own after the present one"
            )
        keys.end_every_token(transaction, "restore")
        keys.end_every_login(transaction)

    with _opened(file) as source:
        header = read_through(source).header
        restoration = Restoration(
            source,
            header.revision,
            replace,
            end_tokens,
            clock.now_ms(),
        )
        restored = run(database.restore(restoration))
    typer.echo(
        f"Restored {database.name} as it was at {header.created_at}: {_contents(restored)}.\n"
        f"{TOKENS_ENDED}\n"
        "What was changed after the backup is undone: a secret that was replaced since then is "
        "good again, and so is whatever was deleted, disabled or taken away. Look at what was "
        "changed in that time, and replace the secrets in doubt (grantory clients rotate)."
    )


async def _write(database: Database, target: IO[bytes]) -> Backup:
    if await database.revision() is None or not await database.is_set_up():
        raise SetupError(f"{database.name} is not set up: there is nothing to back up")
    return await database.dump(target, SystemClock().now_ms(), __version__)


def _opened(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise SetupError(f"cannot read {file}: {error.strerror}") from None


def _contents(held: Backup) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in held.rows.items() if count)
    return f"{sum(held.rows.values())} rows ({counts})"
