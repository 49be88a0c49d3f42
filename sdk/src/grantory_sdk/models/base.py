"""What all models have in common."""

from typing import Any, Generic, TypeVar

import msgspec

from grantory_sdk.masking import masked, shown

T = TypeVar("T")


def as_written(name: str) -> str:
    """The name of a field on the wire, for models whose names OAuth gives."""
    return name


class Model(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A model of the API: camel-case names on the wire, snake-case ones in Python.

    Fields that it does not know are passed over, and those that are missing or null keep their
    defaults, so that a newer or older server does not stop a program.
    """

    def __repr__(self) -> str:
        return shown(type(self).__name__, self._by_name())

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What ``rich`` prints, which would not ask for ``repr``."""
        return masked(self._by_name())

    def _by_name(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


class EntityRef(Model):
    """Something else, by its id."""

    id: str = ""
    name: str | None = None
    self_uri: str | None = None


class Page(Model, Generic[T]):
    """A page of a list."""

    entities: list[T] = msgspec.field(default_factory=list)
    page_size: int | None = None
    page_number: int | None = None
    total: int | None = None
    page_count: int | None = None
    first_uri: str | None = None
    next_uri: str | None = None
    previous_uri: str | None = None
    last_uri: str | None = None
    self_uri: str | None = None
