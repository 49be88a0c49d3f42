"""Long life: what can change no decision any more leaves the store, on a clock in hand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from grantory.app import build_upkeep
from grantory.crypto.runtime import SystemClock
from grantory.domain.token import DeniedToken
from grantory.errors import SetupError, StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.registry.upkeep import (
    AGAIN_SECONDS,
    APART_MS,
    ENDED_SECRETS_KEPT_MS,
    EVERY_SECONDS,
    TimeOfDay,
    Upkeep,
)
from grantory.storage.database import OpenStore
from tests.support.entities import (
    a_client,
    a_denied_token,
    a_secret,
    an_event,
    an_id,
    clients_of,
    put,
)
from tests.support.runtime import FakeClock
from tests.support.world import World

T = TypeVar("T")
DAY = 86_400
SECONDS = 60


class Pauses:
    """Takes the place of sleeping: notes how long, and returns when the test says so."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.taken: list[float] = []
        self._rounds = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self._clock.advance(seconds)
        await (self._rounds.acquire() if seconds == EVERY_SECONDS else asyncio.sleep(0))

    def next_round(self) -> None:
        """Let the minute between two rounds pass."""
        self._rounds.release()


class MoodyStore:
    """A store that refuses changes as long as it is told to. Stands before a real one."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self.refusals: list[Exception] = []
        self.read, self.scan, self.require_answer = store.read, store.scan, store.require_answer

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.refusals:
            raise self.refusals.pop()
        return await self._store.write(work)


@pytest.fixture
def exact(clock: FakeClock) -> FakeClock:
    """The clock in hand, set to the time by which the databases of the tests go."""
    clock.step((SystemClock().now_ms() - clock.now_ms()) / 1000)
    return clock


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let others work until a condition holds."""
    async with asyncio.timeout(SECONDS):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0)


