"""What a figure is of: a subject, and the work that it does."""

from typing import NamedTuple


class Key(NamedTuple):
    """Whose work it is, and which."""

    subject: str
    work: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.work}"


FLOOR = Key("floor F", "constant answer")
PLAIN_UVICORN = Key("bare uvicorn", "constant answer")
GRANTORY = "Grantory, "
"""With this the names of our own subjects begin."""
