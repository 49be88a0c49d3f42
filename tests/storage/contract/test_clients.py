"""What every store promises about clients and their secrets."""

from collections.abc import Iterable

import msgspec
import pytest

from grantory.domain.client import Client, ClientState, GrantType, Reference, SubjectKind
from grantory.errors import Conflict
from grantory.ports.client_lists import ClientOrder
from grantory.ports.clients import LISTING_START, ClientFilter, ClientPosition
from grantory.ports.storage import Snapshot
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, OTHER_ORG, a_client, a_secret, an_id, put

FULL = a_client(
    1,
    name="Näme 'with\" quotes; --",
    description="two\nlines",
    grant_type=GrantType.AUTHORIZATION_CODE,
    state=ClientState.INACTIVE,
    access_token_lifetime=38_880_000,
    redirect_uris=("https://b.example/", "https://a.example/", "com.example:/x"),
    scopes=("z", "a", 'quo"te'),
    created_at=2**42,
    modified_at=2**42 + 1,
    created_by=Reference(SubjectKind.USER, an_id(3001)),
    modified_by=Reference(SubjectKind.CLIENT, an_id(2)),
    delete_at=2**43,
    token_epoch=7,
    version=9,
)


async def add(store: OpenStore, *clients: Client) -> None:
    await store.write(put(*clients))


async def get(store: OpenStore, number: int = 1) -> Client | None:
    return await store.read(lambda s: s.clients.get(an_id(number)))


async def page(
    store: OpenStore, offset: int, limit: int, organization_id: str = ORG
) -> list[Client]:
    def read(s: Snapshot) -> list[Client]:
        ids, _ = s.client_lists.page(organization_id, ClientFilter(), ClientOrder(), offset, limit)
        return s.clients.of_ids(organization_id, ids)

    return await store.scan(read)


async def count(store: OpenStore, organization_id: str = ORG) -> int:
    lists = await store.scan(
        lambda s: s.client_lists.page(organization_id, ClientFilter(), ClientOrder(), 0, 1)
    )
    return lists[1]


async def listed(store: OpenStore, organization_id: str = ORG) -> list[str]:
    found = await store.scan(lambda s: s.clients.after(organization_id, LISTING_START, 1000))
    return names(found)


def names(clients: Iterable[Client]) -> list[str]:
    return [client.name for client in clients]


@pytest.mark.parametrize("client", [FULL, a_client(1), a_client(1, organization_id=OTHER_ORG)])
async def test_a_client_comes_back_as_it_was_added(store: OpenStore, client: Client) -> None:
    await add(store, client)
    assert await get(store) == client
    assert await page(store, 0, 10, client.organization_id) == [client]
    after = await store.scan(lambda s: s.clients.after(client.organization_id, LISTING_START, 10))
    assert after == [client]
    locked = await store.write(
        lambda t: t.clients.get_for_change(client.organization_id, client.id)
    )
    assert locked == client


async def test_an_unknown_client_is_not_there(store: OpenStore) -> None:
    await add(store, a_client(1))
    assert await get(store, 2) is None
    assert await store.write(lambda t: t.clients.get_for_change(ORG, an_id(2))) is None


async def test_a_client_is_changed_in_its_own_organisation_only(store: OpenStore) -> None:
    await add(store, a_client(1))
    assert await store.write(lambda t: t.clients.get_for_change(OTHER_ORG, an_id(1))) is None
    assert await store.write(lambda t: t.clients.get_for_change(ORG, an_id(1))) == a_client(1)


async def test_replacing_writes_every_field_and_touches_no_other_client(store: OpenStore) -> None:
    before = msgspec.structs.replace(
        FULL, redirect_uris=("https://old.example/", "https://a.example/")
    )
    neighbour = a_client(2, grant_type=GrantType.IMPLICIT, redirect_uris=("https://n.example/",))
    await add(store, before, neighbour)
    after = msgspec.structs.replace(
        FULL, name="new", description=None, delete_at=None, modified_by=None, scopes=()
    )
    await store.write(lambda t: t.clients.replace(after))
    assert await get(store, 1) == after
    assert await get(store, 2) == neighbour


