"""``grantory login`` and ``grantory logout``: a login that the commands after it go on with."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from grantory.cli.connection import address
from grantory.cli.noting_source import NotingSource
from grantory.cli.prompts import ask, ask_hidden, choose, missing
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory.cli.tables import plain
from grantory.cli.uninterrupted import uninterrupted
from grantory.errors import SetupError
from grantory_sdk import (
    ApiError,
    AuthorizationCode,
    ClientCredentials,
    ConfigurationError,
    Grantory,
    GrantoryError,
    TokenSource,
)
from grantory_sdk.addresses import is_of_this_machine, login_address
from grantory_sdk.browser_login import ANY_PORT, open_browser
from grantory_sdk.configuration import resolve
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.profile_writing import change_profile, check_writable
from grantory_sdk.profiles import NAMES, default_profile, profile_names, profiles_file, read_profile
from grantory_sdk.stored_login import StoredLogin, values_of

login_app = typer.Typer(add_completion=False)
logout_app = typer.Typer(add_completion=False)
CODE: Final = "code"
CLIENT: Final = "client-credentials"
_GRANTS: Final = (
    (CODE, "as yourself, with the browser"),
    (CLIENT, "as a client, with its id and secret"),
)
_CREDENTIALS: Final = (
    "access_token",
    "access_token_expires",
    "client_secret",
    "client_secret_file",
    "refresh_token",
)
_LONGEST: Final = 4096
_SECONDS_TO_END: Final = 5.0
"""For each step of ending a login that is given up, since somebody waits for it."""


def _grants(incomplete: str) -> list[str]:
    return [grant for grant, _ in _GRANTS if grant.startswith(incomplete)]


@login_app.command("login", cls=ServerCommand)
def login(
    context: typer.Context,
    grant: Annotated[
        str | None,
        typer.Option(
            "--grant",
            help="code: as yourself, with the browser; client-credentials: as a client.",
            autocompletion=_grants,
        ),
    ] = None,
    client_id: Annotated[
        str | None, typer.Option("--client-id", help="The client that logs in.")
    ] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read its secret from standard input.")
    ] = False,
    redirect_uri: Annotated[
        str,
        typer.Option("--redirect-uri", help="Where the browser comes back to, on this machine."),
    ] = ANY_PORT,
    login_url: Annotated[
        str | None,
        typer.Option("--login-url", help="The address of the login side, where it is another."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address; open no browser.")
    ] = False,
) -> None:
    """Logs in at a server, and keeps the login in a profile.

    Example: grantory login --host eu-central-1 --grant code --client-id 3f0c…
    """
    session = Session.of(context)
    file = profiles_file(os.environ)
    host = session.host or ask(session, "--host", "Address of the server, or a region")
    url, region = address(host)
    name = session.profile or os.environ.get("GRANTORY_PROFILE") or _name_for(region or str(url))
    kind = _kind(session, grant)
    client = client_id or ask(session, "--client-id", "Id of the client")
    secret = _secret(session, kind, from_input=secret_stdin)
    source: TokenSource
    if kind == CLIENT:
        source = ClientCredentials(client, secret or "")
    else:
        source = AuthorizationCode(
            client,
            secret,
            redirect_uri=redirect_uri,
            open_browser=_print_address if no_browser else _show_address,
        )
    found = resolve(url, region=region, login_url=login_url, auth=source)
    old = _old(file, name, found.url)
    noting = NotingSource(source)
    values: dict[str, str | None] = {
        **dict.fromkeys(NAMES),
        "url": found.url,
        "login_url": None if found.login_url == login_address(found.url) else found.login_url,
        "client_id": client,
        "client_secret": secret,
    }
    is_kept = False
    try:
        with Grantory(found.url, login_url=found.login_url, auth=noting) as server:
            server.access_token()
            who = _who(server)
        if kind == CODE and noting.answer is not None:
            values |= values_of(noting.answer, time.time())
        with uninterrupted():
            change_profile(file, name, values)
            is_kept = True
            if old.get("refresh_token"):
                with contextlib.suppress(GrantoryError):
                    _end(old)
            _tell(session, found.url, who, name)
    except BaseException:
        if noting.answer is not None and not is_kept:
            if _holds(file, name, noting.answer):  # a second Ctrl-C came after it was written
                typer.echo(f"grantory: the login is kept: profile {name}", err=True)
            else:
                _end_unkept(values | values_of(noting.answer, time.time()))
        raise


@logout_app.command("logout", cls=ServerCommand)
def logout(
    context: typer.Context,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget the credentials though no server answers.")
    ] = False,
) -> None:
    """Ends a login, and forgets its credentials.

    The profile stays, with its address and client, for the next login.

    Example: grantory logout --profile cloud
    """
    session = Session.of(context)
    file = profiles_file(os.environ)
    chosen = session.profile or os.environ.get("GRANTORY_PROFILE") or default_profile(os.environ)
    if not chosen:
        raise SetupError(f"{file} has no default profile: name one with --profile")
    values = read_profile(file, chosen)
    check_writable(file)
    with session.ending():
        has_ended, was_told = False, True
        try:
            has_ended = _end_kept(file, chosen, values)
        except GrantoryError:
            if not forget:
                raise
            was_told = False
        try:
            change_profile(file, chosen, dict.fromkeys(_CREDENTIALS))
        except ConfigurationError as error:
            if not has_ended:
                raise
            raise SetupError(
                f"the login has ended, but the profile {chosen} still holds its credentials: "
                f"{plain(error)}"
            ) from None
        if not was_told:
            session.say_made("The server was not told.")
        session.say_made(f"Logged out: profile {chosen}.")


def _kind(session: Session, grant: str | None) -> str:
    if grant is None:
        if not session.may_ask:
            missing("--grant")
        typer.echo("How do you log in?", err=True)
        return _GRANTS[choose("Way", _GRANTS, 0)][0]
    kind = grant.lower().replace("_", "-")
    if kind not in (CODE, CLIENT):
        raise typer.BadParameter("it is code or client-credentials", param_hint="--grant")
    return kind


def _secret(session: Session, kind: str, *, from_input: bool) -> str | None:
    """The client's secret; None for a client that logs people in without one."""
    if from_input and not session.may_ask:
        secret = sys.stdin.read(_LONGEST).strip()
        if not secret:
            raise typer.BadParameter("standard input is empty", param_hint="--secret-stdin")
        return secret
    if kind == CLIENT or from_input:
        return ask_hidden(session, "--secret-stdin", "Its secret")
    if not session.may_ask:
        return None
    question = "Its secret, or Enter for a client without one"
    text = typer.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return str(text) or None


