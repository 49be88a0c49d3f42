"""Making the lists of a store that nobody else uses, in one transaction."""

from typing import Final

from grantory.storage.sql.list_upkeep import SqlClientListUpkeep
from grantory.storage.sql.name_index import SqlNameIndex
from grantory.storage.sql.statement import SqlExecutor

AT_ONCE: Final = 5_000


def fill_lists(sql: SqlExecutor) -> None:
    """Brings every list up to date.

    Args:
        sql: one transaction.
    """
    lists, names = SqlClientListUpkeep(sql), SqlNameIndex(sql)
    organization_id = ""
    while (marked := lists.next_marked(organization_id)) is not None:
        organization_id, last = marked.organization_id, 0
        while (folded := lists.catch_up(organization_id, AT_ONCE, last)).marks:
            last = folded.last
            while folded.has_work and (work := names.next_work(organization_id)) is not None:
                place: int | None = 0
                while place is not None:
                    place = names.advance(work, place, AT_ONCE)
