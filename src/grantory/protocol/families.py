"""Families of tokens: what a redeemed credential led to, and its end when it is used twice."""

from typing import Final

import msgspec

from grantory.domain.audit import AuditEvent, Origin
from grantory.domain.client import Reference, SubjectKind
from grantory.domain.code import TokenFamily
from grantory.domain.organization import User
from grantory.ports.storage import Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.token_request import TokenRequest

ENTITY: Final = "TokenFamily"


class Redeemed(msgspec.Struct, frozen=True):
    """A code or refresh token that was good, for whom, and the family that it is of."""

    user: User
    family: TokenFamily


def end_family(
    transaction: Transaction,
    family: TokenFamily,
    reason: str,
    request: TokenRequest,
    caller: Caller,
    now: int,
) -> None:
    """Ends a family of tokens whose credential was used twice, and records it.

    Args:
        transaction: where; it has locked the family.
        family: live.
        reason: one sentence.
        request: the use that tells of it.
        caller: who made that.
        now: milliseconds since 1970.
    """
    transaction.families.end(family.id, now)
    client = caller.record.client
    origin = Origin(
        actor=Reference(SubjectKind.CLIENT, client.id),
        client_id=client.id,
        correlation_id=request.correlation_id,
        address=request.address,
    )
    transaction.audit.add(
        AuditEvent(
            organization_id=family.organization_id,
            at=now,
            origin=origin,
            action="Revoke",
            entity_type=ENTITY,
            entity_id=family.id,
            entity_name=reason,
        )
    )
