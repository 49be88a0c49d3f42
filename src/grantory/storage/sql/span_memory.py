"""The spans of the lists that were read last, so that a page need not read them."""

import threading
from collections import OrderedDict
from typing import Final

from grantory.ports.client_lists import ClientSort
from grantory.storage.sql.list_spans import Spans

KEPT: Final = 2
"""Generations of an order: readers still look at the last one while the next is being written."""


class SpanMemory:
    """Keeps spans, those of an order together.

    A generation is a random number that stands for one state of one list in whatever store.

    Args:
        most: how many spans, of all orders.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._orders: OrderedDict[tuple[int, ClientSort], OrderedDict[int, Spans]] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def get(self, list_id: int, sort: ClientSort, generation: int) -> Spans | None:
        """Returns the spans of a generation, if they are still held."""
        with self._lock:
            held = self._orders.get((list_id, sort))
            if held is None or generation not in held:
                return None
            self._orders.move_to_end((list_id, sort))
            return held[generation]

    def put(self, list_id: int, sort: ClientSort, generation: int, spans: Spans) -> None:
        """Keeps spans, and lets go of what has not been asked for the longest."""
        with self._lock:
            held = self._orders.setdefault((list_id, sort), OrderedDict())
            self._orders.move_to_end((list_id, sort))
            if generation not in held:
                self._held += len(spans.spans)
            held[generation] = spans
            if len(held) > KEPT:
                self._held -= len(held.popitem(last=False)[1].spans)
            while self._held > self._most and len(self._orders) > 1:
                _, dropped = self._orders.popitem(last=False)
                self._held -= sum(len(each.spans) for each in dropped.values())
