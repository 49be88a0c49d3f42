"""Families of tokens: what a redeemed credential led to, and its end."""

from typing import Final

import msgspec

from grantory.domain.audit import AuditEvent
from grantory.domain.code import TokenFamily
from grantory.domain.organization import ActingUser
from grantory.ports.storage import Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.token_request import TokenRequest

ENTITY: Final = "TokenFamily"


class Redeemed(msgspec.Struct, frozen=True):
    """A code or refresh token that was good: the family that it is of, and the scopes to give."""

    family: TokenFamily
    scopes: tuple[str, ...]

    @property
    def user(self) -> ActingUser:
        """For whom: the user's epoch was found to be that of the family."""
        return ActingUser(self.family.user_id, self.family.epochs.user)


def end_family(
    transaction: Transaction,
    family: TokenFamily,
    reason: str,
    request: TokenRequest,
    caller: Caller,
    now: int,
) -> None:
    """Ends a family of tokens, and records it.

    Args:
        transaction: where; it has locked the family.
        family: live.
        reason: one sentence.
        request: the use that tells of it, or the wish.
        caller: who made that.
        now: milliseconds since 1970.
    """
    transaction.families.end(family.id, now)
    transaction.audit.add(
        AuditEvent(
            organization_id=family.organization_id,
            at=now,
            origin=caller.origin(request),
            action="Revoke",
            entity_type=ENTITY,
            entity_id=family.id,
            entity_name=reason,
        )
    )
