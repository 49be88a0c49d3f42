"""Numbers that all processes of one server keep together, in memory that they share.

The memory is mapped by the parent before it forks, so each worker writes in a row of its own and
reads those of the others. A worker that takes the place of one that died goes on in its row:
nothing that was counted is lost, and nothing piles up. There is no file that could be left
behind, be read by others or find no room (docs/adr/0012).

One thread of one process writes a row. A number is 8 bytes in their natural place, which the
processor writes as a whole: a reader sees the old or the new one, and so does who comes after a
process that was killed.
"""

import mmap
import time
from typing import Final

ROW_NUMBERS: Final = 16_384
"""128 KiB; a page of it costs memory only once something was counted there."""
STATE_NUMBERS: Final = 32
"""So many columns at the beginning of a row say how its process is; they end with it."""
DEATHS: Final = STATE_NUMBERS
"""The column after them, in the last row, which is the parent's: how many workers have died."""
_BYTES: Final = 8


class SharedNumbers:
    """A table of numbers: a row for each process, a column for each thing that is counted.

    Args:
        workers: how many processes write, besides their parent.
    """

    def __init__(self, workers: int) -> None:
        self.started_at = time.time()
        """In seconds since 1970."""
        self._memory = mmap.mmap(-1, (workers + 1) * ROW_NUMBERS * _BYTES)
        numbers = memoryview(self._memory).cast("d")
        self.rows = tuple(
            numbers[row * ROW_NUMBERS : (row + 1) * ROW_NUMBERS] for row in range(workers + 1)
        )

    def sums(self, width: int) -> list[float]:
        """Adds the rows up.

        Args:
            width: how many columns are of interest.

        Returns:
            The sum of each.
        """
        return list(map(sum, zip(*(row[:width].tolist() for row in self.rows), strict=True)))

    def bury(self, row: int) -> None:
        """Notes, in the parent, that the worker of a row has died."""
        for column in range(STATE_NUMBERS):
            self.rows[row][column] = 0.0
        self.rows[-1][DEATHS] += 1.0
