"""One order of a list in pieces: how many entries lie before a place, and where the n-th is.

A list of a million clients has some two thousand pieces (spans). Each knows where it starts and how
many entries of each kind it holds. So the piece with the n-th entry of those that are wanted is
found by adding up, and only that piece is read.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from grantory.ports.client_lists import Place
from grantory.ports.clients import ClientFilter

Kind = tuple[str, str]
"""A grant type and a state."""
MOST: Final = 1_024
PIECE: Final = 512
FEW: Final = 128

_start = msgspec.json.Decoder(tuple[int | str, str])
_counts = msgspec.json.Decoder(list[tuple[str, str, int]])


class Span(NamedTuple):
    """A piece; the first one of an order starts at its beginning."""

    number: int
    start: Place | None
    counts: "Counter[Kind]"
    total: int

    @property
    def start_text(self) -> str:
        """Its start, as the store has it."""
        return "" if self.start is None else msgspec.json.encode(self.start).decode()

    @property
    def counts_text(self) -> str:
        """Its counts, as the store has them."""
        rows = [(*kind, count) for kind, count in sorted(self.counts.items()) if count]
        return msgspec.json.encode(rows).decode()


def span_of(number: int, start: str, counts: str) -> Span:
    """Reads a piece as the store has it."""
    found = Counter({_same(kind, state): count for kind, state, count in _counts.decode(counts)})
    return _span(number, Place(*_start.decode(start)) if start else None, found)


def _span(number: int, start: Place | None, counts: "Counter[Kind]") -> Span:
    return Span(number, start, counts, counts.total())


@cache
def _same(grant_type: str, state: str) -> Kind:
    """Returns the same object for all spans: there are few kinds, and many spans."""
    return grant_type, state


def is_wanted(kind: Kind, wanted: ClientFilter) -> bool:
    """Tells whether clients of this kind are looked for."""
    grant_type, state = kind
    return (wanted.grant_type is None or wanted.grant_type.value == grant_type) and (
        wanted.state is None or wanted.state.value == state
    )


class Spans:
    """The pieces of an order, as they are at one moment; nobody changes them.

    Args:
        spans: in order; the first one has no start.
    """

    def __init__(self, spans: list[Span], starts: list[Place] | None = None) -> None:
        self.spans = spans
        if starts is None:
            starts = [span.start for span in spans if span.start is not None]
        self.starts = starts
        self._sums: dict[tuple[object, object], list[int]] = {}

    @classmethod
    def read(cls, rows: Iterable[tuple[Any, ...]]) -> "Spans":
        """Makes them of the rows that a store has."""
        spans = [span_of(*row) for row in rows]
        return cls(sorted(spans, key=lambda span: (span.start is not None, span.start)))

    def index_of(self, place: Place) -> int:
        """Tells which piece a place lies in."""
        return bisect_right(self.starts, place)

    def before(self, wanted: ClientFilter) -> list[int]:
        """Tells how many that fit lie before each piece, and at last how many there are."""
        key = wanted.grant_type, wanted.state
        if key not in self._sums:
            if key == (None, None):
                sizes: Iterable[int] = (span.total for span in self.spans)
            else:
                kinds = {k for span in self.spans for k in span.counts if is_wanted(k, wanted)}
                sizes = (sum(span.counts[kind] for kind in kinds) for span in self.spans)
            self._sums[key] = list(accumulate(sizes, initial=0))
        return self._sums[key]


class Change(NamedTuple):
    """An entry that leaves an order, or comes to it."""

    place: Place
    kind: Kind
    amount: int


def apply(
    spans: Spans,
    changes: Sequence[Change],
    read: Callable[[Place | None, int], list[tuple[Place, Kind]]],
) -> tuple[Spans, list[Span], list[int]]:
    """Counts changes, splits pieces that became large, and joins those that became small.

    Args:
        spans: as they were.
        changes: all of them are in the entries already.
        read: gives the first so many entries from a start on.

    Returns:
        The pieces as they are now; those of them that are new or other than before; and the
        numbers of those that are gone.
    """
    now, starts = list(spans.spans), list(spans.starts)
    if not now:
        now.append(_span(0, None, Counter()))
    fresh = max(span.number for span in now) + 1
    touched: dict[int, Counter[Kind]] = {}
    for place, kind, amount in changes:
        touched.setdefault(spans.index_of(place), Counter())[_same(*kind)] += amount
    written: dict[int, Span] = {}
    gone: list[int] = []
    # From the end, so that the numbers of those before stay what they are.
    for index in sorted(touched, reverse=True):
        counts = now[index].counts.copy()
        counts.update(touched[index])
        span = _span(now[index].number, now[index].start, +counts)
        last = now[index - 1] if index else None
        if last is not None and (
            not span.total or (span.total < FEW and last.total + span.total <= PIECE)
        ):
            joined = _span(last.number, last.start, last.counts + span.counts)
            now[index - 1 : index + 1] = [joined]
            del starts[index - 1]
            written.pop(span.number, None)
            written[joined.number] = joined
            gone.append(span.number)
            continue
        pieces = [span]
        if span.total > MOST:
            pieces = _split(span, read(span.start, span.total), fresh)
            fresh += len(pieces) - 1
        now[index : index + 1] = pieces
        starts[index:index] = [piece.start for piece in pieces[1:] if piece.start is not None]
        written.update((piece.number, piece) for piece in pieces)
    return Spans(now, starts), list(written.values()), gone


def _split(span: Span, entries: list[tuple[Place, Kind]], fresh: int) -> list[Span]:
    pieces: list[Span] = []
    for begin in range(0, len(entries), PIECE):
        some = entries[begin : begin + PIECE]
        if begin == 0:
            number, start = span.number, span.start
        else:
            number, start = fresh + len(pieces) - 1, some[0][0]
        pieces.append(_span(number, start, Counter(_same(*kind) for _, kind in some)))
    return pieces
