"""The deny-list that is loaded piece by piece, while tokens are ended and all is forgotten."""

import asyncio

import pytest

from grantory.domain.token import CLOCK_SLACK_SECONDS
from grantory.ports.storage import Transaction
from grantory.storage import deny_list
from grantory.storage.database import OpenStore
from grantory.storage.deny_list import DenyList
from tests.support.entities import a_denied_token, put
from tests.support.runtime import START_MS, FakeClock

END = START_MS // 1000 + 1000
NUMBERS = range(10, 30, 2)


class Counted(DenyList):
    """A list that counts its questions to the store."""

    def __init__(self, store: OpenStore, clock: FakeClock) -> None:
        self.questions = 0
        super().__init__(store, clock, self._count)

    def _count(self) -> None:
        self.questions += 1

    async def denied(self, number: int) -> bool:
        return await self.holds(a_denied_token(number).token_id)


@pytest.fixture
async def ended(store: OpenStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setattr(deny_list, "SLICE", 3)
    await store.write(put(*(a_denied_token(n, expires_at=END) for n in NUMBERS)))
    return Counted(store, clock)


async def test_it_is_right_from_the_first_question_on_and_soon_asks_no_more(
    ended: Counted,
) -> None:
    for number in range(8, 32):
        assert await ended.denied(number) == (number in NUMBERS)
    assert len(ended) == len(NUMBERS)
    before = ended.questions
    for number in range(8, 32):
        assert await ended.denied(number) == (number in NUMBERS)
    assert ended.questions == before


@pytest.mark.parametrize("number", [11, 31])
async def test_a_token_that_is_ended_meanwhile_is_ended(
    ended: Counted, store: OpenStore, number: int
) -> None:
    assert await ended.denied(20)  # and three are there
    assert len(ended) == 3

    def end(t: Transaction) -> None:
        t.denied_tokens.add(a_denied_token(number, expires_at=END))

    await store.write(end)
    ended.hear(a_denied_token(number).token_id)
    for _ in range(6):
        assert await ended.denied(number)
        assert not await ended.denied(9)
    before = ended.questions
    assert await ended.denied(number)
    assert ended.questions == before
    assert len(ended) == len(NUMBERS) + 1


async def test_those_who_ask_at_once_are_all_told_right(ended: Counted) -> None:
    for _ in range(3):
        answers = await asyncio.gather(*(ended.denied(number) for number in range(9, 21)))
        assert answers == [number in NUMBERS for number in range(9, 21)]


async def test_what_is_forgotten_while_it_is_loaded_is_loaded_anew(
    ended: Counted, store: OpenStore
) -> None:
    asking = asyncio.create_task(ended.denied(20))
    await asyncio.sleep(0)
    ended.forget()
    assert await asking
    await store.write(lambda t: t.denied_tokens.add(a_denied_token(11, expires_at=END)))
    for number in range(8, 32):
        assert await ended.denied(number) == (number in NUMBERS or number == 11)


async def test_where_many_more_were_ended_it_is_loaded_anew(
    ended: Counted, store: OpenStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deny_list, "LEAST_ROOM", 0)
    for _ in range(6):
        assert await ended.denied(20)
    assert len(ended) == len(NUMBERS)
    clock.advance(1000 + CLOCK_SLACK_SECONDS)  # by then those have expired for every node
    later = [a_denied_token(n, expires_at=END + 9_000) for n in range(40, 40 + len(NUMBERS) + 1)]
    for token in later:
        await store.write(put(token))
        ended.hear(token.token_id)
    for _ in range(6):
        assert all([await ended.holds(token.token_id) for token in later])
    assert len(ended) == len(later)
