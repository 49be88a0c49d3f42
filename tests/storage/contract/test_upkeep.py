"""What every store promises about letting go of rows, and about telling the time."""

from grantory.crypto.runtime import SystemClock
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.entities import a_client, a_denied_token, a_key, a_secret, an_id, put
from tests.support.runtime import FakeClock

NEAR_MS = 60_000


async def test_a_store_tells_the_time_in_milliseconds_whatever_the_process_believes(
    store: OpenStore, clock: FakeClock
) -> None:
    clock.step(-500 * 86_400)
    told = await store.write(lambda t: t.upkeep.time())
    assert isinstance(told, int)
    assert abs(told - SystemClock().now_ms()) < NEAR_MS  # the databases of the tests are local


async def test_a_store_removes_what_ended_before_a_time_and_only_so_many(store: OpenStore) -> None:
    tokens = [a_denied_token(n, expires_at=1000 + n) for n in range(1, 6)]
    secrets = [a_secret(n, client=n) for n in range(1, 6)]
    keys = [a_key(n, retired_at=1, expires_at=1000 + n) for n in range(1, 6)]
    await store.write(put(*(a_client(n) for n in range(1, 6)), *tokens, *secrets, *keys, a_key(6)))

    def end(t: Transaction) -> None:
        for number in range(1, 6):
            t.clients.end_secrets(an_id(number), 1000 + number)

    await store.write(end)

    def forget(t: Transaction) -> list[int]:
        u = t.upkeep
        return [forget(1004, 2) for forget in (u.forget_denied_tokens, u.forget_secrets)] + [
            u.forget_keys(1004, 2)
        ]

    assert [await store.write(forget) for _ in range(3)] == [[2, 2, 2], [1, 1, 1], [0, 0, 0]]
    left = await store.read(
        lambda s: [n for n in range(1, 6) if s.denied_tokens.contains(tokens[n - 1].token_id)]
    )
    assert left == [4, 5]
    found = await store.read(lambda s: [key.key_id for key in s.keys.all()])
    assert sorted(found) == [a_key(n).key_id for n in (4, 5, 6)]
