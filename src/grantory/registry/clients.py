"""The administration of OAuth clients: the six operations."""

from collections.abc import AsyncGenerator
from typing import Any, Final, TypeVar

import msgspec

from grantory.domain.access import EVERY_DIVISION, Assignment
from grantory.domain.audit import changed_properties
from grantory.domain.client import Client, ClientState, GrantType, SubjectKind, ends_tokens
from grantory.domain.registered_client import RegisteredClient
from grantory.domain.secret import Secret
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import ApiError, FieldProblem, invalid, not_found
from grantory.ports.clients import LISTING_START, ClientPosition
from grantory.ports.hot_reads import HotReads
from grantory.ports.keys import JwtKeySource
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.client_draft import INVALID, ClientDraft, problems_of
from grantory.registry.client_roles import wanted_assignments
from grantory.registry.client_secrets import new_client_secret
from grantory.registry.coverage import (
    EVERYTHING,
    require_coverage,
    rights_at_stake,
    rights_lacking,
)
from grantory.registry.grant_changes import assignments_change
from grantory.registry.prepared import HOME, Prepared, Touched, make

T = TypeVar("T")
ENTITY: Final = "OAuthClient"
MODIFIED: Final = "modified"
"""The field in which a caller says which state of a client it has seen."""
STREAM_BATCH: Final = 500
_UNSAID: Final = frozenset(
    {"id", "organization_id", "version", "token_epoch", "created_at", "modified_at"}
    | {"created_by", "modified_by"}
)


class ClientPolicy(msgspec.Struct, frozen=True):
    """What the deployment's settings say about clients."""

    delete_requires_inactive: bool = False
    issues_jwts: bool = True
    """Whether the server knows an address for itself that holds, to be named in them."""


