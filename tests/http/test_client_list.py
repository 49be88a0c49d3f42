"""The list of clients: every client in one streamed page, or page by page."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import SubjectKind
from grantory.errors import StorageUnavailable
from grantory.http.api_v2 import client_list
from grantory.http.api_v2.client_list import (
    FULL_LISTS_AT_ONCE,
    FULL_LISTS_IN_ALL,
    FULL_LISTS_OF_A_CLIENT,
    LOOKS_AT_ONCE,
)
from grantory.http.response import BrokenOff
from grantory.ports.storage import Transaction
from grantory.registry.clients import STREAM_BATCH
from grantory.registry.list_keeper import ListKeeper
from grantory.storage.sql import client_lists
from tests.support.entities import a_client, an_id
from tests.support.world import CLIENTS, ROLES, Member, World


async def add_clients(
    world: World, count: int, organization: str = "", first: int = 0
) -> list[str]:
    """Put clients into the store itself; returns their ids in the order of creation."""
    organization = organization or world.founding.organization.id
    start = world.clock.now_ms() + 1

    def work(t: Transaction) -> None:
        for number in range(first, first + count):
            client = a_client(number, organization_id=organization, created_at=start + number // 7)
            t.clients.add(client)
            held = [Assignment("a-role", "*")] if number % 3 == 0 else []
            t.access.set_grants(organization, client.id, SubjectKind.CLIENT, held, start)

    await world.node.store.write(work)
    return [an_id(number) for number in range(first, first + count)]


@pytest.mark.parametrize("count", [0, 1, STREAM_BATCH - 2, STREAM_BATCH - 1, STREAM_BATCH, 1200])
async def test_every_client_is_in_one_page_exactly_once(world: World, count: int) -> None:
    expected = [world.admin.client_id, *await add_clients(world, count)]
    page = await world.admin.get(CLIENTS)
    assert [client["id"] for client in page["entities"]] == expected
    assert {key: value for key, value in page.items() if key != "entities"} == {
        "pageSize": count + 1,
        "pageNumber": 1,
        "pageCount": 1,
        "total": count + 1,
        "firstUri": CLIENTS,
        "lastUri": CLIENTS,
        "selfUri": CLIENTS,
    }
    assert not any("secret" in client for client in page["entities"])
    roles = [client["id"] for client in page["entities"][1:] if "roleIds" in client]
    assert roles == expected[1::3]


async def test_each_entity_of_the_list_is_what_get_answers(world: World) -> None:
    await world.admin.make_client(
        authorizedGrantType="CODE", registeredRedirectUri=["https://a.example/"], scope=["x"]
    )
    await world.admin.make_member("oauth:client:view")
    page = await world.admin.get(CLIENTS)
    for client in page["entities"]:
        assert client == await world.admin.get(client["selfUri"])
    paged = await world.admin.get(f"{CLIENTS}?pageSize=100")
    assert paged["entities"] == page["entities"]


async def test_pages_follow_one_another_by_their_addresses(world: World) -> None:
    ids = [world.admin.client_id, *await add_clients(world, 10)]
    seen: list[str] = []
    address = f"{CLIENTS}?pageSize=4&pageNumber=1"
    pages = 0
    while address:
        page = await world.admin.get(address)
        assert (page["total"], page["pageCount"], page["pageSize"]) == (11, 3, 4)
        assert page["selfUri"] == address
        assert page["firstUri"] == f"{CLIENTS}?pageSize=4&pageNumber=1"
        assert page["lastUri"] == f"{CLIENTS}?pageSize=4&pageNumber=3"
        seen += [client["id"] for client in page["entities"]]
        address = page.get("nextUri", "")
        pages += 1
    assert pages == 3
    assert seen == ids
    beyond = await world.admin.get(f"{CLIENTS}?pageSize=4&pageNumber=9")
    assert beyond["entities"] == []
    assert beyond["total"] == 11


async def test_without_a_size_the_first_page_has_all_and_further_ones_nothing(
    world: World,
) -> None:
    """``gc`` asks for page 2 after the one page that it was given."""
    await add_clients(world, 30)
    for query in ("?pageNumber=1", "?pageNumber=1&name=client"):
        page = await world.admin.get(f"{CLIENTS}{query}")
        assert page["pageNumber"] == page["pageCount"] == 1
        assert len(page["entities"]) == page["total"] >= 30
        beyond = await world.admin.get(f"{CLIENTS}{query.replace('=1', '=2')}")
        assert beyond["entities"] == []
        assert (beyond["pageNumber"], beyond["pageCount"]) == (2, 1)
        assert beyond["total"] == beyond["pageSize"] == page["total"]
        assert beyond == await world.admin.get(beyond["selfUri"])
        for name in ("firstUri", "previousUri", "lastUri"):
            assert (await world.admin.get(beyond[name]))["entities"] == page["entities"]
    page = await world.admin.get(f"{CLIENTS}?pageSize=10")
    assert (len(page["entities"]), page["pageNumber"]) == (10, 1)


async def test_unknown_parameters_do_not_make_it_a_page(world: World) -> None:
    await add_clients(world, 30)
    page = await world.admin.get(f"{CLIENTS}?expand=x&sortBy=name")
    assert len(page["entities"]) == page["total"] == 31


class Reader:
    """An ASGI caller that sees each chunk, and may stop listening."""

    def __init__(self, world: World, by: Member | None = None) -> None:
        self.world = world
        self.by = by or world.admin
        self.status = 0
        self.body = b""
        self.whole = False
        self.stop_after = 10**9
        self.asked = 0
        self.leaves = False
        self.pause: asyncio.Event | None = None
        self.started = asyncio.Event()

    async def call(self, path: str) -> None:
        token = self.by.token or await self.by.log_in()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "http_version": "1.1",
            "headers": [(b"host", b"a"), (b"authorization", b"Bearer " + token.encode())],
            "client": ("192.0.2.1", 1),
        }
        await self.world.application(scope, self._receive, self._send)

    async def _receive(self) -> MutableMapping[str, Any]:
        self.asked += 1
        if self.asked > 1 and self.leaves:
            return {"type": "http.disconnect"}
        if self.asked > 1:  # the client stays, and has nothing more to say
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.stop_after -= 1
        if self.stop_after < 0:
            raise TimeoutError("the reader takes nothing")
        self.body += message.get("body", b"")
        self.whole = not message.get("more_body", False)
        self.started.set()
        if self.pause is not None:
            await self.pause.wait()


class SlowReaders:
    """Callers that have begun to read full lists, and take no more until they go on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._going_on = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.readers: list[Reader] = []

    async def begin(self, count: int, by: Member | None = None) -> None:
        """Begin some more."""
        readers = [Reader(self._world, by) for _ in range(count)]
        for reader in readers:
            reader.pause = self._going_on
            self._tasks.append(asyncio.create_task(reader.call(CLIENTS)))
        await asyncio.gather(*(reader.started.wait() for reader in readers))
        self.readers += readers

    async def begin_all(self, other: Member) -> None:
        """Take every place of an organisation, for two of its clients."""
        await self.begin(FULL_LISTS_OF_A_CLIENT)
        await self.begin(FULL_LISTS_AT_ONCE - FULL_LISTS_OF_A_CLIENT, other)

    async def go_on(self) -> None:
        """Read all of them to their ends."""
        self._going_on.set()
        await asyncio.gather(*self._tasks)
        assert all(reader.whole for reader in self.readers)


