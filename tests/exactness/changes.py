"""What a change to be tried on every process is: one request, and what nobody may do after it."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from tests.support.processes import Line, Question, Site

REFUSED = frozenset({400, 401, 403})
S = TypeVar("S")


def nothing(_subject: object) -> list[Question]:
    """Nothing besides."""
    return []


class Change(NamedTuple, Generic[S]):
    """Something that ends what a subject may do."""

    question: Callable[[Site, S], Question]
    ended: Callable[[S], list[Question]]
    """What is accepted before, and never afterwards."""
    spent: Callable[[S], list[Question]] = nothing
    """What is refused afterwards, and would be used up by a try before."""
    answers: frozenset[int] = frozenset({200, 204})
    """What says that it was made."""

    def make(self, site: Site, line: Line, subject: S) -> None:
        """Make it; it is answered."""
        reply = site.patiently(line, self.question(site, subject))
        assert reply.status in self.answers, f"{subject}: {reply.status} {reply.body!r}"


class Making(NamedTuple, Generic[S]):
    """A change to be made to somebody."""

    name: str
    change: Change[S]
    subject: S

    def __repr__(self) -> str:
        return f"{self.name}, {self.subject}"

    @property
    def ended(self) -> list[Question]:
        """What it ends."""
        return self.change.ended(self.subject)

    @property
    def spent(self) -> list[Question]:
        """What it ends besides."""
        return self.change.spent(self.subject)

    def question(self, site: Site) -> Question:
        """What makes it."""
        return self.change.question(site, self.subject)

    def make(self, site: Site, line: Line) -> None:
        """Make it; it is answered."""
        self.change.make(site, line, self.subject)
