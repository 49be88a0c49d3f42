"""What is there already, of what a file names: no more of it is read than is needed."""

import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cached_property, partial
from typing import Any, Final

import typer

from grantory.cli.plans.answers import documents, found_of
from grantory.cli.plans.entries import Entry, Found, Kind
from grantory.cli.session import Session
from grantory_sdk import Listing, NotFound, capture_answers

LONGEST_PART: Final = 200
"""Of a name, by which clients are looked for."""


class Present:
    """Reads from a server.

    Args:
        session: of the command.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def is_vendors(self) -> bool:
        """As the session says."""
        return self.session.is_vendors

    @property
    def page_size(self) -> int:
        """How many of a list are asked for at once."""
        return 100 if self.is_vendors else 500

    @cached_property
    def divisions(self) -> list[Found]:
        """All divisions."""
        listing = self.session.client.divisions.list(page_size=self.page_size)
        return [found_of("division", each) for _, page in documents(listing) for each in page]

    @cached_property
    def roles(self) -> list[Found]:
        """All roles. What they allow may be missing where a list leaves that out."""
        listing = self.session.client.roles.list(page_size=self.page_size)
        return [found_of("role", each) for _, page in documents(listing) for each in page]

    @cached_property
    def home(self) -> Found:
        """The home division."""
        for each in self.divisions:
            if each.document.get("homeDivision"):
                return each
        return found_of("division", self._document(self.session.client.divisions.home))

    def whole(self, role: Found) -> Found:
        """A role with what it allows."""
        if "permissionPolicies" in role.document:
            return role
        return found_of("role", self._document(partial(self.session.client.roles.get, role.id)))

    def named(self, kind: Kind, entries: Iterable[Entry]) -> list[Found]:
        """Those that entries may mean: by their id, or by their name where they tell none."""
        wanted = [*entries]
        if kind == "division":
            return self.divisions if wanted else []
        if kind == "role":
            return self.roles if wanted else []
        return self._clients(wanted) if wanted else []

    def _clients(self, entries: list[Entry]) -> list[Found]:
        """Asks for each, or reads the whole list where that takes fewer calls."""
        ids = {entry.id for entry in entries if entry.id is not None}
        names = {entry.name for entry in entries if entry.id is None}
        pages = documents(self.session.client.oauth_clients.list(page_size=self.page_size))
        found: dict[str, Found] = {}

        def keep(page: list[dict[str, Any]]) -> None:
            for each in page:
                if each.get("id") in ids or each.get("name") in names:
                    found[each["id"]] = found_of("client", each)

        with ExitStack() as stack:
            page, entities = next(pages)
            keep(entities)
            count = page.page_count or 1
            if count - 1 > len(ids) + len(names) and not self.is_vendors:
                pages.close()
                self._ask_for_each(ids - found.keys(), names, found)
                return [*found.values()]
            advance = self.progress(stack, "Reading", page.total or 0, count > 1)
            advance(len(entities))
            for _, entities in pages:
                keep(entities)
                advance(len(entities))
        return [*found.values()]

    def _ask_for_each(self, ids: set[str], names: set[str], found: dict[str, Found]) -> None:
        with ExitStack() as stack:
            advance = self.progress(stack, "Reading", len(ids) + len(names), True)
            for client_id in sorted(ids):
                try:
                    document = self.client(client_id)
                    found[document["id"]] = found_of("client", document)
                except NotFound:
                    pass  # whoever looks for it there sees that it is not
                advance(1)
            for name in sorted(names):
                for document in self.clients_called(name):
                    found[document["id"]] = found_of("client", document)
                advance(1)

    def clients_called(self, name: str) -> Iterable[dict[str, Any]]:
        """The clients of just this name, of a server that finds them by a part of it."""
        listing: Listing[Any] = self.session.client.oauth_clients.list(
            name=name[:LONGEST_PART], page_size=self.page_size
        )
        for _, entities in documents(listing):
            yield from (each for each in entities if each.get("name") == name)

    def client(self, client_id: str) -> dict[str, Any]:
        """A client by its id.

        Raises:
            NotFound: if there is none.
            ValueError: if it is no id.
        """
        return self._document(partial(self.session.client.oauth_clients.get, client_id))

    def progress(
        self, stack: ExitStack, label: str, length: int, shown: bool
    ) -> Callable[[int], object]:
        """Shows in a terminal how far long work is; returns what is called as it goes on."""
        if not (shown and length > 1 and sys.stderr.isatty()):
            return lambda _count: None
        bar: Any = stack.enter_context(
            typer.progressbar(length=length, label=label, file=sys.stderr)
        )
        advance: Callable[[int], object] = bar.update
        return advance

    def _document(self, call: Callable[[], object]) -> dict[str, Any]:
        with capture_answers() as answers:
            call()
        document: dict[str, Any] = answers[-1].json()
        return document
