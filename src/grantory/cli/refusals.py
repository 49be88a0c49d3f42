"""``grantory refusals``: the token requests that were refused."""

import heapq
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grantory.cli.event_loop import run
from grantory.cli.keys import WIDE
from grantory.cli.options import AsJson, Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.organizations import find_organization
from grantory.domain.refusal import Counter, Refusal
from grantory.errors import SetupError
from grantory.node import Node, check_master_key, open_node
from grantory.ports.storage import Snapshot

DEFAULT: Final = 100
MOST: Final = 10_000
app = typer.Typer(add_completion=False)


class Found(msgspec.Struct, frozen=True):
    """What is shown, newest first."""

    names: dict[str, str]
    """Of the organisations, by id."""
    kept: list[Refusal]
    counted: list[tuple[Counter, int]]


@app.command("refusals")
def refusals(
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization",
            "--org",
            help="An organisation's id or name; by default all, and requests of no known client.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", min=1, max=MOST, help="How many of the kept and of the counters."),
    ] = DEFAULT,
    as_json_: AsJson = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Shows the newest refused token requests, and counters of those that were not kept.

    Example: grantory refusals --organization "Example Ltd" --limit 20
    """
    settings = settings_from(config, database_url=database_url, data_dir=data_dir)

    async def work() -> Found:
        node = await open_node(settings, patient=True)
        try:
            if not await check_master_key(node):
                raise SetupError("the store is not set up: run grantory init, or grantory serve")
            return await _find(node, organization, limit)
        finally:
            await node.close()

    found: Found = run(work())
    if as_json_:
        typer.echo(json.dumps(_as_json(found), indent=2))
    elif found.kept or found.counted:
        _show(found)
    else:
        typer.echo("The store holds no refused token requests.")


async def _find(node: Node, organization: str | None, limit: int) -> Found:
    wanted = None if organization is None else await find_organization(node, organization)

    def work(snapshot: Snapshot) -> Found:
        among = snapshot.organizations.all() if wanted is None else [wanted]
        names = {one.id: one.name for one in among}
        reader = snapshot.refusals
        kept = (refusal for one in names for refusal in reader.newest(one, limit))
        nobody = [""] if wanted is None else []
        counted = (item for one in (*names, *nobody) for item in reader.counted(one, 0).items())
        return Found(
            names,
            heapq.nlargest(limit, kept, key=lambda refusal: refusal.at),
            heapq.nlargest(limit, counted, key=lambda item: (item[0].hour, item[1])),
        )

    return await node.store.scan(work)


def _show(found: Found) -> None:
    # However narrow the terminal, an id must not be cut.
    console = Console(width=WIDE)
    if found.kept:
        titles = ["TIME", "ORGANISATION", "CLIENT", "ERROR", "REASON", "ADDRESS", "CORRELATION-ID"]
        kept = Table(*titles, box=None)
        for refusal in found.kept:
            row = (
                _time(refusal.at),
                found.names[refusal.organization_id],
                refusal.client_id,
                refusal.error,
                refusal.reason,
                refusal.address,
                refusal.correlation_id,
            )
            kept.add_row(*map(Text, row))
        console.print(kept)
    if found.kept and found.counted:
        console.print()
    if found.counted:
        counted = Table("HOUR", "ORGANISATION", "CLIENT", "REASON", "NOT KEPT", box=None)
        for counter, number in found.counted:
            name = found.names.get(counter.organization_id, "-")
            words = _time(counter.hour), name, counter.client_id or "-", counter.reason, str(number)
            counted.add_row(*map(Text, words))
        console.print(counted)


def _as_json(found: Found) -> dict[str, Any]:
    return {
        "kept": [
            {
                "at": _time(refusal.at),
                "organization": _organization(found, refusal.organization_id),
                "client": refusal.client_id,
                "error": refusal.error,
                "reason": refusal.reason,
                "address": refusal.address,
                "correlationId": refusal.correlation_id,
            }
            for refusal in found.kept
        ],
        "counted": [
            {
                "hour": _time(counter.hour),
                "organization": _organization(found, counter.organization_id),
                "client": counter.client_id or None,
                "reason": counter.reason,
                "number": number,
            }
            for counter, number in found.counted
        ],
    }


def _organization(found: Found, organization_id: str) -> dict[str, str] | None:
    if not organization_id:
        return None
    return {"id": organization_id, "name": found.names[organization_id]}


def _time(at: int) -> str:
    moment = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at % 1000:03d}Z"
