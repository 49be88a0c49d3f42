"""One order of a list in pieces: how many entries lie before a place, and where the n-th is.

A list of a million clients has some two thousand pieces (spans). Each knows where it starts and how
many entries of each kind it holds. So the piece with the n-th entry of those that are wanted is
found by adding up, and only that piece is read.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

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
    found = Counter({(kind, state): count for kind, state, count in _counts.decode(counts)})
    return Span(number, Place(*_start.decode(start)) if start else None, found)


def is_wanted(kind: Kind, wanted: ClientFilter) -> bool:
    """Tells whether clients of this kind are looked for."""
    grant_type, state = kind
    return (wanted.grant_type is None or wanted.grant_type.value == grant_type) and (
        wanted.state is None or wanted.state.value == state
    )


class Spans:
    """The pieces of an order, as they are at one moment; nobody changes them."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: (span.start is not None, span.start))
        self._starts = [span.start for span in self.spans if span.start is not None]
        self._sums: dict[tuple[object, object], list[int]] = {}

    def index_of(self, place: Place) -> int:
        """Tells which piece a place lies in."""
        return bisect_right(self._starts, place)

    def before(self, wanted: ClientFilter) -> list[int]:
        """Tells how many that fit lie before each piece, and at last how many there are."""
        key = wanted.grant_type, wanted.state
        if key not in self._sums:
            sizes = (
                sum(count for kind, count in span.counts.items() if is_wanted(kind, wanted))
                for span in self.spans
            )
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
    now = spans.spans or [Span(0, None, Counter())]
    fresh = max(span.number for span in now) + 1
    touched: dict[int, Counter[Kind]] = {}
    for place, kind, amount in changes:
        index = spans.index_of(place)
        if index not in touched:
            touched[index] = Counter()
        touched[index][kind] += amount
    result: list[Span] = []
    written: dict[int, Span] = {}
    gone: list[int] = []
    for index, span in enumerate(now):
        delta = touched.get(index)
        if delta is None and spans.spans:
            result.append(span)
            continue
        counts = span.counts.copy()
        counts.update(delta or {})
        total = counts.total()
        last = result[-1] if result else None
        if last is not None and (
            not total or (total < FEW and last.counts.total() + total <= PIECE)
        ):
            joined = Span(last.number, last.start, last.counts + counts)
            result[-1] = written[last.number] = joined
            gone.append(span.number)
            continue
        pieces = [Span(span.number, span.start, counts)]
        if total > MOST:
            pieces = _split(pieces[0], read(span.start, total), fresh)
            fresh += len(pieces) - 1
        result += pieces
        written.update((piece.number, piece) for piece in pieces)
    return Spans(result), list(written.values()), gone


def _split(span: Span, entries: list[tuple[Place, Kind]], fresh: int) -> list[Span]:
    pieces: list[Span] = []
    for begin in range(0, len(entries), PIECE):
        some = entries[begin : begin + PIECE]
        if begin == 0:
            number, start = span.number, span.start
        else:
            number, start = fresh + len(pieces) - 1, some[0][0]
        pieces.append(Span(number, start, Counter(kind for _, kind in some)))
    return pieces
