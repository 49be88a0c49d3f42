"""Long life: what can change no decision any more leaves the store, on a clock in hand."""

from typing import cast

import pytest
from sqlalchemy import func, select

from grantory.registry import upkeep as upkeep_module
from grantory.registry.upkeep import ENDED_SECRETS_KEPT_MS, Upkeep
from grantory.storage.database import OpenStore
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import changes, client_secrets, denied_tokens
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.entities import ORG, a_client, a_denied_token, a_secret, an_id
from tests.support.runtime import FakeClock

DAY = 86_400
TOKENS_A_DAY, SECRETS_A_DAY = 12, 3
TABLES = {"changes": changes, "denied_tokens": denied_tokens, "client_secrets": client_secrets}
COUNTS = {
    name: Statement(select(func.count()).select_from(table)) for name, table in TABLES.items()
}


async def sizes(store: OpenStore) -> dict[str, int]:
    def count(snapshot: object) -> dict[str, int]:
        sql = cast(SqlTransaction, snapshot)._sql
        return {name: sql.all(statement)[0][0] for name, statement in COUNTS.items()}

    return await store.read(count)


class Traffic:
    """Tokens that are ended and secrets that are replaced, day by day."""

    def __init__(self, store: OpenStore, clock: FakeClock) -> None:
        self._store = store
        self._clock = clock
        self._upkeep = Upkeep(store, clock)
        self._number = 10

    async def day(self) -> None:
        for _ in range(SECRETS_A_DAY):
            for _ in range(TOKENS_A_DAY // SECRETS_A_DAY):
                await self._end_token()
            await self._replace_secret()
            self._clock.advance(DAY / SECRETS_A_DAY)
        await self._upkeep.finish()

    async def _end_token(self) -> None:
        self._number += 1
        expires = self._clock.now_ms() // 1000 + DAY
        token = a_denied_token(self._number, expires_at=expires)
        await self._store.write(lambda t: t.denied_tokens.add(token))

    async def _replace_secret(self) -> None:
        self._number += 1
        now = self._clock.now_ms()
        secret = a_secret(self._number, created_at=now)
        await self._store.write(lambda t: t.clients.end_secrets(an_id(1), now))
        await self._store.write(lambda t: t.clients.add_secret(secret))


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "BETWEEN_STEPS_SECONDS", 0)


async def test_a_month_of_traffic_leaves_what_the_documentation_says(
    store: OpenStore, clock: FakeClock
) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))
    traffic = Traffic(store, clock)
    for _ in range(31):
        await traffic.day()
    month = await sizes(store)
    # No change older than an hour, tokens of two days (their life and a day), secrets of 30 days.
    assert month["changes"] == 0
    assert month["denied_tokens"] <= TOKENS_A_DAY * 2
    assert month["client_secrets"] <= SECRETS_A_DAY * 30 + 1
    for _ in range(5):
        await traffic.day()
    assert await sizes(store) == month, "and from then on it grows no more"
    live = await store.read(lambda s: s.clients.secrets_of(an_id(1)))
    assert len(live) == 1


async def test_what_is_still_needed_stays(store: OpenStore, clock: FakeClock) -> None:
    now = clock.now_ms()
    await store.write(lambda t: t.clients.add(a_client(1)))
    await store.write(lambda t: t.clients.add_secret(a_secret(1)))
    young = a_denied_token(1, expires_at=now // 1000 - DAY + 60)
    old = a_denied_token(2, expires_at=now // 1000 - DAY - 60)
    await store.write(lambda t: t.denied_tokens.add(young))
    await store.write(lambda t: t.denied_tokens.add(old))
    upkeep = Upkeep(store, clock)
    assert await upkeep.finish() == 1
    assert await store.read(lambda s: s.denied_tokens.contains(young.token_id))
    assert len(await store.read(lambda s: s.clients.secrets_of(an_id(1)))) == 1
    await store.write(lambda t: t.clients.end_secrets(an_id(1), now))
    clock.advance(ENDED_SECRETS_KEPT_MS / 1000 - 60)
    await upkeep.finish()
    assert (await sizes(store))["client_secrets"] == 1
    clock.advance(120)
    await upkeep.finish()
    assert (await sizes(store))["client_secrets"] == 0
    assert await store.read(lambda s: s.clients.count(ORG)) == 1


async def test_a_large_heap_goes_in_small_steps(store: OpenStore, clock: FakeClock) -> None:
    expired = clock.now_ms() // 1000 - 2 * DAY

    def many(t: object) -> None:
        for number in range(1, 1201):
            cast(SqlTransaction, t).denied_tokens.add(a_denied_token(number, expires_at=expired))

    await store.write(many)
    upkeep = Upkeep(store, clock)
    assert [await upkeep.step() for _ in range(4)] == [500, 500, 200, 0]