class ClientRegistry:
    """Creates, reads, changes and deletes clients on behalf of an actor.

    Args:
        store: holds them.
        clock: the time.
        random: for ids and secrets.
        policy: what the deployment says.
        jwt_keys: makes the key of a client's JWTs, to be published before the first of them.
        reads: answers for single clients; without it the store is asked.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        random: Random,
        policy: ClientPolicy,
        jwt_keys: JwtKeySource,
        reads: HotReads | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._policy = policy
        self._jwt_keys = jwt_keys
        self._reads = reads

    async def get(self, actor: Actor, client_id: str) -> RegisteredClient:
        """Returns a client of the actor's organisation.

        Raises:
            ApiError: 404 where there is none.
        """
        if self._reads is None:
            found = await self._store.read(lambda snapshot: _registered(snapshot, client_id))
        else:
            # Whoever has changed it, by whatever node, is to find it changed.
            if not self._reads.is_caught_up():
                await self._reads.catch_up()
            found = self._reads.remembered_registered(client_id)
            if found is None:
                found = await self._reads.registered_client(client_id)
        if found is None or found.client.organization_id != actor.organization_id:
            raise not_found("client", client_id)
        return found

    async def stream(self, actor: Actor) -> AsyncGenerator[list[RegisteredClient], None]:
        """Gives every client of the organisation in creation order, in batches.

        Each batch is a short read of its own, so that a slow reader holds nothing up; a
        client that is there throughout comes exactly once.
        """
        position = LISTING_START
        while True:

            def read(
                snapshot: Snapshot, after: ClientPosition = position
            ) -> list[RegisteredClient]:
                clients = snapshot.clients.after(actor.organization_id, after, STREAM_BATCH)
                return with_assignments(snapshot, clients)

            batch = await self._store.scan(read)
            if batch:
                yield batch
            if len(batch) < STREAM_BATCH:
                return
            last = batch[-1].client
            position = ClientPosition(last.created_at, last.id)

    async def create(self, actor: Actor, draft: ClientDraft) -> tuple[RegisteredClient, Secret]:
        """Registers a client and makes its first secret.

        Raises:
            ApiError: 400 for a bad draft, 403 when it would hold what the actor lacks.
        """
        prepared, secret = self.prepare_create(actor, draft)
        return await self._make(actor, prepared), secret

    def prepare_create(
        self, actor: Actor, draft: ClientDraft
    ) -> tuple[Prepared[RegisteredClient], Secret]:
        """Looks at a new client, for ``create``, and makes its secret.

        Raises:
            ApiError: 400 for a bad draft.
        """
        draft = draft.with_form_of(None)
        _check(draft)
        self._require_jwts(draft, None)
        now = self._clock.now_ms()
        client = Client(
            id=self._random.uuid(),
            organization_id=actor.organization_id,
            created_at=now,
            created_by=actor.reference,
            state=draft.state or ClientState.ACTIVE,
            **_contents(draft, actor, now),
        )
        stored, secret = new_client_secret(self._random, client.organization_id, client.id, now)

        def work(transaction: Transaction) -> RegisteredClient:
            wanted = wanted_assignments(transaction, actor.organization_id, draft, [])
            _require(transaction, actor, wanted)
            transaction.clients.add(client)
            transaction.clients.add_secret(stored)
            transaction.access.add_grants(
                client.organization_id, client.id, SubjectKind.CLIENT, wanted, now
            )
            changes = changed_properties(None, client, _UNSAID) + assignments_change((), wanted)
            transaction.audit.add(
                actor.event(now, "Create", ENTITY, client.id, client.name, changes)
            )
            return RegisteredClient(client, tuple(sorted(wanted)))

        prepared = Prepared(
            id=client.id,
            work=work,
            holds=_named_by(draft),
            jwt_algorithm=draft.wanted_algorithm,
            secret=secret,
            retiring=draft.grant_type is GrantType.IMPLICIT,
        )
        return prepared, secret

    async def replace(self, actor: Actor, client_id: str, asked: ClientDraft) -> RegisteredClient:
        """Replaces the contents of a client; a change that must end its tokens ends them.

        Raises:
            ApiError: 404, 400 for a bad draft, 403 when the client holds or would hold what
                the actor lacks.
        """
        return await self._make(actor, await self.prepare_replace(actor, client_id, asked))

    async def prepare_replace(
        self, actor: Actor, client_id: str, asked: ClientDraft, seen: int | None = None
    ) -> Prepared[RegisteredClient]:
        """Prepares what ``replace`` does.

        Args:
            actor: who asks.
            client_id: the client.
            asked: what it is to be.
            seen: when it was changed last, as far as the actor knows; None for whenever.

        Raises:
            ApiError: 404, 400 for JWTs that cannot be had.
        """
        if asked.wanted_algorithm is not None:
            found = await self.get(actor, client_id)
            _check(asked)
            self._require_jwts(asked, found.client.jwt_algorithm)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> RegisteredClient:
            before = _locked(transaction, actor, client_id)
            _require_seen(before, seen)
            draft = asked.with_form_of(before.jwt_algorithm)
            _check(draft)
            held = _held(transaction, client_id)
            wanted = wanted_assignments(transaction, actor.organization_id, draft, held)
            _require(transaction, actor, (*held, *wanted))
            after = msgspec.structs.replace(
                before,
                version=before.version + 1,
                state=draft.state or before.state,
                **_contents(draft, actor, _after(before, now)),
            )
            if ends_tokens(before, after):
                after = msgspec.structs.replace(after, token_epoch=before.token_epoch + 1)
            if set(after.redirect_uris) - set(before.redirect_uris):
                self._ask_people_again(transaction, actor, after, now)
            transaction.clients.replace(after)
            _set_grants(transaction, after, wanted, now)
            changes = changed_properties(before, after, _UNSAID) + assignments_change(held, wanted)
            transaction.audit.add(actor.event(now, "Update", ENTITY, after.id, after.name, changes))
            return RegisteredClient(after, tuple(_held(transaction, client_id)))

        return Prepared(
            id=client_id,
            work=work,
            locks=_of(client_id),
            holds=_named_by(asked),
            jwt_algorithm=asked.wanted_algorithm,
            retiring=asked.grant_type is GrantType.IMPLICIT,
        )

    async def _make(self, actor: Actor, prepared: Prepared[T]) -> T:
        if prepared.jwt_algorithm is not None:
            await self._jwt_keys.ensure(actor.organization_id, prepared.jwt_algorithm)
        return await make(self._store, prepared)

    def _require_jwts(self, draft: ClientDraft, before: SigningAlgorithm | None) -> None:
        algorithm = draft.wanted_algorithm
        if algorithm is not None and not self._policy.issues_jwts and algorithm is not before:
            text = "must be OPAQUE as long as the setting public_url names no address"
            raise invalid(FieldProblem("jwt_algorithm", INVALID, text))

    def _ask_people_again(
        self, transaction: Transaction, actor: Actor, client: Client, now: int
    ) -> None:
        """Takes back what was allowed to a client that is to answer at another address.

        Who adds an address may be who gets the codes: what people with more rights have allowed
        earlier must not come there unseen. An actor who holds every right gains nothing by it.
        """
        if actor.is_system or not any(rights_lacking(transaction, actor, EVERYTHING)):
            return
        here = client.organization_id
        for found in transaction.authorizations.of_client(here, client.id, 1):
            revoked = msgspec.structs.replace(found, modified_at=now, modified_by=actor.reference)
            transaction.authorizations.revoke_all(revoked)

    async def delete(self, actor: Actor, client_id: str) -> None:
        """Deletes a client for good: its tokens and secrets end, its id stays taken.

        Raises:
            ApiError: 404; 400 ``cannot.delete.client`` for an active client where the settings
                ask for an inactive one.
        """
        await make(self._store, self.prepare_delete(actor, client_id))

    def prepare_delete(
        self, actor: Actor, client_id: str, seen: int | None = None
    ) -> Prepared[None]:
        """Prepares what ``delete`` does; ``seen`` is as for ``prepare_replace``."""
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            client = _locked(transaction, actor, client_id)
            _require_seen(client, seen)
            held = _held(transaction, client_id)
            if self._policy.delete_requires_inactive and client.state is ClientState.ACTIVE:
                raise ApiError(
                    400,
                    "cannot.delete.client",
                    "The client must be inactive before it can be deleted: set its state first.",
                )
            transaction.clients.delete(client, now)
            transaction.authorizations.remove_of_client(client.organization_id, client.id)
            _set_grants(transaction, client, (), now)
            changes = changed_properties(client, None, _UNSAID) + assignments_change(held, ())
            transaction.audit.add(
                actor.event(now, "Delete", ENTITY, client.id, client.name, changes)
            )

        return Prepared(id=client_id, work=work, locks=_of(client_id))

    async def regenerate_secret(
        self, actor: Actor, client_id: str, *, end_tokens: bool = False
    ) -> tuple[RegisteredClient, Secret]:
        """Ends every live secret of a client and makes a new one.

        Args:
            actor: who asks.
            client_id: the client.
            end_tokens: whether its tokens end, too; otherwise they run out by themselves.

        Raises:
            ApiError: 404; 403 when the client holds what the actor lacks.
        """
        now = self._clock.now_ms()
        stored, secret = new_client_secret(self._random, actor.organization_id, client_id, now)

        def work(transaction: Transaction) -> RegisteredClient:
            before = _locked(transaction, actor, client_id)
            held = _held(transaction, client_id)
            _require(transaction, actor, held)
            after = msgspec.structs.replace(
                before,
                version=before.version + 1,
                modified_at=_after(before, now),
                modified_by=actor.reference,
                token_epoch=before.token_epoch + int(end_tokens),
            )
            transaction.clients.replace(after)
            transaction.clients.end_secrets(client_id, now)
            transaction.clients.add_secret(stored)
            transaction.audit.add(actor.event(now, "Regenerate", ENTITY, after.id, after.name))
            return RegisteredClient(after, tuple(held))

        return await self._store.write(work), secret

    async def end_tokens(self, actor: Actor, client_id: str) -> None:
        """Ends every token of a client; its secrets go on, and gain it new ones.

        Raises:
            ApiError: 404; 403 when the client holds what the actor lacks.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            before = _locked(transaction, actor, client_id)
            _require(transaction, actor, _held(transaction, client_id))
            after = msgspec.structs.replace(
                before, version=before.version + 1, token_epoch=before.token_epoch + 1
            )
            transaction.clients.replace(after)
            transaction.audit.add(actor.event(now, "Revoke", ENTITY, client_id, before.name))

        await self._store.write(work)


