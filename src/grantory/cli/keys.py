"""``grantory keys``: the keys of access tokens, and the master key that encrypts them."""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grantory.cli.event_loop import run
from grantory.cli.options import AsJson, Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.organizations import find_organization
from grantory.crypto.runtime import SystemClock
from grantory.domain.organization import Organization
from grantory.domain.token import SealedKey
from grantory.errors import SetupError
from grantory.master_key_file import MasterKeyFile, replacing_master_key
from grantory.node import Node, check_master_key, database_of, open_node
from grantory.registry.jwt_keys import Succession
from grantory.registry.keys import NewKey
from grantory.settings import Settings

T = TypeVar("T")
WIDE: Final = 1_000
"""Columns for a file or a pipe, where nothing must be cut or folded."""

SIGNING: Final = "signing"
PUBLISHED: Final = "published"
RETIRED: Final = "retired"
TOKENS_ENDED: Final = (
    "All access tokens have ended; programs get new ones as they are used to. Logins, refresh "
    "tokens and unused codes have ended, too; people log in again. Private keys of JWTs are "
    "removed, too; who verifies JWTs offline hears of it when the published keys are read again."
)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The keys of access tokens, and the master key over them.",
)


@app.command("list")
def list_keys(
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Lists the keys of every organisation, never what they are made of.

    Example: grantory keys list --json
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    organizations, keys = run(_with_node(settings, _read))
    names = {organization.id: organization.name for organization in organizations}
    places = {organization_id: place for place, organization_id in enumerate(names)}
    keys.sort(key=lambda key: places[key.organization_id])
    now = SystemClock().now_ms()
    if as_json_:
        typer.echo(json.dumps([_as_json(key, names, now) for key in keys], indent=2))
        return
    table = Table("ORGANISATION", "KEY", "TOKENS", "CREATED", "STATE", box=None)
    for key in keys:
        state = _state(key, now)
        if state == RETIRED and key.expires_at is not None:
            state = f"retired until {_date(key.expires_at)}"
        elif state == PUBLISHED and key.signs_from is not None:
            state = f"signs from {_date(key.signs_from)}"
        name, form = Text(names[key.organization_id]), key.algorithm or "opaque"
        table.add_row(name, key.key_id.hex(), form, _date(key.created_at), state)
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


@app.command("rotate")
def rotate(
    organization: Annotated[
        str | None,
        typer.Option("--org", help="An organisation's id or name; by default all of them."),
    ] = None,
    end_tokens: Annotated[
        bool, typer.Option("--end-tokens", help="Refuse every token issued so far, too.")
    ] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Lets new keys sign; tokens of the old ones stay good, unless they are to end.

    A new key of JWTs is published first, and signs when those who verify offline have heard of it.

    Example: grantory keys rotate --org "Example Ltd" --end-tokens
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work(node: Node) -> tuple[list[NewKey], list[Succession]]:
        wanted = None if organization is None else (await find_organization(node, organization)).id
        made = await node.store.write(
            lambda transaction: node.keys.rotate(transaction, wanted, end_tokens=end_tokens)
        )
        return made, [] if end_tokens else await node.jwt_keys.rotate(wanted)

    made, followed = run(_with_node(settings, work))
    for new in made:
        typer.echo(f"{new.organization.name}: key {new.key.key_id.hex()} signs from now on.")
    names = {new.organization.id: new.organization.name for new in made}
    for key, is_new in followed:
        word = "is published and signs" if is_new else "was published already and signs"
        typer.echo(
            f"{names[key.organization_id]}: key {key.key_id.hex()} ({key.algorithm}) {word} "
            f"from {_date(key.signs_from or 0)} on."
        )
    if end_tokens:
        typer.echo("The tokens issued so far have ended.")
    else:
        typer.echo("The tokens issued so far stay good until they expire.")


@app.command("rewrap")
def rewrap(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do both steps; only while no server runs.")
    ] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Replaces the master key in two steps, with the servers restarted in between.

    The first run adds a new key to the file of the old one. The second encrypts what is in the
    store under the new key, and takes the old one out of the file.

    Example: grantory keys rewrap --data-dir /var/lib/grantory
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)
    if at_once and run(database_of(settings).is_in_use()):
        raise SetupError(
            "a server or another command has the store open: with --at-once it would answer 503 "
            "until it is restarted; stop it first, or leave --at-once out; nothing was changed"
        )
    with replacing_master_key(settings) as file:
        count = run(_with_node(settings, _count))
        if count == 1 and file is None:
            raise SetupError(
                "the master key is in a variable, which this command cannot change: put a new key "
                "(head -c 32 /dev/urandom | base64) and a comma before it on every node, restart "
                "the servers, and run this again"
            )
        if count == 1 and file is not None:
            file.add_new()
            if not at_once:
                typer.echo(_first_step(file))
                return
        resealed = run(_with_node(settings, _reseal))
        if file is not None:
            file.keep_first()
        typer.echo(_second_step(file, resealed))


def _first_step(file: MasterKeyFile) -> str:
    return (
        f"{file.path} holds a new master key now, before the old one; nothing is sealed under it "
        "yet. Copy the file to every node, restart the servers, and run grantory keys rewrap "
        "again."
    )


def _second_step(file: MasterKeyFile | None, resealed: int) -> str:
    if file is None:
        rest = "Take the old one out of the variable on every node."
    else:
        rest = (
            f"The old one is no longer in {file.path}; on other nodes grantory keys rewrap takes "
            "it out, too."
        )
    return (
        f"Every key in the store ({resealed}) is sealed under the new master key. {rest}\n"
        "Earlier backups open under the old master key alone: make a new one now, and keep the "
        "old key, apart, for as long as you keep them."
    )


async def _with_node(settings: Settings, work: Callable[[Node], Awaitable[T]]) -> T:
    node = await open_node(settings, patient=True)
    try:
        if not await check_master_key(node):
            raise SetupError("the store is not set up: run grantory init, or grantory serve")
        return await work(node)
    finally:
        await node.close()


async def _read(node: Node) -> tuple[list[Organization], list[SealedKey]]:
    return await node.store.read(
        lambda snapshot: (snapshot.organizations.all(), snapshot.keys.all())
    )


async def _count(node: Node) -> int:
    return node.master_key.count


async def _reseal(node: Node) -> int:
    return await node.store.write(node.keys.reseal)


def _state(key: SealedKey, now: int) -> str:
    if key.retired_at is not None and key.retired_at <= now:
        return RETIRED
    return PUBLISHED if key.signs_from is not None and key.signs_from > now else SIGNING


def _as_json(key: SealedKey, names: dict[str, str], now: int) -> dict[str, Any]:
    return {
        "id": key.key_id.hex(),
        "organization": {"id": key.organization_id, "name": names[key.organization_id]},
        "created": _date(key.created_at),
        "state": _state(key, now),
        "expires": None if key.expires_at is None else _date(key.expires_at),
        "algorithm": key.algorithm,
        "signs_from": None if key.signs_from is None else _date(key.signs_from),
    }


def _date(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
