"""Connections to PostgreSQL, and how its errors are told."""

import asyncio
import contextlib
import logging
from typing import Any, Final

import asyncpg
from asyncpg import exceptions as pg

from grantory.errors import Conflict, SetupError, StorageUnavailable
from grantory.storage.postgres.address import PostgresAddress

APPLICATION: Final = "grantory"
CONNECT_SECONDS: Final = 3.0
STATEMENT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 2.0
"""A node that stands still between two statements makes all others wait for its locks: well
below the time after which they would give up."""
SETUP_IDLE_SECONDS: Final = 10.0
"""The same for commands and starts, which also think between two statements."""
OLDEST_VERSION: Final = 13
TELLS_READ_ONLY: Final = 14
"""From this version on a server says by itself whether it writes by default; others are asked."""
_LOST: Final = (
    OSError,  # TimeoutError is one
    pg.PostgresConnectionError,
    pg.InterfaceError,
    pg.InternalClientError,
    pg.OperatorInterventionError,
    pg.ReadOnlySQLTransactionError,
    pg.IdleInTransactionSessionTimeoutError,
)
_AGAIN: Final = (
    pg.SerializationError,
    pg.DeadlockDetectedError,
    pg.InvalidCachedStatementError,  # a table was altered since; the driver prepares anew
)
_REFUSED: Final = (
    pg.InsufficientResourcesError,
    pg.LockNotAvailableError,
    pg.InvalidAuthorizationSpecificationError,
    pg.TargetServerAttributeNotMatched,
    pg.InsufficientPrivilegeError,
    pg.UndefinedTableError,
    pg.InvalidCatalogNameError,
    pg.PostgresIOError,
    pg.InternalServerError,  # such as a damaged page
)


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that costs no extra question when it goes back to its pool.

    Nothing of ours leaves session state behind, so there is nothing to reset.
    """

    __slots__ = ("era",)

    era: int
    """How often the feed had lost its connection when this one was opened."""

    def get_reset_query(self) -> str:
        """Returns no statement."""
        return ""


_SESSION: Final = {
    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
    "lock_timeout": str(int(STATEMENT_SECONDS * 1000)),
    "default_transaction_isolation": "read committed",
    # Whatever the server's default: what is acknowledged is on disk, and on the standby that
    # the server names.
    "synchronous_commit": "on",
    # A node that vanished without a word holds its locks for half a minute, not for two hours,
    # even where a command has put the time limits above aside.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "30000",
}

_NO_CONNECTION: Final = (
    OSError,
    pg.PostgresError,
    pg.InterfaceError,
    pg.InternalClientError,
    ValueError,  # what the environment says (PGPORT) is of no use to the driver
    KeyError,  # nobody is named as the user, and the system knows no name for this process
)


class Connector:
    """Opens connections to whichever host of an address is the one to use.

    Each host has a time of its own, so that one that swallows everything does not keep the
    others from being tried; the host that worked last is tried first.
    """

    def __init__(self, address: PostgresAddress) -> None:
        logging.getLogger("asyncpg").setLevel(logging.ERROR)
        self._hosts = list(address.hosts)

    async def connect(self, idle_seconds: float = IDLE_SECONDS) -> "asyncpg.Connection[Any]":
        """Opens a connection.

        Args:
            idle_seconds: how long it may stand still within a transaction.

        Raises:
            OSError, asyncpg.PostgresError: as the last host failed.
        """
        failure: BaseException = OSError("no host is named")
        for host in list(self._hosts):
            try:
                return await self._connect(host, idle_seconds)
            except BaseException as error:
                # Also when the caller gives up: the next attempt begins with another host.
                self._hosts.sort(key=host.__eq__)
                if not isinstance(error, _NO_CONNECTION):
                    raise
                failure = _weightier(failure, error)
        raise failure

    async def _connect(self, host: str, idle_seconds: float) -> "asyncpg.Connection[Any]":
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await asyncpg.connect(
                host,
                command_timeout=STATEMENT_SECONDS,
                server_settings={"application_name": APPLICATION},
                target_session_attrs="read-write",
                connection_class=Connection,
            )
            try:
                await connection.execute(_session(idle_seconds))
                await _require_writable(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection


async def _require_writable(connection: "asyncpg.Connection[Any]") -> None:
    """Refuses what the driver takes for a server that writes, where it was told nothing of it."""
    if connection.get_server_version().major >= TELLS_READ_ONLY:
        return
    if await connection.fetchval("SHOW transaction_read_only") == "on":
        raise pg.TargetServerAttributeNotMatched("the server is not read-write")


def _session(idle_seconds: float) -> str:
    """Writes a statement, since a pooler refuses or forgets parameters of the start."""
    idle = {"idle_in_transaction_session_timeout": str(int(idle_seconds * 1000))}
    settings = (_SESSION | idle).items()
    return "SELECT " + ", ".join(f"set_config('{n}', '{v}', false)" for n, v in settings)


def _weightier(first: BaseException, second: BaseException) -> BaseException:
    """Of two hosts' failures, that of the one which answered at all says more."""
    return first if isinstance(second, OSError) and not isinstance(first, OSError) else second


async def connect_for_setup(connector: Connector, name: str) -> "asyncpg.Connection[Any]":
    """Opens a connection for a command or a start.

    Args:
        connector: opens it.
        name: the address, without its password.

    Raises:
        SetupError: when no host takes it, or the server is too old.
    """
    try:
        connection = await connector.connect(SETUP_IDLE_SECONDS)
    except pg.InvalidCatalogNameError:
        raise SetupError(f"{name} does not exist: create it (createdb), empty") from None
    except _NO_CONNECTION as error:
        raise SetupError(f"cannot use {name}: {reason(error)}") from None
    version = connection.get_server_version().major
    if version < OLDEST_VERSION:
        await close(connection)
        raise SetupError(f"PostgreSQL {version} is too old; {OLDEST_VERSION} or newer is needed")
    return connection


async def close(connection: "asyncpg.Connection[Any]") -> None:
    """Closes a connection, whatever state it is in."""
    with contextlib.suppress(OSError, pg.PostgresError, pg.InterfaceError, pg.InternalClientError):
        await connection.close(timeout=CONNECT_SECONDS)
    await asyncio.sleep(0)


def is_lost(error: BaseException) -> bool:
    """Tells whether the connection, or the server behind it, is gone or answers no more."""
    return isinstance(error, _LOST) and not isinstance(error, pg.QueryCanceledError)


def may_be_repeated(error: BaseException) -> bool:
    """Tells whether a transaction that failed before its COMMIT may simply be run again.

    Not after a time-out: whoever asked has waited long enough.
    """
    return isinstance(error, _AGAIN) or (is_lost(error) and not isinstance(error, TimeoutError))


def told(error: BaseException) -> BaseException:
    """Translates a driver's error into one of ours; others are given back as they are."""
    if isinstance(error, pg.UniqueViolationError):
        return Conflict(str(error.constraint_name))
    if isinstance(error, (*_LOST, *_AGAIN, *_REFUSED)):
        return StorageUnavailable(f"PostgreSQL: {reason(error)}")
    return error


def reason(error: BaseException) -> str:
    """Gives the kind of an error and the first line of its text, which holds no password."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text[:300]}"
