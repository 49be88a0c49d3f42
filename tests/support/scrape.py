"""What ``/metrics`` says, read by Prometheus's own parser."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.server import RunningServer


class Scrape:
    """One answer of ``/metrics``.

    Args:
        text: as it was sent.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))

    @property
    def names(self) -> set[str]:
        """The names of all series, as an expression names them."""
        return {sample.name for sample in self._samples()}

    def _samples(self) -> Iterator[Sample]:
        for family in self.families:
            yield from family.samples

    def value(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels; 0 where there are none."""
        return sum(
            sample.value
            for sample in self._samples()
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        """Every value of a label."""
        return {sample.labels[label] for sample in self._samples() if sample.name == name}

    def counted(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """What may never fall: counters, and the buckets, counts and sums of histograms."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families
            if family.type in ("counter", "histogram")
            for sample in family.samples
        }


def scrape(server: RunningServer) -> Scrape:
    """What a running server says to whoever asks on its own machine."""
    reply = server.request("GET", "/metrics")
    assert reply.status == 200, reply.body
    return Scrape(reply.body.decode())
