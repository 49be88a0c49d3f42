"""Roles and divisions by name: those of the file first, then those of the server."""

from collections import Counter
from functools import cached_property
from typing import Final

from grantory.cli.plans.entries import Entry, Found, Held, Kind
from grantory.cli.plans.present import Present

EVERYWHERE: Final = "*"


class Unknown(Exception):
    """A name stands for nothing, or for too much; the text says which."""


def key_of(kind: Kind, name: str) -> str:
    """By which later changes refer to what an earlier one makes."""
    return f"{kind}:{name}"


class References:
    """Finds what entries refer to.

    Args:
        present: what is there.
        entries: of the file.
        matched: which entry means which of those that are there, by its place.
    """

    def __init__(self, present: Present, entries: list[Entry], matched: dict[str, Found]) -> None:
        self._present = present
        self._matched = matched
        self._entries = {(entry.kind, entry.name): entry for entry in entries}
        gone = (matched.get(entry.place) for entry in entries if entry.absent)
        self._gone = {(found.kind, found.id) for found in gone if found is not None}

    def ids_of(self, held: Held) -> Held:
        """A role and a division of a file by their ids, or by the keys of what is to be made.

        Raises:
            Unknown: naming what there is not.
        """
        role = self._id("role", held.role, self._present.roles)
        return Held(role, self._division(held.division))

    def _division(self, name: str) -> str:
        if name == EVERYWHERE:
            return EVERYWHERE
        if not name:
            return self._present.home.id
        return self._id("division", name, self._present.divisions)

    def _id(self, kind: Kind, name: str, there: list[Found]) -> str:
        entry = self._entries.get((kind, name))
        if entry is not None:
            if entry.absent:
                raise Unknown(f"the {kind} {name!r} is to be deleted ({entry.place})")
            match = self._matched.get(entry.place)
            return match.id if match is not None else "#" + key_of(kind, name)
        named = [each for each in there if each.name == name]
        if len(named) > 1:
            raise Unknown(f"{len(named)} {kind}s are called {name!r}: say an id instead")
        found = named or [each for each in there if each.id == name.lower()]
        if not found:
            raise Unknown(f"there is no {kind} {name!r}, and the file does not make it")
        if (kind, found[0].id) in self._gone:
            raise Unknown(f"the {kind} {name!r} is to be deleted")
        return found[0].id


class Names:
    """Says roles and divisions by their names, wherever a name is clear.

    Args:
        present: what is there.
    """

    def __init__(self, present: Present) -> None:
        self._present = present

    def of(self, held: Held) -> Held:
        """A role and a division by names; by an id where the name could be another's."""
        division = held.division
        if division == self._present.home.id:
            division = ""
        elif division != EVERYWHERE:
            division = _named(self._divisions, "division", division)
        return Held(_named(self._roles, "role", held.role), division)

    @cached_property
    def _roles(self) -> dict[str, str]:
        return _clear_names(self._present.roles)

    @cached_property
    def _divisions(self) -> dict[str, str]:
        return _clear_names(self._present.divisions)


def _named(names: dict[str, str], kind: Kind, found: str) -> str:
    """The name of what has an id, or is to be made."""
    return names.get(found) or found.removeprefix("#" + key_of(kind, ""))


def _clear_names(found: list[Found]) -> dict[str, str]:
    counts = Counter(each.name for each in found)
    ids = {each.id for each in found}
    return {
        each.id: each.name
        for each in found
        if counts[each.name] == 1
        and each.name.strip()
        and each.name != EVERYWHERE
        and each.name.lower() not in ids
    }
