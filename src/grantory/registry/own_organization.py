"""Looking at one's own organisation, and changing what it says of itself."""

from typing import Final

import msgspec

from grantory.domain.audit import changed_properties
from grantory.domain.organization import Organization
from grantory.domain.scopes import ALL
from grantory.errors import ApiError, Conflict, FieldProblem, invalid, lacks_scope, not_found
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import EVERYTHING, require_coverage

ENTITY: Final = "Organization"
_UNSAID: Final = frozenset({"id", "version", "token_epoch", "created_at"})


class OrganizationDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of an organisation; a field left None keeps what there is.

    ``version`` is the one that the caller saw; None for whichever there is.
    """

    name: str | None = None
    default_language: str | None = None
    default_country_code: str | None = None
    enforces_scopes: bool | None = None
    version: int | None = None


class OwnOrganization:
    """Changes the actor's organisation."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def change(
        self, actor: Actor, draft: OrganizationDraft, *, is_limited: bool = False
    ) -> Organization:
        """Changes those fields that the draft has.

        Args:
            actor: whose organisation.
            draft: what is wanted.
            is_limited: whether the actor's token is limited by scopes, which it may not lift.

        Raises:
            ApiError: 400 for a blank name; 403 for lifting one's own limits, or everybody's
                without holding every right; 409 for a name that another organisation of the store
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
            if before.enforces_scopes and draft.enforces_scopes is False:
                if is_limited:
                    raise lacks_scope((ALL,))
                # Every narrow token of whatever user becomes a wide one.
                require_coverage(transaction, actor, EVERYTHING)
            after = msgspec.structs.replace(
                before,
                name=draft.name or before.name,
                default_language=draft.default_language or before.default_language,
                default_country_code=draft.default_country_code or before.default_country_code,
                enforces_scopes=(
                    before.enforces_scopes
                    if draft.enforces_scopes is None
                    else draft.enforces_scopes
                ),
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