async def test_a_client_present_throughout_comes_once_while_others_come_and_go(
    world: World,
) -> None:
    ids = await add_clients(world, 3 * STREAM_BATCH)
    reader = Reader(world)
    reader.pause = asyncio.Event()
    listing = asyncio.create_task(reader.call(CLIENTS))
    await reader.started.wait()
    gone = [ids[3], ids[STREAM_BATCH - 1], ids[2 * STREAM_BATCH]]
    for client_id in gone:
        await world.admin.call("DELETE", f"{CLIENTS}/{client_id}")
    made = await world.admin.make_client(authorizedGrantType="CODE")
    reader.pause.set()
    await listing
    import json

    page = json.loads(reader.body)
    seen = [client["id"] for client in page["entities"]]
    assert len(seen) == len(set(seen)) == page["total"]
    assert set(ids) - set(gone) <= set(seen)
    assert ids[2 * STREAM_BATCH] not in seen
    assert made.client_id not in seen or seen.count(made.client_id) == 1


async def test_a_failure_in_the_middle_is_never_taken_for_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_clients(world, 3 * STREAM_BATCH)
    scan = world.node.store.scan
    calls = 0

    async def failing(work: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StorageUnavailable("asked for by the test")
        return await scan(work)

    monkeypatch.setattr(world.node.store, "scan", failing)
    reader = Reader(world)
    with pytest.raises(StorageUnavailable):
        await reader.call(CLIENTS)
    assert reader.status == 200
    assert reader.body.count(b'"selfUri"') > STREAM_BATCH
    assert not reader.whole


async def test_readers_who_go_away_leave_room_for_others(world: World) -> None:
    await add_clients(world, 2 * STREAM_BATCH)
    for _ in range(2 * FULL_LISTS_AT_ONCE):
        gone = Reader(world)
        gone.stop_after = 1
        with pytest.raises(BrokenOff):
            await gone.call(CLIENTS)
    await asyncio.sleep(0)  # the last line is written when the turn ends
    assert world.log.getvalue().count('"error":"broken.off"') == 2 * FULL_LISTS_AT_ONCE
    async with asyncio.timeout(20):
        assert (await world.admin.get(CLIENTS))["total"] == 2 * STREAM_BATCH + 1


async def test_a_list_ends_when_its_reader_goes_away(world: World) -> None:
    await add_clients(world, 3 * STREAM_BATCH)
    reader = Reader(world)
    reader.leaves = True
    with pytest.raises(BrokenOff):
        await reader.call(CLIENTS)
    assert not reader.whole


async def test_a_list_that_finds_no_room_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await world.admin.make_member("oauth:client:view")
    await add_clients(world, 2 * STREAM_BATCH)
    monkeypatch.setattr(client_list, "SLOT_SECONDS", 0)
    slow = SlowReaders(world)
    await slow.begin_all(other)
    for member in (world.admin, other):
        answer = await member.call("GET", CLIENTS)
        assert answer.status_code == 503
        assert answer.json()["code"] == "service.unavailable"
        assert answer.json()["message"].endswith("; read page by page, or try again.")
        assert "retry-after" in answer.headers
    # Another organisation has room of its own.
    elsewhere = world.member(await world.found("Elsewhere"))
    assert (await elsewhere.get(CLIENTS))["total"] == 1
    await slow.go_on()
    assert (await world.admin.get(CLIENTS))["total"] == 2 * STREAM_BATCH + 2


async def test_slow_readers_of_full_lists_hold_up_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await world.admin.make_member("oauth:client:view")
    await add_clients(world, 2 * STREAM_BATCH)
    monkeypatch.setattr(client_list, "SLOT_SECONDS", 0)
    slow = SlowReaders(world)
    await slow.begin_all(other)
    everybody = 2 * STREAM_BATCH + 2
    # A page is as dear while so many clients are not in the list yet, and has a place all the same.
    assert (await world.admin.get(f"{CLIENTS}?pageSize=1"))["total"] == everybody
    await ListKeeper(world.node.store, world.clock).finish()
    for query, total in (
        ("pageSize=1", everybody),
        ("pageSize=25&name=client", everybody),
        ("pageSize=25&name=client%2077", 11),
        ("name=client%2077", 11),  # a short list without a size
        ("pageNumber=2", everybody),
    ):
        assert (await world.admin.get(f"{CLIENTS}?{query}"))["total"] == total
    await slow.go_on()


async def test_one_client_leaves_a_full_list_to_the_others_of_its_organisation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await world.admin.make_member("oauth:client:view")
    await add_clients(world, 2 * STREAM_BATCH)
    monkeypatch.setattr(client_list, "SLOT_SECONDS", 0)
    slow = SlowReaders(world)
    await slow.begin(FULL_LISTS_OF_A_CLIENT)
    assert (await world.admin.call("GET", CLIENTS)).status_code == 503
    assert (await other.get(CLIENTS))["total"] == 2 * STREAM_BATCH + 2
    await slow.go_on()


async def test_a_process_sends_few_long_lists_whoever_asks_and_any_short_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_list, "SLOT_SECONDS", 0)
    slow = SlowReaders(world)
    left = FULL_LISTS_IN_ALL
    while left:
        founding = await world.found(f"Organisation {left}")
        await add_clients(world, STREAM_BATCH, founding.organization.id, left * STREAM_BATCH)
        count = min(left, FULL_LISTS_OF_A_CLIENT)
        await slow.begin(count, world.member(founding))
        left -= count
    assert (await world.admin.get(CLIENTS))["total"] == 1
    await add_clients(world, STREAM_BATCH)
    assert (await world.admin.call("GET", CLIENTS)).status_code == 503
    assert (await world.admin.get(f"{CLIENTS}?pageSize=1"))["total"] == STREAM_BATCH + 1
    await slow.go_on()
    assert (await world.admin.get(CLIENTS))["total"] == STREAM_BATCH + 1


