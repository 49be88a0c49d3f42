"""The ports over one executor, and the record of what caches must forget."""

from collections.abc import Callable
from typing import Generic, TypeVar

from grantory.storage.change_feed import Entity, record_changes
from grantory.storage.sql.access import SqlAccess
from grantory.storage.sql.audit import SqlAudit
from grantory.storage.sql.authorizations import SqlAuthorizations
from grantory.storage.sql.clients import SqlClients
from grantory.storage.sql.codes import SqlCodes
from grantory.storage.sql.denied_tokens import SqlDeniedTokens
from grantory.storage.sql.families import SqlFamilies
from grantory.storage.sql.installation import SqlInstallation
from grantory.storage.sql.keys import SqlKeys
from grantory.storage.sql.list_upkeep import SqlClientListUpkeep
from grantory.storage.sql.logins import SqlLogins
from grantory.storage.sql.name_index import SqlNameIndex
from grantory.storage.sql.organizations import SqlOrganizations
from grantory.storage.sql.refusals import SqlRefusals
from grantory.storage.sql.statement import ChangeLog, SqlExecutor
from grantory.storage.sql.trust import SqlTrust
from grantory.storage.sql.upkeep import SqlUpkeep
from grantory.storage.sql.users import SqlUsers

T = TypeVar("T")


class _Touches:
    """Implements ``ChangeLog``. It knows nothing of its transaction, so that no circle of objects
    is left behind for the garbage collector.
    """

    def __init__(self) -> None:
        self._touched: dict[Entity, None] = {}
        self._made: set[str] = set()

    def touched(self, kind: str, entity_id: str) -> None:
        self._touched[kind, entity_id] = None

    def made(self, entity_id: str) -> None:
        self._made.add(entity_id)

    def all(self) -> list[Entity]:
        return [each for each in self._touched if each[1] not in self._made]


class _Port(Generic[T]):
    """An attribute that is made when it is asked for first: few transactions need more than three.

    Args:
        make: makes it for an executor.
    """

    def __init__(self, make: Callable[[SqlExecutor, ChangeLog], T]) -> None:
        self._make = make

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, transaction: "SqlTransaction", _owner: type) -> T:
        made = self._make(transaction._sql, transaction._log)
        transaction.__dict__[self._name] = made  # where it is looked for before this
        return made


def _unlogged(make: Callable[[SqlExecutor], T]) -> _Port[T]:
    return _Port(lambda sql, _log: make(sql))


class SqlTransaction:
    """Implements ``Snapshot`` and ``Transaction`` over an executor.

    Args:
        sql: the executor.
        access: makes the port of roles, divisions and grants.
    """

    installation = _unlogged(SqlInstallation)
    organizations = _Port(SqlOrganizations)
    clients = _Port(SqlClients)
    client_lists = _unlogged(SqlClientListUpkeep)
    name_index = _unlogged(SqlNameIndex)
    users = _Port(SqlUsers)
    logins = _unlogged(SqlLogins)
    codes = _unlogged(SqlCodes)
    families = _Port(SqlFamilies)
    authorizations = _unlogged(SqlAuthorizations)
    trust = _unlogged(SqlTrust)
    keys = _Port(SqlKeys)
    denied_tokens = _Port(SqlDeniedTokens)
    audit = _unlogged(SqlAudit)
    refusals = _unlogged(SqlRefusals)
    upkeep = _Port(SqlUpkeep)

    def __init__(
        self,
        sql: SqlExecutor,
        access: Callable[[SqlExecutor, ChangeLog], SqlAccess] = SqlAccess,
    ) -> None:
        self._sql = sql
        self._log = _Touches()
        self.access = access(sql, self._log)

    def touched(self, kind: str, entity_id: str) -> None:
        """Notes that a row which a cache may hold was changed."""
        self._log.touched(kind, entity_id)

    @property
    def touches(self) -> list[Entity]:
        """What was changed that a memory may hold."""
        return self._log.all()

    def finish(self, at: int) -> None:
        """Writes the change record, as the last thing before the commit.

        Args:
            at: the time in milliseconds since 1970.
        """
        if touches := self.touches:
            record_changes(self._sql, touches, at)
        self._sql.settle()
