"""Lists that are read page by page, as far as they are wanted."""

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from grantory_sdk._async.caller import Caller
from grantory_sdk.models.base import Page
from grantory_sdk.requests import Query

T = TypeVar("T")
PAGE_SIZE = 100


class AsyncListing(Generic[T]):
    """A list of the API, to be iterated over. One page is held at a time.

    Each iteration begins anew. What is deleted or added meanwhile may be left out, or seen twice:
    the platform's pages are counted from the start of the list.

    Args:
        caller: makes the calls.
        path: of the list.
        kind: the model of a page.
        query: the parameters that choose and order.
        page_size: how many are asked for at once; None for a list that has no pages.
    """

    def __init__(
        self,
        caller: Caller,
        path: str,
        kind: type[Page[T]],
        query: Query | None = None,
        *,
        page_size: int | None = PAGE_SIZE,
    ) -> None:
        self._caller = caller
        self._path = path
        self._kind = kind
        self._query = dict(query or {})
        self._page_size = page_size

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The pages, each as it is answered."""
        number = 1
        while True:
            page = await self._page(number)
            if number > 1 and page.page_number not in (None, number):
                return  # a server that does not turn pages answers the first one again
            yield page
            if not _goes_on(page, number):
                return
            number += 1

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for entity in page.entities:
                yield entity

    async def first(self) -> T | None:
        """The first one; None where there is none."""
        page = await self._page(1)
        return page.entities[0] if page.entities else None

    async def all(self) -> list[T]:
        """All of them, in memory."""
        return [entity async for entity in self]

    async def _page(self, number: int) -> Page[T]:
        query = self._query
        if self._page_size is not None:
            query = {**query, "pageSize": self._page_size, "pageNumber": number}
        answer = await self._caller.call("GET", self._path, query=query)
        return answer.read(self._kind)

    def __repr__(self) -> str:
        return f"AsyncListing({self._path!r})"


def _goes_on(page: Page[T], number: int) -> bool:
    """Whether there is a further page."""
    if not page.entities:
        return False
    if page.page_count is not None:
        return number < page.page_count
    return page.next_uri is not None