def ended(clock: FakeClock, number: int, seconds: float) -> DeniedToken:
    """A token that was ended, and expires after so many seconds."""
    return a_denied_token(number, expires_at=clock.now_ms() // 1000 + int(seconds))


async def denied(store: OpenStore, *tokens: DeniedToken) -> list[bool]:
    return await store.read(lambda s: [s.denied_tokens.contains(t.token_id) for t in tokens])


async def test_what_is_still_needed_stays(store: OpenStore, exact: FakeClock) -> None:
    await store.write(put(a_client(1), a_secret(1)))
    young, old = ended(exact, 1, 60 - DAY), ended(exact, 2, -60 - DAY)
    await store.write(put(young, old))
    assert await Upkeep(store, exact).clean() == 1
    assert await denied(store, young, old) == [True, False]
    assert len(await store.read(lambda s: s.clients.secrets_of(an_id(1)))) == 1
    await store.write(lambda t: t.clients.end_secrets(an_id(1), exact.now_ms()))
    upkeep = Upkeep(store, exact)
    exact.advance(ENDED_SECRETS_KEPT_MS / 1000 - 60)
    await upkeep.finish()
    key = a_secret(1).key_id
    with pytest.raises(Exception, match=r"(?i)unique|client_secrets"):
        await store.write(put(a_secret(1, key_id=key)))
    exact.advance(120)
    await upkeep.finish()
    await store.write(put(a_secret(1, key_id=key)))  # the row is gone: its id is free
    assert await store.read(lambda s: len(clients_of(s))) == 1


async def test_a_large_heap_goes_in_small_steps(store: OpenStore, exact: FakeClock) -> None:
    await store.write(put(*(ended(exact, n, -2 * DAY) for n in range(1, 1201))))
    upkeep = Upkeep(store, exact)
    assert [await upkeep.step() for _ in range(4)] == [500, 500, 200, 0]


@pytest.mark.parametrize("days", [3, -3])
async def test_a_node_whose_clock_is_wrong_removes_nothing_and_says_so_once(
    store: OpenStore, second_store: OpenStore, exact: FakeClock, days: int
) -> None:
    revoked, old = ended(exact, 1, 86_000), ended(exact, 2, -2 * DAY)
    await store.write(put(revoked, old))
    wrong = FakeClock()
    wrong.step((exact.now_ms() - wrong.now_ms()) / 1000 + days * DAY)
    said: list[str] = []
    upkeep = Upkeep(store, wrong, held_back=said.append)
    assert [await upkeep.clean() for _ in range(3)] == [0, 0, 0]
    assert await denied(second_store, revoked, old) == [True, True]
    (reason,) = said
    assert "ahead of the store's" in reason if days > 0 else "behind the store's" in reason
    assert await Upkeep(second_store, exact).clean() == 1
    assert await denied(store, revoked, old) == [True, False]


@pytest.mark.parametrize("days", [3, -3])
async def test_a_clock_that_was_set_is_not_believed(
    store: OpenStore, exact: FakeClock, days: int
) -> None:
    """Where the store is a file, its clock is this one, and moves with it."""
    revoked = ended(exact, 1, -2 * DAY)
    exact.step(-days * DAY)
    said: list[str] = []
    upkeep = Upkeep(store, exact, held_back=said.append)
    await store.write(put(revoked))
    exact.step(days * DAY)
    assert [await upkeep.clean() for _ in range(2)] == [0, 0]
    assert await denied(store, revoked) == [True]
    assert said == ["this machine's clock was set by more than an hour within the last day"]


def test_a_clock_that_was_set_is_believed_when_it_has_stood_for_a_day(clock: FakeClock) -> None:
    time = TimeOfDay(clock)
    clock.advance(400 * DAY)
    assert not time.doubt(clock.now_ms())
    clock.step(APART_MS / 1000 - 1)
    assert not time.doubt(clock.now_ms())
    clock.step(2)
    assert "was set" in time.doubt(clock.now_ms())
    clock.advance(DAY - 1)
    assert "was set" in time.doubt(clock.now_ms())
    clock.advance(1)
    assert not time.doubt(clock.now_ms())
    clock.step(-2 * DAY)
    assert "was set" in time.doubt(clock.now_ms())


async def test_it_goes_on_by_itself_when_the_clocks_agree_again(
    store: OpenStore, exact: FakeClock
) -> None:
    await store.write(put(ended(exact, 1, -2 * DAY)))
    said: list[str] = []
    upkeep = Upkeep(store, exact, held_back=said.append)
    exact.advance(2 * DAY)
    assert await upkeep.clean() == 0
    exact.advance(-2 * DAY)
    assert await upkeep.clean() == 1
    exact.advance(2 * DAY)
    assert await upkeep.clean() == 0
    assert len(said) == 2, "each time that it is held back is told"


@pytest.mark.parametrize("error", [SetupError("another master key"), LookupError("x")])
async def test_keys_that_cannot_be_made_hold_no_cleaning_up(
    store: OpenStore, exact: FakeClock, error: Exception
) -> None:
    async def rotate() -> int:
        raise error

    failed: list[Exception] = []
    token = ended(exact, 1, -2 * DAY)
    await store.write(put(token))
    assert await Upkeep(store, exact, failed.append, rotate=rotate).clean() == 1
    assert failed == [error]
    assert await denied(store, token) == [False]


async def test_it_runs_at_once_and_every_minute_until_it_is_cancelled(
    store: OpenStore, exact: FakeClock
) -> None:
    pauses = Pauses(exact)
    failed: list[Exception] = []
    moody = MoodyStore(store)
    upkeep = Upkeep(moody, exact, failed.append, sleep=pauses)
    first, second, third = (ended(exact, n, -2 * DAY) for n in (1, 2, 3))
    await store.write(put(first))
    running = asyncio.create_task(upkeep.run())
    await until(lambda: EVERY_SECONDS in pauses.taken)
    assert await denied(store, first) == [False]
    await store.write(put(second))
    moody.refusals = [RuntimeError("nobody expected this")]
    pauses.next_round()
    await until(lambda: pauses.taken.count(EVERY_SECONDS) == 2)
    assert [str(error) for error in failed] == ["nobody expected this"]
    assert await denied(store, second) == [True]
    await store.write(put(third))
    pauses.next_round()
    await until(lambda: pauses.taken.count(EVERY_SECONDS) == 3)
    assert await denied(store, second, third) == [False, False]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_was_refused_is_tried_again_a_second_later(
    store: OpenStore, exact: FakeClock
) -> None:
    await store.write(put(*(ended(exact, n, -2 * DAY) for n in range(1, 701))))
    moody = MoodyStore(store)
    moody.refusals = [StorageUnavailable("too many writes are waiting")] * 7
    pauses = Pauses(exact)
    assert await Upkeep(moody, exact, sleep=pauses).clean() == 700
    assert pauses.taken.count(AGAIN_SECONDS) == 7
    assert EVERY_SECONDS not in pauses.taken


@pytest.mark.slow
async def test_it_wins_against_more_changes_than_the_store_can_take(
    store: OpenStore, second_store: OpenStore, exact: FakeClock
) -> None:
    """The second one is its own, as ``kept_small`` opens it: the first never has room."""
    heap = [ended(exact, n, -2 * DAY) for n in range(1, 2001)]
    await store.write(put(*heap))
    refused = done = 0

    async def hungry(number: int) -> None:
        nonlocal refused, done
        while True:
            try:
                await store.write(put(an_event(number)))
                done += 1
            except StorageUnavailable:
                refused += 1
            await asyncio.sleep(0)

    crowd = [asyncio.create_task(hungry(number)) for number in range(200)]
    try:
        await until(lambda: refused > 0)
        refused = done = 0
        async with asyncio.timeout(SECONDS):
            assert await Upkeep(second_store, exact).clean() == len(heap)
        assert refused > done > 0
    finally:
        for one in crowd:
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)


async def test_a_server_is_built_with_an_upkeep_that_mistrusts_its_clock(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clock in hand is not that of the machine, by which the store goes."""
    assert abs(world.clock.now_ms() - SystemClock().now_ms()) > APART_MS
    old = ended(world.clock, 1, -9 * DAY)
    await world.node.store.write(put(old))
    upkeep = build_upkeep(world.node.store, world.clock)
    assert await upkeep.clean() == 0
    assert await denied(world.node.store, old) == [True]
    assert "nothing is removed from the store" in capsys.readouterr().err
    assert await upkeep.finish() > 0
