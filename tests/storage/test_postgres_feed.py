"""The leased feed on a line that fails, or is slow."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from grantory.crypto.runtime import SystemClock
from grantory.errors import StorageUnavailable
from grantory.storage.database import OpenStore
from grantory.storage.postgres.database import PostgresDatabase
from tests.support.databases import fresh_postgres
from tests.support.entities import a_client, a_secret, an_id
from tests.support.swallowing_proxy import SwallowingProxy


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
