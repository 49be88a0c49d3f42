"""``grantory token``: access tokens of a running server."""

import sys
from typing import Annotated, Any, Final

import typer

from grantory.cli.connection import connection
from grantory.cli.noting_source import NotingSource
from grantory.cli.prompts import ask_hidden, confirm
from grantory.cli.server_command import ServerCommand
from grantory.cli.session import Session
from grantory_sdk import ApiError, Grantory, Unauthorized, capture_answers
from grantory_sdk.token_sources import AccessToken

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Access tokens of a running server."
)
_LONGEST: Final = 65_536
_ENDED: Final = "Ended."
_NOT_THERE: Final = frozenset({404, 405})
FromInput = Annotated[
    bool,
    typer.Option("--stdin", help="Read a token from standard input, or ask for it in a terminal."),
]


@app.callback()
def group() -> None:
    """Access tokens of a running server."""


@app.command("get", cls=ServerCommand)
def get(context: typer.Context) -> None:
    """Prints an access token for the client or login that commands call with.

    Example: curl -H "Authorization: Bearer $(grantory token get)" …
    """
    session = Session.of(context)
    found = connection(session.host, session.profile)
    if isinstance(found.auth, AccessToken):
        answer: dict[str, Any] = {"access_token": found.auth.access_token, "token_type": "bearer"}
    else:
        source = NotingSource(found.auth)
        with Grantory(found.url, login_url=found.login_url, auth=source) as client:
            token = client.access_token()
        answer = {"access_token": token, "token_type": "bearer"}
        if source.answer is not None and source.answer.expires_in is not None:
            answer["expires_in"] = int(source.answer.expires_in)
            if source.answer.scope:
                answer["scope"] = source.answer.scope
    if session.for_programs:
        session.put(answer)
    else:
        typer.echo(answer["access_token"])


@app.command("inspect", cls=ServerCommand)
def inspect(context: typer.Context, stdin: FromInput = False) -> None:
    """Tells what a token is for: the one that commands call with, or another.

    A token is no argument, since arguments stay in the history of the shell.

    Example: pbpaste | grantory token inspect --stdin
    """
    session = Session.of(context)
    if not stdin:
        session.put(session.answer(lambda client: client.tokens.me()))
        return
    token = _read(session)
    try:
        session.put(_plain(session.client.tokens.introspect(token)))
    except ApiError as error:
        if error.status not in _NOT_THERE:
            raise
        with _as(session, token) as own, capture_answers() as answers:  # the vendor's cloud
            try:
                own.tokens.me()
            except Unauthorized:
                session.put({"active": False})
                return
        session.put({"active": True, **answers[-1].json()})


@app.command("revoke", cls=ServerCommand)
def revoke(
    context: typer.Context,
    stdin: FromInput = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER_ID", help="Every token of a user.")
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client", metavar="CLIENT_ID", help="Every token of a client (Grantory alone)."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Ends a token, or every token of a user or client.

    Example: grantory token revoke --client 3f0c… --yes
    """
    session = Session.of(context)
    if sum((stdin, user is not None, client is not None)) != 1:
        raise typer.BadParameter("say which: --stdin, --user or --client")
    if user is not None:
        confirm(session, "Every token of the user ends. Go on?", yes=yes)
        with session.change() as caller:
            caller.tokens.revoke_all_of_user(user)
            session.say_made(_ENDED)
    elif client is not None:
        confirm(session, "Every token of the client ends. Go on?", yes=yes)
        with session.change() as caller:
            caller.oauth_clients.revoke_tokens(client)
            session.say_made(_ENDED)
    else:
        token = _read(session)
        with _as(session, token) as own, session.ending():
            own.tokens.revoke_me()
            session.say_made(_ENDED)


def _as(session: Session, token: str) -> Grantory:
    """The server, called with a token that was given."""
    found = connection(session.host, session.profile)
    return Grantory(found.url, login_url=found.login_url, access_token=token)


def _read(session: Session) -> str:
    if session.may_ask:
        return ask_hidden(session, "--stdin", "Token").strip()
    token = sys.stdin.read(_LONGEST).strip()
    if not token:
        raise typer.BadParameter("standard input holds no token", param_hint="--stdin")
    return token


def _plain(answer: Any) -> dict[str, Any]:
    return {
        name: value
        for name in answer.__struct_fields__
        if (value := getattr(answer, name)) is not None
    }