async def test_few_search_at_once_and_the_others_are_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_list, "SLOT_SECONDS", 0)
    scan, going_on, looking = world.node.store.scan, asyncio.Event(), asyncio.Semaphore(0)

    async def waiting(work: Any) -> Any:
        looking.release()
        await going_on.wait()
        return await scan(work)

    monkeypatch.setattr(world.node.store, "scan", waiting)
    # The search by name waits for those before it, and the lists for what they read.
    asked = [f"{CLIENTS}?pageSize=1&name=first", *[CLIENTS] * (LOOKS_AT_ONCE - 1)]
    tasks = [asyncio.create_task(world.admin.get(address)) for address in asked]
    for _ in asked:
        await looking.acquire()
    answer = await world.admin.call("GET", f"{CLIENTS}?pageSize=1&name=first")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "0")
    assert answer.json()["message"] == "Too many lists are being searched; try again."
    going_on.set()
    assert [page["total"] for page in await asyncio.gather(*tasks)] == [1] * LOOKS_AT_ONCE


@pytest.mark.parametrize("what", ["token", "client's tokens", "permission", "client"])
async def test_a_full_list_ends_when_its_reader_may_not_read_it_any_more(
    world: World, what: str
) -> None:
    role = await world.admin.make_role("oauth:client:view")
    other = await world.admin.make_client(role)
    await add_clients(world, 3 * STREAM_BATCH)
    slow = SlowReaders(world)
    await slow.begin(1, other)
    if what == "token":
        answer = await other.call("DELETE", "/api/v2/tokens/me")
    elif what == "client's tokens":
        answer = await world.admin.call("DELETE", f"{CLIENTS}/{other.client_id}/tokens")
    elif what == "permission":
        answer = await world.admin.call("DELETE", f"{ROLES}/{role}")
    else:
        answer = await world.admin.call("DELETE", f"{CLIENTS}/{other.client_id}")
    assert answer.is_success
    with pytest.raises(BrokenOff, match="the list may not be read any more"):
        await slow.go_on()
    (reader,) = slow.readers
    assert not reader.whole
    assert reader.body.count(b'"authorizedGrantType"') == STREAM_BATCH


