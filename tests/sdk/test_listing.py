"""Lists that iterate over pages: lazily, to the end and no further, in flat memory."""

import tracemalloc
from typing import Any

import httpx2 as httpx
import pytest

from grantory_sdk import AsyncGrantory, Grantory
from tests.support.scripted import URL, Pages, Scripted, answer

MANY = 100_000


@pytest.mark.parametrize(("total", "calls"), [(0, 1), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_everything_is_listed_once(total: int, calls: int) -> None:
    server = Pages(total)
    with server.client() as grantory:
        found = [each.id for each in grantory.oauth_clients.list(page_size=10)]
    assert found == [str(each) for each in range(total)]
    assert server.asked == [(10, number + 1) for number in range(calls)]


def test_a_page_is_read_when_it_is_needed() -> None:
    server = Pages(30)
    with server.client() as grantory:
        listing = grantory.oauth_clients.list(page_size=10)
        assert not server.asked
        for _, _ in zip(range(11), listing, strict=False):
            pass
        assert server.asked == [(10, 1), (10, 2)]
        first = listing.first()
        assert first is not None
        assert first.id == "0"
        assert len(listing.all()) == 30
        assert [len(page.entities) for page in listing.pages()] == [10, 10, 10]


def test_a_hundred_thousand_clients_fit_into_little_memory() -> None:
    server = Pages(MANY)
    with server.client() as grantory:
        listing = iter(grantory.oauth_clients.list(page_size=500))
        for _ in range(1000):
            next(listing)
        tracemalloc.start()
        try:
            rest = sum(1 for _ in listing)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert rest == MANY - 1000
    assert peak < 4_000_000


@pytest.mark.parametrize(
    "page",
    [
        {"pageNumber": 1, "pageCount": 1},
        {"pageNumber": 1, "pageCount": 5},  # answers the same page, whatever is asked for
        {"total": 2},
        {},
    ],
)
def test_a_server_that_turns_no_pages_is_not_asked_for_ever(page: dict[str, Any]) -> None:
    server = Scripted(answer(200, {**page, "entities": [{"id": "1"}, {"id": "2"}]}))
    with Grantory(URL, access_token="t", transport=server.transport) as grantory:
        found = [each.id for each in grantory.oauth_clients.list()]
    assert found == ["1", "2"]
    assert len(server.requests) <= 2


def test_the_address_of_the_next_page_is_enough_to_go_on() -> None:
    first = answer(200, {"entities": [{"id": "1"}], "nextUri": "/next"})
    server = Scripted(first, answer(200, {"entities": [{"id": "2"}]}))
    with Grantory(URL, access_token="t", transport=server.transport) as grantory:
        assert [each.id for each in grantory.oauth_clients.list()] == ["1", "2"]


async def test_the_awaited_half_does_the_same() -> None:
    server = Pages(25)
    async with AsyncGrantory(
        URL, access_token="t", transport=httpx.MockTransport(server)
    ) as grantory:
        listing = grantory.oauth_clients.list(page_size=10, name="x")
        assert [each.id async for each in listing] == [str(each) for each in range(25)]
        assert len(await listing.all()) == 25
        assert [len(page.entities) async for page in listing.pages()] == [10, 10, 5]
