"""Changes of one kind that are asked for at the same moment, made in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar, cast

from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.ports.storage import Store, Transaction

A = TypeVar("A")
R = TypeVar("R")
MOST_AT_ONCE: Final = 64
"""In one transaction."""
MOST_WAITING: Final = 64
"""So many wait for the next; one more is refused, early."""
PATIENCE_SECONDS: Final = 0.05
"""So long fewer wait for the one before: the more come together, the less each costs."""
MOST_UNDER_WAY: Final = 3
"""Transactions: the next begins beside the one before where as many wait as that one took, or where
it takes long, since its connection may hang."""

Work = Callable[[Transaction, Sequence[A], bool], Sequence[R | None]]
"""Decides and makes several changes, and returns what became of each, in their order.

It is told whether there is only one. What it cannot decide at once without waiting for somebody
else, or without what others of the moment are still to write, it leaves alone, and returns None
for it: that comes by itself afterwards. For one alone it returns no None.
"""


class Together(Generic[A, R]):
    """Makes changes of one kind: those that come while one transaction is under way go in the next.

    What a transaction costs besides its rows, and the commit above all, is paid once for all of
    them. None is answered before that commit is on disk, or on the standby. Where it fails, all of
    them are told so, for it is true of each; where it was one's own fault, each is made by itself.

    Args:
        store: makes them.
        work: decides them.
    """

    def __init__(self, store: Store, work: Work[A, R]) -> None:
        self._store = store
        self._work = work
        self._waiting: list[tuple[A, asyncio.Future[R | None]]] = []
        self._is_beginning = False
        self._newest = 0
        """How many the newest transaction took."""
        self._impatience: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def make(self, asked: A) -> R:
        """Makes a change with whatever others come now; returns when it is on disk.

        Raises:
            StorageUnavailable: when too many wait, or the store cannot make it.
            OutcomeUnknown: when the store went away while it kept the change.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise StorageUnavailable("too many wait for the transaction before")
        future: asyncio.Future[R | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if not self._under_way or len(self._waiting) >= self._newest:
            self._begin()
        elif self._impatience is None and not self._is_beginning:
            loop = asyncio.get_running_loop()
            self._impatience = loop.call_later(PATIENCE_SECONDS, self._begin)
        outcome = await future
        return await self._alone(asked) if outcome is None else outcome

    def _begin(self) -> None:
        """Lets a transaction begin, with whoever comes before the event loop's next turn."""
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
        if self._is_beginning or not self._waiting or len(self._under_way) >= MOST_UNDER_WAY:
            return
        self._is_beginning = True
        task = asyncio.get_running_loop().create_task(self._run())
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._begin()

    async def _run(self) -> None:
        self._is_beginning = False
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        self._newest = len(batch)
        asked = [each for each, _ in batch]
        outcomes: Sequence[R | None] = ()
        failure: BaseException | None = None
        try:
            outcomes = await self._store.write(
                lambda transaction: self._decided(transaction, asked, is_alone=False)
            )
        except (StorageUnavailable, OutcomeUnknown, asyncio.CancelledError) as error:
            failure = error
        except Exception:  # of whichever of them it is: each meets it, or not, by itself
            outcomes = [None] * len(batch)
        for place, (_, future) in enumerate(batch):
            if future.done():  # whoever asked has given up
                continue
            if failure is None:
                future.set_result(outcomes[place])
            elif isinstance(failure, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(failure)

    async def _alone(self, asked: A) -> R:
        [outcome] = await self._store.write(
            lambda transaction: self._decided(transaction, (asked,), is_alone=True)
        )
        return cast(R, outcome)

    def _decided(
        self, transaction: Transaction, asked: Sequence[A], *, is_alone: bool
    ) -> Sequence[R | None]:
        outcomes = self._work(transaction, asked, is_alone)
        if len(outcomes) != len(asked) or (is_alone and outcomes[0] is None):
            raise LookupError("not every change was decided")  # so that nothing of it is kept
        return outcomes
