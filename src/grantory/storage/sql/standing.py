"""How those stand by whose leave something was issued, read together with what was issued."""

from sqlalchemy import ColumnElement, FromClause, Table

from grantory.domain.client import ClientState
from grantory.domain.code import Epochs, StandingNow
from grantory.domain.organization import UserState
from grantory.storage.sql.statement import Row
from grantory.storage.sql.tables import clients, organizations, users

_o, _c, _u = organizations.c, clients.c, users.c
_CLIENT_STATES = {state.value: state for state in ClientState}
_USER_STATES = {state.value: state for state in UserState}
COLUMNS: tuple[ColumnElement[object], ...] = (
    _o.token_epoch,
    _c.token_epoch,
    _u.token_epoch,
    _c.state,
    _c.delete_at,
    _u.state,
)


def with_standing(issued: Table) -> FromClause:
    """Joins what was issued with its organisation, client and user, which may be gone.

    Args:
        issued: a table with the columns ``organization_id``, ``client_id`` and ``user_id``.
    """
    c = issued.c
    return (
        issued.outerjoin(organizations, _o.id == c.organization_id)
        .outerjoin(clients, (_c.id == c.client_id) & _c.deleted_at.is_(None))
        .outerjoin(
            users,
            (_u.id == c.user_id)
            & _u.deleted_at.is_(None)
            & (_u.organization_id == c.organization_id),
        )
    )


def standing(row: Row, first: int) -> StandingNow | None:
    """Reads the columns; None where one of the three is gone.

    Args:
        row: what was read.
        first: where the columns begin.
    """
    organization, client, user, client_state, delete_at, user_state = row[first : first + 6]
    if organization is None or client is None or user is None:
        return None
    return StandingNow(
        Epochs(organization, client, user),
        _CLIENT_STATES[client_state],
        delete_at,
        _USER_STATES[user_state],
    )
