"""What every store promises about looking for clients."""

import pytest

from grantory.domain.client import ClientState, GrantType
from grantory.ports.clients import LISTING_START, ClientFilter, ClientKey, ClientPosition
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, OTHER_ORG, a_client, an_id, put

EVERY = ClientFilter()


async def found(
    store: OpenStore,
    wanted: ClientFilter,
    limit: int = 100,
    position: ClientPosition = LISTING_START,
) -> tuple[list[str], ClientPosition | None]:
    keys, end = await store.scan(lambda s: s.clients.keys(ORG, wanted, position, limit))
    return [key.name for key in keys], end


async def test_keys_hold_what_lists_are_put_in_order_by(store: OpenStore) -> None:
    await store.write(put(a_client(1, name="Näme", created_at=5, modified_at=2**42)))
    keys, end = await store.scan(lambda s: s.clients.keys(ORG, EVERY, LISTING_START, 10))
    assert (keys, end) == ([ClientKey(an_id(1), "Näme", 5, 2**42)], None)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("a%", ["a%b"]),
        ("A_", ["a_b"]),
        ("%", ["a%b"]),
        ("_", ["a_b"]),
        ("\\", ["a\\b"]),
        ("'", ["a'b"]),
        ("STRASSE", ["Straße"]),
        ("ÄÖ", ["äö"]),
        ("A", ["a%b", "a_b", "a\\b", "a'b", "Straße"]),
        ("x", []),
    ],
)
async def test_a_part_of_the_name_is_taken_literally_in_any_case(
    store: OpenStore, part: str, expected: list[str]
) -> None:
    names = ["a%b", "a_b", "a\\b", "a'b", "Straße", "äö"]
    await store.write(put(*(a_client(n, name=name) for n, name in enumerate(names))))
    assert await found(store, ClientFilter(name=part)) == (expected, None)


async def test_each_condition_counts(store: OpenStore) -> None:
    types = [GrantType.IMPLICIT, GrantType.CLIENT_CREDENTIALS]
    clients = [
        a_client(10 * i + j, name=f"{i}{j}", grant_type=grant_type, state=state)
        for i, grant_type in enumerate(types)
        for j, state in enumerate(ClientState)
    ]
    gone = a_client(90, grant_type=GrantType.IMPLICIT)
    await store.write(put(*clients, gone, a_client(99, organization_id=OTHER_ORG)))
    await store.write(lambda t: t.clients.delete(gone, 1))
    for grant_type in (None, *types):
        for state in (None, *ClientState):
            wanted = ClientFilter(grant_type=grant_type, state=state)
            expected = [client.name for client in clients if wanted.fits(client)]
            assert await found(store, wanted) == (expected, None)
    assert (await found(store, EVERY))[0] == [client.name for client in clients]


async def test_batches_go_on_where_the_last_ended(store: OpenStore) -> None:
    clients = [a_client(n, name=f"{n % 3}", created_at=n // 4) for n in range(1, 24)]
    await store.write(put(*clients))
    for wanted in (EVERY, ClientFilter(name="1"), ClientFilter(state=ClientState.ACTIVE)):
        position: ClientPosition | None = LISTING_START
        seen: list[ClientKey] = []
        while position is not None:
            start = position
            keys, position = await store.scan(lambda s: s.clients.keys(ORG, wanted, start, 5))
            assert len(keys) <= 5
            seen += keys
        assert [key.client_id for key in seen] == [c.id for c in clients if wanted.fits(c)]


async def test_a_full_batch_of_which_nothing_fits_is_not_the_end(store: OpenStore) -> None:
    await store.write(put(*(a_client(n, name="a" if n < 4 else "b") for n in range(1, 6))))
    names, end = await found(store, ClientFilter(name="b"), limit=3)
    assert names == []
    assert end == ClientPosition(3, an_id(3))
    assert await found(store, ClientFilter(name="b"), 3, end) == (["b", "b"], None)


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