def _check(draft: ClientDraft) -> None:
    problems = problems_of(draft)
    if problems:
        raise invalid(*problems)


def _contents(draft: ClientDraft, actor: Actor, now: int) -> dict[str, Any]:
    return {
        "name": draft.name,
        "grant_type": draft.grant_type,
        "description": draft.description,
        "access_token_lifetime": draft.lifetime,
        "redirect_uris": draft.kept_redirect_uris,
        "scopes": draft.kept_scopes,
        "delete_at": draft.delete_at,
        "jwt_algorithm": draft.wanted_algorithm,
        "modified_at": now,
        "modified_by": actor.reference,
    }


def _locked(transaction: Transaction, actor: Actor, client_id: str) -> Client:
    client = transaction.clients.get_for_change(actor.organization_id, client_id)
    if client is None:
        raise not_found("client", client_id)
    return client


def _after(before: Client, now: int) -> int:
    """Tells when a client is changed: later than before, also within the same millisecond.

    Otherwise two changes could leave it with a time that somebody has seen.
    """
    return max(now, before.modified_at + 1)


def _require_seen(client: Client, seen: int | None) -> None:
    if seen is None or seen == client.modified_at:
        return
    text = "is not when the client was changed last: somebody has changed it since"
    raise ApiError(
        409,
        "general.conflict",
        "The client was changed meanwhile.",
        problems=(FieldProblem(MODIFIED, "general.conflict", text),),
    )


