"""What is wrong with a file: all of it is told at once."""

from typing import Final, NoReturn

from grantory.cli.tables import plain
from grantory.errors import SetupError

MOST_TOLD: Final = 50
MOST_GATHERED: Final = 1_000


class Faults:
    """Gathers what is wrong.

    Args:
        file: its name, for people.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._texts: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, place: str, text: str) -> None:
        """Notes a fault.

        Args:
            place: entry and field; empty for the file as a whole.
            text: what is wrong, without what stands there: it may be a secret.

        Raises:
            SetupError: if there are so many that nobody will read on.
        """
        self._texts.append(f"{place}: {text}" if place else text)
        if len(self._texts) == MOST_GATHERED:
            self.tell()

    def tell(self) -> None:
        """Tells of what there is.

        Raises:
            SetupError: if there is something.
        """
        if not self._texts:
            return
        lines = [f"  {plain(text)}" for text in self._texts[:MOST_TOLD]]
        if len(self._texts) > MOST_TOLD:
            lines.append(f"  and {len(self._texts) - MOST_TOLD} more")
        count = "1 fault" if len(self._texts) == 1 else f"{len(self._texts)} faults"
        if len(self._texts) == MOST_GATHERED:
            count += " or more"
        raise SetupError("\n".join([f"{plain(self.file)} has {count}:", *lines]))

    def stop(self, text: str) -> NoReturn:
        """Tells of what keeps the file from being read on.

        Raises:
            SetupError: always.
        """
        raise SetupError(f"{plain(self.file)}: {plain(text)}")
