"""``grantory export``."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from grantory.cli.plans.document import FORMATS
from grantory.cli.plans.entries import SECTIONS
from grantory.cli.plans.exporting import Exporter
from grantory.cli.plans.present import Present
from grantory.cli.plans.wanted import MOST_ENTRIES
from grantory.cli.plans.writing import Form, entry_text, section_start
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.errors import SetupError

export_app = typer.Typer(add_completion=False)
_HEAD = "# Without secrets: a new client gets one of its own.\n"


class ExportCommand(ServerCommand):
    """A command whose answer is a file."""

    without = ("as_json", "query")


@export_app.command("export", cls=ExportCommand)
def export(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to write it; by default to standard output."),
    ] = None,
    written: Annotated[
        str | None,
        typer.Option(
            "--format", help="yaml or toml; by default what the file's name says, and else yaml."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="divisions, roles or clients; may be repeated."),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            "--client",
            help="Of clients those of this id or name alone; may be repeated. Without --only "
            "nothing else.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:
    """Writes divisions, roles and clients of a server as plan and apply read them.

    Secrets are not among it. Applying it at once changes nothing.

    Example: grantory export clients.yaml
    """
    session = Session.of(context)
    form = _form(file, written)
    sections = _sections(only, client)
    if file is not None and not force and file.exists():
        raise SetupError(f"{file} exists: name another file, or say --force")
    exporter = Exporter(Present(session))
    read: dict[str, Iterable[dict[str, Any]]] = {
        "divisions": exporter.divisions(),
        "roles": exporter.roles(),
        "clients": exporter.chosen(client) if client else exporter.clients(),
    }
    counted = _Counted()
    texts = _texts(form, {name: read[name] for name in sections}, counted)
    if file is None:
        for text in texts:
            sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write(file, texts, force)
        typer.echo(f"{counted.number} entries are in {file}.")
    if counted.number > MOST_ENTRIES:
        typer.echo(
            f"grantory: these are {counted.number} entries; plan and apply take {MOST_ENTRIES} "
            "of a file",
            err=True,
        )


class _Counted:
    """How many entries were written."""

    number = 0


def _form(file: Path | None, written: str | None) -> Form:
    known = FORMATS.get(file.suffix.lower()) if file is not None else None
    form = written.lower() if written is not None else known or "yaml"
    if form == "toml":
        return "toml"
    if form == "yaml":
        return "yaml"
    raise typer.BadParameter("it is written as yaml or toml", param_hint="--format")


def _sections(only: list[str] | None, client: list[str] | None) -> list[str]:
    wanted = set(only or (["clients"] if client else SECTIONS))
    if not wanted.issubset(SECTIONS):
        raise typer.BadParameter(f"must be one of {', '.join(SECTIONS)}", param_hint="--only")
    return [name for name in SECTIONS if name in wanted]


def _texts(
    form: Form, sections: dict[str, Iterable[dict[str, Any]]], counted: _Counted
) -> Iterator[str]:
    yield _HEAD
    for name, entries in sections.items():
        start = section_start(form, name)
        for fields in entries:
            yield start + entry_text(form, name, fields)
            counted.number += 1
            start = ""


def _write(file: Path, texts: Iterator[str], force: bool) -> None:
    # What writes it brings the keys of the store along, for which nobody else is to wait.
    from grantory.cli.whole_file import written_whole

    with written_whole(file, replace=force, option="--force") as target:
        for text in texts:
            target.write(text.encode())
