"""A COMMIT of ``db upgrade`` or ``restore`` that is not answered, or not confirmed by a standby."""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from grantory.errors import SetupError
from grantory.storage.postgres.database import PostgresDatabase
from grantory.storage.sql.migrations import HEAD
from grantory.storage.sql.replacing import Restoration
from tests.support.backups import NOW, a_sqlite_file, backup_of, fill
from tests.support.postgres import shared_cluster

# Whatever makes a table leaves a row here, which is looked at when the COMMIT comes.
AT_COMMIT = """
CREATE TABLE watch (number integer);
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN {what}; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON watch DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION at_commit();
CREATE FUNCTION watched() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
AS 'BEGIN INSERT INTO public.watch SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM public.watch); END';
CREATE EVENT TRIGGER made ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
EXECUTE FUNCTION watched();
"""
LOST = "PERFORM pg_terminate_backend(pg_backend_pid())"
NOT_ON_THE_STANDBY = "RAISE WARNING ''canceling wait for synchronous replication''"
REFUSED = "RAISE SQLSTATE ''40001''"

Work = Callable[[PostgresDatabase], Awaitable[object]]


@pytest.fixture(params=["upgrade", "restore"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Work:
    """What commits many tables at once."""
    if request.param == "upgrade":
        return lambda database: database.upgrade()
    with a_sqlite_file(tmp_path / "grantory.db") as source:
        fill(source)
        backup = backup_of(source)
    return lambda database: database.restore(
        Restoration(io.BytesIO(backup), HEAD, False, lambda _: None, NOW)
    )


def at_commit(url: str, what: str) -> None:
    shared_cluster().psql(AT_COMMIT.format(what=what), urlsplit(url).path[1:])


@pytest.mark.parametrize(("what", "kept"), [(LOST, None), (NOT_ON_THE_STANDBY, HEAD)])
async def test_an_unknown_outcome_is_told_as_one(
    url: str, work: Work, what: str, kept: str | None
) -> None:
    database = PostgresDatabase(url)
    at_commit(url, what)
    with pytest.raises(SetupError, match="it is not known whether it was made"):
        await work(database)
    assert await database.revision() == kept


async def test_a_commit_that_is_refused_is_told_as_such(url: str, work: Work) -> None:
    database = PostgresDatabase(url)
    at_commit(url, REFUSED)
    with pytest.raises(SetupError, match="COMMIT was refused: 40001; nothing was changed"):
        await work(database)
    assert await database.revision() is None
