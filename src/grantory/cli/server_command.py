"""A command that calls a server: its options that all of them have, and how it ends."""

import os
import re
import sys
from typing import Any, Final

import httpx2
import typer
from typer.core import TyperCommand, TyperOption

from grantory.cli.connection import address
from grantory.cli.exit_status import ExitStatus
from grantory.cli.query import Query
from grantory.cli.session import NotShown, Session
from grantory.cli.tables import plain
from grantory_sdk import (
    ApiError,
    ConnectionFailed,
    Forbidden,
    GrantoryError,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    RequestTimeout,
    ServerError,
    TokenRefused,
    TooManyRequests,
    Unauthorized,
    UnreadableAnswer,
)
from grantory_sdk.profiles import profile_names
from grantory_sdk.requests import NoId
from grantory_sdk.retries import was_not_done

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_PANEL: Final = "Options of all commands that call a server"
_HINTS: Final = {
    "cannot.delete.client": "grantory clients disable, and then delete it",
    "invalid_grant": "the login has ended: grantory login",
    "invalid_client": "is it the right server? grantory login takes other credentials",
}


class ServerCommand(TyperCommand):
    """A command with a session: ``Session.of(context)``."""

    without: tuple[str, ...] = ()
    """Options that it does not have."""

    def __init__(self, *given: Any, params: list[Any] | None = None, **more: Any) -> None:
        shared = [option for option in _options() if option.name not in self.without]
        super().__init__(*given, params=[*(params or []), *shared], **more)

    def invoke(self, ctx: Any) -> Any:
        """Runs it, and tells by the exit status how it went."""
        said = ctx.meta
        session = Session(
            said.get("grantory.host"),
            said.get("grantory.profile"),
            as_json=said.get("grantory.as_json", False),
            query=said.get("grantory.query"),
            no_input=said.get("grantory.no_input", False),
        )
        ctx.obj = session
        try:
            return super().invoke(ctx)
        except GrantoryError as error:
            status = status_of(error, changing=session.changing)
            _tell(error, status)
        except NotShown as error:
            tell_that_it_was_made(error)
            status = ExitStatus.NOT_SHOWN
        except NoId as error:  # before anything is sent
            typer.echo(f"grantory: {plain(error)}", err=True)
            status = ExitStatus.WRONG_USE
        except ValueError as error:  # such as a query of the wrong kind
            typer.echo(f"grantory: {plain(error)}", err=True)
            status = ExitStatus.OUTCOME_UNKNOWN if session.changing else ExitStatus.WRONG_USE
        except typer.Abort:
            typer.echo("\ngrantory: nothing was changed", err=True)
            status = ExitStatus.INTERRUPTED
        except KeyboardInterrupt:
            typer.echo("\ngrantory: interrupted", err=True)
            status = ExitStatus.INTERRUPTED
            if session.changing:  # a second time, which waits for no answer
                status = ExitStatus.OUTCOME_UNKNOWN
                _tell_that_it_is_unknown()
        finally:
            session.close()
        raise typer.Exit(status)


class LocalCommand(ServerCommand):
    """A command about profiles, which calls no server."""

    without = ("host", "profile")


def status_of(error: GrantoryError, *, changing: bool) -> ExitStatus:
    """The exit status that tells of an error.

    Args:
        error: what went wrong.
        changing: whether a change was on its way.
    """
    if isinstance(error, OutcomeUnknown) or (changing and isinstance(error, UnreadableAnswer)):
        return ExitStatus.OUTCOME_UNKNOWN
    if isinstance(error, ConnectionFailed):
        sent = not isinstance(error.__context__, httpx2.ConnectError | httpx2.ConnectTimeout)
        return ExitStatus.OUTCOME_UNKNOWN if changing and sent else ExitStatus.NO_ANSWER
    if isinstance(error, ServerError | RequestTimeout) and changing and not was_not_done(error):
        return ExitStatus.OUTCOME_UNKNOWN
    if isinstance(error, ServerError | TooManyRequests | RequestTimeout):
        return ExitStatus.NO_ANSWER
    if isinstance(error, NotFound):
        return ExitStatus.NOT_FOUND
    if isinstance(error, Unauthorized | Forbidden | TokenRefused | LoginFailed):
        return ExitStatus.NOT_ALLOWED
    return ExitStatus.FAILED


def _tell(error: GrantoryError, status: ExitStatus) -> None:
    typer.echo(f"grantory: {plain(error)}", err=True)
    if isinstance(error, ApiError):
        for detail in error.details:
            if detail.field_name:
                typer.echo(f"  {plain(detail.field_name)}: {plain(detail.error_code)}", err=True)
        if error.code in _HINTS:
            typer.echo(f"  {_HINTS[error.code]}", err=True)
    if status is ExitStatus.OUTCOME_UNKNOWN:
        _tell_that_it_is_unknown()


def tell_that_it_was_made(error: NotShown) -> None:
    """Tells of a change whose answer could not be shown."""
    if error.stopped_reading:
        # What is left to be written would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    which = f" (id {plain(error.id)})" if error.id else ""
    typer.echo(
        f"grantory: the change was made{which}, but its answer cannot be shown: {plain(error)}",
        err=True,
    )


def _tell_that_it_is_unknown() -> None:
    typer.echo("  It is not known whether the change was made: look before trying again.", err=True)


def _options() -> list[TyperOption]:
    return [
        TyperOption(
            param_decls=["--host"],
            type=str,
            metavar="ADDRESS",
            help="The server's address, or a region of the vendor's cloud such as eu-central-1.",
            callback=_checked_host,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
        TyperOption(
            param_decls=["--profile"],
            type=str,
            metavar="NAME",
            help="The profile to call with; grantory profiles lists them.",
            callback=_keep,
            expose_value=False,
            autocompletion=_completed,
            rich_help_panel=_PANEL,
        ),
        TyperOption(
            param_decls=["as_json", "--json"],
            is_flag=True,
            default=False,
            help="Print JSON.",
            callback=_keep,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
        TyperOption(
            param_decls=["--query"],
            type=str,
            metavar="JMESPATH",
            help="Print what this expression finds in the answer, such as [].id or secret.",
            callback=_checked_query,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
        TyperOption(
            param_decls=["--no-input"],
            is_flag=True,
            default=False,
            help="Ask nothing, even in a terminal.",
            callback=_keep,
            expose_value=False,
            rich_help_panel=_PANEL,
        ),
    ]


def _keep(ctx: Any, param: Any, value: Any) -> None:
    ctx.meta[f"grantory.{param.name}"] = value


def _checked_query(ctx: Any, param: Any, value: str | None) -> None:
    """A wrong expression is told before anything is asked of the server."""
    try:
        _keep(ctx, param, None if value is None else Query(value))
    except ValueError as error:
        raise typer.BadParameter(f"no JMESPath: {error}") from None


def _checked_host(ctx: Any, param: Any, value: str | None) -> None:
    if value is not None and not any(address(value)):
        raise typer.BadParameter("no address")
    _keep(ctx, param, value)


def profiles_that_begin(incomplete: str) -> list[str]:
    """Completes the name of a profile; knows none where the file cannot be read.

    Those that ``grantory login`` would not give are left out: shells run what stands in some.
    """
    try:
        names = filter(_PLAIN.fullmatch, profile_names(os.environ))
    except GrantoryError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def _completed(_ctx: Any, _args: Any, incomplete: str) -> list[str]:
    return profiles_that_begin(incomplete)
