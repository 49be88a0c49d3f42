"""Which column of the shared numbers is what: families of series, as Prometheus knows them.

Every series is declared, so its labels are values that Grantory chose: nobody who sends requests
can make a new one.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from grantory.errors import GrantoryError

Labels = tuple[str, ...]
SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of the buckets of every histogram; one without a bound follows."""
BOUNDS: Final = (*(str(bound) for bound in SECONDS), "+Inf")
"""What the buckets are called."""
_SUM: Final = len(BOUNDS)
"""Behind the buckets of a histogram is its sum."""


class Columns:
    """Gives out columns, one after another.

    Args:
        first: the first one.
        end: the one after the last.
    """

    def __init__(self, first: int, end: int) -> None:
        self.next = first
        self._end = end

    def take(self, count: int) -> int:
        """Gives out columns that follow each other, and returns the first of them.

        Raises:
            GrantoryError: when there are not so many.
        """
        first = self.next
        self.next += count
        if self.next > self._end:
            raise GrantoryError(f"the shared numbers have no {count} columns left")
        return first


class Counters:
    """A family of counters, or of gauges whose value is the sum over all processes.

    Args:
        columns: where they get their places.
        name: of the family, without ``_total``.
        meaning: one sentence.
        labels: the names of the labels.
        values: the labels of each series.
        gauge: whether it may go down.
        always: whether a series is shown that has counted nothing.
    """

    def __init__(
        self,
        columns: Columns,
        name: str,
        meaning: str,
        labels: Labels,
        values: Iterable[Labels],
        *,
        gauge: bool = False,
        always: bool = True,
    ) -> None:
        listed = tuple(values)
        first = columns.take(len(listed))
        self.name, self.meaning, self.labels = name, meaning, labels
        self.places = {series: first + number for number, series in enumerate(listed)}
        self.gauge = gauge
        self.always = always


class Histograms:
    """A family of histograms over seconds; what has counted nothing is not shown."""

    def __init__(
        self, columns: Columns, name: str, meaning: str, labels: Labels, values: Iterable[Labels]
    ) -> None:
        listed = tuple(values)
        size = len(BOUNDS) + 1
        first = columns.take(len(listed) * size)
        self.name, self.meaning, self.labels = name, meaning, labels
        self.places = {series: first + number * size for number, series in enumerate(listed)}
        """Of a series: its buckets begin here, and after them comes its sum."""


def observe(row: "memoryview[float]", place: int, seconds: float) -> None:
    """Counts a duration in a histogram.

    Args:
        row: of this process.
        place: where the series begins.
        seconds: how long it took.
    """
    row[place + bisect_left(SECONDS, seconds)] += 1.0
    row[place + _SUM] += seconds
