"""From a path to what answers it."""

import re
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

T = TypeVar("T")
MOST_REMEMBERED: Final = 4_096
"""Paths: most requests are about few clients."""
LONGEST_REMEMBERED: Final = 256
_PARAMETER = re.compile(r"\{([A-Za-z]+)\}")


class Match(NamedTuple, Generic[T]):
    """A route that fits a path: what answers each method, and the path's parameters.

    It may be remembered, so nobody changes it.
    """

    methods: dict[str, T]
    parameters: dict[str, str]


class _Node(Generic[T]):
    __slots__ = ("any", "children", "methods", "names")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.any: _Node[T] | None = None
        self.methods: dict[str, T] = {}
        self.names: tuple[str, ...] = ()


class Router(Generic[T]):
    """A tree of path segments; a literal segment is preferred to a parameter.

    Paths are compared as they were sent: an escaped slash is part of its segment.
    """

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        self._root: _Node[T] = _Node()
        self._literal: dict[str, Match[T]] = {}
        """What is declared without a parameter, by its path."""
        self._remembered: dict[str, Match[T]] = {}
        for method, path, target in routes:
            self._add(method, path, target)

    def _add(self, method: str, path: str, target: T) -> None:
        node = self._root
        names = []
        for segment in path.split("/"):
            parameter = _PARAMETER.fullmatch(segment)
            if parameter is None:
                node = node.children.setdefault(segment, _Node())
            else:
                names.append(parameter[1])
                node.any = node.any or _Node()
                node = node.any
        if method in node.methods:
            raise ValueError(f"{method} {path} is declared twice")
        node.methods[method] = target
        node.names = tuple(names)
        if not names:
            self._literal[path] = Match(node.methods, {})

    def find(self, path: str) -> Match[T] | None:
        """Returns what is declared for a path; None for an unknown one."""
        literal = self._literal.get(path)
        if literal is not None:
            return literal
        found = self._remembered.get(path)
        if found is None:
            found = self._walk(path)
            if found is not None and len(path) <= LONGEST_REMEMBERED:
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[path] = found
        return found

    def _walk(self, path: str) -> Match[T] | None:
        node = self._root
        values = []
        for segment in path.split("/"):
            child = node.children.get(segment)
            if child is None:
                child = node.any
                if child is None or not segment:
                    return None
                values.append(unquote(segment) if "%" in segment else segment)
            node = child
        if not node.methods:
            return None
        return Match(node.methods, dict(zip(node.names, values, strict=True)))
