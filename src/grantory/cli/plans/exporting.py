"""What of a server is written into a file: all that is not as it is by itself."""

from array import array
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Final

from grantory.cli.plans.answers import OPAQUE, documents, found_of
from grantory.cli.plans.entries import Found, means_something
from grantory.cli.plans.present import Present
from grantory.cli.plans.references import Names
from grantory.errors import SetupError
from grantory_sdk import NotFound

_BY_ITSELF: Final = {"state": "active", "access_token_format": OPAQUE}


class Exporter:
    """Gives the entries of a file.

    Args:
        present: the server.
    """

    def __init__(self, present: Present) -> None:
        self._present = present
        self._names = Names(present)

    def divisions(self) -> Iterator[dict[str, Any]]:
        """The divisions, but for the home division, which every organisation has."""
        there = self._present.divisions
        names = Counter(each.name for each in there)
        for each in there:
            if not each.document.get("homeDivision"):
                yield _fields(each, with_id=names[each.name] > 1)

    def roles(self) -> Iterator[dict[str, Any]]:
        """The roles, but for those that are built in."""
        there = self._present.roles
        names = Counter(each.name for each in there)
        for each in there:
            if not each.document.get("default"):
                yield _fields(self._present.whole(each), with_id=names[each.name] > 1)

    def clients(self) -> Iterator[dict[str, Any]]:
        """All clients. The list is read twice: first to see which names are not unique."""
        hashes = array("Q", (_hashed(each.get("name", "")) for each in self._documents()))
        repeated = _repeated(hashes)
        for document in self._documents():
            yield self._client(document, with_id=_hashed(document.get("name", "")) in repeated)

    def chosen(self, wanted: list[str]) -> Iterator[dict[str, Any]]:
        """Those clients that have one of these ids or names.

        Raises:
            SetupError: naming what there is not.
        """
        found: dict[str, tuple[dict[str, Any], bool]] = {}
        for text in wanted:
            called = [*self._called(text)]
            if not called:
                called = [self._by_id(text)]
            for document in called:
                repeated = len([*self._called(document.get("name", ""))]) > 1
                found[document["id"]] = (document, repeated)
        for document, repeated in found.values():
            yield self._client(document, with_id=repeated)

    def _called(self, name: str) -> Iterator[dict[str, Any]]:
        yield from self._present.clients_called(name)

    def _by_id(self, text: str) -> dict[str, Any]:
        try:
            return self._present.client(text)
        except (NotFound, ValueError):
            raise SetupError(f"there is no client {text!r}") from None

    def _documents(self) -> Iterator[dict[str, Any]]:
        listing = self._present.session.client.oauth_clients.list(page_size=self._present.page_size)
        for _, entities in documents(listing):
            yield from entities

    def _client(self, document: dict[str, Any], *, with_id: bool) -> dict[str, Any]:
        found = found_of("client", document)
        grant_type = found.fields["grant_type"]
        fields = {
            name: value
            for name, value in found.fields.items()
            if means_something(name, grant_type) and value != _BY_ITSELF.get(name)
        }
        if fields.get("roles"):
            fields["roles"] = [
                {"role": held.role, **({"division": held.division} if held.division else {})}
                for held in map(self._names.of, fields["roles"])
            ]
        whole = Found(kind="client", id=found.id, name=found.name, document=document, fields=fields)
        return _fields(whole, with_id=with_id)


def _fields(found: Found, *, with_id: bool) -> dict[str, Any]:
    """The fields of an entry, of which those that say nothing are left out."""
    told = {"name": found.name, **({"id": found.id} if with_id else {})}
    told |= {name: _built(value) for name, value in found.fields.items() if value}
    return told


def _built(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_built(each) for each in value]
    if isinstance(value, dict):
        return {name: _built(each) for name, each in value.items()}
    return value


def _hashed(name: str) -> int:
    """A number for a name: a million of them take 8 MB. Rarely two names have the same."""
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())


def _repeated(hashes: "array[int]") -> frozenset[int]:
    ordered = sorted(hashes)
    return frozenset(a for a, b in pairwise(ordered) if a == b)
