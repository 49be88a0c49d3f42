"""What has to be changed so that a server has what a file says."""

from collections import Counter
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from grantory.cli.plans.answers import OPAQUE
from grantory.cli.plans.bodies import body_of_new, body_of_old
from grantory.cli.plans.entries import (
    MACHINE,
    SECTIONS,
    Entry,
    Found,
    Held,
    Kind,
    means_something,
    same,
)
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.present import Present
from grantory.cli.plans.references import Names, References, Unknown, key_of
from grantory_sdk.models import Change, ChangeOperation

Action = Literal["create", "change", "delete"]
_OPERATIONS: Final[dict[tuple[Action, Kind], ChangeOperation]] = {
    ("create", "division"): "postAuthorizationDivisions",
    ("create", "role"): "postAuthorizationRoles",
    ("create", "client"): "postOauthClients",
    ("change", "division"): "putAuthorizationDivision",
    ("change", "role"): "putAuthorizationRole",
    ("change", "client"): "putOauthClient",
    ("delete", "division"): "deleteAuthorizationDivision",
    ("delete", "role"): "deleteAuthorizationRole",
    ("delete", "client"): "deleteOauthClient",
}


class FieldChange(msgspec.Struct, frozen=True):
    """A field before and after; None before stands for what is not there yet."""

    name: str
    old: Any
    new: Any


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a plan."""

    action: Action
    kind: Kind
    name: str
    id: str | None
    fields: tuple[FieldChange, ...]
    change: Change


class Plan(msgspec.Struct, frozen=True):
    """All that has to be changed, in the order in which it is made."""

    steps: tuple[Step, ...]
    same: int
    """How many entries are as the file says."""

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action == action for step in self.steps)

    @property
    def new_clients(self) -> int:
        """How many clients are made, each with a secret."""
        return sum(step.action == "create" and step.kind == "client" for step in self.steps)


def difference(entries: list[Entry], present: Present, faults: Faults) -> Plan:
    """Compares a file with a server.

    Args:
        entries: of the file.
        present: what is there.
        faults: gathers what the file says of things that there are not.

    Raises:
        SetupError: for those, all at once.
    """
    matched, unclear = _matches(entries, present, faults)
    made = _Comparison(entries, present, matched, faults)
    clear = (entry for entry in entries if entry.place not in unclear)
    steps = [step for step in map(made.step, clear) if step is not None]
    faults.tell()
    kinds = [*SECTIONS.values()]
    kept = [step for step in steps if step.action != "delete"]
    gone = [step for step in steps if step.action == "delete"]
    gone.sort(key=lambda step: -kinds.index(step.kind))
    return Plan((*kept, *gone), len(entries) - len(steps))


def _matches(
    entries: list[Entry], present: Present, faults: Faults
) -> tuple[dict[str, Found], set[str]]:
    """Finds what each entry means, by its place; what is to be made is not among it.

    Returns:
        What was found, and the places of entries of which it is not clear.
    """
    matched: dict[str, Found] = {}
    unclear: set[str] = set()
    for kind in SECTIONS.values():
        of_kind = [entry for entry in entries if entry.kind == kind]
        there = present.named(kind, of_kind)
        by_id = {each.id.lower(): each for each in there}
        names = Counter(each.name for each in there)
        by_name = {each.name: each for each in there}
        for entry in of_kind:
            found = by_name.get(entry.name) if entry.id is None else by_id.get(entry.id)
            if entry.id is None and names[entry.name] > 1:
                text = f"{names[entry.name]} {kind}s are called so: say the id of the one meant"
                faults.add(f"{entry.place}: id", text)
                unclear.add(entry.place)
            elif found is not None:
                matched[entry.place] = present.whole(found) if kind == "role" else found
            elif entry.id is not None and not entry.absent:
                faults.add(f"{entry.place}: id", f"there is no {kind} with this id")
                unclear.add(entry.place)
        _find_taken_twice(of_kind, matched, faults)
    return matched, unclear


def _find_taken_twice(entries: list[Entry], matched: dict[str, Found], faults: Faults) -> None:
    seen: dict[str, Entry] = {}
    for entry in entries:
        found = matched.get(entry.place)
        if found is None:
            continue
        other = seen.setdefault(found.id, entry)
        if other is not entry:
            faults.add(entry.place, f"means the same {entry.kind} as {other.place}")


class _Comparison:
    def __init__(
        self,
        entries: list[Entry],
        present: Present,
        matched: dict[str, Found],
        faults: Faults,
    ) -> None:
        self._present = present
        self._matched = matched
        self._faults = faults
        self._references = References(present, entries, matched)
        self._names = Names(present)

    def step(self, entry: Entry) -> Step | None:
        """The change that an entry asks for; None where all is as it says."""
        found = self._matched.get(entry.place)
        if entry.absent:
            return None if found is None else _deletion(found)
        wanted = self._wanted(entry, found)
        if found is None:
            return self._creation(entry, wanted)
        changed = {
            name: value
            for name, value in wanted.items()
            if not same(name, value, found.fields[name])
        }
        if entry.name != found.name:
            changed = {"name": entry.name, **changed}
        if not changed:
            return None
        old = {"name": found.name, **found.fields}
        return Step(
            action="change",
            kind=entry.kind,
            name=found.name,
            id=found.id,
            fields=tuple(self._told(name, old[name], new) for name, new in changed.items()),
            change=Change(
                operation=_OPERATIONS["change", entry.kind],
                id=found.id,
                modified=_modified(found),
                body=body_of_old(found, changed),
            ),
        )

    def _creation(self, entry: Entry, wanted: dict[str, Any]) -> Step:
        given = {name: value for name, value in wanted.items() if value not in ("", ())}
        return Step(
            action="create",
            kind=entry.kind,
            name=entry.name,
            id=None,
            fields=tuple(self._told(name, None, value) for name, value in given.items()),
            change=Change(
                operation=_OPERATIONS["create", entry.kind],
                key=None if entry.kind == "client" else key_of(entry.kind, entry.name),
                body=body_of_new(entry.kind, entry.name, given),
            ),
        )

    def _wanted(self, entry: Entry, found: Found | None) -> dict[str, Any]:
        """The fields that an entry names and that count, with roles by ids."""
        if entry.kind != "client":
            return entry.fields
        default = MACHINE if found is None else found.fields["grant_type"]
        grant_type = entry.fields.get("grant_type", default)
        wanted = {
            name: value for name, value in entry.fields.items() if means_something(name, grant_type)
        }
        if found is None:
            wanted = {"grant_type": grant_type, **wanted}
        if "roles" in wanted:
            wanted["roles"] = self._roles(entry, wanted["roles"])
        elsewhere = found is not None and found.fields["grant_type"] == grant_type
        if grant_type == MACHINE and not wanted.get("roles", elsewhere):
            text = f"a {MACHINE} client needs one at least"
            self._faults.add(f"{entry.place}: roles", text)
        if self._present.is_vendors and wanted.get("access_token_format", OPAQUE) != OPAQUE:
            self._faults.add(f"{entry.place}: access_token_format", "only Grantory has it")
        return wanted

    def _roles(self, entry: Entry, roles: tuple[Held, ...]) -> tuple[Held, ...]:
        read = []
        for number, held in enumerate(roles):
            try:
                read.append(self._references.ids_of(held))
            except Unknown as unknown:
                self._faults.add(f"{entry.place}: roles[{number}]", str(unknown))
        return tuple(dict.fromkeys(read)) or roles

    def _told(self, name: str, old: Any, new: Any) -> FieldChange:
        """A change for people and programs: roles by their names."""
        if name != "roles":
            return FieldChange(name, old, new)
        before = None if old is None else tuple(map(self._names.of, old))
        return FieldChange(name, before, tuple(map(self._names.of, new)))


def _deletion(found: Found) -> Step:
    return Step(
        action="delete",
        kind=found.kind,
        name=found.name,
        id=found.id,
        fields=(),
        change=Change(
            operation=_OPERATIONS["delete", found.kind], id=found.id, modified=_modified(found)
        ),
    )


def _modified(found: Found) -> datetime | None:
    """When a client was changed last, so that nobody's change since then is overwritten."""
    text = found.document.get("dateModified") if found.kind == "client" else None
    return datetime.fromisoformat(text) if isinstance(text, str) else None