async def test_a_full_list_goes_on_when_its_token_expires(world: World) -> None:
    await add_clients(world, 2 * STREAM_BATCH)
    slow = SlowReaders(world)
    await slow.begin(1)
    world.clock.advance(100_000)
    assert (await world.admin.call("GET", CLIENTS)).status_code == 401
    await slow.go_on()


async def test_while_lists_are_made_it_is_said_what_can_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_lists, "MOST_UNLISTED", 5)
    ids = [world.admin.client_id, *await add_clients(world, 6)]
    for query in ("pageSize=2", "sortBy=name", "name=abc", "pageNumber=2"):
        answer = await world.admin.call("GET", f"{CLIENTS}?{query}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "without any parameter" in answer.json()["message"]
    page = await world.admin.get(CLIENTS)
    assert [client["id"] for client in page["entities"]] == ids
    assert (await world.admin.get(f"{CLIENTS}/{ids[-1]}"))["id"] == ids[-1]
    await ListKeeper(world.node.store, world.clock).round()  # as every server does by itself
    assert (await world.admin.get(f"{CLIENTS}?pageSize=2"))["total"] == 7


async def test_few_full_lists_run_at_once_and_the_others_wait_their_turn(world: World) -> None:
    other = await world.admin.make_member("oauth:client:view")
    await add_clients(world, 2 * STREAM_BATCH)
    await ListKeeper(world.node.store, world.clock).finish()
    callers = [world.admin] * FULL_LISTS_OF_A_CLIENT
    callers += [other] * (FULL_LISTS_AT_ONCE + 1 - FULL_LISTS_OF_A_CLIENT)
    slow = [Reader(world, caller) for caller in callers]
    go_on = asyncio.Event()
    for reader in slow:
        reader.pause = go_on
    tasks = [asyncio.create_task(reader.call(CLIENTS)) for reader in slow]
    starts = {asyncio.create_task(reader.started.wait()) for reader in slow}
    while len(starts) > len(slow) - FULL_LISTS_AT_ONCE:  # whichever of them come first
        _, starts = await asyncio.wait(starts, return_when=asyncio.FIRST_COMPLETED)
    # Short lists and everything else go on meanwhile.
    for _ in range(10):  # behind the first read of the last list, in the same queue of threads
        assert (await world.admin.get(f"{CLIENTS}?pageSize=1"))["total"] == 2 * STREAM_BATCH + 2
    assert sum(reader.started.is_set() for reader in slow) == FULL_LISTS_AT_ONCE
    go_on.set()
    await asyncio.gather(*tasks, *starts)
    assert all(reader.whole for reader in slow)


async def test_an_empty_organisation_answers_an_empty_list(world: World) -> None:
    viewer = await world.admin.make_member("oauth:client:view")
    assert (await viewer.get(CLIENTS))["total"] == 2
    answer = await world.admin.call("DELETE", f"{CLIENTS}/{world.admin.client_id}")
    assert answer.status_code == 204
    assert (await viewer.get(CLIENTS))["total"] == 1