def _old(file: Path, name: str, url: str) -> dict[str, str]:
    """What a profile holds that is to be written over, which must be one of the same server."""
    if name not in profile_names(os.environ):
        return {}
    values = read_profile(file, name)
    try:
        known = resolve(values.get("url"), region=values.get("region"), access_token="-")
    except ConfigurationError:
        return values
    if known.url != url:
        raise SetupError(f"the profile {name} is of {known.url}: name another one with --profile")
    return values


def _name_for(place: str) -> str:
    """A name for the profile of a server."""
    host = urlsplit(place).hostname if "://" in place else place
    if "://" in place and is_of_this_machine(place):
        return "local"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host or "")[:64].strip("-") or "server"


def _who(server: Grantory) -> str:
    """Whom the server takes us for."""
    try:
        me = server.users.me()
    except ApiError:
        client = server.tokens.me().oauth_client
        return f"the client {client.name or client.id}"
    return me.email or me.name or me.id


def _tell(session: Session, url: str, who: str, name: str) -> None:
    session.say_made(f"Logged in at {url} as {plain(who)}: profile {name}.")
    if default_profile(os.environ) != name:
        session.say_made(
            f"Commands take it with --profile {name}, or after grantory profiles use {name}."
        )


def _holds(file: Path, name: str, answer: TokenAnswer) -> bool:
    """Whether a profile holds what the token endpoint answered."""
    with contextlib.suppress(GrantoryError):
        return read_profile(file, name).get("access_token") == answer.access_token
    return False


def _end_unkept(values: dict[str, str | None]) -> None:
    """Ends a login that was given up before its profile was written, as far as that can be."""
    with contextlib.suppress(OSError):
        typer.echo("grantory: ending the login at the server, since it is not kept", err=True)
    try:
        with uninterrupted():
            _end({name: value for name, value in values.items() if value is not None}, hasty=True)
    except GrantoryError as error:
        typer.echo(f"grantory: the login could not be ended: {plain(error)}", err=True)


def _end_kept(file: Path, name: str, values: dict[str, str]) -> bool:
    """Ends a login with the newest tokens, which another command may have renewed.

    Returns:
        Whether there was anything to end.
    """
    if values.get("refresh_token"):
        login = StoredLogin(file, name)
        try:
            login.hold()
            _end(read_profile(file, name))
        finally:
            login.settled()
        return True
    if values.get("access_token"):
        _end(values)
        return True
    return False


def _end(values: dict[str, str], *, hasty: bool = False) -> None:
    """Ends the tokens that a profile holds: by RFC 7009, or each by itself."""
    patience: dict[str, Any] = {"timeout": _SECONDS_TO_END, "max_retries": 0} if hasty else {}
    found = resolve(
        values.get("url"),
        region=values.get("region"),
        login_url=values.get("login_url"),
        access_token=values.get("access_token", "-"),
    )
    refresh_token = values.get("refresh_token")
    if refresh_token:
        auth: Any = ClientOfLogin(values["client_id"], values.get("client_secret"))
        with Grantory(found.url, login_url=found.login_url, auth=auth, **patience) as server:
            try:
                server.tokens.revoke(refresh_token, hint="refresh_token")
            except ApiError as error:
                if error.status not in (404, 405):  # the vendor's cloud knows no such endpoint
                    raise
    if values.get("access_token"):
        with Grantory(found.url, login_url=found.login_url, auth=found.auth, **patience) as server:
            try:
                server.tokens.revoke_me()
            except ApiError as error:
                if error.status != 401:  # it had ended already
                    raise


class ClientOfLogin:
    """The client of a login that is to end, which asks for nothing more."""

    def __init__(self, client_id: str, client_secret: str | None) -> None:
        self.client_id = client_id
        self.client_secret = client_secret


def _show_address(text: str) -> None:
    typer.echo("Log in with the browser; Ctrl-C gives up. If none opens, open\n" + text, err=True)
    with contextlib.suppress(Exception):
        open_browser(text)


def _print_address(text: str) -> None:
    typer.echo(
        f"Open this address in a browser on this machine; Ctrl-C gives up:\n{text}", err=True
    )
