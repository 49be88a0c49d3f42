"""Whether a client may act for a person without asking, and what they say when they are asked."""

from grantory.domain.audit import AuditEvent, Origin, PropertyChange
from grantory.domain.authorization import Authorization, AuthorizationState
from grantory.domain.client import Reference, SubjectKind
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.protocol.authorization.request import AuthorizationRequest
from grantory.protocol.logins import Login


class Consents:
    """Remembers what organisations and people have allowed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def is_given(self, request: AuthorizationRequest, login: Login) -> bool:
        """Tells whether the organisation or the person has allowed what is asked for."""
        client = request.client

        def read(snapshot: Snapshot) -> bool:
            given = (
                snapshot.authorizations.get(client.organization_id, client.id, user_id)
                for user_id in (None, login.user.id)
            )
            return any(each is not None and each.allows(request.scopes) for each in given)

        return await self._store.read(read)

    async def give(
        self, request: AuthorizationRequest, login: Login, address: str, correlation_id: str
    ) -> None:
        """Notes that a person has allowed what is asked for."""
        client, user, now = request.client, login.user, self._clock.now_ms()
        author = Reference(SubjectKind.USER, user.id)
        origin = Origin(
            actor=author, client_id=client.id, correlation_id=correlation_id, address=address
        )

        def work(transaction: Transaction) -> None:
            earlier = transaction.authorizations.get(client.organization_id, client.id, user.id)
            scopes = request.scopes if earlier is None else earlier.allowing(request.scopes)
            transaction.authorizations.put(
                Authorization(
                    organization_id=client.organization_id,
                    client_id=client.id,
                    user_id=user.id,
                    scopes=scopes,
                    state=AuthorizationState.AUTHORIZED,
                    created_at=now,
                    modified_at=now,
                    created_by=author,
                    modified_by=author,
                )
            )
            transaction.audit.add(
                AuditEvent(
                    organization_id=client.organization_id,
                    at=now,
                    origin=origin,
                    action="Authorize",
                    entity_type="OAuthClient",
                    entity_id=client.id,
                    entity_name=client.name,
                    changes=(PropertyChange("scopes", [], list(request.scopes)),),
                )
            )

        await self._store.write(work)
