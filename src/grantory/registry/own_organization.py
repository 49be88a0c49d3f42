"""Looking at one's own organisation, and changing what it says of itself."""

from typing import Final

import msgspec

from grantory.domain.audit import changed_properties
from grantory.domain.organization import Organization
from grantory.errors import ApiError, Conflict, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor

ENTITY: Final = "Organization"
_UNSAID: Final = frozenset({"id", "version", "token_epoch", "created_at"})


class OrganizationDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of an organisation; a field left None keeps what there is.

    ``version`` is the one that the caller saw; None for whichever there is.
    """

    name: str | None = None
    default_language: str | None = None
    default_country_code: str | None = None
    version: int | None = None


class OwnOrganization:
    """Changes the actor's organisation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def change(self, actor: Actor, draft: OrganizationDraft) -> Organization:
        """Changes those fields that the draft has.

        Raises:
            ApiError: 400 for a blank name; 409 for one that another organisation of the store
                has, or when the organisation is of another version by now.
        """
        now = self._clock.now_ms()
        if draft.name is not None and not draft.name.strip():
            raise invalid(FieldProblem("name", "invalid.value", "must not be blank"))

        def work(transaction: Transaction) -> Organization:
            before = transaction.organizations.get_for_change(actor.organization_id)
            if before is None:
                raise not_found("organization", actor.organization_id)
            if draft.version not in (None, before.version):
                raise _conflict("version", f"is {before.version} by now")
            after = msgspec.structs.replace(
                before,
                name=draft.name or before.name,
                default_language=draft.default_language or before.default_language,
                default_country_code=draft.default_country_code or before.default_country_code,
                version=before.version + 1,
            )
            transaction.organizations.replace(after)
            changes = changed_properties(before, after, _UNSAID)
            event = actor.event(now, "Update", ENTITY, after.id, after.name, changes)
            transaction.audit.add(event)
            return after

        try:
            return await self._store.write(work)
        except Conflict:
            raise _conflict("name", "is taken by another organisation") from None


def _conflict(field: str, text: str) -> ApiError:
    problem = FieldProblem(field, "general.conflict", text)
    return ApiError(409, "general.conflict", f"The {field} {text}.", problems=(problem,))
