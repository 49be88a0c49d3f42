"""Places that are bounded for several holders each, and given to whoever has waited longest."""

import asyncio

import pytest

from grantory.http.api_v2.list_places import Places

LONG = 3_600


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_holder_has_its_own_bound() -> None:
    places = Places(1, 2, 3)
    assert places.take_now("a", "x", "all")
    assert not places.take_now("a", "x", "all")
    assert places.take_now("b", "x", "all")
    assert not places.take_now("c", "x", "all")
    assert places.take_now("d", "y", "all")
    assert not places.take_now("e", "z", "all")
    places.release("a", "x", "all")
    assert places.take_now("e", "z", "all")


async def test_whoever_waits_longest_is_next_among_those_who_may() -> None:
    places = Places(1, 2)
    order: list[str] = []

    async def wait(holder: str) -> None:
        assert await places.take(holder, "all", seconds=LONG)
        order.append(holder)

    assert places.take_now("a", "all")
    assert places.take_now("b", "all")
    tasks = []
    for holder in ("a", "c", "d"):
        tasks.append(asyncio.create_task(wait(holder)))
        await settle()
    places.release("b", "all")  # the first still has its own
    await settle()
    assert order == ["c"]
    places.release("a", "all")
    await settle()
    assert order == ["c", "a"]
    places.release("c", "all")
    await asyncio.gather(*tasks)
    assert order == ["c", "a", "d"]


async def test_who_waits_in_vain_takes_no_place_along() -> None:
    places = Places(1)
    assert places.take_now("a")
    assert not await places.take("a", seconds=0)
    places.release("a")
    assert places.take_now("a")


@pytest.mark.parametrize("given", [False, True])
async def test_who_goes_while_waiting_takes_no_place_along(given: bool) -> None:
    places = Places(1)
    assert places.take_now("a")
    waiting = asyncio.create_task(places.take("a", seconds=LONG))
    await settle()
    if given:  # and goes before it hears of it
        places.release("a")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if not given:
        places.release("a")
    assert places.take_now("a")


async def test_a_place_that_is_held_is_given_back_after_a_failure() -> None:
    places = Places(1)

    async def fail() -> None:
        async with places.held("a", seconds=0) as is_held, places.held("a", seconds=0) as is_more:
            assert (is_held, is_more) == (True, False)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert places.take_now("a")


async def test_nothing_is_kept_of_holders_that_have_gone() -> None:
    places = Places(1, 5)
    for holder in ("a", "b", "c"):
        assert places.take_now(holder, "all")
        places.release(holder, "all")
    assert not places._taken
