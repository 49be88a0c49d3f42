"""Adds up what all processes have counted, for Prometheus."""

import platform
from collections.abc import Callable, Mapping
from typing import NamedTuple

from grantory.observability.families import Families
from grantory.observability.moment import Moment
from grantory.observability.shared_numbers import SharedNumbers
from grantory.ports.metrics_text import MetricsText


class Build(NamedTuple):
    """What runs."""

    version: str
    store: str
    """sqlite or postgresql."""


class Exposition:
    """Writes the metrics of all processes, whichever of them is asked.

    Args:
        families: what is counted.
        numbers: of all processes.
        row: that of this process.
        build: what runs.
        monotonic: the clock of leases, which all processes of a machine share.
    """

    def __init__(
        self,
        families: Families,
        numbers: SharedNumbers,
        row: int,
        build: Build,
        monotonic: Callable[[], float],
    ) -> None:
        self._families = families
        self._numbers = numbers
        self._row = numbers.rows[row]
        self._others = (*numbers.rows[:row], *numbers.rows[row + 1 :])
        self._build = build
        self._monotonic = monotonic

    def is_newest(self, made: float) -> bool:
        """Tells whether nothing that another process tells is newer than what was made then.

        Args:
            made: when this process began to add up.
        """
        return all(row[self._families.told_at] <= made for row in self._others)

    def written(self, size: Mapping[str, int], *, openmetrics: bool) -> MetricsText:
        """Writes everything; in whatever thread.

        Args:
            size: bytes of the store's parts; empty where that is not known.
            openmetrics: whether in OpenMetrics's form.
        """
        # Not at the start, for it takes longer to load than all the rest that counts.
        from grantory.observability.prometheus_text import text_of  # noqa: PLC0415

        # No sum is older than the first moment or newer than the second, whatever comes between.
        made = self._monotonic()
        sums = self._numbers.sums(self._families.counted.next)
        self._row[self._families.told_at] = self._monotonic()
        text, kind = text_of(self._moment(sums, size), openmetrics=openmetrics)
        return MetricsText(text, kind, made)

    def _moment(self, sums: list[float], sizes: Mapping[str, int]) -> Moment:
        families = self._families
        live = [row for row in self._numbers.rows[:-1] if row[families.lives]]
        seen = [row[families.seen_at] for row in live if row[families.seen_at]]
        leases = [row[families.leased_at] for row in live if row[families.leased_at]]
        now = self._monotonic()
        return Moment(
            families=families,
            numbers=sums,
            workers=len(live),
            silence=max((now - moment for moment in seen), default=0.0),
            lease_age=now - min(leases) if leases else None,
            wanted=len(self._numbers.rows) - 1,
            started_at=self._numbers.started_at,
            sizes=sizes,
            build={**self._build._asdict(), "python": platform.python_version()},
        )
