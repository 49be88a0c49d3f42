"""Every storage backend there is: a new one is added here, and passes the contract tests."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, cast

from grantory.ports.runtime import Clock
from grantory.storage.change_feed import Entity, News, news_since
from grantory.storage.database import Database, OpenStore, find_database
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite import schema
from tests.support.databases import fresh_postgres


class Backend(Protocol):
    """One database with the newest tables, to be opened as often as a test likes."""

    lag: float
    """Seconds after which another process has heard of a change."""
    database: Database

    async def open(self, clock: Clock) -> OpenStore:
        """Open the database, as a process does when it starts."""
        ...


class _Opened:
    def __init__(self, url: str, lag: float) -> None:
        self.database = find_database(url, Path("unused"))
        self.lag = lag

    async def open(self, clock: Clock) -> OpenStore:
        return await self.database.open(clock)


@cache
def _empty_file() -> bytes:
    with TemporaryDirectory(prefix="grantory-test-") as name:
        file = Path(name) / "grantory.db"
        schema.upgrade(file)
        return file.read_bytes()


@contextmanager
def sqlite_backend(folder: Path) -> Iterator[Backend]:
    """A file."""
    file = folder / "grantory.db"
    file.write_bytes(_empty_file())
    file.chmod(0o600)
    yield _Opened(f"sqlite:///{file}", 0.0)


@contextmanager
def postgres_backend(_folder: Path) -> Iterator[Backend]:
    """A database of its own on the PostgreSQL server of the run."""
    with ExitStack() as stack:
        yield _Opened(stack.enter_context(fresh_postgres()), 1.0)


BACKENDS = {"postgresql": postgres_backend, "sqlite": sqlite_backend}


async def news(store: OpenStore, number: int = -1) -> News:
    """What was changed after a change number."""
    return await store.read(lambda s: news_since(cast(SqlTransaction, s)._sql, number))


class Listener:
    """Hears of changes, as the memory of hot reads does."""

    def __init__(self, store: OpenStore) -> None:
        self._feed = store.feed
        self.heard: list[Entity] = []
        self.everything = 0
        self._feed.listen(self._hear)

    def _hear(self, entities: list[Entity] | None) -> None:
        if entities is None:
            self.everything += 1
        else:
            self.heard += entities

    async def catch_up(self) -> list[Entity]:
        """What is new since the last time."""
        self.heard = []
        if not self._feed.is_current():
            await self._feed.catch_up()
        return self.heard
