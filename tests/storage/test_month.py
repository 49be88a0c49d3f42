"""A month of traffic, on a clock in hand, leaves the store as large as docs/operations.md says."""

import re
from pathlib import Path

import asyncpg
import pytest

from grantory.app import build_refusal_keeper
from grantory.registry.gathered_refusals import FIRST_FEW
from grantory.registry.keys import RETIRED_KEPT_MS
from grantory.registry.list_keeper import ListKeeper
from grantory.registry.upkeep import ENDED_SECRETS_KEPT_MS, REFUSALS_KEPT_DAYS, Upkeep
from grantory.storage.sql.tables import metadata
from tests.storage.month_of_people import People
from tests.support.rows import rows
from tests.support.soak import databases, rounds
from tests.support.world import CLIENTS, ROLES, World, new_world

DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
ROW = re.compile(r"^\| [^|]+ \(`([a-z_]+)`\) \|.*\| ([0-9]+) \|$", re.MULTILINE)
BYTES_EACH = {table: int(size) for table, size in ROW.findall(DOCS.read_text("utf-8"))}
WAL_BYTES = 8_000_000
PAGES = 8
"""Each table and index ends in pages that are not full."""
DAYS = 30
FIRST_DAYS = 2
"""From the second on every day is like the others: on the first nobody is there to be deleted."""
SCALE = rounds(1, 10)
CLIENTS_A_DAY, ROTATIONS_A_DAY, ENDINGS_A_DAY, ROLE_CHANGES_A_DAY = (
    n * SCALE for n in (10, 5, 15, 3)
)
REFUSED_A_DAY = 2
"""Clients that try a wrong secret all day, among others that nobody knows."""
EVENTS_A_DAY = 2 * CLIENTS_A_DAY + ROTATIONS_A_DAY + ENDINGS_A_DAY + ROLE_CHANGES_A_DAY
ENDED_SECRETS_A_DAY = CLIENTS_A_DAY + ROTATIONS_A_DAY
KEY_ROTATION_DAYS = 7
NEW_PEOPLE_A_DAY, PEOPLE_DELETED_A_DAY = 3 * SCALE, SCALE
COME_AGAIN_A_DAY = NEW_PEOPLE_A_DAY - PEOPLE_DELETED_A_DAY
PEOPLES_EVENTS_A_DAY = 3 * NEW_PEOPLE_A_DAY + PEOPLE_DELETED_A_DAY + 2 * COME_AGAIN_A_DAY
"""Created, logged in, consented; deleted; logged in and out."""


