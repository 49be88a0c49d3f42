"""What a command that calls a server works with: the server, and what is to be shown of it."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import islice
from typing import Any, Final, Self
from urllib.parse import urlsplit

import typer

from grantory.cli.connection import connection
from grantory.cli.query import Query
from grantory.cli.tables import GAP, LEAST, Column, folded, plain, table, terminal_width
from grantory.cli.uninterrupted import uninterrupted
from grantory_sdk import Grantory, Listing, capture_answers
from grantory_sdk.addresses import REGIONS

_VENDORS: Final = frozenset(f"api.{domain}" for domain in REGIONS.values())


class NotShown(Exception):
    """A change was made, and its answer could not be shown.

    Args:
        document: the answer.
        error: why not.
    """

    def __init__(self, document: Any, error: BaseException) -> None:
        super().__init__(str(error) or "Ctrl-C ended it")
        made = document if isinstance(document, dict) else {}
        self.id = str(made.get("id") or "")
        self.stopped_reading = isinstance(error, OSError | KeyboardInterrupt)


class Session:
    """One run of a command.

    Args:
        host: what ``--host`` says.
        profile: what ``--profile`` says.
        as_json: whether JSON is wanted.
        query: what ``--query`` says.
        no_input: whether nothing may be asked.
    """

    def __init__(
        self,
        host: str | None,
        profile: str | None,
        *,
        as_json: bool = False,
        query: Query | None = None,
        no_input: bool = False,
    ) -> None:
        self.host = host
        self.profile = profile
        self.as_json = as_json
        self.query = query
        self.may_ask = not no_input and sys.stdin.isatty() and sys.stderr.isatty()
        self.changing = False
        self._open = ExitStack()

    @classmethod
    def of(cls, context: typer.Context) -> Self:
        """The session of a command."""
        session: Self = context.obj
        return session

    @cached_property
    def client(self) -> Grantory:
        """The server.

        Raises:
            SetupError: if it is not said which, or as whom.
        """
        found = connection(self.host, self.profile)
        made = Grantory(found.url, login_url=found.login_url, auth=found.auth)
        return self._open.enter_context(made)

    @cached_property
    def is_vendors(self) -> bool:
        """Whether it is the vendor's cloud, which knows nothing of Grantory's own."""
        return urlsplit(self.client.url).hostname in _VENDORS

    def close(self) -> None:
        """Closes the connections."""
        self._open.close()

    @property
    def for_programs(self) -> bool:
        """Whether the answer is to be read by a program."""
        return self.as_json or self.query is not None

    @contextmanager
    def change(self) -> Iterator[Grantory]:
        """Gives the server for a change that Ctrl-C does not stop half-way.

        The credentials are looked at before, so that whatever fails inside is the change.
        """
        client = self.client
        client.access_token()
        with self.ending():
            yield client

    @contextmanager
    def ending(self) -> Iterator[None]:
        """The same for a change that is made with other credentials."""
        with uninterrupted():
            self.changing = True
            yield
            self.changing = False

    def answer(self, call: Callable[[Grantory], object]) -> Any:
        """Calls, and gives the answer as the server wrote it: with what the SDK does not know.

        Args:
            call: makes the calls, of which the last one counts.
        """
        with capture_answers() as answers:
            call(self.client)
        return answers[-1].json() if answers and answers[-1].content else None

    def put(self, value: Any) -> str | None:
        """Shows an answer: its fields for people, or what ``--json`` and ``--query`` ask for.

        Returns:
            What a query found; None without one, since everything was shown.
        """
        if self.query is not None:
            found = self.query.text(value, as_json=self.as_json)
            typer.echo(found, nl=False)
            return found
        if self.as_json:
            typer.echo(json.dumps(value, indent=2))
        else:
            put_fields(value)
        return None

    def put_made(self, document: Any) -> str | None:
        """Shows the answer to a change, which is made by now, whatever becomes of showing it.

        It belongs inside of ``change``, so that whoever presses Ctrl-C is told, too.

        Returns:
            As ``put``.

        Raises:
            NotShown: if the query fails at it, nobody reads on, or Ctrl-C ends it.
        """
        with self.showing_made(document):
            return self.put(document)

    def say_made(self, text: str) -> None:
        """Tells people of a change that is made by now: inside of ``change``.

        Raises:
            NotShown: if nobody reads on, or Ctrl-C ends it.
        """
        with self.showing_made():
            self.say(text)

    @contextmanager
    def showing_made(self, document: Any = None) -> Iterator[None]:
        """Shows inside of it what is made by now, whatever becomes of showing it.

        Args:
            document: the answer, of which the id counts.

        Raises:
            NotShown: if it cannot be shown.
        """
        self.changing = False
        try:
            yield
        except (ValueError, OSError, KeyboardInterrupt) as error:
            raise NotShown(document, error) from error

    def put_list(
        self, columns: Sequence[Column], listing: Listing[Any], limit: int | None = None
    ) -> None:
        """Shows a list: a table for people, or what ``--json`` and ``--query`` ask for.

        Args:
            columns: of the table.
            listing: is read page by page.
            limit: how many of it are wanted.
        """
        found = islice(self._entities(listing, limit), limit)
        if self.query is not None:
            self.put(list(found))
        elif self.as_json:
            _put_array(found)
        else:
            _put_rows(columns, found)

    def put_table(
        self, columns: Sequence[Column], document: Any, entities: Iterable[dict[str, Any]]
    ) -> None:
        """Shows a part of an answer as a table, or the whole to programs."""
        if self.for_programs:
            self.put(document)
        else:
            _put_rows(columns, entities)

    def say(self, text: str) -> None:
        """Tells people what was done; programs see it by the exit status."""
        typer.echo(text, err=self.for_programs)

    def _entities(self, listing: Listing[Any], limit: int | None) -> Iterator[dict[str, Any]]:
        with capture_answers() as answers, ExitStack() as stack:
            bar: Any = None
            for number, page in enumerate(listing.pages()):
                entities = answers[-1].json().get("entities") or []
                answers.clear()
                wanted = min(page.total or 0, limit or sys.maxsize)
                if number == 0 and wanted > len(entities) and self._may_show_progress:
                    shown = typer.progressbar(length=wanted, label="Reading", file=sys.stderr)
                    bar = stack.enter_context(shown)
                if bar is not None:
                    bar.update(len(entities))
                yield from entities

    @property
    def _may_show_progress(self) -> bool:
        """Not between the lines that come out meanwhile."""
        streams = self.query is None and sys.stdout.isatty()
        return sys.stderr.isatty() and not streams


def put_fields(document: dict[str, Any]) -> None:
    """Shows an entity, a field a line, by the names that the API gives them."""
    fields = {name: value for name, value in document.items() if value is not None}
    width = max(map(len, fields), default=0)
    terminal = terminal_width()
    for name, value in fields.items():
        shown = plain(value) if isinstance(value, str) else json.dumps(value)
        if terminal is not None:
            room = max(LEAST, terminal - width - GAP)
            shown = ("\n" + " " * (width + GAP)).join(folded(shown, room))
        typer.echo(f"{name:<{width}}{' ' * GAP}{shown}")


def _put_rows(columns: Sequence[Column], entities: Iterable[dict[str, Any]]) -> None:
    rows = ([_text(column.value(entity)) for column in columns] for entity in entities)
    for lines in table(columns, rows, terminal_width()):
        typer.echo(lines, nl=False)


def _put_array(found: Iterable[dict[str, Any]]) -> None:
    """Writes an array of JSON, each element as it comes."""
    start = "[\n  "
    for entity in found:
        typer.echo(start + json.dumps(entity, indent=2).replace("\n", "\n  "), nl=False)
        start = ",\n  "
    typer.echo("\n]" if start != "[\n  " else "[]")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
