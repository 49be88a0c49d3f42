"""The memory of hot reads: exact at the time of asking, in this process and in any other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from grantory.crypto.sealing import MasterKey
from grantory.domain.access import Assignment, Policy
from grantory.domain.client import SubjectKind
from grantory.domain.token import SealedKey, key_context
from grantory.errors import StorageUnavailable
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage import denied_parts
from grantory.storage import hot_reads as module
from grantory.storage.change_feed import Heard
from grantory.storage.database import OpenStore
from grantory.storage.hot_reads import RememberedReads
from grantory.storage.sqlite import schema
from grantory.storage.sqlite.store import SqliteStore
from tests.support.backends import Backend
from tests.support.entities import (
    ORG,
    OTHER_ORG,
    a_client,
    a_denied_token,
    a_role,
    a_secret,
    a_user,
    an_id,
    an_organization,
    put,
)
from tests.support.patience import heard_patiently
from tests.support.runtime import START_MS, FakeClock

T = TypeVar("T")
MASTER_KEY, TOKEN_END = MasterKey(bytes(32)), START_MS // 1000 + 1000


class Watched:
    """A store that counts reads, and holds them up or fails when a test wants it."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self.require_answer = store.require_answer
        self.reads = self.looks = 0
        self.loaded = asyncio.Event()
        self.go_on: asyncio.Event | None = None
        self.fail_changes = False
        self.heard: Heard | None = None

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        self.reads += 1
        value = await self._store.read(work)
        if self.go_on is not None:
            self.loaded.set()
            await self.go_on.wait()
        return value

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        return await self._store.scan(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._store.write(work)

    def listen(self, heard: Heard) -> None:
        self.heard = heard
        self._store.feed.listen(heard)

    def is_current(self) -> bool:
        return self._store.feed.is_current()

    def has_heard_all(self) -> bool:
        return self._store.feed.has_heard_all()

    async def catch_up(self) -> None:
        self.looks += 1
        if self.fail_changes:
            raise StorageUnavailable("asked for by the test")
        await heard_patiently(self._store.feed)

    hear_all = catch_up


class Reader:
    """One process's hot reads."""

    def __init__(self, store: OpenStore, clock: FakeClock, lag: float) -> None:
        self.store = Watched(store)
        self._clock = clock
        self._lag = lag
        self.reads = RememberedReads(self.store, self.store, MASTER_KEY)

    async def ask(self, question: Callable[[RememberedReads], Awaitable[T]]) -> T:
        """Ask in a turn of its own, as every request does, when every change must be known."""
        await asyncio.sleep(0)
        self._clock.advance(self._lag)
        await self.reads.refresh()
        return await question(self.reads)

    async def reads_for(self, question: Callable[[RememberedReads], Awaitable[Any]]) -> int:
        """How many reads of the store a question costs."""
        before = self.store.reads
        await self.ask(question)
        return self.store.reads - before


@pytest.fixture
def reader(store: OpenStore, clock: FakeClock, backend: Backend) -> Reader:
    return Reader(store, clock, backend.lag)


@pytest.fixture
async def readers(
    backend: Backend, reader: Reader, clock: FakeClock
) -> AsyncIterator[tuple[Reader, Reader]]:
    """The reader of the writing process, and that of another process."""
    second = await backend.open(clock)
    yield reader, Reader(second, clock, backend.lag)
    await second.close()


def sealed_key(number: int, organization_id: str = ORG) -> SealedKey:
    key_id = number.to_bytes(8, "big")
    material = number.to_bytes(32, "big")
    return SealedKey(
        key_id=key_id,
        organization_id=organization_id,
        sealed=MASTER_KEY.seal(material, key_context(key_id, organization_id)),
        created_at=number,
    )


def grant(t: Transaction, *assignments: tuple[str, str], subject: int = 1) -> None:
    wanted = [Assignment(*a) for a in assignments]
    t.access.set_grants(ORG, an_id(subject), SubjectKind.CLIENT, wanted, 1)


def world(t: Transaction) -> None:
    t.organizations.add(an_organization(1))
    for number in (1, 2):
        t.clients.add(a_client(number))
        t.clients.add_secret(a_secret(number, client=number))
        grant(t, (an_id(1001), "*"), subject=number)
        t.users.add(a_user(number), None)
    t.access.add_role(a_role(1))
    t.access.add_role(a_role(2, policies=()))
    t.keys.add(sealed_key(1))
    t.denied_tokens.add(a_denied_token(1, expires_at=TOKEN_END))


async def client_name(reads: RememberedReads) -> str | None:
    record = await reads.client(an_id(1))
    return None if record is None else record.client.name


async def secrets(reads: RememberedReads) -> list[str] | None:
    record = await reads.client(an_id(1))
    return None if record is None else sorted(record.secrets)


async def client_epoch(reads: RememberedReads) -> int | None:
    record = await reads.client(an_id(1))
    return None if record is None else record.client.token_epoch


async def user_epoch(reads: RememberedReads) -> int | None:
    user = await reads.user(a_user(1).id)
    return None if user is None else user.token_epoch


async def rights(reads: RememberedReads) -> list[str]:
    return sorted(map(str, await reads.rights(an_id(1))))


async def signer(reads: RememberedReads) -> bytes:
    return (await reads.newest_signing_key(ORG)).key_id


async def denied(reads: RememberedReads) -> list[bool]:
    return [await reads.is_denied(a_denied_token(n).token_id) for n in (1, 2, 3)]


VIEW = "oauth:client:view in division *"
WIDER = a_role(1, policies=(Policy(domain="oauth", entity="client", actions=("view", "add")),))
CHANGES: list[tuple[str, Any, Any, Callable[[Transaction], object], Any]] = [
    (
        "a plain edit",
        client_name,
        "client 1",
        lambda t: t.clients.replace(a_client(1, name="new")),
        "new",
    ),
    (
        "an ended epoch",
        client_epoch,
        1,
        lambda t: t.clients.replace(a_client(1, token_epoch=2)),
        2,
    ),
    ("a deletion", client_name, "client 1", lambda t: t.clients.delete(a_client(1), 1), None),
    (
        "a further secret",
        secrets,
        ["00000001"],
        lambda t: t.clients.add_secret(a_secret(7)),
        ["00000001", "00000007"],
    ),
    ("ended secrets", secrets, ["00000001"], lambda t: t.clients.end_secrets(an_id(1), 1), []),
    ("other grants", rights, [VIEW], lambda t: grant(t, (an_id(1002), "*")), []),
    ("no grants", rights, [VIEW], grant, []),
    (
        "a narrower division",
        rights,
        [VIEW],
        lambda t: grant(t, (an_id(1001), "d")),
        ["oauth:client:view in division d"],
    ),
    (
        "a wider role",
        rights,
        [VIEW],
        lambda t: t.access.replace_role(WIDER),
        ["oauth:client:add in division *", VIEW],
    ),
    ("a deleted role", rights, [VIEW], lambda t: t.access.delete_role(a_role(1)), []),
    ("a new password", user_epoch, 1, lambda t: t.users.set_password(a_user(1).id, "d"), 2),
    (
        "a newer key",
        signer,
        sealed_key(1).key_id,
        lambda t: t.keys.add(sealed_key(2)),
        sealed_key(2).key_id,
    ),
    (
        "an ended token",
        denied,
        [True, False, False],
        lambda t: t.denied_tokens.add(a_denied_token(3, expires_at=TOKEN_END)),
        [True, False, True],
    ),
]


@pytest.mark.parametrize(
    ("question", "before", "change", "after"),
    [pytest.param(*rest, id=name) for name, *rest in CHANGES],
)
async def test_every_change_is_seen_at_once_by_this_and_any_other_process(
    readers: tuple[Reader, Reader],
    question: Callable[[RememberedReads], Awaitable[Any]],
    before: Any,
    change: Callable[[Transaction], object],
    after: Any,
) -> None:
    writer = readers[0].store
    await writer.write(world)
    for reader in readers:
        assert await reader.ask(question) == before
        assert await reader.reads_for(question) == 0, "it was to come from memory"
    await writer.write(change)
    for reader in readers:
        assert await reader.ask(question) == after


async def test_a_change_made_by_another_process_is_seen_here(
    readers: tuple[Reader, Reader],
) -> None:
    here, there = readers
    await here.store.write(world)
    assert await here.ask(client_name) == "client 1"
    await there.store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    assert await here.ask(client_name) == "new"


async def test_a_change_forgets_just_what_it_names(reader: Reader) -> None:
    await reader.store.write(world)
    other = [
        lambda r: r.client(an_id(2)),
        lambda r: r.rights(an_id(2)),
        lambda r: r.user(a_user(2).id),
        lambda r: r.organization(ORG),
        signer,
        denied,
    ]
    for question in other:
        await reader.ask(question)
    await reader.store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    await reader.store.write(grant)
    await reader.store.write(lambda t: t.users.set_password(a_user(1).id, "digest"))
    await reader.store.write(lambda t: t.denied_tokens.add(a_denied_token(2)))
    for question in other:
        assert await reader.reads_for(question) == 0


@pytest.mark.parametrize(
    ("question", "create"),
    [
        (lambda r: r.client(an_id(8)), lambda t: t.clients.add(a_client(8))),
        (lambda r: r.user(a_user(8).id), lambda t: t.users.add(a_user(8), None)),
        (lambda r: r.organization(OTHER_ORG), lambda t: t.organizations.add(an_organization(2))),
        (lambda r: r.signing_key(sealed_key(8).key_id), lambda t: t.keys.add(sealed_key(8))),
    ],
)
async def test_absence_is_never_remembered(
    readers: tuple[Reader, Reader],
    question: Callable[[RememberedReads], Awaitable[Any]],
    create: Callable[[Transaction], None],
) -> None:
    await readers[0].store.write(world)
    for reader in readers:
        assert await reader.ask(question) is None
        assert await reader.reads_for(question) == 1
    await readers[0].store.write(create)
    for reader in readers:
        assert await reader.ask(question) is not None


async def test_rights_of_a_client_that_is_made_later_are_seen(reader: Reader) -> None:
    await reader.store.write(world)
    assert list(await reader.ask(lambda r: r.rights(an_id(8)))) == []

    def make(t: Transaction) -> None:
        t.clients.add(a_client(8))
        grant(t, (an_id(1001), "*"), subject=8)

    await reader.store.write(make)
    assert [str(r) for r in await reader.ask(lambda r: r.rights(an_id(8)))] == [VIEW]


async def test_an_organisation_without_key_is_an_error(reader: Reader) -> None:
    with pytest.raises(LookupError):
        await reader.ask(lambda r: r.newest_signing_key(OTHER_ORG))


async def test_a_key_of_another_master_key_is_unavailable_until_it_is_sealed_anew(
    reader: Reader,
) -> None:
    key = sealed_key(1)
    other = MasterKey(b"x" * 32).seal(bytes(32), key_context(key.key_id, ORG))
    await reader.store.write(lambda t: t.keys.add(msgspec.structs.replace(key, sealed=other)))
    for question in (signer, lambda r: r.signing_key(key.key_id)):
        with pytest.raises(StorageUnavailable) as caught:
            await reader.ask(question)
        assert "master key" in caught.value.detail
        assert "master key" not in caught.value.message
    await reader.store.write(lambda t: t.keys.replace_sealed(key))
    assert await reader.ask(signer) == key.key_id


async def test_nothing_stale_is_kept_when_a_change_comes_while_a_row_is_loaded(
    reader: Reader,
) -> None:
    await reader.store.write(world)
    reader.store.go_on = asyncio.Event()
    slow = asyncio.create_task(reader.ask(client_name))
    await reader.store.loaded.wait()
    await reader.store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    await asyncio.sleep(0)
    await reader.reads.refresh()
    reader.store.go_on.set()
    assert await slow == "client 1"  # it asked before the change
    reader.store.go_on = None
    assert await reader.ask(client_name) == "new"


async def test_a_change_that_nobody_has_looked_for_yet_is_found_after_a_slow_load(
    reader: Reader,
) -> None:
    await reader.store.write(world)
    reader.store.go_on = asyncio.Event()
    slow = asyncio.create_task(reader.ask(client_name))
    await reader.store.loaded.wait()
    await reader.store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    reader.store.go_on.set()
    await slow
    reader.store.go_on = None
    assert await reader.ask(client_name) == "new"


async def test_a_token_ended_while_the_list_is_loaded_is_ended(reader: Reader) -> None:
    await reader.store.write(world)
    reader.store.go_on = asyncio.Event()
    slow = asyncio.create_task(reader.ask(denied))
    await reader.store.loaded.wait()
    ended = a_denied_token(3, expires_at=TOKEN_END)
    await reader.store.write(lambda t: t.denied_tokens.add(ended))
    await asyncio.sleep(0)
    await reader.reads.refresh()
    reader.store.go_on.set()
    await slow
    reader.store.go_on = None
    assert await reader.ask(denied) == [True, False, True]


async def test_a_look_for_changes_that_failed_is_made_up_for(reader: Reader) -> None:
    await reader.store.write(world)
    assert await reader.ask(client_name) == "client 1"
    await reader.store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    reader.store.fail_changes = True
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await reader.ask(client_name)
    reader.store.fail_changes = False
    assert await reader.ask(client_name) == "new"


async def test_all_decisions_of_one_turn_share_one_look(tmp_path: Path, clock: FakeClock) -> None:
    schema.upgrade(tmp_path / "grantory.db")
    sqlite_store = SqliteStore(tmp_path / "grantory.db", clock)
    watched = Watched(sqlite_store)
    reads = RememberedReads(watched, watched, MASTER_KEY)
    await watched.write(world)
    await asyncio.gather(*(reads.refresh() for _ in range(10)))
    assert watched.looks == 1
    await asyncio.sleep(0)
    await reads.refresh()
    assert watched.looks == 2
    await sqlite_store.close()


async def test_loading_goes_round_the_memory_and_remembers(reader: Reader) -> None:
    await reader.store.write(world)
    assert reader.reads.remembered_client(an_id(1)) is None
    loaded = await reader.ask(lambda r: r.load_client(an_id(1)))
    assert reader.reads.remembered_client(an_id(1)) is loaded
    assert await reader.reads_for(lambda r: r.load_client(an_id(1))) == 1
    assert await reader.reads_for(lambda r: r.client(an_id(1))) == 0
    assert loaded is not None
    assert loaded.id_bytes.hex() == an_id(1).replace("-", "")


async def test_a_record_that_no_longer_reaches_back_forgets_everything(reader: Reader) -> None:
    await reader.store.write(world)
    for question in (client_name, rights, denied, signer):
        await reader.ask(question)
    assert reader.store.heard is not None
    reader.store.heard(None)
    for question in (client_name, rights, denied, signer):
        assert await reader.reads_for(question) > 0


async def test_an_unknown_kind_of_change_forgets_everything(reader: Reader) -> None:
    await reader.store.write(world)
    await reader.ask(client_name)
    assert reader.store.heard is not None
    reader.store.heard([("of the future", "x")])
    assert await reader.reads_for(client_name) == 1


async def test_memory_is_bounded_and_drops_the_oldest(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 3)
    await reader.store.write(put(*(a_client(n) for n in range(10))))
    for n in range(10):
        await reader.ask(lambda r: r.client(an_id(n)))
    kept = reader.reads.remembered_client
    assert [n for n in range(10) if kept(an_id(n))] == [7, 8, 9]
    await reader.ask(lambda r: r.load_client(an_id(8)))
    assert sum(kept(an_id(n)) is not None for n in range(10)) == 3


async def test_beyond_its_bound_the_deny_list_is_asked_in_the_store(
    readers: tuple[Reader, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denied_parts, "MOST_DENIED", 3)
    tokens = [a_denied_token(n, expires_at=TOKEN_END) for n in range(1, 8)]
    for reader in readers:
        assert not await reader.ask(lambda r: r.is_denied(bytes(16)))
    for token in tokens:
        await readers[0].store.write(lambda t: t.denied_tokens.add(token))
        for reader in readers:
            assert await reader.ask(lambda r: r.is_denied(token.token_id))
            assert not await reader.ask(lambda r: r.is_denied(bytes(16)))
    for reader in readers:
        assert len(reader.reads._denied) <= 3
        for token in tokens:
            assert await reader.ask(lambda r: r.is_denied(token.token_id))


async def test_a_small_deny_list_is_answered_without_the_store(reader: Reader) -> None:
    await reader.store.write(world)
    assert [await reader.reads_for(denied) for _ in range(2)] == [1, 0]
    assert await reader.reads_for(lambda r: r.is_denied(b"never ended")) == 0


async def test_what_is_heard_does_not_void_the_list_that_is_loaded(reader: Reader) -> None:
    await reader.store.write(world)
    reader.store.go_on = go_on = asyncio.Event()
    slow = asyncio.create_task(reader.ask(denied))
    await reader.store.loaded.wait()
    await reader.store.write(grant)
    go_on.set()
    assert (await slow, await reader.reads_for(denied)) == ([True, False, False], 0)