class Month:
    """The same traffic every day: whatever is made one day is deleted the next."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._upkeep = Upkeep(world.node.store, world.clock)
        self._lists = ListKeeper(world.node.store, world.clock)
        self._refusals = build_refusal_keeper(world.node, world.node.store)
        self._people = People(world, NEW_PEOPLE_A_DAY, PEOPLE_DELETED_A_DAY)
        self._to_delete: list[str] = []
        self._role_id = ""
        self.days = 0

    async def day(self) -> None:
        admin, clock = self._world.admin, self._world.clock
        await admin.log_in()
        if not self._role_id:
            self._role_id = await admin.make_role("oauth:client:view")
        made = [await admin.make_client(self._role_id) for _ in range(CLIENTS_A_DAY)]
        for client_id in self._to_delete:
            assert (await admin.call("DELETE", f"{CLIENTS}/{client_id}")).status_code < 300
        self._to_delete = [member.client_id for member in made]
        for number in range(ROTATIONS_A_DAY):
            await admin.post(f"{CLIENTS}/{made[number % len(made)].client_id}/secret")
        for number in range(ENDINGS_A_DAY):
            member = made[-1 - number % (len(made) - ROTATIONS_A_DAY)]
            await member.log_in()
            assert (await member.call("DELETE", "/api/v2/tokens/me")).status_code < 300
        for member in made[-REFUSED_A_DAY:]:
            for _ in range(FIRST_FEW + 2):
                await self._world.ask_token(member.client_id, "wrong")
            await self._world.ask_token("nobody", "wrong")
        await self._refusals.flush()
        for number in range(ROLE_CHANGES_A_DAY):
            policy = {"domain": "oauth", "entityName": "client", "actionSet": [f"a{number}"]}
            body = {"name": "role", "permissionPolicies": [policy]}
            await admin.put(f"{ROLES}/{self._role_id}", body)
        await self._people.day()
        if self.days % KEY_ROTATION_DAYS == 0:
            keys = self._world.node.keys
            await self._world.node.store.write(lambda t: keys.rotate(t, None, end_tokens=False))
        self.days += 1
        clock.advance(86_400)
        await self._upkeep.finish()
        await self._lists.finish()


async def row_counts(world: World) -> dict[str, int]:
    """The rows of every table there is."""
    names = list(metadata.tables)
    return {n: int((await world.rows(f"SELECT count(*) FROM {n}"))[0][0]) for n in names}


async def table_bytes(world: World) -> dict[str, int]:
    """The size of every table with its indexes; what was deleted has been made room again."""
    names = list(metadata.tables)
    if world.settings.database_url:
        connection = await asyncpg.connect(world.settings.database_url)
        try:
            await connection.execute("VACUUM")
            sql = "SELECT pg_total_relation_size($1::text::regclass)"
            return {name: await connection.fetchval(sql, name) for name in names}
        finally:
            await connection.close()
    sql = (
        "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema m ON m.name = d.name "
        "GROUP BY m.tbl_name"
    )
    found = {str(name): int(str(size)) for name, size in rows(world.file, sql)}
    return {name: found[name] for name in names}


@pytest.mark.slow
@pytest.mark.timeout(1800 if SCALE > 1 else 120)
@pytest.mark.parametrize("kind", databases())
async def test_a_month_leaves_the_store_no_larger_than_the_documentation_says(
    kind: str, tmp_path: Path
) -> None:
    async with new_world(tmp_path / "data", on_postgres=kind == "postgresql") as world:
        month = Month(world)
        for _ in range(FIRST_DAYS):
            await month.day()
        rows_before, bytes_before = await row_counts(world), await table_bytes(world)
        halfway = bytes_before
        for day in range(DAYS):
            await month.day()
            if kind == "postgresql" or day == DAYS // 2:
                sizes = await table_bytes(world)  # as autovacuum does
                halfway = sizes if day == DAYS // 2 else halfway
        grown = {n: c - rows_before[n] for n, c in (await row_counts(world)).items()}
        key_rotations = (month.days - 1) // KEY_ROTATION_DAYS
        ended_secrets = ENDED_SECRETS_A_DAY * (ENDED_SECRETS_KEPT_MS // 86_400_000)
        expected = {
            "audit_events": (EVENTS_A_DAY + PEOPLES_EVENTS_A_DAY) * DAYS + key_rotations,
            "clients": CLIENTS_A_DAY * DAYS,
            # Without those that had ended on the first days.
            "client_secrets": ended_secrets - ENDED_SECRETS_A_DAY - ROTATIONS_A_DAY,
            "keys": key_rotations,
            "refusals": REFUSED_A_DAY * FIRST_FEW * (REFUSALS_KEPT_DAYS - FIRST_DAYS),
            "refusal_counters": (REFUSED_A_DAY + 1) * (REFUSALS_KEPT_DAYS - FIRST_DAYS),
            "users": NEW_PEOPLE_A_DAY * DAYS,
            "authorizations": COME_AGAIN_A_DAY * DAYS,
            "login_sessions": NEW_PEOPLE_A_DAY * (DAYS - 1),  # each stays for 31 days
            "token_families": (NEW_PEOPLE_A_DAY + COME_AGAIN_A_DAY) * DAYS - NEW_PEOPLE_A_DAY,
        }
        assert DAYS * 86_400_000 < RETIRED_KEPT_MS
        assert {name: n for name, n in grown.items() if n} == expected
        assert set(expected) <= set(BYTES_EACH), "the documentation tells the size of each"
        page = 8192 if kind == "postgresql" else 4096
        for name, size in (await table_bytes(world)).items():
            allowed = bytes_before[name] + grown[name] * BYTES_EACH.get(name, 0) + PAGES * page
            if not grown[name]:  # PostgreSQL takes its time until free pages are used again
                assert size - halfway[name] <= PAGES * page, f"{name} grows: {size}"
                allowed += bytes_before[name]
            assert size <= allowed, f"{name}: {size} of {grown[name]} rows"
        if kind == "sqlite":
            largest = sum(bytes_before.values()) + sum(
                grown[name] * BYTES_EACH.get(name, 0) + PAGES * page for name in grown
            )
            assert world.file.stat().st_size <= largest
            assert world.file.with_name(world.file.name + "-wal").stat().st_size <= WAL_BYTES
