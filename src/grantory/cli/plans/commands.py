"""``grantory plan`` and ``grantory apply``."""

from typing import Annotated, Any

import typer

from grantory.cli.exit_status import ExitStatus
from grantory.cli.plans.difference import Plan, difference
from grantory.cli.plans.document import STANDARD_INPUT, format_of, read_document
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.making import (
    TOO_LONG,
    Made,
    is_too_long,
    knows_no_changes,
    make_in_order,
    make_together,
    step_refused,
    try_together,
)
from grantory.cli.plans.new_secrets import (
    DiscardSecrets,
    NewSecrets,
    SecretDir,
    SecretTo,
    place_of_secrets,
)
from grantory.cli.plans.present import Present
from grantory.cli.plans.showing import document_of, label, plan_lines
from grantory.cli.plans.wanted import entries_of
from grantory.cli.prompts import confirm
from grantory.cli.server_command import ServerCommand, tell_that_it_was_made
from grantory.cli.session import NotShown, Session
from grantory.cli.tables import colours, plain
from grantory_sdk import ApiError, Forbidden

plan_app = typer.Typer(add_completion=False)
apply_app = typer.Typer(add_completion=False)
File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="What there is to be, in YAML, TOML or JSON; - reads standard input.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="yaml, toml or json, where the end of its name does not tell."),
]
InOrder = Annotated[
    bool,
    typer.Option(
        "--in-order",
        help="Make one change after the other, and stop at the first that fails, where a server "
        "cannot make them together. The vendor's cloud never can.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@plan_app.command("plan", cls=ServerCommand)
def plan(
    context: typer.Context, file: File, written: Format = None, in_order: InOrder = False
) -> None:
    """Shows what has to change so that a server has the divisions, roles and clients of a file.

    Ends with status 8 where something has to. Grantory tries the changes without making them, so
    that what it would refuse is told now.

    Example: grantory plan clients.yaml
    """
    session = Session.of(context)
    present = Present(session)
    found = _plan(present, file, written)
    refusal = None if in_order or present.is_vendors else _refusal(session, found)
    if session.for_programs:
        told = None if refusal is None else {"status": refusal.status, "code": refusal.code,
                                             "message": refusal.message}  # fmt: skip
        session.put({**document_of(found), "refusal": told})
    else:
        _show(found, err=False)
    if refusal is not None:
        if is_too_long(refusal):
            typer.echo(f"grantory: {TOO_LONG}", err=True)
        step = step_refused(found, refusal)
        at = f" at: {step.action} {plain(label(step))}" if step is not None else ""
        typer.echo(f"grantory: apply would be refused{at}", err=True)
        if not isinstance(refusal, Forbidden):
            raise refusal
        typer.echo(f"  {plain(refusal)}", err=True)
    if found.steps:
        raise typer.Exit(ExitStatus.DRIFT)


@apply_app.command("apply", cls=ServerCommand)
def apply(
    context: typer.Context,
    file: File,
    written: Format = None,
    yes: Yes = False,
    in_order: InOrder = False,
    secret_to: SecretTo = None,
    secret_dir: SecretDir = None,
    discard_secrets: DiscardSecrets = False,
) -> None:
    """Makes divisions, roles and clients as a file has them; all of it, or nothing.

    What the file does not name is left alone. Shows the changes and asks first.

    Example: grantory apply clients.yaml --secret-to 'vault kv put "oauth/$CLIENT_ID" value=-'
    """
    session = Session.of(context)
    present = Present(session)
    found = _plan(present, file, written)
    asking = bool(found.steps) and not yes and session.may_ask
    if not session.for_programs or asking:
        _show(found, err=session.for_programs)
    made: list[Made] = []
    secrets = place_of_secrets(
        session, found.new_clients, secret_to, secret_dir, discard=discard_secrets
    )
    if found.steps:
        confirm(session, "Make these changes?", yes=yes)
        try:
            if in_order or present.is_vendors:
                make_in_order(session, found, secrets, present, made)
            else:
                make_together(session, found, secrets, made)
        except KeyboardInterrupt:
            if len(made) == len(found.steps):  # it came so late that all was made
                _tell(session, found, made, secrets)
            secrets.tell()
            raise
    _tell(session, found, made, secrets)
    secrets.tell()


def _plan(present: Present, file: str, written: str | None) -> Plan:
    """Reads the file and compares; whatever is wrong with it is told before anybody is asked."""
    faults = Faults("standard input" if file == STANDARD_INPUT else file)
    entries = entries_of(read_document(file, format_of(file, written), faults), faults)
    faults.tell()
    return difference(entries, present, faults)


def _refusal(session: Session, found: Plan) -> ApiError | None:
    if not found.steps:
        return None
    try:
        try_together(session, found)
    except ApiError as error:
        if knows_no_changes(error):
            return None
        if error.status >= 500 or error.status in (401, 408, 429):
            raise
        return error
    return None


def _show(found: Plan, *, err: bool) -> None:
    coloured = colours() and not err
    for line in plan_lines(found, coloured=coloured):
        typer.echo(line, err=err)


def _tell(session: Session, found: Plan, made: list[Made], secrets: NewSecrets) -> None:
    if not made:
        if session.for_programs:
            session.put(_for_programs(found, made))
        return
    try:
        if session.for_programs:
            session.put_made(_for_programs(found, made))
        else:
            with session.showing_made():
                _tell_people(made, secrets, err=False)
    except NotShown as error:
        _tell_people(made, secrets, err=True)
        if secrets.lost:
            tell_that_it_was_made(error)
            secrets.tell()
        raise


def _for_programs(found: Plan, made: list[Made]) -> dict[str, Any]:
    document = document_of(found)
    for told, each in zip(document["changes"], made, strict=False):
        told["id"] = each.id
    for number, told in enumerate(document["changes"]):
        told["made"] = number < len(made)
    return document


def _tell_people(made: list[Made], secrets: NewSecrets, *, err: bool) -> None:
    actions = [each.step.action for each in made]
    counts = (actions.count("create"), actions.count("change"), actions.count("delete"))
    typer.echo("Done: {} created, {} changed, {} deleted.".format(*counts), err=err)
    lost = {each.client_id for each in secrets.lost}
    for each in made:
        if each.step.action == "create":
            is_client = each.step.kind == "client" and each.id not in lost
            where = f", its secret {secrets.where}" if is_client and secrets.where else ""
            typer.echo(plain(f"  {label(each.step)}: {each.id}{where}"), err=err)