async def test_redirect_uris_go_when_they_are_replaced_by_none(store: OpenStore) -> None:
    await add(store, FULL)
    none = msgspec.structs.replace(FULL, redirect_uris=())
    await store.write(lambda t: t.clients.replace(none))
    await store.write(lambda t: t.clients.replace(msgspec.structs.replace(none, name="again")))
    found = await get(store)
    assert found is not None
    assert found.redirect_uris == ()


async def test_an_id_is_taken_once_for_all(store: OpenStore) -> None:
    await add(store, a_client(1))
    with pytest.raises(Conflict):
        await add(store, a_client(1, organization_id=OTHER_ORG))
    await store.write(lambda t: t.clients.delete(a_client(1), 50))
    with pytest.raises(Conflict):
        await add(store, a_client(1))
    assert await get(store) is None


async def test_a_deleted_client_is_gone_everywhere(store: OpenStore) -> None:
    gone = a_client(1, grant_type=GrantType.IMPLICIT, redirect_uris=("https://a.example/",))
    await add(store, gone, a_client(2))
    await store.write(lambda t: t.clients.add_secret(a_secret(1)))
    await store.write(lambda t: t.clients.delete(gone, 50))
    assert await get(store) is None
    assert await store.write(lambda t: t.clients.get_for_change(ORG, an_id(1))) is None
    assert await store.read(lambda s: s.clients.secrets_of(an_id(1))) == []
    assert await count(store) == 1
    assert names(await page(store, 0, 10)) == ["client 2"]
    assert await listed(store) == ["client 2"]


async def test_a_deleted_client_cannot_be_changed_back_into_life(store: OpenStore) -> None:
    await add(store, a_client(1))
    await store.write(lambda t: t.clients.delete(a_client(1), 50))
    await store.write(lambda t: t.clients.replace(a_client(1, name="again")))
    assert await get(store) is None
    assert await listed(store) == []


async def test_a_client_lists_each_secret_that_was_not_ended(store: OpenStore) -> None:
    await add(store, a_client(1), a_client(2))
    secrets = [a_secret(1), a_secret(2, expires_at=5), a_secret(3, expires_at=2**42)]
    other = a_secret(9, client=2)
    await store.write(put(*secrets, other))

    async def held(number: int) -> list[str]:
        found = await store.read(lambda s: s.clients.secrets_of(an_id(number)))
        return sorted(secret.key_id for secret in found)

    found = await store.read(lambda s: s.clients.secrets_of(an_id(1)))
    assert sorted(found, key=lambda secret: secret.key_id) == secrets
    assert await store.write(lambda t: t.clients.end_secrets(an_id(1), 10)) == 3
    assert await held(1) == []
    assert await held(2) == ["00000009"]
    assert await store.write(lambda t: t.clients.end_secrets(an_id(1), 11)) == 0
    await store.write(lambda t: t.clients.add_secret(a_secret(4)))
    assert await held(1) == ["00000004"]


async def test_a_key_id_is_taken_once_for_all(store: OpenStore) -> None:
    await add(store, a_client(1), a_client(2))
    await store.write(lambda t: t.clients.add_secret(a_secret(1)))
    await store.write(lambda t: t.clients.end_secrets(an_id(1), 10))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.clients.add_secret(a_secret(1, client=2)))


async def test_clients_are_counted_by_organisation(store: OpenStore) -> None:
    assert await count(store) == 0
    await add(store, a_client(1), a_client(2), a_client(3, organization_id=OTHER_ORG))
    assert await count(store) == 2
    assert await count(store, OTHER_ORG) == 1


async def test_lists_are_in_the_order_of_creation_and_then_of_ids(store: OpenStore) -> None:
    clients = [a_client(n, created_at=[30, 10, 20, 10, 20][n - 1]) for n in (5, 3, 1, 4, 2)]
    await add(store, *clients, a_client(9, organization_id=OTHER_ORG))
    ordered = ["client 2", "client 4", "client 3", "client 5", "client 1"]
    assert await listed(store) == ordered
    assert names(await page(store, 0, 100)) == ordered
    assert await listed(store, OTHER_ORG) == ["client 9"]


