"""Makes what a plan says: together, or one change after the other."""

import re
from contextlib import ExitStack
from typing import Any, Final, cast

import msgspec
import typer

from grantory.cli.exit_status import ExitStatus
from grantory.cli.plans.difference import Plan, Step
from grantory.cli.plans.entries import Kind
from grantory.cli.plans.new_secrets import NewSecrets
from grantory.cli.plans.present import Present
from grantory.cli.plans.showing import label
from grantory.cli.server_command import status_of
from grantory.cli.session import Session
from grantory.cli.tables import plain
from grantory.errors import SetupError
from grantory_sdk import ApiError, Grantory, GrantoryError
from grantory_sdk.requests import path_of

_PATHS: Final[dict[Kind, str]] = {
    "division": "/api/v2/authorization/divisions",
    "role": "/api/v2/authorization/roles",
    "client": "/api/v2/oauth/clients",
}
TOO_LONG: Final = "parts of the file can be applied one after the other, or all --in-order"
_OF_A_CHANGE: Final = re.compile(r"Change (\d{1,6}) of \d+ ", re.ASCII)


class Made(msgspec.Struct, frozen=True):
    """A step that was made, and the id of what it is about."""

    step: Step
    id: str


def step_refused(plan: Plan, error: GrantoryError) -> Step | None:
    """Which step a server refused; None where it refused them as a whole."""
    match = _OF_A_CHANGE.match(error.message) if isinstance(error, ApiError) else None
    number = int(match[1]) if match else 0
    return plan.steps[number - 1] if 1 <= number <= len(plan.steps) else None


def knows_no_changes(error: GrantoryError) -> bool:
    """Tells whether a server has no operation that makes changes together."""
    if not isinstance(error, ApiError) or error.status not in (404, 405):
        return False
    return _OF_A_CHANGE.match(error.message) is None


def try_together(session: Session, plan: Plan) -> None:
    """Lets the server check everything, and change nothing.

    Raises:
        GrantoryError: if it would refuse.
    """
    session.client.changes.apply([step.change for step in plan.steps], dry_run=True)


def make_together(session: Session, plan: Plan, secrets: NewSecrets, made: list[Made]) -> None:
    """Makes everything in one transaction, or nothing.

    Args:
        session: of the command.
        plan: what is to be made.
        secrets: where those of new clients go.
        made: gets what was made.

    Raises:
        GrantoryError: if it is refused.
        KeyboardInterrupt: if somebody asked for it; what was begun is finished at the first time.
        SetupError: if the server cannot do so.
    """
    with session.change() as client:
        try:
            answer = client.changes.apply([step.change for step in plan.steps])
        except GrantoryError as error:
            _explain(plan, error)
            raise
        except KeyboardInterrupt:
            _tell_of_new_clients(plan)
            raise
        for step, change in zip(plan.steps, answer.changes, strict=True):
            made.append(Made(step, change.id))
            if _makes_a_client(step):
                secrets.take(change.secret, change.id, step.name)


def make_in_order(
    session: Session, plan: Plan, secrets: NewSecrets, present: Present, made: list[Made]
) -> None:
    """Makes one change after the other, up to the first that fails; says then what is left.

    Args:
        session: of the command.
        plan: what is to be made.
        secrets: where those of new clients go.
        present: what is there.
        made: gets what was made.

    Raises:
        GrantoryError: if one is refused.
        KeyboardInterrupt: if somebody asked for it; what was begun is finished at the first time.
    """
    ids: dict[str, str] = {}
    try:
        with ExitStack() as stack:
            advance = present.progress(stack, "Making", len(plan.steps), len(plan.steps) > 10)
            for step in plan.steps:
                with session.change() as client:
                    answered = _make(client, step, ids)
                    found = str(answered.get("id") or step.id or "")
                    if step.change.key is not None:
                        ids["#" + step.change.key] = found
                    if _makes_a_client(step):
                        secrets.take(answered.get("secret"), found, step.name)
                    made.append(Made(step, found))
                advance(1)
                if secrets.lost:  # so would be what comes after it
                    break
    except GrantoryError as error:
        unclear = status_of(error, changing=session.changing) is ExitStatus.OUTCOME_UNKNOWN
        tell_what_is_left(plan, made, unclear=unclear)
        raise
    except KeyboardInterrupt:
        if len(made) < len(plan.steps):
            tell_what_is_left(plan, made, unclear=session.changing)
        raise
    if len(made) < len(plan.steps):
        tell_what_is_left(plan, made)


def tell_what_is_left(plan: Plan, made: list[Made], *, unclear: bool = False) -> None:
    """Tells what was done of a plan and what was not.

    Args:
        plan: what was to be done.
        made: what was.
        unclear: whether the next step may have been made, too.
    """
    typer.echo(f"grantory: stopped after {len(made)} of {len(plan.steps)} changes", err=True)
    for number, step in enumerate(plan.steps):
        word, which = "left", ""
        if number < len(made):
            word, which = "done", f": {made[number].id}" if step.action == "create" else ""
        elif unclear and number == len(made):
            word = "open"
        typer.echo(f"  {word}  {step.action} {plain(label(step) + which)}", err=True)
    if unclear:
        _tell_of_new_clients(plan)


def _explain(plan: Plan, error: GrantoryError) -> None:
    if knows_no_changes(error):
        raise SetupError(
            "this server cannot make changes together, and nothing was changed: --in-order makes "
            "one after the other, and stops at the first that fails"
        ) from None
    step = step_refused(plan, error)
    if step is not None:
        typer.echo(f"grantory: refused at: {step.action} {plain(label(step))}", err=True)
    if is_too_long(error):
        typer.echo(f"grantory: {TOO_LONG}", err=True)
    if status_of(error, changing=True) is ExitStatus.OUTCOME_UNKNOWN:
        _tell_of_new_clients(plan)


def is_too_long(error: GrantoryError) -> bool:
    """Tells whether a server refused more changes than it makes at once."""
    return isinstance(error, ApiError) and any(
        detail.field_name == "changes" for detail in error.details
    )


def _tell_of_new_clients(plan: Plan) -> None:
    """A secret whose answer did not come is lost."""
    if plan.new_clients:
        typer.echo(
            "grantory: what grantory plan does not want to create any more was made; "
            "grantory clients rotate gives such a client a secret",
            err=True,
        )


def _make(client: Grantory, step: Step, ids: dict[str, str]) -> dict[str, Any]:
    """Makes one change by its own operation; returns the answer."""
    path = _PATHS[step.kind]
    if step.action == "delete":
        client.request("DELETE", path_of(path, step.id or ""))
        return {}
    body = _with_ids(step.change.body, ids)
    if step.action == "create":
        answer = client.request("POST", path, body=body)
    else:
        answer = client.request("PUT", path_of(path, step.id or ""), body=body)
    return cast("dict[str, Any]", answer.json())


def _with_ids(body: Any, ids: dict[str, str]) -> Any:
    """A body with the ids of what was made before it."""
    if not body.get("roleDivisions"):
        return body
    held = [
        {name: ids.get(text, text) for name, text in each.items()} for each in body["roleDivisions"]
    ]
    return {**body, "roleDivisions": held}


def _makes_a_client(step: Step) -> bool:
    return step.kind == "client" and step.action == "create"
