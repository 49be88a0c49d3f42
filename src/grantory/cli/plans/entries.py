"""Divisions, roles and clients as a file has them and as a server does, by the file's names."""

from typing import Any, Final, Literal

import msgspec

Kind = Literal["division", "role", "client"]
SECTIONS: Final[dict[str, Kind]] = {
    "divisions": "division",
    "roles": "role",
    "clients": "client",
}
"""In the order in which they are made: what comes later refers to what comes before."""
MACHINE: Final = "CLIENT-CREDENTIALS"
GRANTS: Final = ("CLIENT-CREDENTIALS", "CODE", "TOKEN", "SAML2-BEARER", "PASSWORD")
_WITH_ADDRESSES: Final = frozenset({"CODE", "TOKEN", "SAML2-BEARER"})
UNORDERED: Final = frozenset({"permissions", "scopes", "redirect_uris", "roles"})
"""Fields whose order says nothing."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a file.

    ``fields`` has those that it names, each in the one form in which they are compared; what it
    does not name is left as it is.
    """

    kind: Kind
    place: str
    """Such as ``clients[3] (nightly export)``, for people."""
    name: str
    id: str | None = None
    absent: bool = False
    fields: dict[str, Any] = {}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a server has.

    ``document`` is what it answered, with fields that nobody here knows; ``fields`` is all of it
    that a file can name.
    """

    kind: Kind
    id: str
    name: str
    document: dict[str, Any]
    fields: dict[str, Any]


class Held(msgspec.Struct, frozen=True, order=True):
    """A role that a client holds in a division, by names or by ids; ``*`` is every division."""

    role: str
    division: str = ""
    """Empty for the home division, in a file."""


def grant_type_of(text: str) -> str:
    """A grant type as it is written today: the platform spelled them otherwise before."""
    bare = text.upper().replace("_", "-")
    return {"CLIENTCREDENTIALS": MACHINE, "SAML2BEARER": "SAML2-BEARER"}.get(bare, bare)


def means_something(field: str, grant_type: str) -> bool:
    """Tells whether a client of a grant type has a field; servers drop what it has not."""
    if field == "roles":
        return grant_type == MACHINE
    if field == "scopes":
        return grant_type != MACHINE
    return field != "redirect_uris" or grant_type in _WITH_ADDRESSES


def same(field: str, one: Any, other: Any) -> bool:
    """Tells whether two values of a field say the same."""
    if field in UNORDERED:
        return set(one) == set(other)
    if field == "policies":
        return sorted(map(_canonical, one)) == sorted(map(_canonical, other))
    return bool(one == other)


def _canonical(policy: dict[str, Any]) -> str:
    unordered = {
        name: sorted(set(value)) if name in ("actions", "named_resources") else value
        for name, value in policy.items()
    }
    return msgspec.json.encode(unordered, order="deterministic").decode()
