"""Audit events: who changed what, recorded in the change's own transaction."""

from functools import cache
from typing import Any, Final

import msgspec

from grantory.domain.client import Reference

_PLAIN: Final = frozenset({str, int, type(None)})


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a change came from."""

    actor: Reference
    client_id: str | None = None
    """The client whose token was used."""
    correlation_id: str = ""
    address: str = ""


class PropertyChange(msgspec.Struct, frozen=True, rename="camel"):
    """One changed property by its name in the domain; never a credential."""

    property: str
    old_values: list[Any]
    new_values: list[Any]


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change to one entity. ``at`` is in milliseconds since 1970 (UTC)."""

    organization_id: str
    at: int
    origin: Origin
    action: str
    """Create, Update, Delete, Restore, Regenerate, Revoke."""
    entity_type: str
    entity_id: str
    entity_name: str = ""
    changes: tuple[PropertyChange, ...] = ()


def changed_properties(
    before: msgspec.Struct | None, after: msgspec.Struct | None, ignored: frozenset[str]
) -> tuple[PropertyChange, ...]:
    """Lists the fields in which two versions of an entity differ.

    Args:
        before: the earlier version, None when it was created.
        after: the later version of the same type, None when it was deleted.
        ignored: field names that say nothing to a reader, such as version counters.
    """
    sample = after if after is not None else before
    if sample is None:
        return ()
    changes = []
    for field in _told_fields(type(sample), ignored):
        old, new = getattr(before, field, None), getattr(after, field, None)
        if old == new or not (old or new):
            continue
        old, new = _plain(old), _plain(new)
        if old != new and (old or new):
            changes.append(PropertyChange(field, _listed(old), _listed(new)))
    return tuple(changes)


@cache
def _told_fields(kind: type[msgspec.Struct], ignored: frozenset[str]) -> tuple[str, ...]:
    return tuple(field for field in kind.__struct_fields__ if field not in ignored)


def _plain(value: Any) -> Any:
    return value if type(value) in _PLAIN else msgspec.to_builtins(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
