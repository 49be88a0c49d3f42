"""The deny-list that is loaded part by part, while tokens are ended and all is forgotten."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.token import DeniedToken
from grantory.errors import StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.storage import denied_parts, deny_list
from grantory.storage.database import OpenStore
from grantory.storage.denied_parts import BEYOND_ALL, PARTS, first_of, part_of
from grantory.storage.deny_list import DenyList
from tests.support.entities import a_denied_token, put

END = 1000
SHORT = 5
NUMBERS = range(10, 34, 2)
"""Of parts with three, four, four and one: the first question loads the first of them."""
EVERY = range(8, 36)


def ended_token(number: int, expires_at: int = END) -> DeniedToken:
    """A token; eight numbers, one after the other, are of one part."""
    token_id = (number // 8 << 118) + number
    return a_denied_token(token_id=token_id.to_bytes(16, "big"), expires_at=expires_at)


class Counted(DenyList):
    """A list that counts its questions to the store, and can be made to wait with them."""

    def __init__(self, store: OpenStore) -> None:
        self.store = store
        self.questions = 0
        self.at_question: Callable[[], None] = lambda: None
        super().__init__(store, self._count)

    def _count(self) -> None:
        self.questions += 1
        self.at_question()

    async def denied(self, number: int) -> bool:
        token_id = ended_token(number).token_id
        known = self.known(token_id)
        return await self.holds(token_id) if known is None else known

    async def end(self, number: int) -> None:
        """Ends a token; the list hears of it."""
        token = ended_token(number)

        def add(t: Transaction) -> None:
            t.denied_tokens.add(token)

        await self.store.write(add)
        self.hear(token.token_id)

    async def asked(self) -> int:
        """Asks for every token; returns how many questions that took."""
        before = self.questions
        for number in EVERY:
            assert await self.denied(number) == (number in NUMBERS)
        return self.questions - before


@pytest.fixture
async def ended(store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setattr(deny_list, "SHORT_LIST", SHORT)
    await store.write(put(*(ended_token(n) for n in NUMBERS)))
    return Counted(store)


@given(st.binary(max_size=20))
def test_every_id_is_between_the_bounds_of_its_part(token_id: bytes) -> None:
    part = part_of(token_id)
    assert 0 <= part < PARTS
    assert first_of(part) <= token_id < first_of(part + 1)


def test_the_parts_lie_side_by_side() -> None:
    bounds = [first_of(part) for part in range(PARTS + 1)]
    assert bounds == sorted(set(bounds))
    assert (bounds[0], bounds[-1]) == (b"", BEYOND_ALL)


async def test_a_short_list_is_loaded_by_one_question(
    ended: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deny_list, "SHORT_LIST", len(NUMBERS) + 1)
    assert await ended.asked() == 1
    assert len(ended) == len(NUMBERS)


async def test_of_a_long_list_each_part_is_loaded_by_one_question(ended: Counted) -> None:
    assert await ended.denied(30)
    assert ended.questions == 2, "the beginning, and the part of the token"
    assert len(ended) == 3 + 4, "what the beginning had of whole parts, and that part"
    assert await ended.asked() == 2
    assert len(ended) == len(NUMBERS)
    assert await ended.asked() == 0


async def test_those_who_ask_at_once_share_the_questions(ended: Counted) -> None:
    answers = await asyncio.gather(*(ended.denied(number) for number in EVERY))
    assert answers == [number in NUMBERS for number in EVERY]
    assert ended.questions == 4


async def test_whoever_gives_up_takes_the_answer_from_nobody(ended: Counted) -> None:
    first, second = (asyncio.create_task(ended.denied(20)) for _ in range(2))

    def give_up() -> None:
        first.cancel()

    ended.at_question = give_up
    assert await second
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("number", [11, 21, 31, 35])
@pytest.mark.parametrize("question", [0, 1, 2])
async def test_a_token_that_is_ended_while_parts_are_loaded_is_ended(
    ended: Counted, number: int, question: int
) -> None:
    for earlier in (20, 30)[:question]:
        assert await ended.denied(earlier)
    asking = asyncio.create_task(ended.denied(number))
    await asyncio.sleep(0)
    await ended.end(number)
    await asking  # it was asked before, and may be told either
    assert await ended.denied(number)
    for other in EVERY:
        assert await ended.denied(other) == (other in NUMBERS or other == number)
    before = ended.questions
    assert await ended.denied(number)
    assert ended.questions == before


async def test_what_is_forgotten_while_it_is_loaded_is_loaded_anew(ended: Counted) -> None:
    for moment in (1, 2):
        ended.forget()
        before = ended.questions

        def forget(at: int = before + moment) -> None:
            if ended.questions == at:
                ended.forget()

        ended.at_question = forget
        assert await ended.denied(30)
        assert ended.questions == before + 3, "the last one was for this one token"
    await ended.store.write(put(ended_token(11)))
    assert await ended.denied(11)


async def test_a_question_that_fails_is_asked_again(ended: Counted) -> None:
    def fail() -> None:
        raise StorageUnavailable("gone")

    for earlier in ((), (20,)):
        ended.at_question = lambda: None
        for number in earlier:
            assert await ended.denied(number)
        ended.at_question = fail
        failed = await asyncio.gather(*(ended.denied(30) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in failed] == [StorageUnavailable] * 3
    ended.at_question = lambda: None
    assert await ended.asked() == 2


async def test_where_many_more_were_ended_it_is_loaded_anew(
    ended: Counted, store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deny_list, "LEAST_ROOM", 0)
    await ended.asked()
    await store.write(lambda t: t.upkeep.forget_denied_tokens(END + 1, 100))
    later = [ended_token(n, END + 9_000) for n in range(40, 40 + len(NUMBERS) + 1)]
    for token in later:
        await store.write(put(token))
        if ended.known(token.token_id) is None:
            await ended.holds(token.token_id)
        ended.hear(token.token_id)
    for _ in range(2):
        assert all([await ended.holds(token.token_id) for token in later])
    assert len(ended) == len(later)


async def test_a_part_that_is_too_large_is_left_to_the_store(
    ended: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deny_list, "MOST_IN_PART", 4)
    await ended.asked()
    kept = len(ended)
    assert kept < len(NUMBERS)
    assert await ended.asked() == 16, "each token of the two parts with four"
    await ended.end(17)
    assert await ended.denied(17)
    assert len(ended) == kept


async def test_a_part_that_grows_beyond_all_bounds_is_left_to_the_store(
    ended: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denied_parts, "MOST_DENIED", len(NUMBERS))
    await ended.asked()
    await ended.end(31)
    assert len(ended) == len(NUMBERS)
    for _ in range(2):
        assert await ended.denied(31)
        assert not await ended.denied(33)
        assert await ended.denied(20)
