"""The metrics as somebody who reads them is told."""

from typing import NamedTuple


class MetricsText(NamedTuple):
    """What a reader is told."""

    body: bytes
    kind: str
    """The content type."""
    made: float
    """When the adding up began, on the monotonic clock: nothing in it is older."""
