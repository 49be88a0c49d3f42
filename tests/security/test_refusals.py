"""Attack cases 42 and 68: what is refused fills no disk, and its trace holds no credential."""

from pathlib import Path

import httpx2 as httpx
import pytest

from grantory.app import build_refusal_keeper
from grantory.registry.gathered_refusals import FIRST_FEW, MOST_OF_CLIENT
from grantory.registry.refusal_bounds import KEPT_OF_CLIENT
from tests.support.world import ADDRESS, World, new_world

UNKNOWN = "11111111-2222-4333-8444-{:012x}"
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def rows_of(world: World) -> tuple[int, int]:
    """Refusals that were kept, and counters."""
    found = [
        await world.rows(f"SELECT count(*) FROM {t}") for t in ("refusals", "refusal_counters")
    ]
    kept, counters = (int(rows[0][0]) for rows in found)
    return kept, counters


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_case_42_a_flood_of_wrong_secrets_fills_no_disk(kind: str, tmp_path: Path) -> None:
    """A day of it, with a known client's id and unknown ones, from everywhere."""
    on_postgres = kind == "postgresql"
    async with new_world(tmp_path / "data", on_postgres=on_postgres) as world:
        keeper = build_refusal_keeper(world.node, world.node.store)
        known = world.admin.client_id
        sent = 0
        for hour in range(24):
            for number in range(40):
                peer = (f"2001:db8:{hour:x}:{number:x}::1", 1)
                transport = httpx.ASGITransport(app=world.application, client=peer)
                async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http:
                    for client_id in (known, UNKNOWN.format(hour * 40 + number)):
                        sent += 1
                        answer = await http.post(
                            "/oauth/token",
                            data={"grant_type": "client_credentials"},
                            auth=(client_id, "wrong"),
                        )
                        assert answer.status_code == 401
            await keeper.flush()
            if hour == 0:
                assert (await rows_of(world))[0] == MOST_OF_CLIENT
            world.clock.advance(3600)
        kept, counters = await rows_of(world)
        assert kept <= 2 * KEPT_OF_CLIENT, "it began in the middle of a day"
        assert counters == 2 * 24
        (total,) = await world.rows("SELECT sum(value) FROM refusal_counters")
        assert kept + int(total[0]) == sent


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_case_68_refusals_hold_no_credential(kind: str, tmp_path: Path) -> None:
    on_postgres = kind == "postgresql"
    async with new_world(tmp_path / "data", on_postgres=on_postgres) as world:
        admin = world.admin
        token = await admin.log_in()
        for secret in (admin.secret[:-1], token, "hunter2-in-the-header"):
            await world.ask_token(admin.client_id, secret)
            await world.ask_token(secret, admin.secret)
            form = f"grant_type={secret}&client_id={secret}&client_secret={secret}&scope={secret}"
            for text in (form, form.replace("grant_type=", "grant_type=client_credentials&x=")):
                await world.http.post("/oauth/token", content=text.encode(), headers=FORM)
        await world.ask_token(admin.client_id, admin.secret, {"scope": "hunter2-as-a-scope"})
        await build_refusal_keeper(world.node, world.node.store).flush()
        kept, counters = await rows_of(world)
        assert kept == FIRST_FEW + 1
        assert counters
        tables = ("refusals", "refusal_counters")
        stored = str([await world.rows(f"SELECT * FROM {table}") for table in tables])
        for credential in (admin.secret[:-1], token, "hunter2", "gcs_", "gat_"):
            assert credential not in stored
