"""A store of either kind, as commands and servers name it."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import quick_command
from tests.support.postgres import shared_cluster


class NamedStore:
    """A database that is not there yet, or empty, and a folder for everything else.

    Args:
        folder: where commands run; holds the data directory ``data``.
        url: of the database; empty for the file in the data directory.
        lag: seconds after which running servers have heard of a change.
    """

    def __init__(self, folder: Path, url: str, lag: float) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.lag = lag
        self.environment = {"GRANTORY_DATA_DIR": str(self.data)}
        if url:
            self.environment["GRANTORY_DATABASE_URL"] = url
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def master_key(self) -> Path:
        """The file of the master key."""
        return self.data / "master.key"

    def run(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on this store."""
        given = {**self.environment, **(environment or {})}
        return quick_command(*arguments, environment=given, folder=self.folder)

    def good(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a command that must succeed without a word on standard error."""
        result = self.run(*arguments, environment=environment)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result.stdout

    def refused(
        self, *arguments: str, said: str, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a command that must fail with one plain sentence, which holds a text."""
        result = self.run(*arguments, environment=environment)
        assert result.returncode == 1, (result.stdout, result.stderr)
        assert result.stdout == ""
        assert result.stderr.startswith("grantory: ")
        assert result.stderr.count("\n") == 1, result.stderr
        assert said in result.stderr
        return result.stderr


@contextmanager
def sqlite_store(folder: Path) -> Iterator[NamedStore]:
    """A file that is not there yet."""
    yield NamedStore(folder, "", 0.0)


@contextmanager
def postgres_store(folder: Path) -> Iterator[NamedStore]:
    """A database without any table."""
    cluster = shared_cluster()
    name = cluster.create_database()
    try:
        yield NamedStore(folder, cluster.url(name), 1.0)
    finally:
        cluster.drop_database(name)


STORES = {"postgresql": postgres_store, "sqlite": sqlite_store}