def _of(client_id: str) -> Touched:
    return Touched(clients=frozenset({client_id}))


def _named_by(draft: ClientDraft) -> Touched:
    """Tells what a draft gives; roles without a division are given in the home division."""
    pairs = draft.assignments or [Assignment(role_id, HOME) for role_id in draft.role_ids or ()]
    return Touched(
        divisions=frozenset(pair.division_id for pair in pairs) - {EVERY_DIVISION},
        roles=frozenset(pair.role_id for pair in pairs),
    )


def _held(reader: Snapshot | Transaction, client_id: str) -> list[Assignment]:
    return [grant.assignment for grant in reader.access.grants_of(client_id)]


def _require(
    transaction: Transaction, actor: Actor, assignments: tuple[Assignment, ...] | list[Assignment]
) -> None:
    needed = rights_at_stake(transaction, actor.organization_id, assignments)
    require_coverage(transaction, actor, needed)


def _set_grants(
    transaction: Transaction, client: Client, wanted: tuple[Assignment, ...], now: int
) -> None:
    transaction.access.set_grants(
        client.organization_id, client.id, SubjectKind.CLIENT, wanted, now
    )


def _registered(snapshot: Snapshot, client_id: str) -> RegisteredClient | None:
    client = snapshot.clients.get(client_id)
    return None if client is None else with_assignments(snapshot, [client])[0]


def with_assignments(snapshot: Snapshot, clients: list[Client]) -> list[RegisteredClient]:
    """Adds the roles that clients hold."""
    machines = [client.id for client in clients if client.grant_type.acts_for_itself]
    grants = snapshot.access.grants_of_subjects(machines)
    return [
        RegisteredClient(client, tuple(g.assignment for g in grants.get(client.id, ())))
        for client in clients
    ]
