"""A page of the documentation: the code in it, which tests run as it stands."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = frozenset({"text", "json"})
"""Languages of what a program or the server prints."""
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)


class Page:
    """One page; it knows which of its blocks a test has taken.

    Args:
        name: of the file in docs, without its ending.
    """

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
        self._blocks = list(_BLOCK.finditer(self.text))
        self._taken: set[int] = set()

    def block(self, language: str, number: int = 1, *, under: str = "") -> str:
        """The first, second ... block in a language, of the page or under one of its headings."""
        places = [
            place
            for place, block in enumerate(self._blocks)
            if block[1] == language and under in ("", self._heading(block.start()))
        ]
        place = places[number - 1]
        self._taken.add(place)
        return self._blocks[place][2]

    def left(self) -> list[str]:
        """The code that no test has taken."""
        return [
            block[2]
            for place, block in enumerate(self._blocks)
            if place not in self._taken and block[1] not in OUTPUT
        ]

    def _heading(self, position: int) -> str:
        found = [heading[1] for heading in _HEADING.finditer(self.text, 0, position)]
        return found[-1] if found else ""
