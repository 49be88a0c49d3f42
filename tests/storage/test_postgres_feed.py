"""The leased feed on a line that fails, or is slow."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from grantory.crypto.runtime import SystemClock
from grantory.errors import StorageUnavailable
from grantory.storage.database import OpenStore
from grantory.storage.postgres import feed as feed_module
from grantory.storage.postgres.database import PostgresDatabase
from grantory.storage.postgres.feed import LeasedFeed
from tests.support.databases import fresh_postgres
from tests.support.entities import a_client, a_secret, an_id
from tests.support.swallowing_proxy import SwallowingProxy

SLACK = 30.0


def is_current(store: OpenStore) -> bool:
    return store.feed.is_current()


async def test_a_feed_that_lost_its_line_comes_back_over_a_slow_one() -> None:
    with (
        fresh_postgres() as url,
        SwallowingProxy(urlsplit(url).port or 5432) as line,
    ):
        here = await PostgresDatabase(line.url(url)).open(SystemClock())
        there = await PostgresDatabase(url).open(SystemClock())
        heard: list[object] = []
        here.feed.listen(heard.append)
        await here.feed.catch_up()
        line.cut()
        await asyncio.sleep(1)
        assert not is_current(here)
        with pytest.raises(StorageUnavailable):
            await here.feed.catch_up()
        await there.write(lambda t: t.clients.add(a_client(1)))
        await there.write(lambda t: t.clients.add_secret(a_secret(1)))
        # Connecting now takes longer than a question may: several round trips of 0.2 s.
        line.delay(to_client=0.2)
        line.pass_on()
        deadline = time.monotonic() + 20
        while not is_current(here):
            assert time.monotonic() < deadline, "the feed never came back"
            await asyncio.sleep(0.05)
        assert heard[-1:] == [None], "whoever was away forgets everything"
        await there.write(lambda t: t.clients.add_secret(a_secret(2)))
        await asyncio.sleep(1)
        assert is_current(here)
        assert heard[-1] == [("client", an_id(1))]
        await here.close()
        await there.close()


class Held:
    """A feed whose answers are held back after they came."""

    def __init__(self, store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(store.feed, LeasedFeed)
        self.feed = store.feed
        self.questions = 0
        self.answered, self.go_on = asyncio.Event(), asyncio.Event()
        self._ask = store.feed._ask
        monkeypatch.setattr(store.feed, "_ask", self._held)

    async def _held(self) -> None:
        self.questions += 1
        await self._ask()
        self.answered.set()
        await self.go_on.wait()


async def test_a_question_under_way_does_not_tell_of_what_came_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with fresh_postgres() as url:
        here = await PostgresDatabase(url).open(SystemClock())
        there = await PostgresDatabase(url).open(SystemClock())
        monkeypatch.setattr(feed_module, "ANSWER_WITHIN", SLACK)
        monkeypatch.setattr(feed_module, "ASK_EVERY", SLACK)
        heard: list[object] = []
        here.feed.listen(heard.append)
        held = Held(here, monkeypatch)
        early = asyncio.create_task(here.feed.catch_up())
        await held.answered.wait()
        await there.write(lambda t: t.clients.add(a_client(1)))
        await there.write(lambda t: t.clients.add_secret(a_secret(1)))
        heard.clear()
        all_of_them = [asyncio.create_task(here.feed.hear_all()) for _ in range(20)]
        await asyncio.sleep(0)
        held.go_on.set()
        await asyncio.gather(early, *all_of_them)
        assert heard == [[("client", an_id(1))]]
        assert held.questions == 2, "those who came together were to share one"
        await here.close()
        await there.close()


async def test_whoever_asks_over_a_dead_line_is_told_so() -> None:
    with (
        fresh_postgres() as url,
        SwallowingProxy(urlsplit(url).port or 5432) as line,
    ):
        here = await PostgresDatabase(line.url(url)).open(SystemClock())
        await here.feed.hear_all()
        line.swallow()
        for _ in range(2):
            answers = await asyncio.gather(
                *(here.feed.hear_all() for _ in range(3)), return_exceptions=True
            )
            assert [type(each) for each in answers] == [StorageUnavailable] * 3
        await here.close()