async def test_pages_cut_the_list_without_gap_or_overlap(store: OpenStore) -> None:
    await add(store, *(a_client(n, created_at=n // 3) for n in range(1, 12)))
    whole = await listed(store)
    pages = [names(await page(store, offset, 4)) for offset in (0, 4, 8, 12)]
    assert [len(page) for page in pages] == [4, 4, 3, 0]
    assert [name for page in pages for name in page] == whole


async def test_pages_hold_each_clients_own_redirect_uris_in_order(store: OpenStore) -> None:
    clients = [
        a_client(
            number,
            created_at=number // 2,
            grant_type=GrantType.IMPLICIT,
            redirect_uris=tuple(f"https://{number}.example/{i}" for i in range(number % 4)),
        )
        for number in range(1, 10)
    ]
    await add(store, *clients)
    by_id = {client.id: client for client in clients}
    for offset in range(9):
        found = await page(store, offset, 3)
        assert found == [by_id[client.id] for client in found]
        assert found


async def test_a_keyset_list_gives_each_client_that_is_there_throughout_exactly_once(
    store: OpenStore,
) -> None:
    staying = [a_client(n, created_at=n // 5) for n in range(0, 60, 2)]
    leaving = [a_client(n, created_at=n // 5) for n in range(1, 60, 4)]
    await add(store, *staying, *leaving)
    position, seen, fresh = LISTING_START, [], 100
    while True:
        batch = await store.scan(lambda s: s.clients.after(ORG, position, 7))
        if not batch:
            break
        seen += batch
        position = ClientPosition(batch[-1].created_at, batch[-1].id)
        # Between the batches some go, before and behind the position, the position itself
        # among them, and others come.
        gone = [leaving.pop(0), leaving.pop()] if len(leaving) > 1 else leaving
        if batch[-1] in leaving:
            gone.append(batch[-1])
            leaving.remove(batch[-1])
        for client in gone:
            await store.write(lambda t: t.clients.delete(client, 1))
        if fresh < 112:
            await add(store, *(a_client(fresh + i, created_at=i * 12) for i in range(2)))
            fresh += 2
    ids = [client.id for client in seen]
    assert len(ids) == len(set(ids))
    assert {client.id for client in staying} <= set(ids)
    assert ids == [c.id for c in sorted(seen, key=lambda c: (c.created_at, c.id))]


async def test_a_position_need_not_be_a_client_that_is_still_there(store: OpenStore) -> None:
    await add(store, *(a_client(n) for n in (1, 2, 3)))
    await store.write(lambda t: t.clients.delete(a_client(2), 9))
    position = ClientPosition(2, an_id(2))
    found = await store.scan(lambda s: s.clients.after(ORG, position, 10))
    assert names(found) == ["client 3"]


async def test_clients_come_in_the_order_of_their_ids_as_asked(store: OpenStore) -> None:
    clients = [
        a_client(
            n,
            grant_type=GrantType.IMPLICIT,
            redirect_uris=tuple(f"https://{n}.example/{i}" for i in range(n % 4)),
        )
        for n in range(1, 252)
    ]
    foreign = a_client(900, organization_id=OTHER_ORG)
    gone = a_client(901)
    await store.write(put(*clients, foreign, gone))
    await store.write(lambda t: t.clients.delete(gone, 1))
    asked = [client.id for client in reversed(clients)]
    asked[7:7] = [foreign.id, gone.id, an_id(5000), ""]
    assert await store.scan(lambda s: s.clients.of_ids(ORG, asked)) == clients[::-1]
    assert await store.scan(lambda s: s.clients.of_ids(ORG, [])) == []
    assert await store.scan(lambda s: s.clients.of_ids(OTHER_ORG, asked)) == [foreign]
