"""The writer of the embedded store: batches, lost transactions, and a file that fails."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from grantory.errors import Conflict, OutcomeUnknown, SetupError, StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite import schema
from grantory.storage.sqlite import store as store_module
from grantory.storage.sqlite.connection import connect, in_snapshot
from grantory.storage.sqlite.store import SqliteStore
from grantory.storage.sqlite.turnstile import Turnstile
from grantory.storage.sqlite.writer import LARGEST_BATCH
from tests.support.entities import a_client, an_id, clients_of
from tests.support.runtime import FakeClock
from tests.support.traced_writer import MOST_WAITING, Gate, Traced, batch_with


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "grantory.db"
    schema.upgrade(path)
    return path


def test_the_turnstile_belongs_to_the_owner_of_the_database(file: Path) -> None:
    if os.geteuid() == 0:  # as when root runs a command on the store of a service
        os.chown(file, 65534, 65534)
    Turnstile(file).close()
    turn = Path(f"{file}-turn").stat()
    assert (turn.st_uid, turn.st_gid) == (file.stat().st_uid, file.stat().st_gid)
    assert turn.st_mode & 0o777 == 0o600


def test_the_turnstile_gives_away_no_file_that_was_there(file: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    turn = Path(f"{file}-turn")
    before = victim.stat()
    for plant in (turn.symlink_to, turn.hardlink_to):
        turn.unlink(missing_ok=True)
        plant(victim)
        made = Turnstile(file)
        made.enter()
        made.leave()
        made.close()
        after = victim.stat()
        assert (after.st_uid, after.st_gid, after.st_mode) == (
            before.st_uid,
            before.st_gid,
            before.st_mode,
        )


@pytest.fixture
async def traced(file: Path) -> AsyncIterator[Traced]:
    made = Traced(file, batch_seconds=60)
    yield made
    made.writer.close()


def names(file: Path) -> list[str]:
    with closing(apsw.Connection(str(file))) as connection:
        return [str(name) for (name,) in connection.execute("SELECT name FROM clients ORDER BY id")]


def adding(number: int) -> Callable[[Transaction | SqlTransaction], int]:
    def work(t: Transaction | SqlTransaction) -> int:
        t.clients.add(a_client(number))
        return number

    return work


async def test_waiting_writes_are_committed_together(file: Path, traced: Traced) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    rest = [asyncio.create_task(traced.write(adding(n))) for n in range(LARGEST_BATCH)]
    await asyncio.sleep(0)
    traced.said.clear()
    gate.go_on.set()
    assert await asyncio.gather(first, *rest) == [None, *range(LARGEST_BATCH)]
    assert traced.said.count("COMMIT") == 2
    assert traced.said.count("SAVEPOINT") == LARGEST_BATCH
    assert len(names(file)) == LARGEST_BATCH


async def test_a_batch_has_a_largest_size(file: Path, traced: Traced) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    rest = [asyncio.create_task(traced.write(adding(n))) for n in range(2 * LARGEST_BATCH + 1)]
    await asyncio.sleep(0)
    traced.said.clear()
    gate.go_on.set()
    await asyncio.gather(first, *rest)
    assert traced.said.count("COMMIT") == 3


async def test_a_batch_ends_when_its_time_is_up(file: Path) -> None:
    traced = Traced(file, batch_seconds=0)
    await asyncio.gather(*(traced.write(adding(n)) for n in range(5)))
    assert traced.said.count("COMMIT") == 5
    traced.writer.close()


async def test_a_write_is_on_disk_before_it_is_answered(file: Path, traced: Traced) -> None:
    for number in range(3):
        await traced.write(adding(number))
        assert len(names(file)) == number + 1


async def test_a_failed_write_is_rolled_back_to_its_savepoint_only(
    file: Path, traced: Traced
) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    works = [adding(1), adding(1), adding(2)]
    rest = [asyncio.create_task(traced.write(work)) for work in works]
    await asyncio.sleep(0)
    traced.said.clear()
    gate.go_on.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert isinstance(results[2], Conflict)
    assert [results[1], results[3]] == [1, 2]
    assert traced.said.count("COMMIT") == 1
    assert names(file) == ["client 1", "client 2"]


async def test_a_transaction_lost_in_the_middle_fails_one_write_and_none_of_its_neighbours(
    file: Path, traced: Traced
) -> None:
    def lose(t: SqlTransaction) -> None:
        t.clients.add(a_client(50))
        traced.connection.execute("ROLLBACK")  # as SQLite does by itself on some errors
        raise apsw.FullError("database or disk is full")

    results = await batch_with(traced, adding(1), adding(2), lose, adding(3))
    assert results[:2] == [1, 2]
    assert isinstance(results[2], StorageUnavailable)
    assert results[3] == 3
    assert names(file) == ["client 1", "client 2", "client 3"]
    assert await traced.write(adding(4)) == 4


async def test_a_write_that_is_run_again_is_answered_by_its_last_run(
    file: Path, traced: Traced
) -> None:
    runs: list[int] = []

    def fail_at_first(t: SqlTransaction) -> int:
        runs.append(1)
        t.clients.add(a_client(1))
        if len(runs) == 1:
            raise ValueError("the first run")
        return len(runs)

    def lose(_t: SqlTransaction) -> None:
        traced.connection.execute("ROLLBACK")
        raise apsw.FullError("database or disk is full")

    results = await batch_with(traced, fail_at_first, lose)
    assert results[0] == 2
    assert isinstance(results[1], StorageUnavailable)
    assert names(file) == ["client 1"]


async def test_a_transaction_lost_without_an_error_is_noticed(file: Path, traced: Traced) -> None:
    def lose(t: SqlTransaction) -> str:
        t.clients.add(a_client(50))
        traced.connection.execute("ROLLBACK")
        return "done"

    results = await batch_with(traced, adding(1), lose, adding(2))
    assert isinstance(results[1], StorageUnavailable)
    assert [results[0], results[2]] == [1, 2]
    assert names(file) == ["client 1", "client 2"]


async def test_an_interrupted_write_fails_alone(file: Path, traced: Traced) -> None:
    def interrupted(t: SqlTransaction) -> None:
        t.clients.add(a_client(50))
        traced.connection.set_progress_handler(lambda: True, 1)
        try:
            traced.connection.execute("UPDATE clients SET name = name || 'x'")
        finally:
            traced.connection.set_progress_handler(None)

    results = await batch_with(traced, adding(1), interrupted, adding(2))
    assert isinstance(results[1], StorageUnavailable)
    assert [results[0], results[2]] == [1, 2]
    assert names(file) == ["client 1", "client 2"]


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(
    file: Path, traced: Traced
) -> None:
    await traced.write(adding(1))
    pages = int(str(traced.connection.execute("PRAGMA page_count").fetchall()[0][0]))

    def large(t: SqlTransaction) -> None:
        t.clients.add(a_client(50, description="x" * 400_000))

    traced.connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    results = await batch_with(traced, adding(2), large, adding(3))
    assert isinstance(results[1], StorageUnavailable)
    assert [results[0], results[2]] == [2, 3]
    assert names(file) == ["client 1", "client 2", "client 3"]
    traced.connection.execute("PRAGMA max_page_count = 100000")
    await traced.write(large)
    assert len(names(file)) == 4
    assert schema.integrity_problems(file) == []


async def test_a_failing_commit_fails_or_repeats_every_write_of_the_batch(
    file: Path, traced: Traced
) -> None:
    failures = 1

    def refuse_commit() -> bool:
        nonlocal failures
        failures -= 1
        return failures >= 0

    def armed(t: SqlTransaction) -> int:
        traced.connection.set_commit_hook(refuse_commit)
        t.clients.add(a_client(2))
        return 2

    results = await batch_with(traced, adding(1), armed, adding(3))
    assert results == [1, 2, 3]
    assert names(file) == ["client 1", "client 2", "client 3"]
    failures = 1
    with pytest.raises(StorageUnavailable):
        await traced.write(adding(4))
    assert len(names(file)) == 3
    assert await traced.write(adding(4)) == 4


@pytest.fixture
async def store(file: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(store_module, "WRITER_WAIT_MS", 50)
    opened = SqliteStore(file, FakeClock())
    yield opened
    await opened.close()


async def test_what_is_undone_is_kept_in_memory_and_not_in_a_file(
    file: Path, store: SqliteStore
) -> None:
    kept = store._writer._connection.execute("PRAGMA temp_store").fetchall()
    assert kept == [(2,)]
    commanded = SqliteStore(file, FakeClock(), large_changes=True)
    assert commanded._writer._connection.execute("PRAGMA temp_store").fetchall() == [(0,)]
    await commanded.close()
    texts = {n: f"{n} " * 1_000 for n in range(300)}

    def add(n: int) -> Callable[[Transaction], None]:
        return lambda t: t.clients.add(a_client(n, description=texts[n]))

    def change_all(t: Transaction) -> None:
        for n in range(200):  # a megabyte and more
            t.clients.replace(a_client(n, description="other"))
        raise Conflict("undone")

    for n in range(200):
        await store.write(add(n))
    results = await asyncio.gather(
        *(store.write(add(n)) for n in range(200, 230)),
        store.write(change_all),
        *(store.write(add(n)) for n in range(230, 260)),
        return_exceptions=True,
    )
    assert [n for n, result in enumerate(results) if result is not None] == [30]
    found = {c.id: c.description for c in await store.read(clients_of)}
    assert found == {an_id(n): texts[n] for n in range(260)}
    assert schema.integrity_problems(file) == []


async def test_a_lock_of_another_connection_is_told_and_service_goes_on_after_it(
    file: Path, store: SqliteStore
) -> None:
    await store.write(adding(1))
    with closing(apsw.Connection(str(file))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable) as caught:
            await store.write(adding(2))
        assert "Busy" in caught.value.detail
        assert caught.value.status == 503
        assert caught.value.retry_after == 1
        # Readers are not held up by a writer.
        assert await store.read(lambda s: len(clients_of(s))) == 1
        other.execute("ROLLBACK")
    assert await store.write(adding(2)) == 2
    assert names(file) == ["client 1", "client 2"]


async def test_many_writes_under_a_lock_are_all_refused_and_none_is_done_later(
    file: Path, store: SqliteStore
) -> None:
    with closing(apsw.Connection(str(file))) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(store.write(adding(n)) for n in range(5)), return_exceptions=True
        )
        assert all(isinstance(result, StorageUnavailable) for result in results)
        other.execute("ROLLBACK")
    await store.write(adding(9))
    assert names(file) == ["client 9"]


async def test_a_store_that_may_not_be_written_says_so_and_still_reads(
    file: Path, traced: Traced
) -> None:
    await traced.write(adding(1))
    traced.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageUnavailable):
        await traced.write(adding(2))
    traced.connection.execute("PRAGMA query_only = OFF")
    await traced.write(adding(3))
    assert names(file) == ["client 1", "client 3"]


async def test_a_write_after_the_end_is_refused(file: Path) -> None:
    store = SqliteStore(file, FakeClock())
    await store.close()
    with pytest.raises(StorageUnavailable):
        await store.write(adding(1))
    assert names(file) == []


def test_a_file_that_is_no_database_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "grantory.db"
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(SetupError, match="cannot open"):
        SqliteStore(file, FakeClock())


async def test_closing_finishes_the_writes_that_wait(file: Path) -> None:
    store = SqliteStore(file, FakeClock())
    gate = Gate()
    waiting: list[asyncio.Task[int | None]] = [asyncio.create_task(store.write(gate.work))]
    await asyncio.to_thread(gate.inside.wait, 10)
    waiting += [asyncio.create_task(store.write(adding(n))) for n in range(70)]
    await asyncio.sleep(0)
    closing_thread = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(store.close())))
    gate.go_on.set()
    assert await asyncio.gather(*waiting) == [None, *range(70)]
    await closing_thread
    assert len(names(file)) == 70


async def test_a_caller_who_gave_up_does_not_hurt_the_others(file: Path, traced: Traced) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    rest = [asyncio.create_task(traced.write(adding(n))) for n in range(3)]
    await asyncio.sleep(0)
    rest[1].cancel()
    gate.go_on.set()
    await first
    assert [await rest[0], await rest[2]] == [0, 2]
    assert names(file) == ["client 0", "client 1", "client 2"]


async def test_too_many_waiting_writes_are_refused_at_once(file: Path, traced: Traced) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)

    def nothing(_transaction: object) -> None:
        return None

    rest = [asyncio.create_task(traced.write(nothing)) for _ in range(MOST_WAITING - 1)]
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable, match="not available") as caught:
        await traced.write(adding(1))
    assert "too many" in caught.value.detail
    gate.go_on.set()
    await asyncio.gather(first, *rest)
    assert names(file) == []
    assert await traced.write(adding(1)) == 1


def test_a_read_whose_transaction_sqlite_ended_is_told_as_unavailable(file: Path) -> None:
    with closing(connect(file, 100)) as connection:

        def fail(_executor: object) -> None:
            connection.execute("ROLLBACK")  # as SQLite does by itself on such an error
            raise apsw.IOError("disk I/O error")

        with pytest.raises(StorageUnavailable):
            in_snapshot(connection, fail)
        assert (
            in_snapshot(connection, lambda sql: SqlTransaction(sql).clients.get(an_id(1))) is None
        )


def test_commits_are_on_disk_when_they_return(file: Path) -> None:
    with closing(connect(file, 100)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert connection.execute("PRAGMA synchronous").fetchall() == [(2,)]


class _Fails:
    """A connection some of whose statements fail, each as often as is said."""

    def __init__(self, connection: apsw.Connection, *failures: tuple[str, Exception]) -> None:
        self._connection = connection
        self._failures = list(failures)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str) -> object:
        for failure in self._failures:
            if sql == failure[0]:
                self._failures.remove(failure)
                raise failure[1]
        return self._connection.execute(sql)


async def test_closing_ends_although_the_last_commit_failed(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    ending = asyncio.create_task(asyncio.to_thread(traced.writer.close))
    await asyncio.sleep(0.05)
    monkeypatch.setattr(
        traced.writer, "_connection", _Fails(traced.connection, ("COMMIT", apsw.FullError("full")))
    )
    gate.go_on.set()
    with pytest.raises(StorageUnavailable):
        await first
    await asyncio.wait_for(ending, 10)


LOST = ("COMMIT", apsw.IOError("disk I/O error"))


@pytest.mark.parametrize(
    "failures",
    [
        (LOST,),
        (LOST, ("ROLLBACK", apsw.IOError("disk I/O error"))),
        (LOST, ("BEGIN IMMEDIATE", apsw.BusyError("database is locked"))),
    ],
    ids=["commit", "commit and rollback", "commit, and no turn for another try"],
)
@pytest.mark.parametrize("count", [1, 3])
async def test_what_may_be_on_disk_is_never_told_as_not_done(
    traced: Traced,
    monkeypatch: pytest.MonkeyPatch,
    failures: tuple[tuple[str, Exception], ...],
    count: int,
) -> None:
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    rest = [asyncio.create_task(traced.write(adding(n))) for n in range(1, count)]
    await asyncio.sleep(0)
    monkeypatch.setattr(traced.writer, "_connection", _Fails(traced.connection, *failures))
    gate.go_on.set()
    results = await asyncio.gather(first, *rest, return_exceptions=True)
    assert all(not isinstance(r, Exception) or isinstance(r, OutcomeUnknown) for r in results)
    assert isinstance(results[0], OutcomeUnknown) or (count > 1 and failures == (LOST,))
