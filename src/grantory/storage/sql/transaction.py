"""The ports over one executor, and the record of what caches must forget."""

from grantory.storage.change_feed import Entity, record_changes
from grantory.storage.sql.access import SqlAccess
from grantory.storage.sql.access_memory import AccessMemory, RememberingAccess
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
from grantory.storage.sql.statement import SqlExecutor
from grantory.storage.sql.trust import SqlTrust
from grantory.storage.sql.upkeep import SqlUpkeep
from grantory.storage.sql.users import SqlUsers


class SqlTransaction:
    """Implements ``Snapshot`` and ``Transaction`` over an executor.

    Args:
        sql: the executor.
        memory: what its owner has read before of what is held; None where others may write while
            this transaction lasts.
    """

    def __init__(self, sql: SqlExecutor, memory: AccessMemory | None = None) -> None:
        self._sql = sql
        self._touched: dict[Entity, None] = {}
        self._made: set[str] = set()
        self.installation = SqlInstallation(sql)
        self.organizations = SqlOrganizations(sql, self)
        self.clients = SqlClients(sql, self)
        self.client_lists = SqlClientListUpkeep(sql)
        self.name_index = SqlNameIndex(sql)
        self.access = (
            SqlAccess(sql, self) if memory is None else RememberingAccess(sql, self, memory)
        )
        self.users = SqlUsers(sql, self)
        self.logins = SqlLogins(sql)
        self.codes = SqlCodes(sql)
        self.families = SqlFamilies(sql, self)
        self.authorizations = SqlAuthorizations(sql)
        self.trust = SqlTrust(sql)
        self.keys = SqlKeys(sql, self)
        self.denied_tokens = SqlDeniedTokens(sql, self)
        self.audit = SqlAudit(sql)
        self.refusals = SqlRefusals(sql)
        self.upkeep = SqlUpkeep(sql, self)

    def touched(self, kind: str, entity_id: str) -> None:
        """Notes that a row which a cache may hold was changed."""
        self._touched[kind, entity_id] = None

    def made(self, entity_id: str) -> None:
        """Notes that an entity begins with this transaction: no memory holds anything of it."""
        self._made.add(entity_id)

    @property
    def touches(self) -> list[Entity]:
        """What was changed that a memory may hold."""
        return [(kind, entity) for kind, entity in self._touched if entity not in self._made]

    def finish(self, at: int) -> None:
        """Writes the change record, as the last thing before the commit.

        Args:
            at: the time in milliseconds since 1970.
        """
        if touches := self.touches:
            record_changes(self._sql, touches, at)
        self._sql.settle()
