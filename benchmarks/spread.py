"""How far a median is to be trusted: the interval in which it lies."""

import statistics
from collections.abc import Sequence
from math import comb

import msgspec

SURE = 0.95


class Spread(msgspec.Struct, frozen=True):
    """A median and what surrounds it."""

    median: float
    least: float
    most: float
    low: float
    """With ``high`` the interval in which the median lies, by 95 of 100."""
    high: float

    def leaves_open(self, bound: float) -> bool:
        """Tells whether the median may as well lie on the other side of a bound."""
        return self.low < bound < self.high


def spread(values: Sequence[float]) -> Spread:
    """Finds the median and its interval, whatever the distribution.

    Of n values the k-th from below and the k-th from above are taken: outside of them the median
    lies as often as a coin that is thrown n times shows heads fewer than k times, or more than
    n - k. Of 20 it is the 6th; fewer than 6 have no such interval: their least and most are given.

    Args:
        values: at least one.
    """
    ordered = sorted(values)
    count, outside, place = len(ordered), 0.0, 0
    while place < count // 2:
        outside += 2 * comb(count, place) / 2**count
        if outside > 1 - SURE:
            break
        place += 1
    first = max(0, place - 1)
    return Spread(
        statistics.median(ordered), ordered[0], ordered[-1], ordered[first], ordered[-1 - first]
    )
